/* The broker's state in SQLite: one transaction for each decision, synced before a key leaves. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>

#include "keybroker/state_parts.h"

#define STRINGS(x) STR(x)

/* "CovK"; the version changes when an older Covey would misread the rows. */
#define APPLICATION_ID 0x436f764b
#define SCHEMA_VERSION 2 /* 1 had no ledger */

static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE dataset(id BLOB, version INTEGER, footer BLOB NOT NULL, PRIMARY KEY(id, version)) STRICT;"
    "CREATE TABLE task(id BLOB PRIMARY KEY, dataset BLOB NOT NULL, version INTEGER NOT NULL) STRICT;"
    "CREATE TABLE run(task BLOB, measurement BLOB, setup BLOB, counted_at INTEGER NOT NULL, PRIMARY KEY(task, measurement, setup)) STRICT;"
    "CREATE TABLE session(id INTEGER PRIMARY KEY, task BLOB NOT NULL, node BLOB NOT NULL, stage INTEGER NOT NULL, expires INTEGER NOT NULL,"
    " UNIQUE(task, node, stage)) STRICT;"
    "CREATE INDEX task_of_dataset ON task(dataset, version);"
    "PRAGMA application_id = " STRINGS(APPLICATION_ID) "; PRAGMA user_version = 1; COMMIT;";

