/*
 * Staged data inside a SEE: looking at the board, taking a resource out of its place, reading it, mapping it into linear memory. The import
 * module `see`.
 *
 * No system call is added for claiming: a place is put in the place of descriptor 0, from which receiving is allowed anyway (a claim is dup2 and
 * recvmsg). Mapping needs one more, see/filter_staged.c. What the payload is copied to is nothing: pages of the memfd become pages of linear
 * memory, private, so that what the module writes there is its own copy of that page.
 */
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "see/sealed.h"
#include "see/staging.h"
#include "see/wasi.h"

enum { PAGE = 4096 };

typedef struct { int fd; uint64_t size, cursor; } Claim;
static Claim claims[STAGING_PLACES];
static uint32_t claim_count;
static bool claimed_here[STAGING_PLACES];

static int board_fd(void) { return setup.staging_fds[0]; }
static int place_fd(uint32_t place) { return setup.staging_fds[1 + place]; }

static bool read_board(StagingBoard *ret_board)
{
    return setup.head.staged && pread(board_fd(), ret_board, sizeof *ret_board, 0) == (ssize_t)sizeof *ret_board;
}

/* The name as the module gives it, as text; false when it cannot be one. */
static bool get_name(uint32_t address, uint32_t size, char ret_name[STAGING_NAME_BYTES])
{
    const uint8_t *at = memory_at(address, size);
    if (!at || size == 0 || size >= STAGING_NAME_BYTES || memchr(at, 0, size)) return false;
    memset(ret_name, 0, STAGING_NAME_BYTES);
    memcpy(ret_name, at, size);
    return true;
}

/* The next place from `from` on in which something by that name is to be had, as far as the board knows; STAGING_PLACES: none. */
static uint32_t find_staged(const StagingBoard *b, const char *name, uint32_t from)
{
    for (uint32_t i = from; i < STAGING_PLACES; i++)
        if (b->places[i].state == PLACE_STAGED && !claimed_here[i] && memcmp(b->places[i].name, name, STAGING_NAME_BYTES) == 0) return i;
    return STAGING_PLACES;
}

/* The last place that was used for something by that name. */
static uint32_t find_newest(const StagingBoard *b, const char *name)
{
    uint32_t found = STAGING_PLACES;
    for (uint32_t i = 0; i < STAGING_PLACES; i++) {
        const StagingPlace *p = &b->places[i];
        if (p->state == PLACE_EMPTY || memcmp(p->name, name, STAGING_NAME_BYTES) != 0) continue;
        if (found == STAGING_PLACES || p->use > b->places[found].use) found = i;
    }
    return found;
}

static bool is_own(const StagingBoard *b, const char *name)
{
    size_t size = strlen(b->task);
    return memcmp(b->task, name, size) == 0 && (name[size] == '\0' || name[size] == '/');
}

static int32_t error_of(uint32_t state)
{
    switch (state) {
    case PLACE_EVICTED: return CLAIM_EVICTED;
    case PLACE_EXPIRED: return CLAIM_EXPIRED;
    case PLACE_DENIED: return CLAIM_DENIED;
    default: return CLAIM_TWICE; /* staged, says the board, but gone: another took it, and the node has not seen it yet */
    }
}

/* What the node hears of it, at the micro-job's end. */
static int32_t refuse(uint32_t place, int32_t error)
{
    job.answer.claim_refused[place] = (uint8_t)-error;
    return error;
}

/* Takes the packet with its descriptor; -1: there is none. Only looking whether one is there is nothing that the filter lets through. */
static int take(uint32_t place, const char *name, uint64_t *ret_size)
{
    union { struct cmsghdr align; char bytes[CMSG_SPACE(sizeof(int))]; } control;
    PlacePacket packet;
    struct iovec part = {&packet, sizeof packet};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    if (dup2(place_fd(place), FD_SOCKET) < 0) return -1;
    ssize_t n = recvmsg(FD_SOCKET, &message, MSG_DONTWAIT);
    if (n != (ssize_t)sizeof packet || memcmp(packet.name, name, STAGING_NAME_BYTES) != 0) return -1;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    int fd = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof fd)) memcpy(&fd, CMSG_DATA(c), sizeof fd);
    *ret_size = packet.size;
    return fd;
}

/* The lowest descriptor that the module has not in use; WASI_FDS: none. */
static uint32_t free_descriptor(void)
{
    uint32_t i = WASI_STREAMS;
    while (i < WASI_FDS && job.stream_of_fd[i] != STREAM_NONE) i++;
    return claim_count < STAGING_PLACES ? i : WASI_FDS;
}

/* Whatever lies by that name in a place from which nobody has taken it. */
static bool take_one(const StagingBoard *b, const char *name, uint32_t *ret_place, Claim *ret_claim)
{
    for (uint32_t i = find_staged(b, name, 0); i < STAGING_PLACES; i = find_staged(b, name, i + 1)) {
        Claim c = {.cursor = 0};
        *ret_place = i;
        c.fd = take(i, name, &c.size);
        if (c.fd < 0) continue;
        *ret_claim = c;
        return true;
    }
    return false;
}

