/*
 * The warden's loop: packets from the agent, ends of zygotes. One table says which packet is legal when.
 */
#include "warden/warden.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/level.h"
#include "base/limits.h"
#include "crypto/keyring.h"
#include "sys/fault.h"
#include "sys/fd.h"
#include "sys/clock.h"
#include "warden/identity.h"
#include "warden/images.h"
#include "warden/zygote.h"

typedef enum { PHASE_TRUSTING = 1, PHASE_RUNNING = 2 } Phase;

typedef struct {
    int socket_fd;
    Phase phase;
    TrustedKeys trusted;
    SealedImages images;
    Zygote zygotes[ZYGOTES_MAX];
    NodeIdentity identity;
} Warden;

enum { START_FDS = 2 }; /* the image file, the zygote's end of its control socket */

static Zygote *zygote_with(Warden *w, uint32_t id)
{
    for (int i = 0; i < ZYGOTES_MAX; i++)
        if (w->zygotes[i].pid_fd >= 0 && w->zygotes[i].id == id) return &w->zygotes[i];
    return NULL;
}

static Zygote *free_place(Warden *w)
{
    for (int i = 0; i < ZYGOTES_MAX; i++)
        if (w->zygotes[i].pid_fd < 0) return &w->zygotes[i];
    return NULL;
}

static Err send_packet(Warden *w, const void *packet, size_t size) { return socket_send(w->socket_fd, view_of(packet, size), NULL, 0); }

static Err send_ended(Warden *w, Zygote *z)
{
    WardenEnded ended = {.type = WARDEN_ENDED, .zygote = z->id};
    zygote_end(z, &ended.status);
    return send_packet(w, &ended, sizeof ended);
}

static Err on_trust(Warden *w, const void *packet, const int *fds)
{
    (void)fds;
    const WardenTrust *trust = packet;
    if (trust->version != WARDEN_VERSION || w->trusted.count >= TRUSTED_KEYS_MAX) return FAIL(ERR_PROTOCOL);
    memcpy(w->trusted.keys[w->trusted.count++].bytes, trust->public_key, SIGN_PUBLIC_BYTES);
    return OK;
}

/* Looked up at each start: a warden may live for long after a key was lost. An image that runs already goes on. */
static Err refuse_revoked(const Warden *w, const PublicKey *signer, Diag *diag)
{
    char text[PUBLIC_KEY_TEXT_MAX];
    if (!w->identity.config_dir) return OK;
    public_key_print(signer, text);
    return revoked_refuse(w->identity.config_dir, signer->bytes, text, diag);
}

static uint32_t zygotes_on(const Warden *w, int cpu)
{
    uint32_t count = 0;
    for (int i = 0; i < ZYGOTES_MAX; i++) count += w->zygotes[i].pid_fd >= 0 && w->zygotes[i].cpu == cpu;
    return count;
}

/* Zygote and SEE take turns. Where the scheduler puts them on different processors, as it does when other processes are woken in between, each turn
 * waits for one that sleeps: a quarter of a machine that also ran the bus. A machine that does not let us goes on as it would. */
static void keep_to_one_cpu(const Warden *w, Zygote *z)
{
    cpu_set_t usable, one;
    uint32_t fewest = UINT32_MAX;
    int best = -1;
    if (FAULTABLE("sched_getaffinity", sched_getaffinity(0, sizeof usable, &usable)) < 0) return;
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &usable) || zygotes_on(w, cpu) >= fewest) continue;
        fewest = zygotes_on(w, cpu);
        best = cpu;
    }
    if (best < 0) return;
    CPU_ZERO(&one);
    CPU_SET(best, &one);
    if (FAULTABLE("sched_setaffinity", sched_setaffinity(z->pid, sizeof one, &one)) == 0) z->cpu = best;
}

