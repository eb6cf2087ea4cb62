/**
 * Sessions: the last events of each, and sums over all of them. A bounded table; the session longest not touched gives way.
 *
 * Step   one event as the models see it.
 */
#pragma once
#include "predict/predict.h"

enum { SESSION_STEPS_MAX = 32, SESSION_OWN_MAX = 12 };

typedef struct {
    uint16_t task;
    uint8_t hour, weekday;          /* local; weekday 0: Thursday, as 1970-01-01 was one */
    uint8_t rank;                   /* of the session's tasks by last use, before this event: 0 the same again; SESSION_OWN_MAX: not among them */
    float gap_s, age_s;             /* since the event before, since the first */
    uint32_t attributes[PREDICT_ATTRIBUTES_MAX];
    uint16_t position;              /* in the session, from 1; stays at its most */
    uint16_t times;                 /* how often this task came so far, this one counted (among the tasks that are kept) */
} Step;

typedef struct { uint16_t task, count; float weight; } Own; /* of one task in this session: how often, and with older ones fading */

typedef struct {
    uint64_t id, client;
    int64_t first_ms, last_ms;
    uint32_t count;                 /* events so far */
    uint32_t newer, older, chain;   /* by last use; by hash. 0: none */
    uint64_t set, prefix;           /* a bit for each task (modulo 64) that came; a hash of all that came */
    Step steps[SESSION_STEPS_MAX];  /* event number i is at i % SESSION_STEPS_MAX */
    Own own[SESSION_OWN_MAX];       /* last used first */
    uint32_t own_count;
    uint32_t state;                 /* the neural state that belongs to it; 0: none */
} Session;

typedef struct { Session *all; uint32_t *heads; uint32_t max, mask, used, newest, oldest, free; } Sessions;

MUST_USE Err sessions_new(uint32_t max, Sessions *ret_sessions);
void sessions_free(Sessions *s);
Session *session_find(Sessions *s, uint64_t id);
/** Finds it, or makes it; *ret_lost gets the session that gave way for it (its id and state), or zeros. It is the newest from now on. */
Session *session_touch(Sessions *s, uint64_t id, Session *ret_lost);
void session_drop(Sessions *s, Session *session);
size_t sessions_memory(const Sessions *s);

/** The event becomes part of its session. */
void session_add(Session *s, const PredictEvent *e);
/** Step `back` events ago, 0: the last; NULL: there is none, or it is no longer kept. */
static inline const Step *session_step(const Session *s, uint32_t back)
{
    return s && back < s->count && back < SESSION_STEPS_MAX ? &s->steps[(s->count - 1 - back) % SESSION_STEPS_MAX] : NULL;
}
static inline uint16_t session_task(const Session *s, uint32_t back)
{
    const Step *step = session_step(s, back);
    return step ? step->task : (uint16_t)PREDICT_END; /* before the first event: the same mark as behind the last */
}
