/* The glue of the native hostile image: reads the attack's name from the segment, runs it, writes what it said. */
#include "attacks.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "see/note.h"
#include "see/runtime.h"
#include "wasm-rt.h"

enum { MEMORY_PAGES = 2, NAME_MAX_BYTES = 64, LINE_MAX_BYTES = 256 };

static wasm_rt_memory_t memory;

void say(const char *format, ...)
{
    char line[LINE_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (size >= (int)sizeof line) size = (int)sizeof line - 1;
    if (pwrite(job.slot_fd, line, (size_t)size, (off_t)(job.ask.output_offset + job.answer.output_size)) == size)
        job.answer.output_size += (uint64_t)size;
}

void refused(void) { say("refused: %s\n", strerrorname_np(errno)); }

void verdict(const char *what, long result)
{
    if (result >= 0) say("BREACH: %s returned %ld\n", what, result);
    else refused();
}

static void instantiate(void) { wasm_rt_allocate_memory(&memory, MEMORY_PAGES, MEMORY_PAGES); }

static void start(void)
{
    static const Attack *const TABLES[] = {SYSTEM_CALL_ATTACKS, PROCESS_ATTACKS, MEMORY_ATTACKS, SLOT_ATTACKS};
    char name[NAME_MAX_BYTES] = "";
    size_t room = job.ask.input_size < sizeof name ? (size_t)job.ask.input_size : sizeof name - 1;
    if (pread(job.slot_fd, name, room, (off_t)job.ask.input_offset) < 0) job_end(OUTCOME_INPUT_ERROR);
    name[strcspn(name, "\n")] = 0;

    if (strcmp(name, "succeed") == 0) {
        say("ok\n");
        return;
    }
    for (size_t t = 0; t < sizeof TABLES / sizeof *TABLES; t++) {
        for (const Attack *a = TABLES[t]; a->name; a++) {
            if (strcmp(a->name, name) != 0) continue;
            a->run();
            return;
        }
    }
    say("unknown attack '%s'\n", name);
}

SEE_NOTE(.memory_pages_initial = MEMORY_PAGES, .memory_pages_max = MEMORY_PAGES, .builder = "tests/hostile/native");

static char instance[64];
const SeeModule see_module = {instance, sizeof instance, instantiate, start};
