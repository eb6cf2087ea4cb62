/**
 * What the key broker must not forget, in SQLite: datasets and versions seen, tasks counted, sessions. No keys: those are
 * derived from the owner's. What a call has written is on the disk when it returns.
 *
 * A run is counted for each task. A task id stands for one dataset and one program with its set-up: whoever could run a second
 * one under the same id could mix the results of both, and nobody who opens them would see it.
 */
#pragma once
#include "crypto/sign.h"

enum { TASK_BYTES = 16, DATASET_BYTES = 16 };

typedef struct State State;
/** errors: ERR_BUSY (another broker has it), ERR_CORRUPT (not a broker's state, or another version's) */
MUST_USE Err state_open(const char *path, State **ret_state, Diag *diag);
void state_close(State **state);

/** Remembers a dataset and its signed footer. errors: ERR_DENIED (a newer version was seen, or this very version with another
 *  content) */
MUST_USE Err state_pin(State *s, const uint8_t dataset[DATASET_BYTES], uint64_t version, View footer, Diag *diag);

typedef struct {
    uint8_t task[TASK_BYTES], dataset[DATASET_BYTES];
    uint64_t version;
    Sha256 measurement, setup;
    PublicKey node;
    uint32_t stage;
    uint64_t runs_max;        /* 0: any number */
    uint64_t now, expires;    /* unix seconds; of the session */
    uint64_t new_session;     /* the id it gets if (task, node, stage) has none yet; not 0 */
} Admission;
typedef struct {
    uint64_t session_id;
    uint64_t runs;
    bool counted;
} Admitted; /* runs: of this version of the dataset so far; counted: this was a new one */
/** Counts the run if it is a new one, and makes or prolongs the session: both or neither.
 *  errors: ERR_DENIED (no run is left, or the task id belongs to another dataset, image or set-up) */
MUST_USE Err state_admit(State *s, const Admission *a, Admitted *ret_admitted, Diag *diag);

typedef struct {
    uint64_t id, version, expires;
    uint8_t task[TASK_BYTES], dataset[DATASET_BYTES];
    PublicKey node;
    uint32_t stage;
    View footer;
} StoredSession;
typedef Err (*SessionVisit)(void *context, const StoredSession *session);
/** Shows a session that has not expired; `session` is borrowed for the call. errors: ERR_NO_ENTRY, those of `visit` */
MUST_USE Err state_session(State *s, uint64_t id, uint64_t now, SessionVisit visit, void *context);
/** The signed footer of the dataset that a task was counted for. errors: ERR_NO_ENTRY */
MUST_USE Err state_task_footer(State *s, const uint8_t task[TASK_BYTES], Buffer *ret_footer);
/** Forgets sessions that have expired. What was counted and pinned stays. */
MUST_USE Err state_sweep(State *s, uint64_t now);
