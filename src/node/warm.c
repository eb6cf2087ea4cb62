/* Zygotes of staged images that wait for their task. */
#include "node/warm.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>

#include "node/task.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum {
    RENEW_S = 200,                /* evidence is valid for 300: its zygote is attested anew while it waits */
    WARM_MAX = ZYGOTES_MAX / 2,   /* the other half of what a warden holds is the tasks' in any case */
};

typedef struct {
    Warm *warm;
    Entry *image;                 /* NULL: this place is free */
    ZygoteLink link;
    LoopSource *source;
    uint64_t slot_bytes;
    bool ready;                   /* locked down, and attested where somebody appraises */
    uint64_t asked_ns, renew_ns;  /* evidence was asked for, 0: not now; when it is asked for again */
    uint8_t nonce[32];            /* of that question */
} WarmZygote;

struct Warm {
    Node *node;
    Stage *stage;
    WarmZygote zygotes[WARM_MAX];
};

/* The warden's limit for what SEEs of this zygote may write, for any task that the shape fits, sealed or not. */
static uint64_t slot_bytes_of(const ResourceShape *shape)
{
    uint32_t slots = shape->level == LEVEL_SHARED ? SHARED_SLOTS : PROCESS_SLOTS;
    SlotPlan plan = slot_plan(shape->level, task_output_room(shape->output_max, true), slots);
    return slots * slot_bytes_max(&plan);
}

/* The place is free again; what the zygote itself becomes is settled by the caller. */
static void forget(WarmZygote *z)
{
    loop_remove(&z->source);
    z->image->zygotes_live--;
    z->image->zygotes_ready -= z->ready;
    z->image = NULL;
}

static void end(WarmZygote *z)
{
    Node *node = z->warm->node;
    static const SlotPlan NO_SLOTS;
    if (warden_link_end(&node->warden, z->link.id).code) node->warden_lost = true;
    forget(z);
    zygote_link_drop(&z->link, &NO_SLOTS);
    node->live_zygotes--;
    loop_defer(node->work);
}

static void drop_zygotes(void *context, Entry *image)
{
    Warm *w = context;
    for (uint32_t i = 0; i < WARM_MAX; i++)
        if (w->zygotes[i].image == image) end(&w->zygotes[i]);
}

/* It will not become ready: the image goes, and its other zygotes with it. */
static void fail(WarmZygote *z, StageOutcomeCode why)
{
    Entry *image = z->image;
    end(z);
    stage_image_progress(z->warm->stage, image, why);
}

static void become_ready(WarmZygote *z)
{
    if (z->ready) return;
    z->ready = true;
    z->image->zygotes_ready++;
    stage_image_progress(z->warm->stage, z->image, 0);
}

/* The appraiser's nonce to the warden; what comes back is heard below. */
static void ask_evidence(WarmZygote *z, uint64_t now_ns)
{
    const StageAppraiser *a = &z->warm->stage->config.appraiser;
    Err e = a->nonce(a->context, z->nonce);
    if (!e.code) e = warden_link_evidence(&z->warm->node->warden, z->link.id, z->nonce, a->kinds);
    z->asked_ns = now_ns;
    if (e.code) fail(z, STAGE_EVICTED_FAILED);
}

static void hear_evidence(WarmZygote *z, const WardenReport *report)
{
    Stage *s = z->warm->stage;
    Diag why = {{0}};
    if (!z->asked_ns) return;
    const StageAppraiser *a = &s->config.appraiser;
    const StageEvidence evidence = {.cose = report->evidence, .nonce = z->nonce, .measurement = z->image->measurement,
                                    .level = z->image->r.shape.level};
    Err verdict = report->code ? FAIL_WHY(&why, report->code, "no evidence: %s", report->text) : a->appraise(a->context, &evidence, &why);
    const uint64_t now = clock_monotonic_ns();
    z->link.attest_ns = now - z->asked_ns;
    z->asked_ns = 0;
    z->renew_ns = now + RENEW_S * NS_PER_S;
    stage_say_appraised(s, z->image, verdict, why.text, z->link.attest_ns);
    if (verdict.code) fail(z, STAGE_EVICTED_UNATTESTED);
    else become_ready(z);
}

static Err on_channel(void *context, uint32_t events)
{
    (void)events;
    WarmZygote *z = context;
    ChannelReport report;
    Err e = zygote_link_receive(&z->link, &report);
    if (e.code == ERR_BUSY) return OK;
    if (e.code || report.type != CHANNEL_WARMED) {
        fail(z, STAGE_EVICTED_FAILED);
        return OK;
    }
    uint64_t now = clock_monotonic_ns();
    z->link.start_ns = now - z->link.since_ns;
    if (z->warm->stage->config.appraiser.appraise) ask_evidence(z, now);
    else become_ready(z);
    return OK;
}

Err warm_new(Node *node, Stage *stage, Warm **ret_warm)
{
    Warm *w = calloc(1, sizeof *w);
    if (!w) return FAIL(ENOMEM);
    w->node = node;
    w->stage = stage;
    stage->agent = node->work;
    stage->drop_zygotes = drop_zygotes;
    stage->agent_context = w;
    *ret_warm = w;
    return OK;
}

void warm_free(Warm **warm)
{
    Warm *w = *warm;
    if (!w) return;
    for (uint32_t i = 0; i < WARM_MAX; i++)
        if (w->zygotes[i].image) end(&w->zygotes[i]);
    w->stage->agent = NULL;
    w->stage->drop_zygotes = NULL;
    free(w);
    *warm = NULL;
}

static WarmZygote *free_place(Warm *w)
{
    for (uint32_t i = 0; i < WARM_MAX; i++)
        if (!w->zygotes[i].image) return &w->zygotes[i];
    return NULL;
}

