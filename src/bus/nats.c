/* Connecting to NATS with the right credentials, and the end of it. */
#include "bus/nats.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bus/nats_internal.h"
#include "bus/nkey.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/fd.h"

enum { SERVERS_MAX = 16, REFUSED_TRIES = 4, PING_MS = 5000, PINGS_OUT_MAX = 2, RECONNECT_WAIT_MS = 250, RECONNECT_JITTER_MS = 100, WRITE_MS = 2000,
       RECONNECT_BUFFER = 1 << 20, TICK_BUSY_MS = 20, TICK_IDLE_MS = 200,
       IO_BUFFER = 256 << 10 /* a message of micro-jobs in one system call, not in nine */ };

/* libnats closes for good when a server refuses a key twice in a row, and 3.4 has no option against it. Waiting for it would be waiting for ever. */
static Err check_refused(Nats *n)
{
    if (!natsConnection_IsClosed(n->connection)) return OK;
    if (n->on_state) n->on_state(n->context, false, "the NATS server does not know this key any more; see its configuration, then start again");
    return FAIL(ERR_DENIED);
}

static Err tick(void *context, uint32_t events)
{
    (void)events;
    Nats *n = context;
    const uint64_t now = clock_monotonic_ns();
    TRY(check_refused(n));
    nats_setup_tick(n, now);
    nats_pull_tick(n, now);
    nats_send_tick(n, now);
    TRY(nats_lease_tick(n, now));
    bool busy = n->outgoing || n->streams_missing;
    for (int i = 0; i < PULLS; i++) busy |= n->pulls[i].wanted && !n->pulls[i].confirmed;
    loop_set_timer(n->timer, now + (busy ? TICK_BUSY_MS : TICK_IDLE_MS) * NS_PER_MS);
    return OK;
}

void nats_request(Nats *n, const char *subject, const char *body, const char *answer)
{
    char reply[NATS_INBOX_MAX + 128];
    if (!n->connected) return;
    snprintf(reply, sizeof reply, "%s%s", n->inbox, answer ? answer : "");
    const natsStatus s = answer ? natsConnection_PublishRequestString(n->connection, subject, reply, body)
                                : natsConnection_PublishString(n->connection, subject, body);
    if (s != NATS_OK) nats_shared_problem(n->shared, "%s: %s", subject, natsStatus_GetText(s));
}

/* --- the end --- */

/* What was published last may be the word that all is over: waits a moment until the server has it. */
static void drain(Nats *n)
{
    const uint64_t until = clock_monotonic_ns() + NATS_LEAVE_MS * NS_PER_MS;
    const size_t prefix = strlen(n->inbox);
    while (n->connected && n->outgoing && clock_monotonic_ns() < until) {
        struct pollfd p = {.fd = n->shared->event_fd, .events = POLLIN};
        uint64_t count;
        if (poll(&p, 1, TICK_BUSY_MS) > 0 && read(p.fd, &count, sizeof count) < 0) break;
        natsMsg *m;
        while ((m = nats_shared_take(n->shared))) {
            const char *subject = natsMsg_GetSubject(m);
            if (strncmp(subject, n->inbox, prefix) == 0 && strncmp(subject + prefix, "a.", 2) == 0) nats_send_answer(n, subject + prefix + 2, m);
            natsMsg_Destroy(m);
        }
        nats_send_tick(n, clock_monotonic_ns());
        n->connected = nats_shared_news(n->shared).connected;
    }
    nats_leave(n);
    if (n->connected) natsConnection_FlushTimeout(n->connection, NATS_LEAVE_MS);
}

static void nats_free(void *context)
{
    Nats *n = context;
    if (n->connection) drain(n);
    nats_pull_free(n);
    natsSubscription_Destroy(n->inbox_subscription);
    natsConnection_Destroy(n->connection);
    if (n->shared) {
        nats_shared_close(n->shared, NATS_LEAVE_MS);
        nats_shared_release(n->shared);
    }
    loop_remove(&n->source);
    loop_remove(&n->timer);
    nats_send_free(n);
    nats_assembly_free(&n->assembly);
    nats_forget_ensured(n);
    free(n);
}