static const char WITH_LEDGER[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE ledger(number INTEGER PRIMARY KEY, dataset BLOB NOT NULL, task BLOB UNIQUE, entry BLOB NOT NULL) STRICT;"
    "CREATE INDEX ledger_of_dataset ON ledger(dataset, number);"
    "CREATE TABLE answer(task BLOB PRIMARY KEY, head BLOB NOT NULL) STRICT;"
    "PRAGMA user_version = " STRINGS(SCHEMA_VERSION) "; COMMIT;";

/* FULL: a commit is on the disk when it returns, power loss included. */
static const char SETUP[] =
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";

static const DatabaseKind KIND = {SETUP, SCHEMA, APPLICATION_ID, SCHEMA_VERSION};

static const char *const SQL[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [FIND_NEWEST] = "SELECT max(version) FROM dataset WHERE id = ?1",
    [FIND_FOOTER] = "SELECT footer FROM dataset WHERE id = ?1 AND version = ?2",
    [PUT_DATASET] = "INSERT INTO dataset VALUES(?1, ?2, ?3)",
    [FIND_TASK] = "SELECT dataset, version FROM task WHERE id = ?1",
    [PUT_TASK] = "INSERT INTO task VALUES(?1, ?2, ?3)",
    [FIND_RUN] = "SELECT measurement = ?2 AND setup = ?3 FROM run WHERE task = ?1 ORDER BY 1 DESC",
    [COUNT_RUNS] = "SELECT count(*) FROM run JOIN task ON task.id = run.task WHERE dataset = ?1 AND version = ?2",
    [PUT_RUN] = "INSERT INTO run VALUES(?1, ?2, ?3, ?4)",
    [FIND_SESSION] = "SELECT id FROM session WHERE task = ?1 AND node = ?2 AND stage = ?3",
    [PUT_SESSION] = "INSERT INTO session VALUES(?1, ?2, ?3, ?4, ?5)",
    [PROLONG_SESSION] = "UPDATE session SET expires = ?2 WHERE id = ?1",
    [SHOW_SESSION] = ("SELECT session.id, task, node, stage, expires, dataset, task.version, footer FROM session JOIN task ON "
                      "task.id = session.task JOIN dataset ON dataset.id = task.dataset AND dataset.version = task.version"
                      " WHERE session.id = ?1 AND expires > ?2"),
    [SWEEP] = "DELETE FROM session WHERE expires <= ?1",
    [LEDGER_LAST] = "SELECT number, entry FROM ledger ORDER BY number DESC LIMIT 1",
    [LEDGER_OF_TASK] = "SELECT entry FROM ledger WHERE task = ?1",
    [LEDGER_OF_DATASET] = "SELECT entry FROM ledger WHERE dataset = ?1 ORDER BY number",
    [LEDGER_AT] = "SELECT entry FROM ledger WHERE number = ?1",
    [LEDGER_ADD] = "INSERT INTO ledger VALUES(?1, ?2, ?3, ?4)",
    [ANSWER_OF_TASK] = "SELECT head FROM answer WHERE task = ?1",
    [ANSWER_ADD] = "INSERT INTO answer VALUES(?1, ?2)",
    [NEWEST_FOOTER] = "SELECT footer FROM dataset WHERE id = ?1 ORDER BY version DESC LIMIT 1",
    [EACH_DATASET] = "SELECT DISTINCT id FROM dataset ORDER BY id",
};

/* --- opening --- */

static Err open_state(State *s, const char *path)
{
    int64_t version;
    TRY(database_open(path, &KIND, &s->db, &version));
    if (version < SCHEMA_VERSION) TRY(database_run(s->db, WITH_LEDGER));
    for (int i = 0; i < STATEMENT_COUNT; i++) TRY(database_prepare(s->db, SQL[i], &s->statements[i]));
    return OK;
}

Err state_open(const char *path, State **ret_state, Diag *diag)
{
    State *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    Err e = open_state(s, path);
    if (!e.code) {
        *ret_state = s;
        return OK;
    }
    state_close(&s);
    if (e.code == ERR_BUSY)
        return FAIL_WHY(diag, ERR_BUSY, "%s: another key broker works with this state; stop it, or name another folder", path);
    if (e.code == ERR_CORRUPT)
        return FAIL_WHY(diag, ERR_CORRUPT, "%s: is not the state of a key broker of this version; restore it from a copy", path);
    return FAIL_WHY(diag, e.code, "%s: %s", path, err_text(e.code));
}

void state_close(State **state)
{
    State *s = *state;
    if (!s) return;
    for (int i = 0; i < STATEMENT_COUNT; i++) sqlite3_finalize(s->statements[i]);
    sqlite3_close(s->db);
    free(s);
    *state = NULL;
}

/* --- rows --- */

sqlite3_stmt *state_use(State *s, Statement which)
{
    sqlite3_stmt *t = s->statements[which];
    sqlite3_reset(t);
    return t;
}

void state_bind_blob(sqlite3_stmt *t, int place, const void *bytes, size_t size)
{
    sqlite3_bind_blob64(t, place, bytes, size, SQLITE_STATIC);
}
void state_bind_number(sqlite3_stmt *t, int place, uint64_t v) { sqlite3_bind_int64(t, place, (int64_t)v); }

Err state_run(State *s, sqlite3_stmt *t)
{
    return database_step(s->db, t);
}

/* *ret_row false: no row. The statement stays at its row until it is used again or reset. */
Err state_find(State *s, sqlite3_stmt *t, bool *ret_row)
{
    int rc = sqlite3_step(t);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) return database_error(s->db);
    *ret_row = rc == SQLITE_ROW;
    return OK;
}

View state_blob(sqlite3_stmt *t, int column)
{
    const void *bytes = sqlite3_column_blob(t, column);
    return view_of(bytes, (size_t)sqlite3_column_bytes(t, column));
}

static bool blob_into(sqlite3_stmt *t, int column, void *ret_bytes, size_t size)
{
    View v = state_blob(t, column);
    if (v.size != size) return false;
    memcpy(ret_bytes, v.data, size);
    return true;
}

Err state_roll_back(State *s, Err e)
{
    if (sqlite3_get_autocommit(s->db)) return e;
    Err rolled = state_run(s, state_use(s, ROLLBACK)); /* when even this fails, SQLite rolls back at the next open */
    (void)rolled;
    return e;
}

/* --- datasets --- */

static Err refuse_other_content(State *s, const uint8_t dataset[DATASET_BYTES], uint64_t version, View footer, Diag *diag)
{
    sqlite3_stmt *t = state_use(s, FIND_FOOTER);
    bool row = false;
    state_bind_blob(t, 1, dataset, DATASET_BYTES);
    state_bind_number(t, 2, version);
    TRY(state_find(s, t, &row));
    bool same = row && view_equal(state_blob(t, 0), footer);
    sqlite3_reset(t);
    if (!row) return FAIL(ERR_CORRUPT);
    if (same) return OK;
    return FAIL_WHY(diag, ERR_DENIED,
                    "another dataset was seen with this id and version %" PRIu64 ": seal it again with a higher version",
                    version);
}

