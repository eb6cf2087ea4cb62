/* SQLite. Every connection is one thread's. */
#include "sys/database.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

Err database_error(sqlite3 *db)
{
    int system = sqlite3_system_errno(db);
    switch (sqlite3_errcode(db) & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* a table or column is not what we made */
    case SQLITE_SCHEMA:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH: return FAIL(ERR_CORRUPT);
    case SQLITE_BUSY:
    case SQLITE_LOCKED: return FAIL(ERR_BUSY);
    case SQLITE_FULL: return FAIL(ENOSPC);
    case SQLITE_NOMEM: return FAIL(ENOMEM);
    case SQLITE_READONLY:
    case SQLITE_PERM: return FAIL(EACCES);
    case SQLITE_TOOBIG: return FAIL(ERR_LIMIT);
    default: return FAIL(system ? system : EIO);
    }
}

Err database_run(sqlite3 *db, const char *sql) { return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? OK : database_error(db); }

Err database_number(sqlite3 *db, const char *sql, int64_t *ret_number)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK) return database_error(db);
    Err e = OK;
    if (sqlite3_step(s) == SQLITE_ROW) *ret_number = sqlite3_column_int64(s, 0);
    else e = database_error(db);
    sqlite3_finalize(s);
    return e;
}

static Err ensure_kind(sqlite3 *db, const DatabaseKind *kind, int64_t *ret_version)
{
    int64_t tables = 0, application = 0, version = 0;
    TRY(database_run(db, kind->setup));
    TRY(database_number(db, "SELECT count(*) FROM sqlite_master", &tables));
    if (tables == 0) TRY(database_run(db, kind->schema));
    TRY(database_number(db, "PRAGMA application_id", &application));
    TRY(database_number(db, "PRAGMA user_version", &version));
    if (application != kind->application || version < 1 || version > kind->version) return FAIL(ERR_CORRUPT);
    *ret_version = version;
    return OK;
}

Err database_open(const char *path, const DatabaseKind *kind, sqlite3 **ret_db, int64_t *ret_version)
{
    sqlite3 *db = NULL;
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    Err e = sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK ? OK : db ? database_error(db) : FAIL(ENOMEM);
    if (!e.code) e = ensure_kind(db, kind, ret_version);
    if (e.code) sqlite3_close(db);
    else *ret_db = db;
    return e;
}

Err database_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL) == SQLITE_OK ? OK : database_error(db);
}

Err database_step(sqlite3 *db, sqlite3_stmt *statement)
{
    Err e = sqlite3_step(statement) == SQLITE_DONE ? OK : database_error(db);
    sqlite3_reset(statement); /* repeats the error of step */
    return e;
}

Err database_check(sqlite3 *db)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &s, NULL) != SQLITE_OK) return database_error(db);
    bool fine = sqlite3_step(s) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    sqlite3_finalize(s);
    return fine ? OK : FAIL(ERR_CORRUPT);
}
