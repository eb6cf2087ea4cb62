/*
 * A hostile module: its segment is the name of what it does to its SEE. tests/hostile/wasm.bats knows how each must end.
 *
 * The instructions that trap are written as such, because the compiler may assume that C never gets there.
 */
#include "covey_job.h"

static volatile uint32_t zero, sink;

/* ---- every trap ---- */

static void trap_unreachable(void) { __asm__ volatile("unreachable"); }
static void load_outside(void) { sink = *(volatile uint32_t *)(uintptr_t)(zero + 0xf0000000u); }
static void load_last_address(void) { sink = *(volatile uint64_t *)(uintptr_t)(zero + 0xffffffffu); }
static void store_outside(void) { *(volatile uint32_t *)(uintptr_t)(zero + 0xf0000000u) = 1; }

static void store_one_past_the_end(void)
{
    *(volatile uint8_t *)(uintptr_t)(zero + __builtin_wasm_memory_size(0) * 65536u) = 1;
}

static void load_with_offset(void) /* 32-bit address plus 32-bit offset: nearly 8 GiB */
{
    uint32_t at = zero + 0xfffffff0u, got;
    __asm__ volatile("local.get %1\ni32.load 0xfffffff0\nlocal.set %0" : "=r"(got) : "r"(at));
    sink = got;
}

static void fill_outside(void)
{
    uint32_t at = zero + 65536, size = zero + 0xfffffff0u;
    __asm__ volatile("local.get %0\ni32.const 0\nlocal.get %1\nmemory.fill 0" : : "r"(at), "r"(size) : "memory");
}

static void copy_outside(void)
{
    uint32_t to = zero, from = zero + 65536, size = zero + 0x7fffffffu;
    __asm__ volatile("local.get %0\nlocal.get %1\nlocal.get %2\nmemory.copy 0, 0" : : "r"(to), "r"(from), "r"(size) : "memory");
}

#define BINARY(name, type, a_value, b_value, instruction) \
    static void name(void) \
    { \
        type a = (a_value) + (type)zero, b = (b_value) + (type)zero, r; \
        __asm__ volatile("local.get %1\nlocal.get %2\n" instruction "\nlocal.set %0" : "=r"(r) : "r"(a), "r"(b)); \
        sink = (uint32_t)r; \
    }
BINARY(divide_by_zero, int32_t, 1, 0, "i32.div_s")
BINARY(divide_by_zero_64, int64_t, 1, 0, "i64.div_u")
BINARY(remainder_by_zero, int32_t, 1, 0, "i32.rem_u")
BINARY(divide_overflow, int32_t, INT32_MIN, -1, "i32.div_s")
BINARY(divide_overflow_64, int64_t, INT64_MIN, -1, "i64.div_s")

#define CONVERT(name, value, instruction) \
    static void name(void) \
    { \
        double a = (value) + (double)zero; \
        int32_t r; \
        __asm__ volatile("local.get %1\n" instruction "\nlocal.set %0" : "=r"(r) : "r"(a)); \
        sink = (uint32_t)r; \
    }
CONVERT(convert_nan, __builtin_nan(""), "i32.trunc_f64_s")
CONVERT(convert_too_large, 1e20, "i32.trunc_f64_s")
CONVERT(convert_negative, -1.0, "i32.trunc_f64_u")

typedef void (*Function)(void);
typedef double (*OtherFunction)(double, int64_t);

static Function volatile function_pointer;
static void call_wrong_type(void) { function_pointer = trap_unreachable; sink = (uint32_t)((OtherFunction)(uintptr_t)function_pointer)(1, 2); }
static void call_null(void) { function_pointer = NULL; function_pointer(); }
static void call_outside_table(void) { function_pointer = (Function)(uintptr_t)0x7fffffff; function_pointer(); }

/* ---- endless things ---- */

static void loop_for_ever(void) { for (;;) sink++; }
static void sleep_for_ever(void) { for (;;) sleep(1000000); }

static __attribute__((noinline)) uint32_t dive(uint32_t depth) { return depth == UINT32_MAX ? zero : dive(depth + 1) * 3 ^ depth; }
static void recurse_calls(void) { sink = dive(0); }

static __attribute__((noinline)) uint32_t dive_with_data(uint32_t depth)
{
    volatile uint8_t frame[4096];
    frame[depth % sizeof frame] = 1;
    return depth == UINT32_MAX ? zero : (dive_with_data(depth + 1) * 3 ^ depth) + frame[depth % sizeof frame];
}
static void recurse_with_data(void) { sink = dive_with_data(0); }

