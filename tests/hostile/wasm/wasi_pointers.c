/*
 * Calls every WASI function with pointers, lengths and descriptors that are wrong, one wrong at a time. Each such call must come back
 * with an error, and none may touch memory that it was not given. Writes one line for each that did not, then a summary.
 *
 * Standard output is used only at the end, because the calls under test are made on the standard streams.
 */
#include <stdio.h>
#include <string.h>

#include "wasi_calls.h"

enum { SCRATCH = 4096, GUARD = 65536, WRONG_MAX = 200, ERRNO_MAX = 76 };

static uint8_t guard_before[GUARD];
static uint8_t scratch[16][SCRATCH];
static uint8_t guard_after[GUARD];
static char wrong[WRONG_MAX][120];
static unsigned wrong_count, probes;

static uint32_t address(const void *p) { return (uint32_t)(uintptr_t)p; }
static uint32_t memory_end(void) { return (uint32_t)__builtin_wasm_memory_size(0) * 65536u; }

static void report(const char *name, const char *what, unsigned parameter, uint32_t value, I result)
{
    if (wrong_count == WRONG_MAX) return;
    snprintf(wrong[wrong_count++], sizeof wrong[0], "%s: %s, parameter %u, value 0x%x, result %d", name, what, parameter, value, result);
}

/* Descriptors 0 to 2 exist, every pointer has room, every length is small: nothing is wrong but what the caller changes. */
static void fill_valid(const char *signature, L *a)
{
    memset(scratch, 0, sizeof scratch);
    for (unsigned i = 0; signature[i]; i++) {
        a[i] = signature[i] == 'p' ? (L)address(scratch[i]) : signature[i] == 'n' ? 8 : 0;
    }
}

static void probe(size_t call, unsigned parameter, uint32_t value, L descriptor)
{
    L a[9];
    const char *signature = CALLS[call].signature;
    fill_valid(signature, a);
    if (signature[0] == 'f' && parameter != 0) a[0] = descriptor;
    a[parameter] = (L)value;
    I result = CALLS[call].call(a);
    probes++;
    if (result == 0) report(CALLS[call].name, "succeeded", parameter, value, result);
    if (result < 0 || result > ERRNO_MAX) report(CALLS[call].name, "not an errno", parameter, value, result);
}

static void probe_call(size_t call)
{
    const uint32_t end = memory_end();
    const uint32_t pointers[] = {end - 1, end, end + 65536, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
    const uint32_t lengths[] = {0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
    const uint32_t descriptors[] = {3, 4, 1000, 0x7fffffff, 0x80000000, 0xffffffff};
    const char *signature = CALLS[call].signature;

    for (unsigned i = 0; signature[i]; i++) {
        const uint32_t *values = signature[i] == 'p' ? pointers : signature[i] == 'n' ? lengths : descriptors;
        size_t count = signature[i] == 'p' ? sizeof pointers : signature[i] == 'n' ? sizeof lengths : sizeof descriptors;
        if (signature[i] == 'i' || signature[i] == 'l') continue;
        for (size_t v = 0; v < count / sizeof *values; v++) {
            for (L descriptor = 0; descriptor < (signature[0] == 'f' && i > 0 ? 3 : 1); descriptor++) probe(call, i, values[v], descriptor);
        }
    }
}

/* Good places that hold bad pointers. */
static void probe_vectors(void)
{
    const uint32_t end = memory_end();
    const uint32_t bad[][2] = {{end - 8, 16}, {end, 1}, {16, 0xffffffff}, {0xfffffff0, 0x20}, {0x80000000, 0x80000000}, {0xffffffff, 1}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (int how = 0; how < 2; how++) { /* alone, and after one that is good */
            uint32_t iovecs[4] = {address(scratch[5]), 0, address(scratch[5]), 0};
            memcpy(iovecs + 2 * how, bad[i], sizeof bad[i]);
            L read[4] = {0, address(iovecs), 2, address(scratch[6])}, write[4] = {2, address(iovecs), 2, address(scratch[6])};
            I got = call_fd_read(read), put = call_fd_write(write);
            probes += 2;
            if (got == 0) report("fd_read", "bad iovec succeeded", 1, bad[i][0], got);
            if (put == 0) report("fd_write", "bad iovec succeeded", 1, bad[i][0], put);
        }
    }
}

/* A subscription is 48 bytes: user data, tag, then a clock (id at 16, timeout at 24) or a descriptor (at 16). None of these is legal. */
static void probe_subscriptions(void)
{
    for (unsigned tag = 0; tag < 256; tag += 51) {
        uint8_t *s = scratch[1];
        memset(s, 0xff, 48);
        s[8] = (uint8_t)tag;
        uint8_t *events = scratch[2];
        L a[4] = {address(s), address(events), 1, address(scratch[3])};
        I result = call_poll_oneoff(a);
        uint16_t event_error = (uint16_t)(events[8] | events[9] << 8);
        probes++;
        if (result == 0 && event_error == 0) report("poll_oneoff", "bad subscription succeeded", 0, tag, result);
    }
}

static void check_guards(void)
{
    for (size_t i = 0; i < GUARD; i++) {
        if (guard_before[i] != 0xa5) report("guard", "overwritten before", 0, (uint32_t)i, guard_before[i]);
        if (guard_after[i] != 0x5a) report("guard", "overwritten after", 0, (uint32_t)i, guard_after[i]);
    }
}

int main(void)
{
    memset(guard_before, 0xa5, sizeof guard_before);
    memset(guard_after, 0x5a, sizeof guard_after);
    for (size_t i = 0; i < sizeof CALLS / sizeof *CALLS; i++) probe_call(i);
    probe_vectors();
    probe_subscriptions();
    check_guards();
    for (unsigned i = 0; i < wrong_count; i++) printf("%s\n", wrong[i]);
    printf("%zu calls, %u wrong\n", sizeof CALLS / sizeof *CALLS, wrong_count);
    return probes > 1000 && wrong_count == 0 ? 0 : 1;
}