static const BusLink LINK = {nats_publish, nats_subscribed, nats_unsubscribed, nats_free};

Nats *nats_of(const Bus *bus) { return bus_link_context(bus, &LINK); }

/* --- what the user asked for --- */

static Err check_config(const BusNatsConfig *c, Diag *diag)
{
    if (!subject_is_token(c->id))
        return FAIL_WHY(diag, ERR_USAGE, "'%s' is no id on a bus: at most %d letters, digits, - and _", c->id, SUBJECT_TOKEN_MAX);
    if (strlen(c->url) >= NATS_URL_MAX) return FAIL_WHY(diag, ERR_LIMIT, "the url of the bus is longer than %d characters", NATS_URL_MAX - 1);
    if (strchr(c->url, '@')) return FAIL_WHY(diag, ERR_USAGE, "no password in the url of the bus, where others can read it: name a key or a file of credentials");
    if ((c->tls_cert == NULL) != (c->tls_key == NULL)) return FAIL_WHY(diag, ERR_USAGE, "a TLS certificate needs its key, and a key its certificate");
    if (c->replicas && c->replicas != 1 && c->replicas != 3 && c->replicas != 5)
        return FAIL_WHY(diag, ERR_USAGE, "%u replicas: there may be 1, 3 or 5, at most as many as servers", c->replicas);
    const struct { const char *path, *secret; } files[] = {{c->credentials, "credentials"}, {c->tls_ca, NULL}, {c->tls_cert, NULL}, {c->tls_key, "key"}};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        AUTO_FD fd = -1;
        if (!files[i].path) continue;
        TRY_WHY(diag, fd_open(AT_FDCWD, files[i].path, O_RDONLY | O_NOCTTY, 0, &fd), "%s", files[i].path);
        if (files[i].secret) TRY(file_check_private(fd, files[i].path, files[i].secret, diag));
    }
    return OK;
}

static Err set_servers(natsOptions *o, const char *urls, bool *ret_tls, Diag *diag)
{
    char copy[NATS_URL_MAX], *rest = copy;
    const char *servers[SERVERS_MAX];
    int count = 0;
    snprintf(copy, sizeof copy, "%s", urls);
    for (char *one; (one = strsep(&rest, ","));) {
        const bool tls = strncmp(one, "tls://", 6) == 0;
        if ((!tls && strncmp(one, "nats://", 7) != 0) || !one[tls ? 6 : 7])
            return FAIL_WHY(diag, ERR_USAGE, "'%s' is no url of a NATS server: nats://host:port or tls://host:port", one);
        if (count == SERVERS_MAX) return FAIL_WHY(diag, ERR_LIMIT, "more than %d servers", SERVERS_MAX);
        servers[count++] = one;
        *ret_tls |= tls;
    }
    return natsOptions_SetServers(o, servers, count) == NATS_OK ? OK : FAIL(ENOMEM);
}

static natsStatus set_credentials(const Nats *n, natsOptions *o, const BusNatsConfig *c)
{
    if (c->key) {
        char nkey[NKEY_TEXT_MAX];
        PublicKey key;
        memcpy(key.bytes, c->key->bytes + SIGN_SECRET_BYTES - SIGN_PUBLIC_BYTES, sizeof key.bytes); /* libsodium keeps it behind the seed */
        nkey_print(&key, nkey);
        n->shared->key = *c->key;
        return natsOptions_SetNKey(o, nkey, nats_on_challenge, n->shared);
    }
    return c->credentials ? natsOptions_SetUserCredentialsFromFiles(o, c->credentials, NULL) : NATS_OK;
}

