/*
 * A module that claims staged data, in native code in the place of its wasm2c output, so that a test reaches every call; and one that tries to see
 * what it has not claimed. Its segment is commands, one a line; each is answered by a line.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "see/note.h"
#include <wasm-rt.h>

SEE_NOTE(.memory_pages_initial = 2, .memory_pages_max = 2000, .builder = "staging_test");

enum { PAGES = 2, NAME = 512, PAIR = 16, RESULT = 8, ROOM = 4096, ROOM_BYTES = 4096, INPUT = 16384, FDS_MAX = 128 };

static wasm_rt_memory_t memory;

#define CALLS(X) \
    X(fd_read, uint32_t, uint32_t, uint32_t, uint32_t) X(fd_write, uint32_t, uint32_t, uint32_t, uint32_t) \
    X(fd_pread, uint32_t, uint32_t, uint32_t, uint64_t, uint32_t) X(fd_seek, uint32_t, uint64_t, uint32_t, uint32_t) \
    X(fd_tell, uint32_t, uint32_t) X(fd_close, uint32_t) X(fd_renumber, uint32_t, uint32_t) X(fd_filestat_get, uint32_t, uint32_t)
#define DECLARE(name, ...) uint32_t Z_wasi_snapshot_preview1Z_##name(void *, __VA_ARGS__);
CALLS(DECLARE)
#define CALL(name, ...) Z_wasi_snapshot_preview1Z_##name(NULL, __VA_ARGS__)
uint32_t Z_seeZ_SEE_Prefetch_Available(void *, uint32_t, uint32_t);
uint32_t Z_seeZ_SEE_Claim_Prefetch(void *, uint32_t, uint32_t);
uint32_t Z_seeZ_SEE_Map_Prefetch(void *, uint32_t, uint32_t, uint32_t);

static uint8_t *at(uint32_t address) { return (uint8_t *)SEE_MEMORY_BASE + address; }

static uint32_t word(uint32_t address)
{
    uint32_t v;
    memcpy(&v, at(address), 4);
    return v;
}

static void put_pair(uint32_t data, uint32_t size)
{
    memcpy(at(PAIR), &data, 4);
    memcpy(at(PAIR + 4), &size, 4);
}

static void say(const char *what, long long value)
{
    char line[96];
    int size = snprintf(line, sizeof line, "%s=%lld\n", what, value);
    memcpy(at(ROOM), line, (size_t)size);
    put_pair(ROOM, (uint32_t)size);
    CALL(fd_write, 1, PAIR, 1, RESULT);
}

static uint32_t add(uint32_t sum, const uint8_t *data, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) sum = (sum ^ data[i]) * 16777619;
    return sum;
}

static void read_all(uint32_t fd)
{
    uint32_t sum = 2166136261, bytes = 0, n;
    do {
        put_pair(ROOM, ROOM_BYTES);
        uint32_t error = CALL(fd_read, fd, PAIR, 1, RESULT);
        if (error) {
            say("read_error", error);
            return;
        }
        n = word(RESULT);
        sum = add(sum, at(ROOM), n);
        bytes += n;
    } while (n);
    say("read", bytes);
    say("sum", sum);
}

static void read_one(uint32_t fd, uint64_t offset)
{
    put_pair(ROOM, 1);
    uint32_t error = CALL(fd_pread, fd, PAIR, 1, offset, RESULT);
    say("byte", error ? -(long long)error : word(RESULT) ? *at(ROOM) : -1000);
}

/* For bench/runner/staging.c: time inside a SEE is virtual, the processor's counter is not. */
static void claim_timed(uint32_t size)
{
    unsigned aux;
    uint64_t begin = __builtin_ia32_rdtscp(&aux);
    int32_t fd = (int32_t)Z_seeZ_SEE_Claim_Prefetch(NULL, NAME, size);
    uint64_t end = __builtin_ia32_rdtscp(&aux);
    say("cycles", fd < 0 ? fd : (long long)(end - begin));
}

static void map(uint32_t fd, uint32_t address, uint32_t size)
{
    int32_t mapped = (int32_t)Z_seeZ_SEE_Map_Prefetch(NULL, fd, address, size);
    say("map", mapped);
    if (mapped > 0) say("sum", add(2166136261, at(address), (uint32_t)mapped));
}