Err state_pin(State *s, const uint8_t dataset[DATASET_BYTES], uint64_t version, View footer, Diag *diag)
{
    sqlite3_stmt *t = state_use(s, FIND_NEWEST);
    bool row = false;
    if (version > INT64_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "the version of the dataset is out of range");
    state_bind_blob(t, 1, dataset, DATASET_BYTES);
    TRY(state_find(s, t, &row));
    const bool seen = row && sqlite3_column_type(t, 0) == SQLITE_INTEGER;
    const uint64_t newest = (uint64_t)sqlite3_column_int64(t, 0);
    sqlite3_reset(t);
    if (seen && version < newest)
        return FAIL_WHY(diag, ERR_DENIED, "version %" PRIu64 " of the dataset is out of date: version %" PRIu64 " was seen",
                        version, newest);
    if (seen && version == newest) return refuse_other_content(s, dataset, version, footer, diag);
    t = state_use(s, PUT_DATASET);
    state_bind_blob(t, 1, dataset, DATASET_BYTES);
    state_bind_number(t, 2, version);
    state_bind_blob(t, 3, footer.data, footer.size);
    return state_run(s, t);
}

/* --- tasks and runs --- */

/* A task id stands for one dataset: the keys of its results are derived from it. */
static Err bind_task(State *s, const Admission *a, Diag *diag)
{
    sqlite3_stmt *t = state_use(s, FIND_TASK);
    bool row = false;
    state_bind_blob(t, 1, a->task, sizeof a->task);
    TRY(state_find(s, t, &row));
    const bool same = row && view_equal(state_blob(t, 0), view_of(a->dataset, sizeof a->dataset)) &&
                      (uint64_t)sqlite3_column_int64(t, 1) == a->version;
    sqlite3_reset(t);
    if (same) return OK;
    if (row)
        return FAIL_WHY(diag, ERR_DENIED,
                        "this task id was used for another dataset, or another version of it: start the task anew");
    t = state_use(s, PUT_TASK);
    state_bind_blob(t, 1, a->task, sizeof a->task);
    state_bind_blob(t, 2, a->dataset, sizeof a->dataset);
    state_bind_number(t, 3, a->version);
    return state_run(s, t);
}

/* A row of `run`: the task id, with the stage behind it where that is not 0. Such rows are nobody's run: they only hold each stage to
 * one program. */
typedef struct { uint8_t bytes[TASK_BYTES + 4]; size_t size; } RunKey;

static RunKey run_key(const Admission *a)
{
    RunKey key = {.size = a->stage ? sizeof key.bytes : TASK_BYTES};
    memcpy(key.bytes, a->task, TASK_BYTES);
    for (int i = 0; i < 4; i++) key.bytes[TASK_BYTES + i] = (uint8_t)(a->stage >> 8 * i);
    return key;
}

static void bind_run(sqlite3_stmt *t, const Admission *a, const RunKey *key)
{
    state_bind_blob(t, 1, key->bytes, key->size);
    state_bind_blob(t, 2, a->measurement.bytes, sizeof a->measurement.bytes);
    state_bind_blob(t, 3, a->setup.bytes, sizeof a->setup.bytes);
}

static Err count_runs(State *s, const Admission *a, uint64_t *ret_runs)
{
    sqlite3_stmt *t = state_use(s, COUNT_RUNS);
    bool row = false;
    state_bind_blob(t, 1, a->dataset, sizeof a->dataset);
    state_bind_number(t, 2, a->version);
    TRY(state_find(s, t, &row));
    *ret_runs = (uint64_t)sqlite3_column_int64(t, 0);
    sqlite3_reset(t);
    return OK;
}

