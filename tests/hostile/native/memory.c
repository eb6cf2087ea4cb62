/* Looks for what an earlier micro-job of the same zygote left in memory, after leaving as much as it can; and tries to make code. */
#include "attacks.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "see/runtime.h"

enum { SECRET_BYTES = 16, STATIC_BYTES = 1 << 20, STACK_BYTES = 1 << 20, PAGE = 4096 };
#define STEP (UINT64_C(4) << 30)
#define USER_END (UINT64_C(1) << 47)

static char static_memory[STATIC_BYTES];
static char initialised_memory[STATIC_BYTES] = {1};

/* Made anew each time, so that the text of the program does not hold it. */
static void make_secret(volatile char secret[SECRET_BYTES])
{
    for (int i = 0; i < SECRET_BYTES; i++) secret[i] = (char)(0x5c ^ (i * 29 + 7));
}

static void fill(char *to, size_t size, const volatile char *secret)
{
    for (size_t i = 0; i < size; i++) to[i] = secret[i % SECRET_BYTES];
}

static __attribute__((noinline)) void fill_stack(const volatile char *secret)
{
    char frame[STACK_BYTES];
    fill(frame, sizeof frame, secret);
    __asm__ volatile("" : : "r"(frame) : "memory");
}

static void leave_secret(void)
{
    volatile char secret[SECRET_BYTES];
    make_secret(secret);
    fill(static_memory, sizeof static_memory, secret);
    fill(initialised_memory + PAGE, sizeof initialised_memory - PAGE, secret);
    fill((char *)SEE_MEMORY_BASE, memory_size(), secret);
    fill_stack(secret);
    say("left\n");
}

/* Whether a page can be read, without a fault: the kernel says so when asked to write it to the slot. */
static bool is_readable(uint64_t address, uint64_t scratch)
{
    return syscall(SYS_pwrite64, FD_SLOT, address, 1, scratch) == 1;
}

/* Repeats every SECRET_BYTES, at any phase, for two periods: that is a secret, and nothing else in memory looks like it. */
static size_t count_secrets(const char *data, size_t size)
{
    volatile char secret[SECRET_BYTES];
    size_t found = 0;
    make_secret(secret);
    for (size_t i = 0; i + 2 * SECRET_BYTES <= size; i++) {
        if (data[i] != secret[0]) continue;
        size_t same = 0;
        while (same < 2 * SECRET_BYTES && data[i + same] == secret[same % SECRET_BYTES]) same++;
        if (same == 2 * SECRET_BYTES) found++;
    }
    return found;
}

static size_t count_in_pages(uint64_t from, uint64_t to, uint64_t scratch)
{
    size_t found = 0;
    for (uint64_t at = from; at < to && is_readable(at, scratch); at += PAGE) found += count_secrets((const char *)at, PAGE);
    return found;
}

static void look_for_secret(void)
{
    uint64_t scratch = job.ask.output_offset + 1024, stack = (uint64_t)__builtin_frame_address(0) & ~(uint64_t)(PAGE - 1);
    size_t found = count_in_pages((uint64_t)static_memory & ~(uint64_t)(PAGE - 1), (uint64_t)static_memory + STATIC_BYTES, scratch) +
                   count_in_pages((uint64_t)initialised_memory & ~(uint64_t)(PAGE - 1), (uint64_t)initialised_memory + STATIC_BYTES, scratch) +
                   count_in_pages(SEE_MEMORY_BASE, SEE_MEMORY_BASE + memory_size(), scratch);
    for (uint64_t at = stack - PAGE; at > stack - STACK_BYTES && is_readable(at, scratch); at -= PAGE) found += count_secrets((const char *)at, PAGE);
    if (found) say("BREACH: %zu secrets of an earlier micro-job\n", found);
    else say("nothing left behind\n");
}

/* All of the address space, a probe every 4 GiB: nothing answers but what is the SEE's own, and walking ends without harm. */
static void walk_addresses(void)
{
    uint64_t scratch = job.ask.output_offset + 1024;
    size_t secrets = 0;
    for (uint64_t at = 0; at < USER_END; at += STEP) secrets += count_in_pages(at, at + STEP, scratch); /* ends at the first page that is not there */
    bool kernel = is_readable(UINT64_C(0xffffffff81000000), scratch) || is_readable(UINT64_C(0xffff888000000000), scratch);
    if (secrets || kernel) say("BREACH: %zu secrets, kernel readable: %d\n", secrets, kernel);
    else say("walked, nothing found\n");
}

/* A page can be made writable or be executable: never again both, nor one after the other. The call at the end must fault. */
static __attribute__((noinline, aligned(4096))) int victim(void) { return 1; }

static void overwrite_code(void)
{
    char *page = (char *)((uintptr_t)victim & ~(uintptr_t)(PAGE - 1));
    if (mprotect(page, PAGE, PROT_READ | PROT_WRITE) < 0) {
        refused();
        return;
    }
    memcpy(page, "\xb8\x02\x00\x00\x00\xc3", 6); /* mov eax, 2; ret */
    say("BREACH: new code ran and said %d\n", victim());
}

static void run_data(void)
{
    static unsigned char code[] = {0xb8, 2, 0, 0, 0, 0xc3};
    int (*function)(void);
    void *address = code;
    memcpy(&function, &address, sizeof function);
    say("BREACH: data ran and said %d\n", function());
}

static __attribute__((noinline)) void run_stack(void)
{
    unsigned char code[16] = {0xb8, 2, 0, 0, 0, 0xc3};
    int (*function)(void);
    void *address = code;
    __asm__ volatile("" : "+r"(address) : : "memory");
    memcpy(&function, &address, sizeof function);
    say("BREACH: the stack ran and said %d\n", function());
}

/* More than the memory limit: the reservation is there, opening it is not. */
static void open_reservation(void)
{
    const size_t size = (size_t)4 << 30;
    if (mprotect((void *)SEE_MEMORY_BASE, size, PROT_READ | PROT_WRITE) < 0) refused();
    else say("BREACH: 4 GiB opened\n");
}

const Attack MEMORY_ATTACKS[] = {
    {"leave_secret", leave_secret}, {"look_for_secret", look_for_secret}, {"walk_addresses", walk_addresses}, {"overwrite_code", overwrite_code},
    {"run_data", run_data}, {"run_stack", run_stack}, {"open_reservation", open_reservation}, {NULL, NULL},
};
