/*
 * Looks for anything that an earlier micro-job left behind, then leaves as much behind as it can for the next.
 * Writes "clean", the size of its memory and 16 random bytes, or one line for each leak.
 */
#include <string.h>

#include "covey_job.h"

enum { PAGE_BYTES = 65536, GROW_PAGES = 20, START_UP_BYTES = 4096, HEAP_TOP_BYTES = 64 };

extern unsigned char __heap_base;
static unsigned leaks;

static int ran_before;                      /* .bss */
static int constant_in_data = 12345;        /* .data */
static char *heap_pointer;
static unsigned char table_of_zeros[100000];

static void leak(const char *what, size_t where)
{
    if (leaks++ < 20) printf("LEAK: %s at %zu\n", what, where);
}

static bool is_dirt(unsigned char byte) { return byte >= 0xd1 && byte <= 0xd4; }

/* Start-up code leaves a little below the frame of main, arguments and environment at the bottom of the heap, and malloc's own record at
 * its top; the rest is untouched. */
static void look_at_memory(void)
{
    const volatile unsigned char *stack_now = __builtin_frame_address(0);
    const volatile unsigned char *end = (const unsigned char *)(__builtin_wasm_memory_size(0) * PAGE_BYTES);
    for (const volatile unsigned char *p = (const unsigned char *)16; p + 8192 < stack_now; p++) {
        if (*p != 0) leak("byte on the stack", (size_t)p);
    }
    for (const volatile unsigned char *p = &__heap_base; p < end; p++) {
        if (is_dirt(*p) || (*p != 0 && p >= &__heap_base + START_UP_BYTES && p + HEAP_TOP_BYTES < end)) leak("byte on the heap", (size_t)p);
    }
}

static void look_at_variables(void)
{
    if (ran_before != 0) leak("variable", 0);
    if (constant_in_data != 12345) leak("initialised variable", 0);
    if (heap_pointer != NULL) leak("pointer", 0);
    if (errno != 0) leak("errno", (size_t)errno);
    if (getenv("LEFT_BEHIND")) leak("environment", 0);
    for (size_t i = 0; i < sizeof table_of_zeros; i++) {
        if (table_of_zeros[i] != 0) leak("byte in a static table", i);
    }
}

static __attribute__((noinline)) void dirty_stack(void)
{
    volatile unsigned char frame[900000];
    for (size_t i = 0; i < sizeof frame; i++) frame[i] = 0xd1;
}

static void dirty_everything(void)
{
    ran_before = constant_in_data = 77;
    memset(table_of_zeros, 0xd2, sizeof table_of_zeros);
    dirty_stack();
    heap_pointer = malloc(300000);
    if (heap_pointer) memset(heap_pointer, 0xd3, 300000);
    size_t grown = __builtin_wasm_memory_grow(0, GROW_PAGES);
    if (grown == SIZE_MAX) job_fail("memory cannot grow");
    memset((unsigned char *)(grown * PAGE_BYTES), 0xd4, (size_t)GROW_PAGES * PAGE_BYTES);
    setenv("LEFT_BEHIND", "secret", 1);
    errno = EIO;
    fprintf(stderr, "log of micro-job %" PRIu64 "\n", job_index());
}

int main(int argc, char **argv)
{
    unsigned char random[16];

    look_at_memory(); /* before any call that uses memory itself */
    look_at_variables();
    if (getentropy(random, sizeof random) < 0) job_fail("no randomness");
    if (leaks == 0) {
        printf("clean %zu ", __builtin_wasm_memory_size(0));
        for (size_t i = 0; i < sizeof random; i++) printf("%02x", random[i]);
        printf("\n");
    }
    dirty_everything();
    fflush(stdout);
    if (argc > 1 && strcmp(argv[1], "trap-some") == 0 && job_index() % 3 == 1) __builtin_trap();
    if (argc > 1 && strcmp(argv[1], "trap-some") == 0 && job_index() % 3 == 2) close(STDOUT_FILENO), _Exit(0);
    return 0;
}
