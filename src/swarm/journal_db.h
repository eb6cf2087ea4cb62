/**
 * The journal's database: schema and statements. Knows rows; knows nothing of the spool.
 */
#pragma once
#include "swarm/journal.h"
#include "sys/database.h"

typedef struct {
    sqlite3 *db;
    sqlite3_stmt *begin, *commit, *rollback, *insert, *insert_log, *find;
} JournalDb;

typedef struct { int64_t key; uint8_t *text; size_t size; } JournalLog; /* of a failure */

static inline int64_t journal_key(uint32_t stage, uint64_t job) { return (int64_t)((uint64_t)stage << JOB_INDEX_BITS | job); }

/** path "": a private temporary database. Creates the schema when the database is empty. errors: ERR_CORRUPT, ENOSPC, ... */
MUST_USE Err journal_db_open(const char *path, JournalDb *ret_db);
void journal_db_close(JournalDb *d);

/** Writes rows (sorted by key) and logs in one transaction: all or none. errors: ERR_PROTOCOL when a key is there already */
MUST_USE Err journal_db_write(JournalDb *d, const JournalRow *rows, size_t row_count, const JournalLog *logs, size_t log_count);
MUST_USE Err journal_db_find(JournalDb *d, int64_t key, JournalRow *ret_row, bool *ret_found);
/** Reads columns 0..6 (key, outcome, exit_code, attempts, place, size, digest) of the current row. false: no value that Covey writes */
bool journal_db_row(sqlite3_stmt *s, JournalRow *ret_row);

MUST_USE Err journal_db_put_task(JournalDb *d, const JournalTask *task);
/** errors: ERR_NO_ENTRY when no task was put yet */
MUST_USE Err journal_db_get_task(JournalDb *d, JournalTask *ret_task, bool *ret_finished);
