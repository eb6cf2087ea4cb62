/*
 * A module whose wasm wall has fallen: native code in the place where an image has its wasm2c output, so that tests can reach every WASI
 * call, every trap and every system call directly. The first argument says which part it plays.
 */
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "see/note.h"
#include <wasm-rt.h>

SEE_NOTE(.memory_pages_initial = 2, .memory_pages_max = 100, .builder = "see_test");

enum { PAGES = 2, TEXT = 1024, ROOM = 4096, PAIR = 16, RESULT = 8 }; /* addresses in linear memory that the parts use */

static struct { wasm_rt_memory_t memory; wasm_rt_funcref_table_t table; uint32_t global; } instance;

#define WASI_CALLS(X) \
    X(args_sizes_get, uint32_t, uint32_t) X(args_get, uint32_t, uint32_t) X(environ_sizes_get, uint32_t, uint32_t) \
    X(environ_get, uint32_t, uint32_t) X(random_get, uint32_t, uint32_t) X(clock_time_get, uint32_t, uint64_t, uint32_t) \
    X(clock_res_get, uint32_t, uint32_t) X(poll_oneoff, uint32_t, uint32_t, uint32_t, uint32_t) \
    X(fd_read, uint32_t, uint32_t, uint32_t, uint32_t) X(fd_write, uint32_t, uint32_t, uint32_t, uint32_t) \
    X(fd_seek, uint32_t, uint64_t, uint32_t, uint32_t) X(fd_tell, uint32_t, uint32_t) X(fd_close, uint32_t) \
    X(fd_renumber, uint32_t, uint32_t) X(fd_fdstat_get, uint32_t, uint32_t) X(fd_filestat_get, uint32_t, uint32_t) \
    X(fd_prestat_get, uint32_t, uint32_t) X(fd_sync, uint32_t) X(fd_readdir, uint32_t, uint32_t, uint32_t, uint64_t, uint32_t) \
    X(fd_pread, uint32_t, uint32_t, uint32_t, uint64_t, uint32_t) X(fd_pwrite, uint32_t, uint32_t, uint32_t, uint64_t, uint32_t) \
    X(path_open, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint64_t, uint64_t, uint32_t, uint32_t) \
    X(sock_recv, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t, uint32_t) X(proc_raise, uint32_t)
#define DECLARE(name, ...) uint32_t Z_wasi_snapshot_preview1Z_##name(void *, __VA_ARGS__);
WASI_CALLS(DECLARE)
void Z_wasi_snapshot_preview1Z_proc_exit(void *, uint32_t);
#define CALL(name, ...) Z_wasi_snapshot_preview1Z_##name(NULL, __VA_ARGS__)

static uint8_t *at(uint32_t address) { return (uint8_t *)SEE_MEMORY_BASE + address; }

static void put_pair(uint32_t address, uint32_t data, uint32_t size)
{
    memcpy(at(address), &data, 4);
    memcpy(at(address + 4), &size, 4);
}

static void write_to(uint32_t fd, uint32_t address, uint32_t size)
{
    put_pair(PAIR, address, size);
    CALL(fd_write, fd, PAIR, 1, RESULT);
}

static void say(const char *text)
{
    uint32_t size = (uint32_t)strlen(text);
    memcpy(at(TEXT), text, size);
    write_to(1, TEXT, size);
}

static void say_number(const char *name, uint64_t number)
{
    char line[80];
    snprintf(line, sizeof line, "%s=%llu\n", name, (unsigned long long)number);
    say(line);
}

static void echo(void)
{
    for (;;) {
        uint32_t size;
        put_pair(PAIR, ROOM, ROOM);
        CALL(fd_read, 0, PAIR, 1, RESULT);
        memcpy(&size, at(RESULT), 4);
        if (size == 0) return;
        write_to(1, ROOM, size);
    }
}

/* Reads with a buffer of more than one chunk. */
static void echo_big(void)
{
    for (;;) {
        uint32_t size;
        put_pair(PAIR, ROOM, 60000);
        CALL(fd_read, 0, PAIR, 1, RESULT);
        memcpy(&size, at(RESULT), 4);
        if (size == 0) return;
        write_to(1, ROOM, size);
    }
}