static Err begin_zygote(Warden *w, const WardenStart *start, const int *fds, Diag *diag)
{
    if (start->level != LEVEL_SHARED && start->level != LEVEL_PROCESS)
        return FAIL_WHY(diag, ERR_LEVEL, "this node does not offer the level '%s'", level_name((SecurityLevel)start->level));
    if (start->flags & ~(uint32_t)(WARDEN_STAGED | WARDEN_KEEPS_CPU)) return FAIL_WHY(diag, ERR_PROTOCOL, "a START that this warden does not know");
    if (start->flags & WARDEN_STAGED && start->level != LEVEL_PROCESS) return FAIL_WHY(diag, ERR_PROTOCOL, "staged data are for the level process");
    if (start->memory_max > SEE_MEMORY_MAX) return FAIL_WHY(diag, ERR_LIMIT, "more memory than a SEE can have");
    if (zygote_with(w, start->zygote)) return FAIL_WHY(diag, ERR_PROTOCOL, "a zygote with that number lives");
    Zygote *place = free_place(w);
    if (!place) return FAIL_WHY(diag, ERR_BUSY, "this warden has %d zygotes already", ZYGOTES_MAX);
    int image_fd;
    PublicKey signer;
    TRY(images_get(&w->images, &w->trusted, fds[0], start->measurement, &image_fd, &signer, diag));
    TRY_WHY(diag, refuse_revoked(w, &signer, diag), "the image's signer");
    TRY(zygote_begin(start, image_fd, fds[1], place, diag));
    place->signer = signer;
    if (start->flags & WARDEN_KEEPS_CPU) keep_to_one_cpu(w, place);
    return OK;
}

static Err send_refused(Warden *w, uint32_t zygote, Err why, const Diag *diag)
{
    WardenRefused refused = {.type = WARDEN_REFUSED, .zygote = zygote, .code = why.code};
    snprintf(refused.text, sizeof refused.text, "%.240s", diag->text[0] ? diag->text : err_text(why.code));
    return send_packet(w, &refused, sizeof refused);
}

/* Making a wall is mostly waiting for the kernel: other zygotes begin meanwhile, and evidence is given. */
static Err settle_start(Warden *w, Zygote *z)
{
    const WardenStarted started = {WARDEN_STARTED, z->id, z->pid, z->cgroup.count > 0};
    Diag diag = {{0}};
    Err e = zygote_started(z, &diag);
    return e.code ? send_refused(w, started.zygote, e, &diag) : send_packet(w, &started, sizeof started);
}

static Err on_start(Warden *w, const void *packet, const int *fds)
{
    const WardenStart *start = packet;
    Diag diag = {{0}};
    w->phase = PHASE_RUNNING;
    Err e = begin_zygote(w, start, fds, &diag);
    return e.code ? send_refused(w, start->zygote, e, &diag) : OK;
}

static Err on_kill(Warden *w, const void *packet, const int *fds)
{
    (void)fds;
    const WardenKill *kill = packet;
    Zygote *z = zygote_with(w, kill->zygote);
    return z ? send_ended(w, z) : OK; /* it may have ended by itself a moment ago */
}

/* The head, then COSE or the reason in words. */
static Err send_evidence(Warden *w, uint32_t zygote, int32_t code, View content)
{
    AUTO_BUFFER packet = buffer_limited(WARDEN_PACKET_MAX);
    const WardenEvidenceReady head = {WARDEN_EVIDENCE_READY, zygote, code, (uint32_t)content.size};
    TRY(buffer_append(&packet, view_of(&head, sizeof head)));
    TRY(buffer_append(&packet, content));
    return socket_send(w->socket_fd, view_buffer(&packet), NULL, 0);
}

static Err on_evidence(Warden *w, const void *packet, const int *fds)
{
    (void)fds;
    const WardenEvidence *wish = packet;
    Diag diag = {{0}};
    AUTO_BUFFER evidence = buffer_limited(EVIDENCE_BYTES_MAX);
    Zygote *z = zygote_with(w, wish->zygote);
    const uint64_t now_s = clock_wall_ns() / NS_PER_S;
    Err e = wish->zygote == 0 ? identity_node_evidence(&w->identity, wish, now_s, &evidence, &diag)
            : z               ? identity_evidence(&w->identity, z, wish, now_s, &evidence, &diag)
                              : FAIL_WHY(&diag, ERR_NO_ENTRY, "there is no such zygote");
    if (e.code) return send_evidence(w, wish->zygote, e.code, view_text(diag.text[0] ? diag.text : err_text(e.code)));
    return send_evidence(w, wish->zygote, 0, view_buffer(&evidence));
}

