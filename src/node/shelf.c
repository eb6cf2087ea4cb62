/* Places for staged data. */
#include "node/shelf.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "sys/fault.h"
#include "sys/fd.h"
#include "sys/memfd.h"

/* A second descriptor of the board's memory file, that nobody can write through; it is opened through its name in /proc. */
static Err open_read_only(int fd, int *ret_fd)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return fd_open(AT_FDCWD, path, O_RDONLY, 0, ret_fd);
}

static Err make_board(Shelf *s, View task)
{
    void *map = NULL;
    TRY(memfd_fixed("covey-board", sizeof *s->board, &s->board_fd));
    TRY(fd_map(s->board_fd, sizeof *s->board, PROT_READ | PROT_WRITE, &map));
    s->board = map;
    memcpy(s->board->task, task.data, task.size);
    return open_read_only(s->board_fd, &s->fds[0]);
}

static Err make_places(Shelf *s)
{
    for (uint32_t i = 0; i < STAGING_PLACES; i++) {
        int pair[2];
        TRY(socket_pair(pair));
        s->ends[i] = pair[0];
        s->fds[1 + i] = pair[1];
        if (FAULTABLE("shutdown", shutdown(pair[1], SHUT_WR)) < 0) return FAIL(errno); /* a SEE takes, and says nothing */
        TRY(fd_set_nonblocking(pair[0], 1));
        TRY(fd_set_nonblocking(pair[1], 1));
    }
    return OK;
}

Err shelf_new(View task, const uint8_t measurement[SHA256_BYTES], Shelf **ret_shelf)
{
    assert(task.size > 0 && task.size < STAGING_TASK_BYTES);

    Shelf *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    s->board_fd = -1;
    for (uint32_t i = 0; i < STAGING_FDS; i++) s->fds[i] = -1;
    for (uint32_t i = 0; i < STAGING_PLACES; i++) s->ends[i] = -1;
    memcpy(s->task, task.data, task.size);
    memcpy(s->measurement, measurement, SHA256_BYTES);
    Err e = make_board(s, task);
    if (!e.code) e = make_places(s);
    if (e.code) shelf_free(&s);
    else *ret_shelf = s;
    return e;
}

void shelf_free(Shelf **shelf)
{
    Shelf *s = *shelf;
    if (!s) return;
    if (s->board) fd_unmap(s->board, sizeof *s->board);
    fd_close(&s->board_fd);
    for (uint32_t i = 0; i < STAGING_FDS; i++) fd_close(&s->fds[i]);
    for (uint32_t i = 0; i < STAGING_PLACES; i++) fd_close(&s->ends[i]);
    free(s);
    *shelf = NULL;
}

bool shelf_is(const Shelf *s, View task, const uint8_t measurement[SHA256_BYTES])
{
    return view_equal(view_text(s->task), task) && memcmp(s->measurement, measurement, SHA256_BYTES) == 0;
}

/* The place whose last state may still interest somebody is used again last. */
static StagingPlace *free_place(Shelf *s)
{
    StagingPlace *best = NULL;
    for (uint32_t i = 0; i < STAGING_PLACES; i++) {
        StagingPlace *p = &s->board->places[i];
        if (p->state != PLACE_STAGED && (!best || p->use < best->use)) best = p;
    }
    return best;
}

static uint32_t last_use(const Shelf *s)
{
    uint32_t last = 0;
    for (uint32_t i = 0; i < STAGING_PLACES; i++)
        if (s->board->places[i].use > last) last = s->board->places[i].use;
    return last;
}

static bool is_denied(const Shelf *s, const char *name)
{
    for (uint32_t i = 0; i < STAGING_PLACES; i++)
        if (s->board->places[i].state == PLACE_DENIED && strcmp(s->board->places[i].name, name) == 0) return true;
    return false;
}

Err shelf_put(Shelf *s, const char *name, uint64_t size, int fd, uint32_t *ret_place)
{
    PlacePacket packet = {.size = size};
    StagingPlace *p = fd < 0 && is_denied(s, name) ? NULL : free_place(s);
    if (!p) return FAIL(ERR_BUSY);
    const uint32_t place = (uint32_t)(p - s->board->places);
    snprintf(packet.name, sizeof packet.name, "%s", name);
    if (fd >= 0) TRY(socket_send(s->ends[place], view_of(&packet, sizeof packet), &fd, 1));
    p->use = last_use(s) + 1;
    p->size = size;
    memcpy(p->name, packet.name, sizeof p->name);
    __atomic_store_n(&p->state, fd >= 0 ? PLACE_STAGED : PLACE_DENIED, __ATOMIC_RELEASE);
    *ret_place = place;
    return OK;
}

bool shelf_has(Shelf *s, uint32_t place)
{
    char byte;
    if (s->board->places[place].state != PLACE_STAGED) return false;
    ssize_t n;
    do n = FAULTABLE("recv", recv(s->fds[1 + place], &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT));
    while (n < 0 && errno == EINTR);
    if (n > 0) return true;
    if (n < 0 && errno != EAGAIN) return true; /* nobody can tell now */
    __atomic_store_n(&s->board->places[place].state, PLACE_CLAIMED, __ATOMIC_RELEASE);
    return false;
}

/* The board first: a SEE that comes too late finds the reason there. */
bool shelf_take_back(Shelf *s, uint32_t place, PlaceState why)
{
    PlacePacket packet;
    size_t size = 0, fd_count = 1;
    int fd = -1;
    if (s->board->places[place].state != PLACE_STAGED) return false;
    __atomic_store_n(&s->board->places[place].state, why, __ATOMIC_RELEASE);
    Err e = socket_receive(s->fds[1 + place], &packet, sizeof packet, &size, &fd, &fd_count);
    fd_close(&fd);
    if (!e.code) return true;
    __atomic_store_n(&s->board->places[place].state, PLACE_CLAIMED, __ATOMIC_RELEASE);
    return false;
}
