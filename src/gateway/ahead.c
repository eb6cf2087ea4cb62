/*
 * What an orchestrator wants ready. Its places have a budget of their own, and come after everything that requests need: they are never a reason
 * to close a place in use, and the first request makes one an ordinary place.
 */
#include "gateway/parts.h"

#include "crypto/sign.h"
#include "sys/clock.h"

static void staged_now(const Gateway *g, uint32_t *ret_count, uint64_t *ret_bytes)
{
    *ret_count = 0;
    *ret_bytes = 0;
    for (size_t i = 0; i < g->config.service->task_count; i++) {
        const Place *p = &g->places[i];
        if (p->state == PLACE_COLD || !p->staged_unused) continue;
        ++*ret_count;
        *ret_bytes += place_bytes(p);
    }
}

Err gateway_want(Gateway *g, uint32_t task)
{
    Place *p = &g->places[task];
    const Service *s = g->config.service;
    uint32_t count;
    uint64_t bytes, now = clock_monotonic_ns();
    staged_now(g, &count, &bytes);
    bool room = count < s->staged_max && bytes + place_bytes(p) <= s->staged_bytes_max;
    if (p->state != PLACE_COLD || now < p->retry_ns || !room || g->draining) {
        if (p->state == PLACE_COLD) g->stats.staged_refused++, place_say(p);
        return OK;
    }
    g->stats.staged++;
    g->stats.staged_bytes += place_bytes(p);
    return place_begin_ahead(p);
}

void gateway_drop(Gateway *g, uint32_t task, bool even_warm)
{
    Place *p = &g->places[task];
    bool idle = p->state != PLACE_COLD && !p->waiting.first && !p->running.first;
    if (idle && (p->staged_unused || even_warm)) place_close(p);
}

void gateway_set_orchestrators(Gateway *g, uint32_t count) { g->stats.orchestrators = count; }

StreamPlace gateway_place(const Gateway *g, uint32_t task)
{
    const Place *p = &g->places[task];
    uint32_t here = p->staged_unused ? PLACE_IS_STAGED : PLACE_IS_WARM;
    uint32_t state = p->state == PLACE_COLD ? PLACE_IS_ABSENT : p->state != PLACE_READY ? PLACE_IS_COMING : here;
    return (StreamPlace){.task = task, .state = state, .bytes = place_bytes(p), .fetch_ns = p->fetch_ns, .verify_ns = p->verify_ns,
                         .start_ns = p->start_ns, .attest_ns = p->attest_ns, .attest_waits = place_sealed(p) != NULL};
}

StreamHello gateway_hello(const Gateway *g)
{
    const Service *s = g->config.service;
    return (StreamHello){.task_count = (uint32_t)s->task_count, .staged_max = s->staged_max, .staged_bytes_max = s->staged_bytes_max,
                         .identity = service_identity(s)};
}