/* Which packet is legal when, its exact size, and how many descriptors come with it. */
static const struct {
    size_t size, fd_count;
    int phases;
    Err (*handle)(Warden *w, const void *packet, const int *fds);
} PACKETS[] = {
    [WARDEN_TRUST] = {sizeof(WardenTrust), 0, PHASE_TRUSTING, on_trust},
    [WARDEN_START] = {sizeof(WardenStart), START_FDS, PHASE_TRUSTING | PHASE_RUNNING, on_start},
    [WARDEN_KILL] = {sizeof(WardenKill), 0, PHASE_RUNNING, on_kill},
    [WARDEN_EVIDENCE] = {sizeof(WardenEvidence), 0, PHASE_TRUSTING | PHASE_RUNNING, on_evidence},
};

static Err serve_packet(Warden *w)
{
    union { uint32_t type; uint64_t align; uint8_t bytes[WARDEN_REQUEST_MAX]; } packet;
    int fds[START_FDS] = {-1, -1};
    size_t size = 0, fd_count = START_FDS;
    TRY(socket_receive(w->socket_fd, &packet, sizeof packet, &size, fds, &fd_count));

    uint32_t type = size >= sizeof packet.type ? packet.type : 0;
    bool known = type < sizeof PACKETS / sizeof PACKETS[0] && PACKETS[type].handle;
    bool legal = known && size == PACKETS[type].size && fd_count == PACKETS[type].fd_count && (PACKETS[type].phases & w->phase);
    Err e = legal ? PACKETS[type].handle(w, &packet, fds) : FAIL(ERR_PROTOCOL);
    for (size_t i = 0; i < fd_count; i++) fd_close(&fds[i]);
    return e;
}

static Err attend(Warden *w, const struct pollfd *polls, nfds_t count, Zygote *const *of_poll)
{
    for (nfds_t i = 1; i < count; i++) {
        if (!polls[i].revents) continue;
        TRY(of_poll[i]->start_fd >= 0 ? settle_start(w, of_poll[i]) : send_ended(w, of_poll[i]));
    }
    return OK;
}

/* One wait for the socket and every zygote's start and end. */
static Err turn(Warden *w)
{
    struct pollfd polls[1 + ZYGOTES_MAX] = {{w->socket_fd, POLLIN, 0}};
    Zygote *of_poll[1 + ZYGOTES_MAX];
    nfds_t count = 1;
    for (int i = 0; i < ZYGOTES_MAX; i++) {
        if (w->zygotes[i].pid_fd < 0) continue;
        of_poll[count] = &w->zygotes[i];
        const Zygote *z = &w->zygotes[i];
        polls[count++] = (struct pollfd){z->start_fd >= 0 ? z->start_fd : z->pid_fd, POLLIN, 0};
    }
    if (FAULTABLE("poll", poll(polls, count, -1)) < 0) return errno == EINTR ? OK : FAIL(errno);
    TRY(attend(w, polls, count, of_poll));
    return polls[0].revents ? serve_packet(w) : OK;
}

Err warden_serve(int socket_fd, const char *config_dir, Diag *diag)
{
    static Warden w;
    w = (Warden){.socket_fd = socket_fd, .phase = PHASE_TRUSTING, .identity.config_dir = config_dir};
    for (int i = 0; i < ZYGOTES_MAX; i++) w.zygotes[i].pid_fd = -1;
    prctl(PR_SET_DUMPABLE, 0);

    Err e = OK;
    while (!e.code) e = turn(&w);
    for (int i = 0; i < ZYGOTES_MAX; i++) {
        int status;
        if (w.zygotes[i].pid_fd >= 0) zygote_end(&w.zygotes[i], &status);
    }
    images_free(&w.images);
    identity_wipe(&w.identity);
    if (e.code == ERR_CLOSED) return OK;
    return diag_complete(diag, e, "the warden ended");
}
