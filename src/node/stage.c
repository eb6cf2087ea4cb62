/* A node's stage: what is offered, kept and evicted. */
#include "node/stage_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/fd.h"

uint64_t stage_wall_ms(const Stage *s) { return s->config.wall_ms ? s->config.wall_ms(s->config.context) : clock_wall_ns() / NS_PER_MS; }

/* --- birth and death --- */

static Err fill_in(Stage *s)
{
    TRY(random_bytes(s->id.bytes, sizeof s->id.bytes));
    TRY(loop_add_deferred(s->config.loop, stage_on_verify, s, &s->verify));
    return loop_add_timer(s->config.loop, UINT64_MAX, stage_on_timer, s, &s->timer);
}

Err stage_new(const StageConfig *config, Stage **ret_stage)
{
    assert(config && config->loop && ret_stage);

    Stage *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    s->config = *config;
    if (!s->config.bytes_max) s->config.bytes_max = STAGE_BYTES_DEFAULT;
    if (!s->config.keep_free) s->config.keep_free = STAGE_KEEP_FREE_DEFAULT;
    Err e = fill_in(s);
    if (e.code) stage_free(&s);
    else *ret_stage = s;
    return e;
}

void stage_free(Stage **stage)
{
    Stage *s = *stage;
    if (!s) return;
    while (s->entry_count) stage_evict_entry(s, s->entries[s->entry_count - 1], STAGE_EVICTED_END);
    while (s->shelf_count) shelf_free(&s->shelves[--s->shelf_count]);
    loop_remove(&s->verify);
    loop_remove(&s->timer);
    free(s);
    *stage = NULL;
}

const StageId *stage_id(const Stage *s) { return &s->id; }

Err stage_listen(Stage *s, StageListener listener, void *context)
{
    if (s->ear_count == STAGE_LISTENERS_MAX) return FAIL(ERR_LIMIT);
    s->ears[s->ear_count++] = (StageEar){listener, context};
    return OK;
}

void stage_unlisten(Stage *s, StageListener listener, void *context)
{
    for (uint32_t i = 0; i < s->ear_count; i++) {
        if (s->ears[i].listener != listener || s->ears[i].context != context) continue;
        s->ears[i] = s->ears[--s->ear_count];
        return;
    }
}

/* --- what is here --- */

void stage_announce(Stage *s, Entry *e)
{
    if (e->announced) return;
    e->announced = true;
    e->state = e->r.kind == RESOURCE_IMAGE ? ENTRY_READY : e->state;
    e->ready_ns = clock_monotonic_ns();
    stage_say(s, STAGE_STAGED, &e->r, e->offer, e->ready_ns - e->offered_ns, NULL);
}

static void forget_shelf(Stage *s, Entry *e)
{
    if (e->r.kind == RESOURCE_IMAGE && e->shelf) stage_shelf_close(s, &e->shelf);
}

void stage_remove(Stage *s, Entry *e, StageOutcomeCode code)
{
    uint32_t i = 0;
    while (s->entries[i] != e) i++;
    s->entries[i] = s->entries[--s->entry_count];
    if (e->state == ENTRY_VERIFYING) s->verifying--;
    if (e->zygotes_live && s->drop_zygotes) s->drop_zygotes(s->agent_context, e);
    s->stats.bytes_held -= e->r.size;
    if (e->claimed) s->stats.bytes_claimed += e->r.size;
    else if (e->announced) s->stats.bytes_wasted += e->r.size;
    if (code) stage_say(s, code, &e->r, stage_outcome_is_refusal(code) ? e->offer : 0, e->announced ? clock_monotonic_ns() - e->ready_ns : 0, NULL);
    forget_shelf(s, e);
    stage_verify_end(e);
    fd_close(&e->fd);
    free(e);
    stage_arm_timer(s);
}

void stage_evict_entry(Stage *s, Entry *e, StageOutcomeCode code)
{
    bool lies = e->r.kind == RESOURCE_DATA && e->shelf && e->state == ENTRY_READY;
    e->claimed |= lies && !shelf_take_back(e->shelf, e->place, code == STAGE_EVICTED_EXPIRED ? PLACE_EXPIRED : PLACE_EVICTED);
    bool gone = e->claimed && e->r.kind == RESOURCE_DATA;
    stage_remove(s, e, gone ? STAGE_CLAIMED : code);
}

/* --- offers --- */