static void touch(uint32_t address, uint32_t size)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < size; i += 4096) found += *at(address + i);
    say("touched", found);
}

/* --- what it tries when the wasm wall has fallen --- */

static char secret[64];

static void scan(void)
{
    int open = 0, found = 0;
    for (int fd = 0; fd < FDS_MAX; fd++) {
        char bytes[64] = {0};
        ssize_t n = pread(fd, bytes, sizeof bytes, 0);
        open += n >= 0 || errno != EBADF;
        found += n > 0 && memcmp(bytes, secret, strlen(secret)) == 0;
    }
    say("open", open);
    say("found", found);
}

/* Takes whatever lies in whatever descriptor: that is a claim, and the node must see it. */
static void take_all(int flags)
{
    int taken = 0;
    for (int fd = 1; fd < FDS_MAX; fd++) {
        union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control;
        char packet[256];
        struct iovec part = {packet, sizeof packet};
        struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
        if (dup2(fd, 0) == 0) taken += recvmsg(0, &m, flags) > 0;
    }
    say("taken", taken);
}

static void map_raw(uint64_t address, int prot, int flags, int fd) { say("mapped", mmap((void *)address, 4096, prot, flags, fd, 0) != MAP_FAILED); }

static void do_line(char *line)
{
    unsigned a = 0, b = 0, c = 0;
    char name[256] = {0};
    sscanf(line + 1, " %255s", name);
    sscanf(line + 1, " %u %u %u", &a, &b, &c);
    size_t size = strlen(name);
    memcpy(at(NAME), name, size);
    switch (line[0]) {
    case 'a': say("available", (int32_t)Z_seeZ_SEE_Prefetch_Available(NULL, NAME, (uint32_t)size)); break;
    case 'c': say("claim", (int32_t)Z_seeZ_SEE_Claim_Prefetch(NULL, NAME, (uint32_t)size)); break;
    case 'C': claim_timed((uint32_t)size); break;
    case 'b': say("claim", (int32_t)Z_seeZ_SEE_Claim_Prefetch(NULL, a, b)); break;
    case 'r': read_all(a); break;
    case 'p': read_one(a, b); break;
    case 's': say("stat", CALL(fd_filestat_get, a, ROOM) ? -1 : (long long)word(ROOM + 32)); break;
    case 'e': say("seek", CALL(fd_seek, a, b, c, RESULT) ? -1 : (long long)word(RESULT)); break;
    case 'x': say("close", CALL(fd_close, a)); break;
    case 'n': say("renumber", CALL(fd_renumber, a, b)); break;
    case 'm': map(a, b, c); break;
    case 'M': say("map", (int32_t)Z_seeZ_SEE_Map_Prefetch(NULL, a, b, c)); break; /* and reads none of it */
    case 't': touch(a, b); break;
    case 'w': *at(a) = (uint8_t)b; say("wrote", *at(a)); break;
    case 'g': say("grown", wasm_rt_grow_memory(&memory, a)); break;
    case 'S': snprintf(secret, sizeof secret, "%.63s", name); scan(); break;
    case 'T': take_all(MSG_DONTWAIT); break;
    case 'P': take_all(MSG_DONTWAIT | MSG_PEEK); break;
    case 'E': map_raw(SEE_MEMORY_BASE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, 0); break;
    case 'H': map_raw(SEE_MEMORY_BASE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, 0); break;
    case 'O': map_raw(0x700000000000, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, 0); break;
    case 'A': map_raw(SEE_MEMORY_BASE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, 1); break;
    case 'L': for (volatile int i = 0;; i++) continue;
    default: say("unknown", line[0]);
    }
}

static void start(void)
{
    static char text[ROOM_BYTES];
    put_pair(INPUT, ROOM_BYTES - 1);
    CALL(fd_read, 0, PAIR, 1, RESULT);
    memcpy(text, at(INPUT), word(RESULT));
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) do_line(line);
}

static void instantiate(void) { wasm_rt_allocate_memory(&memory, PAGES, 2000); }

const SeeModule see_module = {&memory, sizeof memory, instantiate, start};
