/** SQLite for those who keep state in it: opening, a schema that tells whose it is, statements, and its errors as ours. */
#pragma once
#include <sqlite3.h>
#include <stdint.h>

#include "base/error.h"

/** What marks a database as one kind of ours; the version changes when an older Covey would misread the rows. */
typedef struct {
    const char *setup;     /* pragmas of each connection */
    const char *schema;    /* makes the tables of an empty database, its application_id and user_version, in one transaction */
    int64_t application;
    int64_t version;       /* the newest; from 1 on all are accepted */
} DatabaseKind;

/** The Err that belongs to the last failed call on this connection; rows or a schema that we did not make are ERR_CORRUPT. */
MUST_USE Err database_error(sqlite3 *db);
/** Made when it is not there; "": a private temporary one. Closed again on failure. errors: ERR_BUSY (another has it), ERR_CORRUPT (another kind) */
MUST_USE Err database_open(const char *path, const DatabaseKind *kind, sqlite3 **ret_db, int64_t *ret_version);
MUST_USE Err database_run(sqlite3 *db, const char *sql);
/** The first column of the only row. */
MUST_USE Err database_number(sqlite3 *db, const char *sql, int64_t *ret_number);
/** A statement that is kept; sqlite3_finalize ends it. */
MUST_USE Err database_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **ret_statement);
/** Runs a statement that gives no row, and resets it. */
MUST_USE Err database_step(sqlite3 *db, sqlite3_stmt *statement);
/** Whether every page makes sense, or at least the structure of the tables, which is what a torn write breaks: ERR_CORRUPT when not. */
MUST_USE Err database_check(sqlite3 *db);
