/* Between libnats' threads and the loop's: a bounded ring of messages, what happened to the connection, and the key that signs in. */
#include "bus/nats_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bus/nkey.h"
#include "sys/fault.h"
#include "sys/fd.h"

Err nats_shared_new(NatsShared **ret_shared)
{
    NatsShared *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    s->holders = 1;
    s->ring = calloc(NATS_RING, sizeof(natsMsg *));
    s->event_fd = FAULTABLE("eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!s->ring || s->event_fd < 0) {
        const int code = s->ring ? errno : ENOMEM;
        fd_close(&s->event_fd);
        free(s->ring);
        free(s);
        return FAIL(code);
    }
    pthread_condattr_t clock;
    pthread_condattr_init(&clock);
    pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    pthread_cond_init(&s->released, &clock);
    pthread_condattr_destroy(&clock);
    pthread_mutex_init(&s->lock, NULL);
    *ret_shared = s;
    return OK;
}

void nats_shared_hold(NatsShared *s)
{
    pthread_mutex_lock(&s->lock);
    s->holders++;
    pthread_mutex_unlock(&s->lock);
}

void nats_shared_release(NatsShared *s)
{
    pthread_mutex_lock(&s->lock);
    const uint32_t left = --s->holders;
    pthread_cond_signal(&s->released);
    pthread_mutex_unlock(&s->lock);
    if (left) return;
    secret_key_wipe(&s->key);
    fd_close(&s->event_fd);
    free(s->ring);
    pthread_cond_destroy(&s->released);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void nats_shared_close(NatsShared *s, uint64_t patience_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(patience_ms / 1000);
    pthread_mutex_lock(&s->lock);
    s->closed = true;
    for (; s->count; s->count--, s->head = (s->head + 1) % NATS_RING) natsMsg_Destroy(s->ring[s->head]);
    while (s->holders > 1 && pthread_cond_timedwait(&s->released, &s->lock, &until) == 0) {}
    pthread_mutex_unlock(&s->lock);
}

natsMsg *nats_shared_take(NatsShared *s)
{
    pthread_mutex_lock(&s->lock);
    natsMsg *m = NULL;
    if (s->count) {
        m = s->ring[s->head];
        s->head = (s->head + 1) % NATS_RING;
        s->count--;
        s->bytes -= (size_t)natsMsg_GetDataLength(m);
    }
    pthread_mutex_unlock(&s->lock);
    return m;
}

/* Nobody reads a counter so high that this could block or fail. */
void nats_shared_wake(NatsShared *s)
{
    const uint64_t one = 1;
    const ssize_t ignored = write(s->event_fd, &one, sizeof one);
    (void)ignored;
}

NatsNews nats_shared_news(NatsShared *s)
{
    pthread_mutex_lock(&s->lock);
    NatsNews news = {s->connected, s->changed, s->lost, s->reconnects, ""};
    memcpy(news.problem, s->problem, sizeof news.problem);
    s->changed = false;
    pthread_mutex_unlock(&s->lock);
    return news;
}

void nats_shared_problem(NatsShared *s, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    pthread_mutex_lock(&s->lock);
    vsnprintf(s->problem, sizeof s->problem, format, args);
    pthread_mutex_unlock(&s->lock);
    va_end(args);
}

/* --- libnats' threads --- */

void nats_on_message(natsConnection *c, natsSubscription *sub, natsMsg *message, void *shared)
{
    (void)c, (void)sub;
    NatsShared *s = shared;
    const size_t size = (size_t)natsMsg_GetDataLength(message);
    pthread_mutex_lock(&s->lock);
    const bool fits = !s->closed && s->count < NATS_RING && (s->count == 0 || s->bytes + size <= NATS_RING_BYTES_MAX);
    const bool first = s->count == 0;
    if (fits) {
        s->ring[(s->head + s->count++) % NATS_RING] = message;
        s->bytes += size;
    } else {
        s->lost++;
    }
    if (fits && first) nats_shared_wake(s);
    pthread_mutex_unlock(&s->lock);
    if (!fits) natsMsg_Destroy(message);
}

void nats_on_subscription_end(void *shared) { nats_shared_release(shared); }

static void set_connected(NatsShared *s, bool connected)
{
    pthread_mutex_lock(&s->lock);
    s->connected = connected;
    s->changed = true;
    if (connected) s->reconnects++;
    if (!s->closed) nats_shared_wake(s);
    pthread_mutex_unlock(&s->lock);
}

void nats_on_disconnected(natsConnection *c, void *shared)
{
    (void)c;
    set_connected(shared, false);
}

void nats_on_reconnected(natsConnection *c, void *shared)
{
    (void)c;
    set_connected(shared, true);
}

void nats_on_closed(natsConnection *c, void *shared)
{
    (void)c;
    nats_shared_release(shared);
}

void nats_on_error(natsConnection *c, natsSubscription *sub, natsStatus status, void *shared)
{
    (void)sub;
    const char *text = NULL;
    natsConnection_GetLastError(c, &text);
    nats_shared_problem(shared, "%s%s%s", natsStatus_GetText(status), text && *text ? ": " : "", text ? text : "");
}

natsStatus nats_on_challenge(char **ret_text, unsigned char **ret_signature, int *ret_size, const char *nonce, void *shared)
{
    (void)ret_text;
    const NatsShared *s = shared;
    unsigned char *signature = malloc(SIGNATURE_BYTES);
    if (!signature) return NATS_NO_MEMORY;
    nkey_sign(&s->key, view_text(nonce ? nonce : ""), signature); /* a server that asks nobody who he is sends none */
    *ret_signature = signature;
    *ret_size = SIGNATURE_BYTES;
    return NATS_OK;
}