static natsStatus set_tls(natsOptions *o, const BusNatsConfig *c, bool tls)
{
    natsStatus s = NATS_OK;
    if (tls || c->tls_ca || c->tls_cert) s = natsOptions_SetSecure(o, true);
    if (s == NATS_OK && c->tls_ca) s = natsOptions_LoadCATrustedCertificates(o, c->tls_ca);
    if (s == NATS_OK && c->tls_cert) s = natsOptions_LoadCertificatesChain(o, c->tls_cert, c->tls_key);
    return s;
}

static natsStatus set_behaviour(const Nats *n, natsOptions *o, const char *inbox_prefix)
{
    natsStatus s = natsOptions_SetTimeout(o, n->connect_ms);
    if (s == NATS_OK) s = natsOptions_SetIOBufSize(o, IO_BUFFER);
    if (s == NATS_OK) s = natsOptions_SetName(o, n->id);
    if (s == NATS_OK) s = natsOptions_SetCustomInboxPrefix(o, inbox_prefix);
    if (s == NATS_OK) s = natsOptions_SetMaxReconnect(o, -1);
    if (s == NATS_OK) s = natsOptions_SetReconnectWait(o, RECONNECT_WAIT_MS);
    if (s == NATS_OK) s = natsOptions_SetReconnectJitter(o, RECONNECT_JITTER_MS, RECONNECT_JITTER_MS);
    if (s == NATS_OK) s = natsOptions_SetReconnectBufSize(o, RECONNECT_BUFFER);
    if (s == NATS_OK) s = natsOptions_SetPingInterval(o, PING_MS);
    if (s == NATS_OK) s = natsOptions_SetMaxPingsOut(o, PINGS_OUT_MAX);
    if (s == NATS_OK) s = natsOptions_SetWriteDeadline(o, WRITE_MS);
    if (s == NATS_OK) s = natsOptions_SetDisconnectedCB(o, nats_on_disconnected, n->shared);
    if (s == NATS_OK) s = natsOptions_SetReconnectedCB(o, nats_on_reconnected, n->shared);
    if (s == NATS_OK) s = natsOptions_SetErrorHandler(o, nats_on_error, n->shared);
    return s == NATS_OK ? natsOptions_SetClosedCB(o, nats_on_closed, n->shared) : s;
}

/* --- connecting --- */

static Err why_not(const Nats *n, natsStatus s, Diag *diag)
{
    const char *detail = nats_GetLastError(NULL);
    switch (s) {
    case NATS_NO_SERVER:
    case NATS_TIMEOUT:
    case NATS_IO_ERROR:
        return FAIL_WHY(diag, ERR_CLOSED, "%s: no NATS server answers there; start one (covey bus config writes its file), or check host and port", n->url);
    case NATS_CONNECTION_AUTH_FAILED:
    case NATS_NOT_PERMITTED:
        return FAIL_WHY(diag, ERR_DENIED, "%s: the server does not know this key; add it there (covey bus config --node, --manager or --broker) and reload the server", n->url);
    case NATS_SSL_ERROR:
    case NATS_SECURE_CONNECTION_REQUIRED:
    case NATS_SECURE_CONNECTION_WANTED:
        return FAIL_WHY(diag, ERR_DENIED, "%s: no TLS that both sides accept (%s); check the CA, and the name in the server's certificate", n->url, detail ? detail : "");
    default:
        return FAIL_WHY(diag, ERR_CLOSED, "%s: %s", n->url, detail && *detail ? detail : natsStatus_GetText(s));
    }
}

static natsStatus connect_once(Nats *n, natsOptions *o)
{
    nats_shared_hold(n->shared); /* until nats_on_closed */
    natsStatus s = natsConnection_Connect(&n->connection, o);
    if (s != NATS_OK) nats_shared_release(n->shared);
    return s;
}