/* Combining stages see only results of the same task: they use up no run of their own. */
static Err count_run(State *s, const Admission *a, Admitted *ret, Diag *diag)
{
    const RunKey key = run_key(a);
    sqlite3_stmt *t = state_use(s, FIND_RUN);
    bool row = false;
    bind_run(t, a, &key);
    TRY(state_find(s, t, &row));
    const bool same = row && sqlite3_column_int(t, 0) != 0;
    sqlite3_reset(t);
    TRY(count_runs(s, a, &ret->runs));
    if (same) return OK;
    if (row) return FAIL_WHY(diag, ERR_DENIED, "this task id was used with another image, other arguments or limits: start the task anew");
    ret->counted = a->stage == 0;
    if (ret->counted && a->runs_max > 0 && ret->runs >= a->runs_max)
        return FAIL_WHY(diag, ERR_DENIED, "the policy allows %" PRIu64 " runs, and all are used", a->runs_max);
    t = state_use(s, PUT_RUN);
    bind_run(t, a, &key);
    state_bind_number(t, 4, a->now);
    ret->runs += ret->counted;
    return state_run(s, t);
}

/* --- sessions --- */

static Err put_session(State *s, const Admission *a, Admitted *ret)
{
    sqlite3_stmt *t = state_use(s, FIND_SESSION);
    bool row = false;
    state_bind_blob(t, 1, a->task, sizeof a->task);
    state_bind_blob(t, 2, a->node.bytes, sizeof a->node.bytes);
    state_bind_number(t, 3, a->stage);
    TRY(state_find(s, t, &row));
    ret->session_id = row ? (uint64_t)sqlite3_column_int64(t, 0) : a->new_session;
    sqlite3_reset(t);
    t = state_use(s, row ? PROLONG_SESSION : PUT_SESSION);
    state_bind_number(t, 1, ret->session_id);
    if (row) {
        state_bind_number(t, 2, a->expires);
        return state_run(s, t);
    }
    state_bind_blob(t, 2, a->task, sizeof a->task);
    state_bind_blob(t, 3, a->node.bytes, sizeof a->node.bytes);
    state_bind_number(t, 4, a->stage);
    state_bind_number(t, 5, a->expires);
    return state_run(s, t);
}

Err state_admit(State *s, const Admission *a, Admitted *ret_admitted, Diag *diag)
{
    Admitted admitted = {0};
    TRY(state_run(s, state_use(s, BEGIN)));
    Err e = bind_task(s, a, diag);
    if (!e.code) e = count_run(s, a, &admitted, diag);
    if (!e.code && a->charge) e = state_charge(s, a, diag);
    if (!e.code) e = put_session(s, a, &admitted);
    if (!e.code) e = state_run(s, state_use(s, COMMIT));
    if (e.code) return state_roll_back(s, e);
    *ret_admitted = admitted;
    return OK;
}

static bool read_session(sqlite3_stmt *t, StoredSession *ret)
{
    *ret = (StoredSession){.id = (uint64_t)sqlite3_column_int64(t, 0),
                           .stage = (uint32_t)sqlite3_column_int(t, 3),
                           .expires = (uint64_t)sqlite3_column_int64(t, 4),
                           .version = (uint64_t)sqlite3_column_int64(t, 6),
                           .footer = state_blob(t, 7)};
    return blob_into(t, 1, ret->task, sizeof ret->task) && blob_into(t, 2, ret->node.bytes, sizeof ret->node.bytes) &&
           blob_into(t, 5, ret->dataset, sizeof ret->dataset);
}

Err state_session(State *s, uint64_t id, uint64_t now, SessionVisit visit, void *context)
{
    sqlite3_stmt *t = state_use(s, SHOW_SESSION);
    StoredSession session;
    bool row = false;
    if (id > INT64_MAX) return FAIL(ERR_NO_ENTRY);
    state_bind_number(t, 1, id);
    state_bind_number(t, 2, now);
    Err e = state_find(s, t, &row);
    if (!e.code && !row) e = FAIL(ERR_NO_ENTRY);
    if (!e.code) e = read_session(t, &session) ? visit(context, &session) : FAIL(ERR_CORRUPT);
    sqlite3_reset(t);
    return e;
}
