/* Sessions in a bounded hash table, with a list by last use. Index 0 of the array is nobody, so that 0 can mean "none". */
#include "predict/session.h"

#include <errno.h>
#include <stdlib.h>

#include "predict/hash.h"

static const float OWN_FADE = 0.8f;

Err sessions_new(uint32_t max, Sessions *ret_sessions)
{
    Sessions s = {.max = max};
    uint32_t heads = 16;
    while (heads < max) heads *= 2;
    s.mask = heads - 1;
    s.all = calloc((size_t)max + 1, sizeof *s.all);
    s.heads = calloc(heads, sizeof *s.heads);
    if (!s.all || !s.heads) {
        sessions_free(&s);
        return FAIL(ENOMEM);
    }
    *ret_sessions = s;
    return OK;
}

void sessions_free(Sessions *s)
{
    free(s->all);
    free(s->heads);
    *s = (Sessions){0};
}

size_t sessions_memory(const Sessions *s) { return ((size_t)s->max + 1) * sizeof *s->all + ((size_t)s->mask + 1) * sizeof *s->heads; }

static uint32_t *head_of(const Sessions *s, uint64_t id) { return &s->heads[hash_mix(id) & s->mask]; }

Session *session_find(Sessions *s, uint64_t id)
{
    for (uint32_t i = *head_of(s, id); i; i = s->all[i].chain)
        if (s->all[i].id == id) return &s->all[i];
    return NULL;
}

static void leave_list(Sessions *s, uint32_t i)
{
    Session *x = &s->all[i];
    if (x->newer) s->all[x->newer].older = x->older;
    else s->newest = x->older;
    if (x->older) s->all[x->older].newer = x->newer;
    else s->oldest = x->newer;
}

static void enter_list(Sessions *s, uint32_t i)
{
    s->all[i].newer = 0;
    s->all[i].older = s->newest;
    if (s->newest) s->all[s->newest].newer = i;
    else s->oldest = i;
    s->newest = i;
}

void session_drop(Sessions *s, Session *session)
{
    uint32_t i = (uint32_t)(session - s->all), *link = head_of(s, session->id);
    while (*link != i) link = &s->all[*link].chain;
    *link = session->chain;
    leave_list(s, i);
    *session = (Session){.chain = s->free};
    s->free = i;
}

Session *session_touch(Sessions *s, uint64_t id, Session *ret_lost)
{
    *ret_lost = (Session){0};
    Session *x = session_find(s, id);
    if (x) {
        leave_list(s, (uint32_t)(x - s->all));
        enter_list(s, (uint32_t)(x - s->all));
        return x;
    }
    if (!s->free && s->used == s->max) {
        *ret_lost = s->all[s->oldest];
        session_drop(s, &s->all[s->oldest]);
    }
    uint32_t i = s->free;
    if (i) s->free = s->all[i].chain;
    else i = ++s->used;
    uint32_t *head = head_of(s, id);
    s->all[i] = (Session){.id = id, .chain = *head};
    *head = i;
    enter_list(s, i);
    return &s->all[i];
}

/* Brings the task to the front of the session's own; the one longest not seen gives way. Says where it was: SESSION_OWN_MAX, it was not there. */
static uint32_t own_to_front(Session *s, uint16_t task)
{
    uint32_t rank = 0, at;
    while (rank < s->own_count && s->own[rank].task != task) rank++;
    bool found = rank < s->own_count;
    Own own = found ? s->own[rank] : (Own){.task = task};
    if (!found && s->own_count < SESSION_OWN_MAX) s->own_count++;
    at = found ? rank : s->own_count - 1;
    memmove(&s->own[1], &s->own[0], at * sizeof s->own[0]);
    s->own[0] = own;
    return found ? rank : SESSION_OWN_MAX;
}

static void count_own(Session *s, Step *step)
{
    step->rank = (uint8_t)own_to_front(s, step->task);
    for (uint32_t i = 0; i < s->own_count; i++) s->own[i].weight *= OWN_FADE;
    s->own[0].weight += 1 - OWN_FADE;
    if (s->own[0].count < UINT16_MAX) s->own[0].count++;
    step->times = s->own[0].count;
}

/* Clocks jump: a difference that does not fit, or runs backwards, is none. */
static float seconds_between(int64_t from_ms, int64_t to_ms)
{
    int64_t ms;
    if (__builtin_sub_overflow(to_ms, from_ms, &ms) || ms < 0) return 0;
    return (float)ms / 1000;
}

static void set_local_time(Step *step, int64_t time_ms, int16_t utc_offset_min)
{
    int64_t hours = time_ms / 3600000 + (int64_t)(time_ms % 3600000 + utc_offset_min * INT64_C(60000)) / 3600000;
    if (hours < 0) hours = 0;
    step->hour = (uint8_t)(hours % 24);
    step->weekday = (uint8_t)(hours / 24 % 7);
}

void session_add(Session *s, const PredictEvent *e)
{
    int64_t time_ms = e->time_ms;
    if (s->count == 0) s->first_ms = s->last_ms = time_ms;
    if (time_ms < s->last_ms) time_ms = s->last_ms;
    Step *step = &s->steps[s->count % SESSION_STEPS_MAX];
    *step = (Step){.task = e->task, .gap_s = seconds_between(s->last_ms, time_ms), .age_s = seconds_between(s->first_ms, time_ms)};
    memcpy(step->attributes, e->attributes, sizeof step->attributes);
    set_local_time(step, time_ms, e->utc_offset_min);
    step->position = (uint16_t)(s->count < UINT16_MAX ? s->count + 1 : UINT16_MAX);
    count_own(s, step);
    s->client = e->client ? e->client : e->session;
    s->last_ms = time_ms;
    s->count++;
    s->set |= UINT64_C(1) << (e->task & 63);
    s->prefix = hash_with(s->prefix, e->task);
}
