/** What decide.c (choosing) and decide_modes.c (probabilities) share. */
#pragma once
#include "pto/decide.h"

typedef struct {
    uint64_t bytes, waiting_ns, effort_ns;
    DecideState state;
    double probability, density;  /* of this turn */
    uint64_t last_ns;             /* of its last request; 0: none */
    uint32_t *idle;               /* histogram: DECIDE_BINS; out-of-bounds ones are counted apart */
    uint32_t idle_count, idle_beyond;
    uint32_t *gaps;               /* learned: DECIDE_PAUSES, between its requests */
    uint32_t *pauses;             /* learned: DECIDE_PAUSES, of sessions after this task */
    uint32_t pause_count;
    double begins, begins_at_ns;  /* learned: sessions that began with it, decaying */
    uint32_t *next;               /* lookahead */
    uint32_t next_count;
    size_t future;                /* oracle: its next use */
} DecideTask;

typedef struct {
    uint64_t session, last_ns;
    uint32_t task;                /* its last */
    uint32_t count;
    DecideCandidate candidates[DECIDE_CANDIDATES];
} DecideSession;

struct Decide {
    DecideConfig config;
    DecideTask *tasks;
    DecideSession *sessions;      /* sets of eight, by hash */
    uint64_t now_ns;
    double rate;                  /* requests a ns, decaying */
    uint64_t requests;
    uint32_t *all_pauses;
    uint32_t all_pause_count;
    const uint32_t *future;
    size_t future_count, future_at;
    uint64_t allowance;           /* bytes that may be staged now, when there is a rate */
    uint64_t bytes_staged;
    uint32_t staged;
    /* fates */
    double saved_ns, wasted_ns;
    uint32_t judged;
    uint64_t rest_until_ns;
};

/** decide_modes.c: fills task->probability of all. */
void decide_probabilities(Decide *d, uint64_t now_ns);
void decide_learn(Decide *d, uint64_t now_ns, uint64_t session, uint32_t task);
uint64_t decide_horizon_ns(const Decide *d);
