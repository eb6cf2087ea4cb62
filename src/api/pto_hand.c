/*
 * From a decision to the stage: the data of the task, then its image. Reading files holds up nobody but the orchestrator. A stage that is not
 * there, or refuses, costs nothing: the service is told all the same, and fetches for itself.
 */
#include "api/pto_hand.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "dataset/sealed.h"
#include "pto/hand_over.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { KEEP_MS = 10 * 60 * 1000, AGAIN_MS = 500, PATIENCE_MS = 30000, ITEMS_MAX = SERVICE_DATA_MAX + 1 /* the image last */, OUTCOMES_PER_TURN = 64 };

typedef struct { uint64_t sequence; bool staged; } HandedItem; /* sequence 0: nothing of it is there, nor on its way */
typedef struct { HandedItem items[ITEMS_MAX]; uint32_t pending; uint64_t since_ns; } Handed;

struct Handing {
    HandingConfig config;
    HandOver hand_over;
    LoopSource *source, *again, *late;
    uint64_t late_ns;             /* when `late` is due */
    Handed *tasks;
};

static void audit(const Handing *h, uint32_t task, const StageOutcome *o)
{
    char detail[512];
    AuditEvent event = o->code == STAGE_STAGED ? AUDIT_PREFETCH : o->code == STAGE_CLAIMED ? AUDIT_CLAIM
                       : stage_outcome_is_eviction(o->code) ? AUDIT_EVICTION : AUDIT_PREFETCH_REFUSAL;
    if (!h->config.audit || stage_outcome_is_claim_refusal(o->code)) return;
    snprintf(detail, sizeof detail, "{\"outcome\":\"%s\",\"name\":\"%.*s\",\"sequence\":%llu,\"size\":%llu}", stage_outcome_word(o->code),
             RESOURCE_NAME_MAX, o->name, (unsigned long long)o->sequence, (unsigned long long)o->size);
    Err e = audit_write(h->config.audit, clock_wall_ns(), event, "pto", h->config.service->tasks[task].name, detail, false);
    (void)e; /* the orchestrator says so at its own next line */
}

static void settle(Handing *h, uint32_t task)
{
    if (--h->tasks[task].pending == 0) h->config.handed(h->config.context, task);
}

/* A name from the other side is only ever written down when it is one: the node's word is not taken for JSON. */
static void take(Handing *h, const StageOutcome *o)
{
    if (memcmp(o->pto.bytes, h->config.public_key.bytes, sizeof o->pto.bytes) != 0 || !resource_name_valid(view_text(o->name))) return;
    for (uint32_t t = 0; t < h->config.service->task_count; t++)
        for (uint32_t i = 0; i < ITEMS_MAX; i++) {
            HandedItem *item = &h->tasks[t].items[i];
            if (item->sequence != o->sequence || o->sequence == 0 || stage_outcome_is_claim_refusal(o->code)) continue;
            const bool was_pending = !item->staged;
            audit(h, t, o);
            if (o->code == STAGE_STAGED) item->staged = true;
            else *item = (HandedItem){0};
            if (was_pending) settle(h, t);
            return;
        }
}

static void disconnect(Handing *h)
{
    loop_remove(&h->source);
    hand_over_close(&h->hand_over);
    loop_set_timer(h->again, clock_monotonic_ns() + AGAIN_MS * NS_PER_MS);
    for (uint32_t t = 0; t < h->config.service->task_count; t++) {
        const bool pending = h->tasks[t].pending > 0;
        h->tasks[t] = (Handed){.pending = 0};
        if (pending) h->config.handed(h->config.context, t);
    }
}

static Err on_outcome(void *context, uint32_t events)
{
    (void)events;
    Handing *h = context;
    for (int i = 0; i < OUTCOMES_PER_TURN; i++) {
        StageOutcome o;
        Err e = stage_link_receive(&h->hand_over.link, &o);
        if (e.code == ERR_BUSY) return OK;
        if (e.code) {
            disconnect(h);
            return OK;
        }
        take(h, &o);
    }
    return OK;
}

static void look_at(Handing *h, uint64_t at_ns)
{
    if (at_ns >= h->late_ns) return;
    h->late_ns = at_ns;
    loop_set_timer(h->late, at_ns);
}

/* The node sends outcomes without waiting: one may be missed, and nobody says so if it was the last. */
static Err on_late(void *context, uint32_t events)
{
    (void)events;
    Handing *h = context;
    const uint64_t now = clock_monotonic_ns(), patience = h->config.patience_ms * NS_PER_MS;
    h->late_ns = UINT64_MAX;
    for (uint32_t t = 0; t < h->config.service->task_count; t++) {
        const Handed *handed = &h->tasks[t];
        if (handed->pending == 0) continue;
        if (handed->since_ns + patience > now) look_at(h, handed->since_ns + patience);
        else disconnect(h); /* nothing is pending then */
    }
    return OK;
}