static void exit_seven(void) { CALL(proc_exit, 7); }
static void exit_zero(void) { say("before\n"); CALL(proc_exit, 0); }
static void unreachable(void) { wasm_rt_trap(WASM_RT_TRAP_UNREACHABLE); }
static void divide(void) { wasm_rt_trap(WASM_RT_TRAP_DIV_BY_ZERO); }
static void indirect(void) { wasm_rt_trap(WASM_RT_TRAP_CALL_INDIRECT); }
static void outside(void) { *(volatile uint8_t *)at(PAGES * WASM_PAGE_BYTES) = 1; }
static void outside_far(void) { *(volatile uint8_t *)(SEE_MEMORY_BASE + SEE_MEMORY_RESERVE - 1) = 1; }
static void crash(void)
{
    volatile uintptr_t nowhere = 16;
    *(volatile uint8_t *)nowhere = 1;
}
static void loop_for_ever(void) { for (volatile int i = 0;; i++) continue; }
static void forbidden(void) { syscall(SYS_getpid); }

static volatile int last_depth = -1;
static int recurse(int depth)
{
    volatile char frame[512];
    frame[0] = (char)depth;
    return depth == last_depth ? 0 : recurse(depth + 1) + frame[0];
}
static void deep(void) { recurse(0); }

static void eat_memory(void)
{
    while (wasm_rt_grow_memory(&instance.memory, 1) != UINT32_MAX) continue;
    unreachable();
}

static void flood_output(void) { for (;;) write_to(1, 0, WASM_PAGE_BYTES); }
static void flood_log(void) { for (int i = 0; i < 8; i++) write_to(2, 0, WASM_PAGE_BYTES); }

static void show_random(void)
{
    CALL(random_get, ROOM, 32);
    write_to(1, ROOM, 32);
}

static void show_clock(void)
{
    uint64_t t;
    CALL(clock_time_get, 0, 1, RESULT);
    memcpy(&t, at(RESULT), 8);
    say_number("wall", t);
    memset(at(ROOM), 0, 48);
    uint64_t wait = 5000000000;
    uint32_t monotonic = 1;
    memcpy(at(ROOM + 16), &monotonic, 4);
    memcpy(at(ROOM + 24), &wait, 8);
    say_number("poll", CALL(poll_oneoff, ROOM, ROOM + 64, 1, RESULT));
    CALL(clock_time_get, 1, 1, RESULT);
    memcpy(&t, at(RESULT), 8);
    say_number("later", t);
}

static void show_environment(void)
{
    uint32_t count;
    CALL(environ_sizes_get, RESULT, RESULT + 4);
    memcpy(&count, at(RESULT), 4);
    CALL(environ_get, ROOM, ROOM + 4096);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t text;
        memcpy(&text, at(ROOM + 4 * i), 4);
        say((const char *)at(text));
        say("\n");
    }
}

static void show_errors(void)
{
    say_number("path_open", CALL(path_open, 3, 0, TEXT, 4, 0, 0, 0, 0, RESULT));
    say_number("path_open_on_stream", CALL(path_open, 0, 0, TEXT, 4, 0, 0, 0, 0, RESULT));
    say_number("fd_prestat_get", CALL(fd_prestat_get, 3, RESULT));
    say_number("fd_readdir", CALL(fd_readdir, 0, ROOM, 10, 0, RESULT));
    say_number("fd_sync", CALL(fd_sync, 1));
    say_number("fd_read_output", CALL(fd_read, 1, PAIR, 1, RESULT));
    say_number("fd_write_input", CALL(fd_write, 0, PAIR, 1, RESULT));
    say_number("fd_pwrite", CALL(fd_pwrite, 1, PAIR, 1, 0, RESULT));
    say_number("fd_seek_output", CALL(fd_seek, 1, 0, 0, RESULT));
    say_number("fd_seek_before_start", CALL(fd_seek, 0, UINT64_MAX, 0, RESULT));
    say_number("fd_close_unknown", CALL(fd_close, 3));
    say_number("fd_renumber_unknown", CALL(fd_renumber, 0, 9));
    say_number("sock_recv", CALL(sock_recv, 0, PAIR, 1, 0, RESULT, RESULT));
    say_number("proc_raise", CALL(proc_raise, 9));
    say_number("clock_unknown", CALL(clock_time_get, 9, 0, RESULT));
}

