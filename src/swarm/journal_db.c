/* The journal's database, over SQLite in WAL mode. Statements are prepared once; rows go in sorted by key, so that pages fill in order. */
#include "swarm/journal_db.h"

#define STRINGS(x) STR(x)

/* "Covy"; so that `file` and a careless hand can tell what it is. The version changes when an older Covey would misread the rows. */
#define APPLICATION_ID 0x436f7679
#define SCHEMA_VERSION 1

static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE task(identity BLOB NOT NULL, seed BLOB NOT NULL, digest_key BLOB NOT NULL, id BLOB NOT NULL, finished INTEGER NOT NULL);"
    "CREATE TABLE ended(key INTEGER PRIMARY KEY, outcome INTEGER NOT NULL, exit_code INTEGER NOT NULL, attempts INTEGER NOT NULL,"
    " place INTEGER NOT NULL, size INTEGER NOT NULL, digest BLOB NOT NULL);"
    "CREATE TABLE log(key INTEGER PRIMARY KEY, text BLOB NOT NULL);"
    "PRAGMA application_id = " STRINGS(APPLICATION_ID) ";"
    "PRAGMA user_version = " STRINGS(SCHEMA_VERSION) ";"
    "COMMIT;";

/* No other process reads while we run, so WAL needs no shared memory; a checkpoint syncs, so it is done seldom. */
static const char SETUP[] =
    "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 4096;"
    "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;";

static const char SETUP_TEMPORARY[] = "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -8192;";

static Err prepare_all(JournalDb *d)
{
    TRY(database_prepare(d->db, "BEGIN IMMEDIATE", &d->begin));
    TRY(database_prepare(d->db, "COMMIT", &d->commit));
    TRY(database_prepare(d->db, "ROLLBACK", &d->rollback));
    TRY(database_prepare(d->db, "INSERT INTO ended VALUES(?,?,?,?,?,?,?)", &d->insert));
    TRY(database_prepare(d->db, "INSERT INTO log VALUES(?,?)", &d->insert_log));
    return database_prepare(d->db, "SELECT key, outcome, exit_code, attempts, place, size, digest FROM ended WHERE key = ?", &d->find);
}

Err journal_db_open(const char *path, JournalDb *ret_db)
{
    const DatabaseKind kind = {path[0] ? SETUP : SETUP_TEMPORARY, SCHEMA, APPLICATION_ID, SCHEMA_VERSION};
    JournalDb d = {0};
    int64_t version;
    Err e = database_open(path, &kind, &d.db, &version);
    if (!e.code) e = prepare_all(&d);
    if (e.code) {
        journal_db_close(&d);
        return e;
    }
    *ret_db = d;
    return OK;
}

void journal_db_close(JournalDb *d)
{
    sqlite3_stmt *const STATEMENTS[] = {d->begin, d->commit, d->rollback, d->insert, d->insert_log, d->find};
    for (size_t i = 0; i < sizeof STATEMENTS / sizeof STATEMENTS[0]; i++) sqlite3_finalize(STATEMENTS[i]);
    sqlite3_close(d->db);
    *d = (JournalDb){0};
}

/* Runs a statement that gives no row. A key that is there already is the caller's mistake, not the file's. */
static Err step(JournalDb *d, sqlite3_stmt *s)
{
    Err e = database_step(d->db, s);
    return e.code == ERR_CORRUPT && (sqlite3_errcode(d->db) & 0xff) == SQLITE_CONSTRAINT ? FAIL(ERR_PROTOCOL) : e;
}

static Err insert_row(JournalDb *d, const JournalRow *r)
{
    sqlite3_stmt *s = d->insert;
    sqlite3_bind_int64(s, 1, journal_key(r->stage, r->job));
    sqlite3_bind_int64(s, 2, r->outcome);
    sqlite3_bind_int64(s, 3, r->exit_code);
    sqlite3_bind_int64(s, 4, r->attempts);
    sqlite3_bind_int64(s, 5, (int64_t)r->offset);
    sqlite3_bind_int64(s, 6, (int64_t)r->size);
    sqlite3_bind_blob(s, 7, r->digest.bytes, RESULT_DIGEST_BYTES, SQLITE_STATIC);
    return step(d, s);
}

static Err insert_log(JournalDb *d, const JournalLog *log)
{
    sqlite3_bind_int64(d->insert_log, 1, log->key);
    sqlite3_bind_blob(d->insert_log, 2, log->text, (int)log->size, SQLITE_STATIC);
    return step(d, d->insert_log);
}

