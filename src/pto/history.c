/* The history over SQLite. The times of events are those of the wall clock, which may jump: order is the order of rows. */
#include "pto/history.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "sys/database.h"
#include "sys/fd.h"

#define STRINGS(x) STR(x)
#define APPLICATION_ID 0x436f7668 /* "Covh" */
#define SCHEMA_VERSION 1
enum { PRUNE_EVERY = 16 /* batches */ };

static const char SCHEMA[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE task(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
    "CREATE TABLE request(id INTEGER PRIMARY KEY, time INTEGER NOT NULL, task INTEGER NOT NULL, session TEXT NOT NULL, attributes TEXT NOT NULL,"
    " client INTEGER NOT NULL, status INTEGER NOT NULL, start INTEGER NOT NULL, bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL,"
    " latency INTEGER NOT NULL, waited INTEGER NOT NULL);"
    "PRAGMA application_id = " STRINGS(APPLICATION_ID) ";"
    "PRAGMA user_version = " STRINGS(SCHEMA_VERSION) ";"
    "COMMIT;";

/* Not synced: after a loss of power some of it may be missing or damaged, and predictions are a little worse; no request waits for a disk. */
static const char SETUP[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 1024; PRAGMA cache_size = -4096;"
                            "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF; PRAGMA busy_timeout = 0;";

static const DatabaseKind KIND = {SETUP, SCHEMA, APPLICATION_ID, SCHEMA_VERSION};

struct History {
    sqlite3 *db;
    sqlite3_stmt *insert;
    int64_t *task_ids;            /* [task] */
    uint64_t rows_max;
    uint32_t batches;
    RequestEvent held[HISTORY_BATCH];
    uint32_t held_count;
    HistoryProgress progress;
};

static Err name_task(History *h, sqlite3_stmt *put, sqlite3_stmt *get, const char *name, int64_t *ret_id)
{
    sqlite3_bind_text(put, 1, name, -1, SQLITE_STATIC);
    sqlite3_bind_text(get, 1, name, -1, SQLITE_STATIC);
    Err e = database_step(h->db, put);
    if (!e.code && sqlite3_step(get) == SQLITE_ROW) *ret_id = sqlite3_column_int64(get, 0);
    else if (!e.code) e = database_error(h->db);
    sqlite3_reset(get);
    return e;
}

static Err name_tasks(History *h, const Service *s)
{
    sqlite3_stmt *put = NULL, *get = NULL;
    h->task_ids = calloc(s->task_count, sizeof *h->task_ids);
    if (!h->task_ids) return FAIL(ENOMEM);
    TRY(database_run(h->db, "BEGIN IMMEDIATE"));
    Err e = database_prepare(h->db, "INSERT OR IGNORE INTO task(name) VALUES(?)", &put);
    if (!e.code) e = database_prepare(h->db, "SELECT id FROM task WHERE name = ?", &get);
    for (size_t i = 0; i < s->task_count && !e.code; i++) e = name_task(h, put, get, s->tasks[i].name, &h->task_ids[i]);
    sqlite3_finalize(put);
    sqlite3_finalize(get);
    Err ended = database_run(h->db, e.code ? "ROLLBACK" : "COMMIT");
    return e.code ? e : ended;
}

static Err open_at(History *h, const char *path, const Service *s)
{
    int64_t version, rows = 0;
    TRY(database_open(path, &KIND, &h->db, &version));
    TRY(database_check(h->db));
    TRY(name_tasks(h, s));
    TRY(database_number(h->db, "SELECT count(*) FROM request", &rows));
    h->progress.rows = (uint64_t)rows;
    static const char INSERT[] = "INSERT INTO request(time, task, session, attributes, client, status, start, bytes_in, bytes_out, latency, waited)"
                                 " VALUES(?,?,?,?,?,?,?,?,?,?,?)";
    return database_prepare(h->db, INSERT, &h->insert);
}

static void close_db(History *h)
{
    sqlite3_finalize(h->insert);
    sqlite3_close(h->db);
    free(h->task_ids);
    h->insert = NULL;
    h->db = NULL;
    h->task_ids = NULL;
}

/* The journal beside it belongs to the damaged file and must not be applied to the new one. */
static Err put_aside(const char *path)
{
    char from[PATH_BYTES_MAX], to[PATH_BYTES_MAX];
    snprintf(to, sizeof to, "%s.damaged", path);
    TRY(file_rename(path, to));
    static const char *const BESIDE[] = {"-wal", "-shm"};
    for (int i = 0; i < 2; i++) {
        snprintf(from, sizeof from, "%s%s", path, BESIDE[i]);
        remove(from);
    }
    return OK;
}

Err history_open(const char *path, const Service *s, uint64_t rows_max, History **ret_history, bool *ret_aside, Diag *diag)
{
    History *h = calloc(1, sizeof *h);
    if (!h) return FAIL(ENOMEM);
    h->rows_max = rows_max;
    bool aside = false;
    Err e = open_at(h, path, s);
    if (e.code == ERR_CORRUPT) {
        close_db(h);
        aside = true;
        e = put_aside(path);
        if (!e.code) e = open_at(h, path, s);
    }
    if (e.code) {
        close_db(h);
        free(h);
        return FAIL_WHY(diag, e.code, "%s: cannot keep the history there: %s", path, err_text(e.code));
    }
    *ret_history = h;
    *ret_aside = aside;
    return OK;
}

static Err insert(History *h, const RequestEvent *e)
{
    sqlite3_stmt *s = h->insert;
    sqlite3_bind_int64(s, 1, (int64_t)e->wall_ns);
    sqlite3_bind_int64(s, 2, h->task_ids[e->task]);
    sqlite3_bind_text(s, 3, e->session, -1, SQLITE_STATIC);
    sqlite3_bind_text(s, 4, e->attributes, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 5, (int64_t)e->client);
    const uint64_t numbers[] = {e->status, e->start, e->bytes_in, e->bytes_out, e->latency_ns, e->waited_ns};
    for (int i = 0; i < 6; i++) sqlite3_bind_int64(s, 6 + i, (int64_t)numbers[i]);
    return database_step(h->db, s);
}

static Err prune(History *h)
{
    if (h->progress.rows <= h->rows_max) return OK;
    char sql[128];
    snprintf(sql, sizeof sql, "DELETE FROM request WHERE id IN (SELECT id FROM request ORDER BY id LIMIT %llu)",
             (unsigned long long)(h->progress.rows - h->rows_max));
    TRY(database_run(h->db, sql));
    h->progress.rows = h->rows_max;
    return OK;
}

static Err write_held(History *h)
{
    TRY(database_run(h->db, "BEGIN IMMEDIATE"));
    Err e = OK;
    uint64_t rows = h->progress.rows;
    for (uint32_t i = 0; i < h->held_count && !e.code; i++) e = insert(h, &h->held[i]);
    if (!e.code) h->progress.rows += h->held_count;
    if (!e.code && (h->batches++ % PRUNE_EVERY == 0 || h->progress.rows > h->rows_max + h->rows_max / 8)) e = prune(h);
    if (!e.code) e = database_run(h->db, "COMMIT");
    if (!e.code) return OK;
    h->progress.rows = rows;
    Err rolled = database_run(h->db, "ROLLBACK");
    (void)rolled;
    return e;
}

void history_flush(History *h)
{
    if (!h->held_count) return;
    Err e = write_held(h);
    if (e.code) {
        h->progress.dropped += h->held_count;
        h->progress.last_error = e;
    }
    h->held_count = 0;
}

void history_add(History *h, const RequestEvent *e)
{
    h->held[h->held_count++] = *e;
    if (h->held_count == HISTORY_BATCH) history_flush(h);
}

HistoryProgress history_progress(const History *h) { return h->progress; }

void history_close(History **history)
{
    History *h = *history;
    if (!h) return;
    history_flush(h);
    Err e = prune(h);
    (void)e; /* the next run prunes */
    close_db(h);
    free(h);
    *history = NULL;
}

/* --- reading --- */

static bool copy_column(sqlite3_stmt *s, int column, char *ret_text, size_t max)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    if (!text || strlen(text) > max) return false;
    memcpy(ret_text, text, strlen(text) + 1);
    return true;
}

static bool read_row(sqlite3_stmt *s, RequestEvent *ret_event)
{
    RequestEvent e = {0};
    int64_t number[7];
    for (int i = 0; i < 7; i++) number[i] = sqlite3_column_int64(s, i);
    if (number[1] < 100 || number[1] > 599 || number[2] < 0 || number[2] >= START_COUNT) return false;
    for (int i = 3; i < 7; i++)
        if (number[i] < 0) return false;
    e.wall_ns = (uint64_t)number[0];
    e.status = (uint32_t)number[1];
    e.start = (uint32_t)number[2];
    e.bytes_in = (uint64_t)number[3];
    e.bytes_out = (uint64_t)number[4];
    e.latency_ns = (uint64_t)number[5];
    e.waited_ns = (uint64_t)number[6];
    e.client = (uint64_t)sqlite3_column_int64(s, 7);
    if (number[0] < 0 || !copy_column(s, 8, e.session, EVENT_SESSION_MAX) || !copy_column(s, 9, e.attributes, EVENT_ATTRIBUTES_MAX)) return false;
    *ret_event = e;
    return true;
}

static Err visit_rows(sqlite3 *db, const Service *s, HistoryVisit visit, void *context, uint64_t *ret_skipped)
{
    static const char SELECT[] = "SELECT time, status, start, bytes_in, bytes_out, latency, waited, client, session, attributes, name"
                                 " FROM request JOIN task ON task.id = request.task ORDER BY request.id";
    sqlite3_stmt *rows;
    if (sqlite3_prepare_v2(db, SELECT, -1, &rows, NULL) != SQLITE_OK) return database_error(db);
    Err e = OK;
    int rc = SQLITE_ROW;
    RequestEvent event;
    while (!e.code && (rc = sqlite3_step(rows)) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(rows, 10);
        if (!name || !read_row(rows, &event)) {
            ++*ret_skipped;
            continue;
        }
        event.task = s ? service_find(s, view_text(name)) : UINT32_MAX;
        e = visit(context, &event, name);
    }
    if (!e.code && rc != SQLITE_DONE) e = database_error(db);
    sqlite3_finalize(rows);
    return e;
}

Err history_each(const char *path, const Service *s, HistoryVisit visit, void *context, uint64_t *ret_skipped, Diag *diag)
{
    sqlite3 *db = NULL;
    uint64_t skipped = 0;
    int rc = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    Err e = rc == SQLITE_OK ? OK : (rc & 0xff) == SQLITE_CANTOPEN ? FAIL(ERR_NO_ENTRY) : db ? database_error(db) : FAIL(ENOMEM);
    int64_t application = 0;
    if (!e.code) e = database_run(db, "PRAGMA trusted_schema = OFF; PRAGMA query_only = ON; PRAGMA busy_timeout = 1000");
    if (!e.code) e = database_number(db, "PRAGMA application_id", &application);
    if (!e.code && application != APPLICATION_ID) e = FAIL(ERR_CORRUPT);
    if (!e.code) e = visit_rows(db, s, visit, context, &skipped);
    sqlite3_close(db);
    *ret_skipped = skipped;
    return e.code ? diag_complete(diag, e, "%s: the history cannot be read", path) : OK;
}