static Err dial(Nats *n, const BusNatsConfig *c, natsOptions *o, Diag *diag)
{
    char prefix[NATS_INBOX_MAX];
    bool tls = false;
    snprintf(prefix, sizeof prefix, "%.*s", (int)(strlen(n->inbox) - strlen(".0011223344556677.")), n->inbox);
    TRY_WHY(diag, set_servers(o, c->url, &tls, diag), "%s", c->url);
    natsStatus s = set_credentials(n, o, c);
    if (s == NATS_OK) s = set_tls(o, c, tls);
    if (s == NATS_OK) s = set_behaviour(n, o, prefix);
    if (s != NATS_OK) return why_not(n, s, diag);
    /* About one connection in 300 libnats 3.4 sends without the signature that it was given, and the server refuses it; the next one has another
     * nonce. When it reconnects libnats tries again by itself. */
    s = connect_once(n, o);
    for (int i = 1; i < REFUSED_TRIES && s == NATS_CONNECTION_AUTH_FAILED && c->key; i++) s = connect_once(n, o);
    return s == NATS_OK ? OK : why_not(n, s, diag);
}

static Err look_at_server(Nats *n, Diag *diag)
{
    char url[NATS_URL_MAX];
    NatsServerInfo info = {0};
    if (natsConnection_GetConnectedUrl(n->connection, url, sizeof url) != NATS_OK) return FAIL_WHY(diag, ERR_CLOSED, "%s: gone again", n->url);
    TRY_WHY(diag, nats_probe(url, n->connect_ms, &info), "%s: what kind of server is this", url);
    if (!nats_version_at_least(info.version, 2, 9))
        return FAIL_WHY(diag, ERR_CLOSED, "%s: nats-server %s; Covey needs 2.9 or later", url, info.version);
    if (!info.jetstream)
        return FAIL_WHY(diag, ERR_CLOSED, "%s: this server runs without JetStream; start it with -js, or with a file of covey bus config", url);
    const int64_t most = natsConnection_GetMaxPayload(n->connection);
    if (most < FRAME_CHUNK_MIN + NATS_OVERHEAD)
        return FAIL_WHY(diag, ERR_CLOSED, "%s: max_payload of %lld is too small; set 1MB", url, (long long)most);
    n->chunk = (uint32_t)((most < NATS_CHUNK_MAX ? most : NATS_CHUNK_MAX) - NATS_OVERHEAD);
    return OK;
}

static Err open_inbox(Nats *n)
{
    char subject[NATS_INBOX_MAX + 1];
    snprintf(subject, sizeof subject, "%s>", n->inbox);
    nats_shared_hold(n->shared);
    if (natsConnection_Subscribe(&n->inbox_subscription, n->connection, subject, nats_on_message, n->shared) != NATS_OK) {
        nats_shared_release(n->shared);
        return FAIL(ERR_CLOSED);
    }
    if (natsSubscription_SetOnCompleteCB(n->inbox_subscription, nats_on_subscription_end, n->shared) != NATS_OK) nats_shared_release(n->shared);
    natsSubscription_SetPendingLimits(n->inbox_subscription, -1, -1); /* our ring is the limit, and the callback never waits */
    return OK;
}

static Err name_inbox(Nats *n, const BusNatsConfig *c)
{
    char owner[NKEY_TEXT_MAX + SUBJECT_TOKEN_MAX];
    uint8_t secret[8];
    TRY(random_bytes(secret, sizeof secret));
    TRY(random_bytes(n->id_prefix, sizeof n->id_prefix));
    snprintf(owner, sizeof owner, "%s", n->id);
    if (c->key) {
        PublicKey key;
        memcpy(key.bytes, c->key->bytes + SIGN_SECRET_BYTES - SIGN_PUBLIC_BYTES, sizeof key.bytes);
        nkey_print(&key, owner);
    }
    int used = snprintf(n->inbox, sizeof n->inbox, "_INBOX.%s.", owner);
    for (size_t i = 0; i < sizeof secret; i++) used += snprintf(n->inbox + used, sizeof n->inbox - (size_t)used, "%02x", secret[i]);
    snprintf(n->inbox + used, sizeof n->inbox - (size_t)used, ".");
    return OK;
}

