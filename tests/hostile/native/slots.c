/* The one thing that a SEE shares with the agent: overgrown, filled with lies, searched for what others wrote. */
#include "attacks.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "see/runtime.h"

enum { PAGE = 4096, FILL_BYTES = 32 << 20 };

#define JOB_END SLOT_JOB_OFFSET(SLOT_JOBS_MAX)

static void write_answer_and_end(const SlotAnswer *answer)
{
    if (pwrite(FD_SLOT, answer, sizeof *answer, (off_t)(SLOT_JOB_OFFSET(0) + offsetof(SlotJob, answer))) != sizeof *answer) say("refused\n");
    _exit(0);
}

static void lie_about_output_size(void) { write_answer_and_end(&(SlotAnswer){.outcome = OUTCOME_OK, .output_size = UINT64_MAX}); }
static void lie_one_byte_too_many(void) { write_answer_and_end(&(SlotAnswer){.outcome = OUTCOME_OK, .output_size = job.ask.output_max + 1}); }
static void lie_about_log_size(void) { write_answer_and_end(&(SlotAnswer){.outcome = OUTCOME_OK, .log_size = UINT32_MAX}); }
static void lie_about_log_flag(void) { write_answer_and_end(&(SlotAnswer){.outcome = OUTCOME_OK, .log_truncated = 2}); }
static void lie_about_memory(void) { write_answer_and_end(&(SlotAnswer){.outcome = OUTCOME_OK, .memory_peak = UINT64_MAX}); }
static void lie_about_exit_code(void) { write_answer_and_end(&(SlotAnswer){.outcome = OUTCOME_OK, .exit_code = 5}); }
static void lie_unknown_outcome(void) { write_answer_and_end(&(SlotAnswer){.outcome = 0x7fffffff}); }
static void lie_hosts_outcome(void) { write_answer_and_end(&(SlotAnswer){.outcome = OUTCOME_LIFETIME}); }
static void lie_not_run(void) { write_answer_and_end(&(SlotAnswer){.outcome = OUTCOME_NONE}); }

/* What the agent asked for is not read back from here. */
static void overwrite_header(void)
{
    static unsigned char wrong[PAGE];
    memset(wrong, 0xff, sizeof wrong);
    for (off_t at = 0; at < (off_t)JOB_END; at += PAGE) {
        if (pwrite(FD_SLOT, wrong, sizeof wrong, at) < 0) say("refused\n");
    }
    _exit(0);
}

/* The offsets of a good answer, moved: the agent must use its own. */
static void move_areas(void)
{
    SlotAsk ask = job.ask;
    ask.output_offset = ask.input_offset = ask.log_offset = UINT64_MAX - PAGE;
    ask.stage_and_job = 0;
    if (pwrite(FD_SLOT, &ask, sizeof ask, (off_t)SLOT_JOB_OFFSET(0)) != sizeof ask) say("refused\n");
    say("ok\n");
}

static void grow_slot(void)
{
    static const char BYTE[1] = "x";
    bool grown = false;
    for (int shift = 31; shift < 63; shift++) grown = grown || pwrite(FD_SLOT, BYTE, 1, (off_t)1 << shift) == 1;
    if (grown) say("BREACH: the slot grew\n");
    else say("the slot stays as it is\n");
}

/* Fills all of the slot that can be filled: far more than the task's limits on input and output. */
static void fill_slot(void)
{
    static unsigned char block[1 << 20];
    uint64_t written = 0;
    memset(block, 0xcc, sizeof block);
    for (off_t at = (off_t)JOB_END; at < (off_t)1 << 42; at += (off_t)sizeof block) {
        ssize_t size = pwrite(FD_SLOT, block, sizeof block, at);
        if (size <= 0) break;
        written += (uint64_t)size;
    }
    say("%llu MiB written\n", (unsigned long long)written >> 20);
}

/* Leaves a pattern over the first FILL_BYTES of the slot, but for the page with the records. */
static void dirty_slot(void)
{
    static unsigned char pattern[PAGE];
    memset(pattern, 0xbd, sizeof pattern);
    for (off_t at = (off_t)job.ask.input_offset; at < FILL_BYTES; at += PAGE) {
        if (pwrite(FD_SLOT, pattern, sizeof pattern, at) < 0) break;
    }
    for (off_t at = (off_t)SLOT_JOB_OFFSET(1); at < (off_t)JOB_END; at += PAGE) {
        size_t room = JOB_END - (size_t)at < PAGE ? JOB_END - (size_t)at : PAGE;
        if (pwrite(FD_SLOT, pattern, room, at) < 0) break;
    }
    say("left\n");
}

/* Zeros everywhere but in the micro-job's own record and its own input. */
static void look_into_slot(void)
{
    static unsigned char page[PAGE];
    size_t found = 0;
    for (off_t at = 0; at < FILL_BYTES; at += PAGE) {
        ssize_t size = pread(FD_SLOT, page, sizeof page, at);
        for (ssize_t i = 0; i < size; i++) {
            uint64_t place = (uint64_t)(at + i);
            bool own_input = place >= job.ask.input_offset && place < job.ask.input_offset + job.ask.input_size;
            if (page[i] != 0 && place >= SLOT_JOB_OFFSET(1) && !own_input) found++;
        }
    }
    if (found) say("BREACH: %zu bytes of an earlier micro-job\n", found);
    else say("nothing left behind\n");
}

const Attack SLOT_ATTACKS[] = {
    {"lie_about_output_size", lie_about_output_size}, {"lie_one_byte_too_many", lie_one_byte_too_many},
    {"lie_about_log_size", lie_about_log_size}, {"lie_about_log_flag", lie_about_log_flag}, {"lie_about_memory", lie_about_memory},
    {"lie_about_exit_code", lie_about_exit_code}, {"lie_unknown_outcome", lie_unknown_outcome}, {"lie_hosts_outcome", lie_hosts_outcome},
    {"lie_not_run", lie_not_run}, {"overwrite_header", overwrite_header}, {"move_areas", move_areas}, {"grow_slot", grow_slot},
    {"fill_slot", fill_slot}, {"dirty_slot", dirty_slot}, {"look_into_slot", look_into_slot}, {NULL, NULL},
};
