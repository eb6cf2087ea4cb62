/* Talking to the warden. */
#include "node/warden_link.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "bus/broker_message.h"
#include "node/text.h"
#include "sys/fault.h"
#include "sys/fd.h"
#include "sys/process.h"

enum { GOODBYE_MS = 2000 };

WardenLink warden_link_none(const char *program, const TrustedKeys *trusted)
{
    return (WardenLink){.program = program, .trusted = trusted, .socket = -1, .pid_fd = -1};
}

static Err introduce(const WardenLink *w)
{
    for (size_t i = 0; i < w->trusted->count; i++) {
        WardenTrust trust = {.type = WARDEN_TRUST, .version = WARDEN_VERSION};
        memcpy(trust.public_key, w->trusted->keys[i].bytes, sizeof trust.public_key);
        TRY(socket_send(w->socket, view_of(&trust, sizeof trust), NULL, 0));
    }
    return fd_set_nonblocking(w->socket, 1);
}

Err warden_link_open(WardenLink *w, Diag *diag)
{
    assert(w->socket < 0);

    int pair[2];
    TRY_WHY(diag, socket_pair(pair), "cannot make a socket for the warden");
    AUTO_FD ours = pair[0], theirs = pair[1];
    const char *const argv[] = {"covey", "warden", w->config_dir ? "--config" : NULL, w->config_dir, NULL};
    pid_t pid;
    if (!w->packet) w->packet = malloc(WARDEN_PACKET_MAX);
    if (!w->packet) return FAIL_WHY(diag, ENOMEM, "no memory for the warden's packets");
    Err e = process_spawn(w->program, argv, theirs, &pid, &w->pid_fd);
    if (e.code) return FAIL_WHY(diag, e.code, "cannot start the warden %s: %s", w->program, err_text(e.code));
    w->socket = fd_take(&ours);
    fd_close(&theirs); /* or its end would never be seen */
    e = introduce(w);
    if (e.code == 0) return OK;
    warden_link_kill(w);
    return FAIL_WHY(diag, e.code, "the warden %s ended at once: %s", w->program, err_text(e.code));
}

/* A wait that fails leaves a zombie, which only another wait removes. */
static void reap(WardenLink *w)
{
    int status;
    Err e = process_wait(w->pid_fd, &status);
    if (e.code) e = process_wait(w->pid_fd, &status);
    (void)e; /* it is dead either way */
    fd_close(&w->pid_fd);
}

void warden_link_kill(WardenLink *w)
{
    fd_close(&w->socket);
    free(w->packet);
    w->packet = NULL;
    if (w->pid_fd < 0) return;
    process_kill(w->pid_fd);
    reap(w);
}

void warden_link_close(WardenLink *w)
{
    fd_close(&w->socket);
    if (w->pid_fd < 0) {
        warden_link_kill(w); /* frees what is left of one that never lived */
        return;
    }
    struct pollfd end = {.fd = w->pid_fd, .events = POLLIN};
    int n;
    do n = FAULTABLE("poll", poll(&end, 1, GOODBYE_MS));
    while (n < 0 && errno == EINTR);
    warden_link_kill(w);
}

Err warden_link_start(WardenLink *w, const WardenStart *start, int image_fd, int channel_fd)
{
    if (w->socket < 0) return FAIL(ERR_CLOSED);
    int fds[2] = {image_fd, channel_fd};
    return socket_send(w->socket, view_of(start, sizeof *start), fds, 2);
}

Err warden_link_end(WardenLink *w, uint32_t zygote)
{
    if (w->socket < 0) return FAIL(ERR_CLOSED);
    WardenKill kill = {.type = WARDEN_KILL, .zygote = zygote};
    return socket_send(w->socket, view_of(&kill, sizeof kill), NULL, 0);
}

Err warden_link_evidence(WardenLink *w, uint32_t zygote, const uint8_t nonce[32], uint32_t wish)
{
    if (w->socket < 0) return FAIL(ERR_CLOSED);
    WardenEvidence packet = {.type = WARDEN_EVIDENCE, .zygote = zygote, .wish = wish};
    memcpy(packet.nonce, nonce, sizeof packet.nonce);
    return socket_send(w->socket, view_of(&packet, sizeof packet), NULL, 0);
}

Err warden_link_receive(WardenLink *w, WardenReport *ret_report)
{
    if (w->socket < 0) return FAIL(ERR_CLOSED);
    size_t size = 0, fd_count = 0;
    TRY(socket_receive(w->socket, w->packet, WARDEN_PACKET_MAX, &size, NULL, &fd_count));
    return warden_get_report(view_of(w->packet, size), ret_report);
}

static int32_t known_code(int32_t code) { return code > 0 && code < ERR_LAST ? code : ERR_PROTOCOL; }

/* The head, then the evidence, or in words why there is none. */
static Err get_evidence(View packet, WardenReport *r)
{
    WardenEvidenceReady head;
    memcpy(&head, packet.data, sizeof head);
    View content = view_of(packet.data + sizeof head, packet.size - sizeof head);
    if (head.size != content.size || (head.code == 0 && (head.size == 0 || head.size > BROKER_EVIDENCE_MAX))) return FAIL(ERR_PROTOCOL);
    r->zygote = head.zygote;
    if (head.code == 0) {
        r->evidence = content;
        return OK;
    }
    r->code = known_code(head.code);
    text_copy(r->text, sizeof r->text, content);
    return OK;
}

Err warden_get_report(View packet, WardenReport *ret_report)
{
    uint32_t type = 0;
    if (packet.size < sizeof type) return FAIL(ERR_PROTOCOL);
    memcpy(&type, packet.data, sizeof type);
    WardenReport r = {.type = (WardenType)type};
    WardenStarted started;
    WardenRefused refused;
    WardenEnded ended;
    if (type == WARDEN_STARTED && packet.size == sizeof started) {
        memcpy(&started, packet.data, sizeof started);
        r.zygote = started.zygote;
    } else if (type == WARDEN_REFUSED && packet.size == sizeof refused) {
        memcpy(&refused, packet.data, sizeof refused);
        r.zygote = refused.zygote;
        r.code = known_code(refused.code);
        text_copy(r.text, sizeof r.text, view_of(refused.text, sizeof refused.text));
    } else if (type == WARDEN_ENDED && packet.size == sizeof ended) {
        memcpy(&ended, packet.data, sizeof ended);
        r.zygote = ended.zygote;
        r.status = ended.status;
    } else if (type == WARDEN_EVIDENCE_READY && packet.size >= sizeof(WardenEvidenceReady)) {
        TRY(get_evidence(packet, &r));
    } else {
        return FAIL(ERR_PROTOCOL);
    }
    *ret_report = r;
    return OK;
}