static Err begin(Nats *n, const BusNatsConfig *c, Diag *diag)
{
    natsOptions *o = NULL;
    TRY(nats_shared_new(&n->shared));
    TRY(nats_assembly_new(ASSEMBLY_BYTES_MAX, &n->assembly));
    TRY(name_inbox(n, c));
    if (natsOptions_Create(&o) != NATS_OK) return FAIL(ENOMEM);
    Err e = dial(n, c, o, diag);
    natsOptions_Destroy(o);
    if (e.code) return e;
    TRY(look_at_server(n, diag));
    n->connected = n->shared->connected = true;
    if (n->role == BUS_MANAGER) TRY(nats_setup_streams(n, diag));
    TRY_WHY(diag, open_inbox(n), "%s", n->url);
    TRY(loop_add_fd(n->loop, n->shared->event_fd, EPOLLIN, nats_receive, n, &n->source));
    return loop_add_timer(n->loop, clock_monotonic_ns(), tick, n, &n->timer);
}

Err bus_nats_connect(Loop *loop, const BusNatsConfig *c, Bus **ret_bus, Diag *diag)
{
    TRY(check_config(c, diag));
    Nats *n = calloc(1, sizeof *n);
    if (!n) return FAIL(ENOMEM);
    n->loop = loop;
    n->role = c->role;
    n->replicas = c->replicas ? c->replicas : 1;
    n->record_ttl_ms = c->record_ttl_ms ? c->record_ttl_ms : NATS_RECORD_TTL_MS;
    n->ack_wait_ms = c->ack_wait_ms ? c->ack_wait_ms : NATS_ACK_WAIT_MS;
    n->connect_ms = c->connect_ms ? c->connect_ms : NATS_CONNECT_MS;
    n->on_state = c->on_state;
    n->context = c->context;
    n->stream_bytes = c->stream_bytes ? c->stream_bytes : GIB;
    snprintf(n->id, sizeof n->id, "%s", c->id);
    snprintf(n->url, sizeof n->url, "%s", c->url);
    Err e = bus_memory_new(loop, &n->bus);
    if (e.code) {
        free(n);
        return e;
    }
    Bus *bus = n->bus;
    bus_set_link(bus, &LINK, n);
    e = begin(n, c, diag);
    if (e.code) {
        bus_free(&bus);
        return diag_complete(diag, e, "%s", c->url);
    }
    *ret_bus = bus;
    return OK;
}

static void count_bytes(const Nats *n, BusNatsStatus *status)
{
    natsStatistics *counted = NULL;
    if (natsStatistics_Create(&counted) == NATS_OK && natsConnection_GetStats(n->connection, counted) == NATS_OK)
        natsStatistics_GetCounts(counted, NULL, &status->bytes_received, NULL, &status->bytes_sent, NULL);
    natsStatistics_Destroy(counted);
}

void bus_nats_status(const Bus *bus, BusNatsStatus *ret_status)
{
    const Nats *n = nats_of(bus);
    *ret_status = (BusNatsStatus){0};
    if (!n) return;
    NatsShared *s = n->shared;
    *ret_status = n->status;
    pthread_mutex_lock(&s->lock);
    ret_status->connected = s->connected;
    ret_status->reconnects = s->reconnects;
    ret_status->dropped += s->lost;
    memcpy(ret_status->problem, s->problem, sizeof ret_status->problem);
    pthread_mutex_unlock(&s->lock);
    ret_status->queued_bytes = n->outgoing_bytes;
    count_bytes(n, ret_status);
}

Err bus_nats_forget_node(Bus *bus, const char *node_id)
{
    Nats *n = nats_of(bus);
    return n ? nats_forget(n, node_id) : FAIL(ERR_USAGE);
}
