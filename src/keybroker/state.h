/**
 * What the key broker must not forget, in SQLite: datasets and versions seen, tasks counted, sessions. No keys: those are
 * derived from the owner's. What a call has written is on the disk when it returns.
 *
 * A run is counted for each task. A task id stands for one dataset and one program with its set-up: whoever could run a second
 * one under the same id could mix the results of both, and nobody who opens them would see it.
 */
#pragma once
#include "crypto/sign.h"
#include "keybroker/ledger.h"

enum { TASK_BYTES = 16, DATASET_BYTES = 16 };

typedef struct State State;
/** errors: ERR_BUSY (another broker has it), ERR_CORRUPT (not a broker's state, or another version's) */
MUST_USE Err state_open(const char *path, State **ret_state, Diag *diag);
void state_close(State **state);

/** Remembers a dataset and its signed footer. errors: ERR_DENIED (a newer version was seen, or this very version with another
 *  content) */
MUST_USE Err state_pin(State *s, const uint8_t dataset[DATASET_BYTES], uint64_t version, View footer, Diag *diag);

/** What a private task costs. Once for each task id, however many SEEs, attempts, nodes and brokers' lives it takes; never given back. */
typedef struct {
    const PolicyBudget *budget;  /* the policy's */
    Loss loss;
    Sha256 request;
    const char *what;
} Charge;

typedef struct {
    uint8_t task[TASK_BYTES], dataset[DATASET_BYTES];
    uint64_t version;
    Sha256 measurement, setup;
    PublicKey node;
    uint32_t stage;
    uint64_t runs_max;        /* 0: any number */
    uint64_t now, expires;    /* unix seconds; of the session */
    const Charge *charge;     /* NULL: not a private task */
    uint64_t new_session;     /* the id it gets if (task, node, stage) has none yet; not 0 */
} Admission;
typedef struct {
    uint64_t session_id;
    uint64_t runs;
    bool counted;
} Admitted; /* runs: of this version of the dataset so far; counted: this was a new one */
/** Counts the run if it is a new one, charges the task if it was not charged, and makes or prolongs the session: all or nothing.
 *  errors: ERR_DENIED (no run or no budget is left, the task asked for something else before, or the task id belongs to another dataset, image or
 *  set-up) */
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

/* --- the privacy ledger: state_ledger.c --- */

/** How many entries there are, and the hash of the last one; zeros when there is none. */
MUST_USE Err state_ledger_head(State *s, uint64_t *ret_count, Sha256 *ret_head);
/** The hash of that entry. errors: ERR_NO_ENTRY */
MUST_USE Err state_ledger_hash(State *s, uint64_t number, Sha256 *ret_hash);
MUST_USE Err state_ledger_entry(State *s, uint64_t number, LedgerEntry *ret_entry, Sha256 *ret_hash);
/** Checks that every entry can be read and holds the hash of the one before. errors: ERR_CORRUPT */
MUST_USE Err state_ledger_verify(State *s);
typedef Err (*LedgerVisit)(void *context, const LedgerEntry *entry);
/** Entries of one dataset in order. */
MUST_USE Err state_ledger_each(State *s, const uint8_t dataset[DATASET_BYTES], LedgerVisit visit, void *context);
/** The budget that holds for the dataset, the policy's or what it was set to, with what was spent. */
MUST_USE Err state_account(State *s, const uint8_t dataset[DATASET_BYTES], const PolicyBudget *policy, Account *ret_account, Diag *diag);
/** The owner's word in place of the policy's. errors: ERR_BAD_INPUT (what was spent cannot be counted in it) */
MUST_USE Err state_set_budget(State *s, const uint8_t dataset[DATASET_BYTES], const PolicyBudget *budget, uint64_t now, Diag *diag);
/** Whether the task was charged; then its answer opens once. */
MUST_USE Err state_is_charged(State *s, const uint8_t task[TASK_BYTES], bool *ret_charged);
/** Remembers the one result that may be opened. errors: ERR_DENIED (another one was) */
MUST_USE Err state_open_answer(State *s, const uint8_t task[TASK_BYTES], const Sha256 *head, Diag *diag);
/** The newest signed footer of a dataset that was seen. errors: ERR_NO_ENTRY */
MUST_USE Err state_newest_footer(State *s, const uint8_t dataset[DATASET_BYTES], Buffer *ret_footer);
/** Every dataset that was seen. */
typedef Err (*DatasetVisit)(void *context, const uint8_t dataset[DATASET_BYTES]);
MUST_USE Err state_each_dataset(State *s, DatasetVisit visit, void *context);