static int32_t claim(const char *name)
{
    StagingBoard board;
    uint32_t place = STAGING_PLACES;
    const uint32_t descriptor = free_descriptor();
    if (!read_board(&board)) return CLAIM_NONE;
    if (descriptor == WASI_FDS) return CLAIM_INVALID;
    if (!is_own(&board, name)) {
        job.answer.claim_foreign = 1;
        return CLAIM_FOREIGN;
    }
    if (take_one(&board, name, &place, &claims[claim_count])) {
        claimed_here[place] = true;
        job.stream_of_fd[descriptor] = (uint8_t)(STREAM_CLAIM + claim_count++);
        return (int32_t)descriptor;
    }
    if (place < STAGING_PLACES && !read_board(&board)) return CLAIM_NONE; /* it was taken away just now: now the board says why */
    if (place == STAGING_PLACES) place = find_newest(&board, name);
    return place < STAGING_PLACES ? refuse(place, error_of(board.places[place].state)) : CLAIM_NONE;
}

struct Z_see_instance_t;
#define SEE(name, ...) uint32_t Z_seeZ_##name(struct Z_see_instance_t *unused, __VA_ARGS__); \
    uint32_t Z_seeZ_##name(__attribute__((unused)) struct Z_see_instance_t *unused, __VA_ARGS__)

SEE(SEE_Prefetch_Available, uint32_t address, uint32_t size)
{
    char name[STAGING_NAME_BYTES];
    StagingBoard board;
    return get_name(address, size, name) && read_board(&board) && find_staged(&board, name, 0) < STAGING_PLACES;
}

SEE(SEE_Claim_Prefetch, uint32_t address, uint32_t size)
{
    char name[STAGING_NAME_BYTES];
    return (uint32_t)(get_name(address, size, name) ? claim(name) : CLAIM_INVALID);
}

/* The input of the micro-job itself, which the agent left in its place instead of copying it into the slot. */
bool staging_take_input(uint32_t place, uint64_t size, int *ret_fd)
{
    StagingBoard board;
    uint64_t taken = 0;
    if (place >= STAGING_PLACES || is_sealed() || !read_board(&board)) return false;
    int fd = take(place, board.places[place].name, &taken);
    if (fd < 0 || taken != size) return false;
    claimed_here[place] = true;
    *ret_fd = fd;
    return true;
}

static Claim *claim_of(uint32_t fd)
{
    int stream = wasi_stream(fd);
    return stream >= STREAM_CLAIM ? &claims[stream - STREAM_CLAIM] : NULL;
}

SEE(SEE_Map_Prefetch, uint32_t fd, uint32_t address, uint32_t size)
{
    const Claim *c = claim_of(fd);
    if (!c || address % PAGE != 0 || size == 0 || c->size == 0) return (uint32_t)CLAIM_INVALID;
    uint64_t bytes = size < c->size ? size : c->size, whole = (bytes + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    if (bytes > INT32_MAX || !memory_at(address, whole) || dup2(c->fd, FD_SOCKET) < 0) return (uint32_t)CLAIM_INVALID;
    uint8_t *at = (uint8_t *)SEE_MEMORY_BASE + address;
    void *mapped = mmap(at, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, FD_SOCKET, 0);
    return mapped == at ? (uint32_t)bytes : (uint32_t)CLAIM_INVALID;
}

uint64_t staging_size(int stream) { return claims[stream - STREAM_CLAIM].size; }
uint64_t *staging_cursor(int stream) { return &claims[stream - STREAM_CLAIM].cursor; }

void staging_read(int stream, uint8_t *data, uint64_t size, uint64_t offset)
{
    const Claim *c = &claims[stream - STREAM_CLAIM];
    for (uint64_t got = 0; got < size;) {
        ssize_t n = pread(c->fd, data + got, size - got, (off_t)(offset + got));
        if (n <= 0) job_end(OUTCOME_INPUT_ERROR);
        got += (uint64_t)n;
    }
}

void staging_close(int stream)
{
    int fd = claims[stream - STREAM_CLAIM].fd;
    syscall(SYS_close_range, fd, fd, 0);
}

/* In a new SEE: of all that the zygote had open only descriptor 0 stays, and these, in ascending order. */
void staging_keep(int slot_fd)
{
    int kept = FD_SLOT;
    for (int i = -1; i < STAGING_FDS; i++) {
        int next = i < 0 ? slot_fd : setup.staging_fds[i];
        if (next > kept + 1 && syscall(SYS_close_range, kept + 1, next - 1, 0) < 0) see_exit(3);
        kept = next;
    }
    if (syscall(SYS_close_range, kept + 1, ~0u, 0) < 0) see_exit(3);
}
