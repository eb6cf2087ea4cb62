/**
 * What to keep ready: the tasks whose being ready saves the most expected waiting for each byte that they hold, within a budget. Pure: time is an
 * argument, nothing is random, the same calls give the same decisions. docs/prefetch.md
 *
 *   saving(task)  = P(asked for while it stays) * (what a cold request waits) - (1 - P) * (what staging it takes from others; 0 once it is there)
 *   density(task) = saving / bytes
 *
 * The densest are staged, nothing whose saving is not above zero; what is staged gives way to what is denser by DECIDE_HYSTERESIS. All of the costs
 * are measured ones that the caller reports. Staged bytes may have a rate, a bucket of tokens: then, for learned, a byte has a price, taken from the
 * density of what is not there yet. It is nothing while the bucket is full, and rises as it empties: the last bytes go to what is worth most.
 * What was staged is judged by what became of it: when staging costs more than it
 * saves, it stops for a while.
 *
 * The modes differ in where the probability comes from:
 *   off         nothing is staged
 *   histogram   a task's own idle times: not before the pre-warming window, not after the keep-alive window (Shahrad et al., Serverless in the Wild,
 *               ATC 2020, section 4.2)
 *   lookahead   the session's last task: those that may follow it, by the service's metadata, are equally probable
 *   learned     a predictor's distribution for each session, how long sessions pause after a task, how often sessions begin with a task, and how
 *               long the task itself is idle
 *   oracle      what really comes next, from a recording: for measuring what could be saved at most
 */
#pragma once
#include "base/bytes.h"

typedef enum { DECIDE_OFF, DECIDE_HISTOGRAM, DECIDE_LOOKAHEAD, DECIDE_LEARNED, DECIDE_ORACLE, DECIDE_MODES } DecideMode;
const char *decide_mode_name(DecideMode mode);
bool decide_mode_parse(const char *name, DecideMode *ret_mode);

enum {
    DECIDE_SESSIONS = 4096,       /* whose next request is expected; the one silent for longest gives way */
    DECIDE_CANDIDATES = 8,        /* of each */
    DECIDE_BINS = 240,            /* of idle times, as in the paper: four hours of minutes */
    DECIDE_PAUSES = 48,           /* bins of pauses: powers of two of a microsecond */
    DECIDE_TASKS_MAX = 1024,
    DECIDE_ACTIONS_MAX = 64,      /* of one turn */
    DECIDE_JUDGED = 64,           /* staged tasks whose fate is weighed together */
    DECIDE_BURST = 16,            /* requests whose bytes may be staged at once */
};
#define DECIDE_HYSTERESIS 1.25
#define DECIDE_STAY 4 /* horizons that something stays before it must give way, about */

typedef struct {
    DecideMode mode;
    uint32_t task_count;
    uint64_t bytes_max;           /* the staging budget */
    uint32_t tasks_max;           /* and in tasks; 0: as many as there are bytes for */
    uint64_t bin_ns;              /* of the histogram; 0: one minute */
    uint64_t rest_ns;             /* how long staging stops when it did harm; 0: ten bins */
    uint64_t request_bytes;       /* staged for each request: during n of them n times as much and a burst at most; 0: no such limit */
    uint64_t burst_bytes;         /* saved up at most; 0: of DECIDE_BURST requests, and at least the largest task */
} DecideConfig;

typedef struct Decide Decide;
/** All memory is taken here. errors: ERR_USAGE, ENOMEM */
MUST_USE Err decide_new(const DecideConfig *config, Decide **ret_decide);
void decide_free(Decide **decide);

/** Bytes, and tasks (0: as many as there are bytes for). */
void decide_set_budget(Decide *d, uint64_t bytes_max, uint32_t tasks_max);

/** Metadata: what may follow. Not said: nothing is known, and lookahead expects nothing. */
void decide_set_next(Decide *d, uint32_t task, const uint32_t *next, uint32_t count);
/** Measured: bytes held when staged; what a cold request waits for; what staging takes from others (processor time). */
void decide_measured(Decide *d, uint32_t task, uint64_t bytes, uint64_t waiting_ns, uint64_t effort_ns);

/** A request came. Times that go back count as the last one. session: a hash. */
void decide_observe(Decide *d, uint64_t now_ns, uint64_t session, uint32_t task);
/** learned: what the session asks for next, after decide_observe; probabilities sum up to at most 1. Only the first DECIDE_CANDIDATES count. */
typedef struct { uint32_t task; float probability; } DecideCandidate;
void decide_expect(Decide *d, uint64_t session, const DecideCandidate *candidates, uint32_t count);
/** oracle: the requests to come, in their order; borrowed. decide_observe goes on in it. */
void decide_future(Decide *d, const uint32_t *tasks, size_t count);

/** Where a task is. WARM: a request of it would be a hit without us. */
typedef enum { DECIDE_ABSENT, DECIDE_STAGING, DECIDE_STAGED, DECIDE_WARM } DecideState;
void decide_state(Decide *d, uint32_t task, DecideState state);
/** A staged task's fate, from which is seen whether staging does harm: `used`: a request found it; otherwise it was evicted in vain. */
void decide_judge(Decide *d, uint32_t task, bool used, uint64_t now_ns);

typedef struct { bool stage; /* else evict */ uint32_t task; uint64_t value; /* ns of waiting saved for each MiB, expected */ } DecideAction;
/** Evictions before what needs their room. The caller tells decide_state what it did. */
uint32_t decide_turn(Decide *d, uint64_t now_ns, DecideAction *ret_actions, uint32_t room);
/** When to ask again, if nothing happens before; UINT64_MAX: never. */
uint64_t decide_wake(const Decide *d, uint64_t now_ns);

typedef struct { uint64_t bytes_staged; uint32_t staged; bool resting; double probability_now; } DecideView;
DecideView decide_view(const Decide *d, uint32_t task);