/* Every call that takes an address is given ones that lie outside, straddle the end, or overflow 32 bits. */
static void bad_pointers(void)
{
    static const uint32_t BAD[] = {PAGES * WASM_PAGE_BYTES, PAGES * WASM_PAGE_BYTES - 1, UINT32_MAX, UINT32_MAX - 3};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        uint32_t bad = BAD[i];
        put_pair(PAIR, bad, 4096);
        const uint32_t errors[] = {
            CALL(args_sizes_get, bad, RESULT), CALL(args_get, bad, TEXT), CALL(args_get, TEXT, bad), CALL(environ_sizes_get, RESULT, bad),
            CALL(environ_get, bad, TEXT), CALL(random_get, bad, 64), CALL(random_get, 64, UINT32_MAX), CALL(clock_time_get, 0, 0, bad),
            CALL(clock_res_get, 0, bad), CALL(poll_oneoff, bad, ROOM, 1, RESULT), CALL(poll_oneoff, ROOM, bad, 1, RESULT),
            CALL(poll_oneoff, ROOM, ROOM, UINT32_MAX, RESULT), CALL(fd_read, 0, PAIR, 1, RESULT), CALL(fd_read, 0, bad, 1, RESULT),
            CALL(fd_write, 1, PAIR, 1, RESULT), CALL(fd_write, 1, bad, 1, RESULT), CALL(fd_write, 2, PAIR, 1, bad),
            CALL(fd_pread, 0, bad, 1, 0, RESULT), CALL(fd_seek, 0, 0, 0, bad), CALL(fd_tell, 0, bad), CALL(fd_fdstat_get, 0, bad),
            CALL(fd_filestat_get, 0, bad)};
        for (size_t k = 0; k < sizeof errors / sizeof errors[0]; k++)
            if (errors[k] != 21) say_number("call", i * 100 + k);
    }
    say("all refused\n");
}

static void move_descriptors(void)
{
    say_number("renumber", CALL(fd_renumber, 1, 2)); /* standard error is the result now */
    put_pair(PAIR, TEXT, 0);
    say_number("closed", 1);
    write_to(2, TEXT, 2);
    CALL(fd_close, 2);
}

/* At `shared`: leaves something everywhere, and says what it finds of the one before. */
static void leave_traces(void)
{
    uint32_t found = instance.global != 0;
    for (uint32_t a = 2 * ROOM; a < instance.memory.size; a += 512) found += *at(a) != 0;
    found += instance.memory.pages != PAGES;
    found += at(100)[0] != 'd';
    found += instance.table.data[1].func != NULL;
    uint32_t before = wasm_rt_grow_memory(&instance.memory, 3);
    for (uint32_t a = before * WASM_PAGE_BYTES; a < instance.memory.size; a += 512) found += *at(a) != 0;
    for (uint32_t a = 2 * ROOM; a < instance.memory.size; a++) *at(a) = 0xee;
    at(100)[0] = 'x';
    instance.global = 1;
    instance.table.data[1].func = (wasm_rt_function_ptr_t)leave_traces;
    say_number("found", found);
}

static const struct { const char *name; void (*play)(void); } PARTS[] = {
    {"echo", echo}, {"echo_big", echo_big}, {"exit_seven", exit_seven}, {"exit_zero", exit_zero}, {"unreachable", unreachable}, {"divide", divide},
    {"indirect", indirect}, {"outside", outside}, {"outside_far", outside_far}, {"crash", crash}, {"loop", loop_for_ever},
    {"forbidden", forbidden}, {"deep", deep}, {"eat_memory", eat_memory}, {"flood_output", flood_output}, {"flood_log", flood_log},
    {"random", show_random}, {"clock", show_clock}, {"environment", show_environment}, {"errors", show_errors},
    {"bad_pointers", bad_pointers}, {"move_descriptors", move_descriptors}, {"leave_traces", leave_traces},
};

/* The part is the first argument, or for a mixed slot the first word of the segment. */
static void start(void)
{
    char part[64] = {0};
    CALL(args_get, ROOM, ROOM + 64);
    memcpy(part, at(ROOM + 64), sizeof part - 1);
    if (strcmp(part, "by_input") == 0) {
        put_pair(PAIR, ROOM, sizeof part - 1);
        memset(at(ROOM), 0, sizeof part);
        CALL(fd_read, 0, PAIR, 1, RESULT);
        memcpy(part, at(ROOM), sizeof part - 1);
    }
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++)
        if (strcmp(part, PARTS[i].name) == 0) PARTS[i].play();
}

static void instantiate(void)
{
    wasm_rt_register_func_type(0, 0);
    wasm_rt_allocate_memory(&instance.memory, PAGES, 100);
    wasm_rt_allocate_funcref_table(&instance.table, 4, 4);
    memset(instance.table.data, 0, 4 * sizeof *instance.table.data);
    memcpy(at(100), "data", 4);
}

const SeeModule see_module = {&instance, sizeof instance, instantiate, start};