Err journal_db_write(JournalDb *d, const JournalRow *rows, size_t row_count, const JournalLog *logs, size_t log_count)
{
    TRY(step(d, d->begin));
    Err e = OK;
    for (size_t i = 0; i < row_count && !e.code; i++) e = insert_row(d, &rows[i]);
    for (size_t i = 0; i < log_count && !e.code; i++) e = insert_log(d, &logs[i]);
    if (!e.code) e = step(d, d->commit);
    if (e.code && !sqlite3_get_autocommit(d->db)) {
        Err rolled = step(d, d->rollback); /* when even this fails, SQLite has rolled back by itself or does so at the next open */
        (void)rolled;
    }
    return e;
}

bool journal_db_row(sqlite3_stmt *s, JournalRow *ret_row)
{
    int64_t key = sqlite3_column_int64(s, 0), number[5];
    for (int i = 0; i < 5; i++) {
        number[i] = sqlite3_column_int64(s, i + 1);
        if (sqlite3_column_type(s, i + 1) != SQLITE_INTEGER || number[i] < 0) return false;
    }
    const void *digest = sqlite3_column_blob(s, 6);
    if (key < 0 || sqlite3_column_bytes(s, 6) != RESULT_DIGEST_BYTES || number[0] >= OUTCOME_COUNT || number[1] > UINT32_MAX
        || number[2] > UINT32_MAX || number[4] > (int64_t)SEE_OUTPUT_MAX)
        return false;
    JournalRow r = {.stage = (uint32_t)(key >> JOB_INDEX_BITS), .job = (uint64_t)key & JOB_INDEX_MAX, .outcome = (uint32_t)number[0],
                    .exit_code = (uint32_t)number[1], .attempts = (uint32_t)number[2], .offset = (uint64_t)number[3], .size = (uint64_t)number[4]};
    memcpy(r.digest.bytes, digest, RESULT_DIGEST_BYTES);
    *ret_row = r;
    return true;
}

Err journal_db_find(JournalDb *d, int64_t key, JournalRow *ret_row, bool *ret_found)
{
    sqlite3_bind_int64(d->find, 1, key);
    int rc = sqlite3_step(d->find);
    Err e = OK;
    if (rc == SQLITE_ROW && !journal_db_row(d->find, ret_row)) e = FAIL(ERR_CORRUPT);
    else if (rc != SQLITE_ROW && rc != SQLITE_DONE) e = database_error(d->db);
    sqlite3_reset(d->find);
    if (!e.code) *ret_found = rc == SQLITE_ROW;
    return e;
}

Err journal_db_put_task(JournalDb *d, const JournalTask *task)
{
    sqlite3_stmt *s;
    TRY(database_prepare(d->db, "INSERT INTO task VALUES(?,?,?,?,0)", &s));
    sqlite3_bind_blob(s, 1, task->identity, sizeof task->identity, SQLITE_STATIC);
    sqlite3_bind_blob(s, 2, task->seed, sizeof task->seed, SQLITE_STATIC);
    sqlite3_bind_blob(s, 3, task->digest_key, sizeof task->digest_key, SQLITE_STATIC);
    sqlite3_bind_blob(s, 4, task->id.bytes, sizeof task->id.bytes, SQLITE_STATIC);
    Err e = step(d, s);
    sqlite3_finalize(s);
    return e;
}

static bool get_blob(sqlite3_stmt *s, int column, void *ret_bytes, int size)
{
    const void *blob = sqlite3_column_blob(s, column);
    if (!blob || sqlite3_column_bytes(s, column) != size) return false;
    memcpy(ret_bytes, blob, (size_t)size);
    return true;
}

Err journal_db_get_task(JournalDb *d, JournalTask *ret_task, bool *ret_finished)
{
    sqlite3_stmt *s;
    TRY(database_prepare(d->db, "SELECT identity, seed, digest_key, id, finished FROM task", &s));
    JournalTask task;
    int rc = sqlite3_step(s);
    Err e = rc == SQLITE_ROW ? OK : rc == SQLITE_DONE ? FAIL(ERR_NO_ENTRY) : database_error(d->db);
    if (!e.code && (!get_blob(s, 0, task.identity, sizeof task.identity) || !get_blob(s, 1, task.seed, sizeof task.seed)
                    || !get_blob(s, 2, task.digest_key, sizeof task.digest_key) || !get_blob(s, 3, task.id.bytes, sizeof task.id.bytes)))
        e = FAIL(ERR_CORRUPT);
    if (!e.code) {
        *ret_finished = sqlite3_column_int(s, 4) != 0;
        *ret_task = task;
    }
    sqlite3_finalize(s);
    return e;
}