static Err on_again(void *context, uint32_t events)
{
    (void)events;
    Handing *h = context;
    const uint64_t last = h->hand_over.sequence;
    Err e = hand_over_open(h->config.stage_path, h->config.secret, &h->config.public_key, &h->hand_over);
    if (!e.code && h->hand_over.sequence < last) h->hand_over.sequence = last; /* the clock was set back */
    if (!e.code) e = loop_add_fd(h->config.loop, h->hand_over.link.socket, EPOLLIN, on_outcome, h, &h->source);
    if (!e.code) return OK;
    hand_over_close(&h->hand_over);
    loop_set_timer(h->again, clock_monotonic_ns() + AGAIN_MS * NS_PER_MS);
    return OK;
}

Err handing_new(const HandingConfig *config, Handing **ret_handing)
{
    Handing *h = calloc(1, sizeof *h);
    if (!h) return FAIL(ENOMEM);
    *h = (Handing){.config = *config, .hand_over.link.socket = -1, .late_ns = UINT64_MAX,
                    .tasks = calloc(config->service->task_count, sizeof *h->tasks)};
    if (!h->config.patience_ms) h->config.patience_ms = PATIENCE_MS;
    Err e = h->tasks ? loop_add_timer(config->loop, clock_monotonic_ns(), on_again, h, &h->again) : FAIL(ENOMEM);
    if (!e.code) e = loop_add_timer(config->loop, UINT64_MAX, on_late, h, &h->late);
    if (e.code) handing_free(&h);
    else *ret_handing = h;
    return e;
}

void handing_free(Handing **handing)
{
    Handing *h = *handing;
    if (!h) return;
    loop_remove(&h->source);
    loop_remove(&h->again);
    loop_remove(&h->late);
    hand_over_close(&h->hand_over);
    free(h->tasks);
    free(h);
    *handing = NULL;
}

/* Whether it is on its way now. */
static bool offer(Handing *h, uint32_t task, uint32_t item, Resource *r, const char *path)
{
    AUTO_FD fd = -1;
    HandedItem *handed = &h->tasks[task].items[item];
    if (handed->sequence || hand_over_read(path, &fd, &r->size, &r->hash).code) return false;
    r->task_count = 1;
    snprintf(r->tasks[0].text, sizeof r->tasks[0].text, "%s", h->config.service->tasks[task].name);
    if (hand_over_offer(&h->hand_over, r, fd, KEEP_MS).code) return false;
    *handed = (HandedItem){.sequence = r->sequence};
    h->tasks[task].pending++;
    return true;
}

static bool offer_data(Handing *h, uint32_t task, uint32_t i, uint64_t value)
{
    const ServiceTask *t = &h->config.service->tasks[task];
    char path[PATH_BYTES_MAX];
    Resource r = {.kind = RESOURCE_DATA, .image_count = 1, .value = value};
    memcpy(r.images[0].bytes, h->config.images[task].measurement, sizeof r.images[0].bytes);
    int n = snprintf(path, sizeof path, "%s/%s", h->config.service->store.path, t->data[i]);
    if (n > 0 && n < (int)sizeof path && sealed_probe(path)) return false; /* no module claims it: the service hands it to its SEE */
    return n > 0 && n < (int)sizeof path && hand_over_name(t->name, t->data[i], r.name).code == 0 && offer(h, task, i, &r, path);
}

bool handing_task(Handing *h, uint32_t task, uint64_t value)
{
    const Service *s = h->config.service;
    const HandingImage *image = &h->config.images[task];
    if (!image->path || !h->hand_over.link.greeted || h->tasks[task].pending) return false;
    for (uint32_t i = 0; i < s->tasks[task].data_count && i < SERVICE_DATA_MAX; i++) offer_data(h, task, i, value);
    Resource r = {.kind = RESOURCE_IMAGE, .value = value, .shape = {s->level, s->memory_max, s->output_max, 1}};
    snprintf(r.name, sizeof r.name, "%s", s->tasks[task].name);
    offer(h, task, ITEMS_MAX - 1, &r, image->path);
    if (h->tasks[task].pending == 0) return false;
    h->tasks[task].since_ns = clock_monotonic_ns();
    look_at(h, h->tasks[task].since_ns + h->config.patience_ms * NS_PER_MS);
    return true;
}

void handing_take_back(Handing *h, uint32_t task)
{
    for (uint32_t i = 0; i < ITEMS_MAX; i++) {
        const HandedItem *item = &h->tasks[task].items[i];
        if (!item->staged) continue;
        Err e = stage_link_evict(&h->hand_over.link, &h->config.public_key, item->sequence);
        (void)e; /* it expires, then */
    }
}