static void eat_memory(void)
{
    for (;;) {
        char *block = malloc(1 << 20);
        if (!block) abort();
        memset(block, 1, 1 << 20);
        sink += (uint32_t)block[zero];
    }
}
static void grow_at_once(void)
{
    if (__builtin_wasm_memory_grow(0, 65535 - __builtin_wasm_memory_size(0)) == SIZE_MAX) abort();
    printf("BREACH: memory grew to 4 GiB\n");
}
static void fill_all_memory(void) /* what the limit allows is allowed */
{
    while (__builtin_wasm_memory_grow(0, 1) != SIZE_MAX) continue;
    size_t size = __builtin_wasm_memory_size(0) * 65536;
    memset((char *)size - (8 << 20), 0x5a, 8 << 20);
    printf("%zu KiB\n", size >> 10);
}

static void write_for_ever(void)
{
    static char block[65536];
    for (;;) {
        if (write(STDOUT_FILENO, block, sizeof block) < 0) exit(9);
    }
}
static void log_for_ever(void)
{
    static char block[65536];
    for (int i = 0; i < 10000; i++) {
        if (write(STDERR_FILENO, block, sizeof block) < 0) exit(9);
    }
    printf("logged\n");
}

/* ---- ends and descriptors ---- */

static void exit_3(void) { exit(3); }
static void exit_minus_1(void) { _Exit(-1); }
static void call_abort(void) { abort(); }

static void close_everything(void)
{
    for (int fd = 0; fd < 64; fd++) close(fd);
    char byte;
    if (read(STDIN_FILENO, &byte, 1) >= 0 || write(STDOUT_FILENO, "x", 1) >= 0 || write(STDERR_FILENO, "x", 1) >= 0) _Exit(9);
    _Exit(0);
}

__attribute__((import_module("wasi_snapshot_preview1"), import_name("fd_renumber"))) int wasi_fd_renumber(int from, int to);

static void renumber(void)
{
    static const int PAIRS[][2] = {{-1, 1}, {1, -1}, {0, 1000}, {1000, 0}, {0x7fffffff, 0x7fffffff}, {3, 4}};
    for (size_t i = 0; i < sizeof PAIRS / sizeof *PAIRS; i++) {
        if (wasi_fd_renumber(PAIRS[i][0], PAIRS[i][1]) == 0) exit(9);
    }
    if (wasi_fd_renumber(1, 2) != 0) _Exit(8); /* standard output is number 2 now, and number 1 is gone */
    if (write(1, "wrong\n", 6) >= 0 || write(2, "moved\n", 6) != 6) _Exit(7);
    _Exit(0);
}

static void open_files(void)
{
    static const char *const PATHS[] = {"/etc/passwd", "/proc/self/maps", "/dev/kvm", ".", "/", "../../etc/shadow"};
    for (size_t i = 0; i < sizeof PATHS / sizeof *PATHS; i++) {
        if (fopen(PATHS[i], "r")) printf("BREACH: opened %s\n", PATHS[i]);
    }
    printf("no file opened\n");
}

static void succeed(void) { printf("ok\n"); }

#define ATTACK(function) {#function, function}
static const struct { const char *name; Function run; } ATTACKS[] = {
    ATTACK(succeed), ATTACK(trap_unreachable), ATTACK(load_outside), ATTACK(load_last_address), ATTACK(store_outside),
    ATTACK(store_one_past_the_end), ATTACK(load_with_offset), ATTACK(fill_outside), ATTACK(copy_outside), ATTACK(divide_by_zero),
    ATTACK(divide_by_zero_64), ATTACK(remainder_by_zero), ATTACK(divide_overflow), ATTACK(divide_overflow_64), ATTACK(convert_nan),
    ATTACK(convert_too_large), ATTACK(convert_negative), ATTACK(call_wrong_type), ATTACK(call_null), ATTACK(call_outside_table),
    ATTACK(loop_for_ever), ATTACK(sleep_for_ever), ATTACK(recurse_calls), ATTACK(recurse_with_data), ATTACK(eat_memory), ATTACK(grow_at_once),
    ATTACK(fill_all_memory), ATTACK(write_for_ever), ATTACK(log_for_ever), ATTACK(exit_3), ATTACK(exit_minus_1), ATTACK(call_abort),
    ATTACK(close_everything), ATTACK(renumber), ATTACK(open_files),
};

int main(void)
{
    JobText line;
    if (!job_next_line(&line)) job_fail("no attack named");
    for (size_t i = 0; i < sizeof ATTACKS / sizeof *ATTACKS; i++) {
        if (strcmp(ATTACKS[i].name, line.text) == 0) {
            ATTACKS[i].run();
            return 0;
        }
    }
    job_fail("no attack is called '%s'", line.text);
}