static StageSeen *seen_of(Stage *s, const PublicKey *key)
{
    for (uint32_t i = 0; i < s->seen_count; i++)
        if (memcmp(s->seen[i].key.bytes, key->bytes, sizeof key->bytes) == 0) return &s->seen[i];
    if (s->seen_count == STAGE_KEYS_MAX) return NULL;
    s->seen[s->seen_count] = (StageSeen){*key, 0};
    return &s->seen[s->seen_count++];
}

/* Everything that needs no look at the bytes. In this order: who is not trusted hears nothing of what else would be wrong. */
static StageOutcomeCode check_statement(Stage *s, const Resource *r)
{
    if (!stage_key_is_trusted(s, &r->pto)) return STAGE_UNTRUSTED;
    if (stage_key_is_revoked(s, &r->pto)) return STAGE_REVOKED;
    if (memcmp(r->stage.bytes, s->id.bytes, sizeof s->id.bytes) != 0) return STAGE_ELSEWHERE;
    StageSeen *seen = seen_of(s, &r->pto);
    if (!seen || r->sequence <= seen->sequence) return STAGE_REPLAYED;
    seen->sequence = r->sequence;
    return stage_wall_ms(s) >= r->expires_ms ? STAGE_EXPIRED : STAGE_STAGED;
}

static StageOutcomeCode take_in(Stage *s, const Resource *r, int *fd, uint64_t offer)
{
    StageOutcomeCode code = stage_check_fd(r, *fd);
    if (code != STAGE_STAGED) return code;
    if (s->verifying == STAGE_VERIFYING_MAX || !stage_make_room(s, r)) return STAGE_NO_ROOM;
    Entry *e = calloc(1, sizeof *e);
    if (!e) return STAGE_NO_ROOM;
    *e = (Entry){.r = *r, .state = ENTRY_VERIFYING, .fd = fd_take(fd), .offer = offer, .offered_ns = clock_monotonic_ns()};
    s->entries[s->entry_count++] = e;
    s->stats.bytes_held += r->size;
    if (stage_verify_begin(s, e).code == 0) {
        stage_arm_timer(s);
        return STAGE_STAGED;
    }
    e->state = ENTRY_WAITING; /* it was never counted among those that are verified */
    stage_remove(s, e, 0);
    return STAGE_NO_ROOM;
}

void stage_offer(Stage *s, View statement, int fd, uint64_t *ret_offer)
{
    AUTO_FD own = fd;
    Resource r;
    const uint64_t offer = ++s->last_offer;
    *ret_offer = offer;
    s->stats.offered++;
    Err e = resource_decode(statement, &r, NULL);
    if (e.code) {
        stage_say(s, e.code == ERR_BAD_SIGNATURE ? STAGE_FORGED : STAGE_MALFORMED, NULL, offer, 0, NULL);
        return;
    }
    StageOutcomeCode code = check_statement(s, &r);
    if (code == STAGE_STAGED) code = take_in(s, &r, &own, offer);
    if (code != STAGE_STAGED) stage_say(s, code, &r, offer, 0, NULL);
}

void stage_evict(Stage *s, const PublicKey *pto, uint64_t sequence, StageOutcomeCode *ret_code)
{
    *ret_code = STAGE_NOT_HERE;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        Entry *e = s->entries[i];
        if (e->r.sequence != sequence || memcmp(e->r.pto.bytes, pto->bytes, sizeof pto->bytes) != 0) continue;
        *ret_code = STAGE_EVICTED_BY_PTO;
        stage_evict_entry(s, e, STAGE_EVICTED_BY_PTO);
        return;
    }
}

/* --- numbers --- */

StageStats stage_stats(const Stage *s)
{
    StageStats n = s->stats;
    n.bytes_max = s->config.bytes_max;
    n.resources = s->entry_count;
    for (uint32_t i = 0; i < s->entry_count; i++) n.zygotes += s->entries[i]->zygotes_ready;
    return n;
}

bool stage_holds(const Stage *s, const Sha256 *hash, View task)
{
    for (uint32_t i = 0; i < s->entry_count; i++) {
        const Entry *e = s->entries[i];
        if (e->announced && view_equal(resource_task_of(&e->r), task) && memcmp(e->r.hash.bytes, hash->bytes, sizeof hash->bytes) == 0) return true;
    }
    return false;
}

bool stage_item(const Stage *s, uint32_t *at, StageItem *ret_item)
{
    if (*at >= s->entry_count) return false;
    const Entry *e = s->entries[(*at)++];
    *ret_item = (StageItem){.resource = &e->r, .ready = e->announced, .since_ns = e->offered_ns, .zygotes = e->zygotes_ready};
    return true;
}