static bool start(Warm *w, Entry *image, uint64_t now_ns)
{
    Node *node = w->node;
    WarmZygote *z = free_place(w);
    const ResourceShape *shape = &image->r.shape;
    if (!z || node->live_zygotes + 1 >= ZYGOTES_MAX || node->warden_lost) return false;
    WardenStart packet = {.level = shape->level, .memory_max = shape->memory_max, .slot_bytes_max = slot_bytes_of(shape),
                          .flags = shape->level == LEVEL_PROCESS ? WARDEN_STAGED : 0};
    memcpy(packet.measurement, image->measurement, sizeof packet.measurement);
    ZygoteLink link = {.channel = -1};
    if (zygote_link_start(&link, &node->warden, ++node->last_zygote, &packet, image->fd).code) return false; /* the next turn tries again */
    *z = (WarmZygote){.warm = w, .image = image, .link = link, .slot_bytes = packet.slot_bytes_max};
    z->link.since_ns = now_ns;
    if (image->zygotes_live + image->zygotes_taken == 0) w->stage->stats.bytes_copied += image->r.size; /* by the warden */
    node->live_zygotes++;
    image->zygotes_live++;
    if (loop_add_fd(node->loop, z->link.channel, EPOLLIN, on_channel, z, &z->source).code) fail(z, STAGE_EVICTED_FAILED);
    return true;
}

/* The shelf for its task's data is made now, not when the task comes. */
static void make_shelf(Stage *s, Entry *image)
{
    if (image->shelf || image->r.shape.level != LEVEL_PROCESS) return;
    Err ignored = stage_shelf_open(s, resource_task_of(&image->r), image->measurement, &image->shelf); /* the task's own failure to get one is told */
    (void)ignored;
}

static Entry *next_to_start(const Stage *s)
{
    for (uint32_t i = 0; i < s->entry_count; i++) {
        Entry *e = s->entries[i];
        if (e->r.kind == RESOURCE_IMAGE && e->state != ENTRY_VERIFYING && e->zygotes_live + e->zygotes_taken < e->r.shape.zygotes) return e;
    }
    return NULL;
}

void warm_turn(Warm *w, uint64_t now_ns)
{
    for (Entry *e = next_to_start(w->stage); e; e = next_to_start(w->stage)) {
        make_shelf(w->stage, e);
        if (!start(w, e, now_ns)) return;
    }
}

void warm_watch(Warm *w, uint64_t now_ns)
{
    for (uint32_t i = 0; i < WARM_MAX; i++) {
        WarmZygote *z = &w->zygotes[i];
        if (!z->image) continue;
        uint64_t since = z->asked_ns ? z->asked_ns : z->link.since_ns;
        bool late = (!z->ready || z->asked_ns) && now_ns > since + START_SECONDS_MAX * NS_PER_S;
        if (late) fail(z, STAGE_EVICTED_FAILED);
        else if (z->renew_ns && !z->asked_ns && now_ns > z->renew_ns) ask_evidence(z, now_ns);
    }
}

bool warm_hear(Warm *w, const WardenReport *report)
{
    WarmZygote *z = NULL;
    for (uint32_t i = 0; i < WARM_MAX && !z; i++)
        if (w->zygotes[i].image && w->zygotes[i].link.id == report->zygote) z = &w->zygotes[i];
    if (!z) return false;
    const ResourceShape *shape = &z->image->r.shape;
    bool starting = z->link.state == ZYGOTE_STARTING;
    if (report->type == WARDEN_STARTED && starting) {
        if (zygote_link_warm(&z->link, shape->level, shape->memory_max, shape->level == LEVEL_PROCESS).code) fail(z, STAGE_EVICTED_FAILED);
    } else if (report->type == WARDEN_EVIDENCE_READY) {
        hear_evidence(z, report);
    } else if (report->type == WARDEN_REFUSED || report->type == WARDEN_ENDED) {
        fail(z, STAGE_EVICTED_FAILED);
    }
    return true;
}

void warm_orphaned(Warm *w)
{
    for (uint32_t i = 0; i < WARM_MAX; i++)
        if (w->zygotes[i].image) end(&w->zygotes[i]); /* they are started again under the next warden */
}

bool warm_give_way(Warm *w)
{
    Entry *least = NULL;
    for (uint32_t i = 0; i < WARM_MAX; i++) {
        Entry *e = w->zygotes[i].image;
        if (e && (!least || e->r.value < least->r.value)) least = e;
    }
    if (least) stage_evict_entry(w->stage, least, STAGE_EVICTED_PRESSURE);
    return least != NULL;
}

/* Where somebody appraises, only what was accepted; not while that is renewed: the answer would come to the task's own question. */
static bool is_usable(const WarmZygote *z, uint64_t slot_bytes)
{
    bool appraised = z->warm->stage->config.appraiser.appraise != NULL;
    bool warm = z->link.state == ZYGOTE_WARM || (z->link.state == ZYGOTE_WARMING && !appraised);
    return warm && (z->ready || !appraised) && !z->asked_ns && z->slot_bytes >= slot_bytes;
}

bool warm_take(Warm *w, const ImageClaim *claim, uint64_t slot_bytes, ZygoteLink *ret_link)
{
    Entry *image = stage_image_claim(w->stage, claim);
    WarmZygote *found = NULL;
    for (uint32_t i = 0; image && i < WARM_MAX; i++) {
        WarmZygote *z = &w->zygotes[i];
        if (z->image == image && is_usable(z, slot_bytes) && (!found || z->link.state > found->link.state)) found = z;
    }
    if (!found) return false;
    forget(found);
    *ret_link = found->link;
    found->link = (ZygoteLink){.channel = -1};
    stage_image_taken(w->stage, image, claim);
    return true;
}
