/* Rows and results of a journal: a batch of rows in memory, committed together once their results are in the spool. */
#include "swarm/journal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "swarm/journal_parts.h"
#include "sys/fd.h"

Err journal_new(Journal **ret_journal)
{
    Journal *j = calloc(1, sizeof *j);
    if (!j) return FAIL(ENOMEM);
    j->dir_fd = j->lock_fd = j->spool.fd = -1;
    j->pending = calloc(JOURNAL_BATCH_ROWS, sizeof *j->pending);
    j->logs = calloc(JOURNAL_LOGS_MAX, sizeof *j->logs);
    if (!j->pending || !j->logs) {
        journal_free(&j);
        return FAIL(ENOMEM);
    }
    *ret_journal = j;
    return OK;
}

static void forget_pending(Journal *j)
{
    for (uint32_t i = 0; i < j->log_count; i++) free(j->logs[i].text);
    j->log_count = j->pending_count = 0;
}

void journal_free(Journal **journal)
{
    Journal *j = *journal;
    if (!j) return;
    *journal = NULL;
    if (j->db.db) journal_db_close(&j->db);
    spool_close(&j->spool);
    if (j->logs) forget_pending(j);
    free(j->pending);
    free(j->logs);
    fd_close(&j->lock_fd);
    fd_close(&j->dir_fd);
    free(j);
}

static int by_key(const void *a, const void *b)
{
    const JournalRow *x = a, *y = b;
    int64_t left = journal_key(x->stage, x->job), right = journal_key(y->stage, y->job);
    return (left > right) - (left < right);
}

Err journal_commit(Journal *j)
{
    if (j->pending_count == 0) return OK;
    TRY(spool_flush(&j->spool)); /* first, so that a row never names bytes that are not there */
    qsort(j->pending, j->pending_count, sizeof *j->pending, by_key);
    TRY(journal_db_write(&j->db, j->pending, j->pending_count, j->logs, j->log_count));
    forget_pending(j);
    return OK;
}

uint32_t journal_pending(const Journal *j) { return j->pending_count; }

static Err keep_log(Journal *j, const JournalRow *row, View log)
{
    if (row->outcome == OUTCOME_OK || log.size == 0 || j->logs_kept == JOURNAL_LOGS_MAX) return OK;
    size_t size = log.size < SEE_LOG_MAX ? log.size : SEE_LOG_MAX;
    uint8_t *text = malloc(size);
    if (!text) return FAIL(ENOMEM);
    memcpy(text, log.data, size);
    j->logs[j->log_count++] = (JournalLog){.key = journal_key(row->stage, row->job), .text = text, .size = size};
    j->logs_kept++;
    return OK;
}

Err journal_add(Journal *j, JournalRow *row, View result, View log)
{
    assert(row->stage <= STAGE_MAX && row->job <= JOB_INDEX_MAX && row->outcome < OUTCOME_COUNT);

    if (j->pending_count == JOURNAL_BATCH_ROWS) TRY(journal_commit(j));
    uint64_t offset;
    TRY(spool_append(&j->spool, result, &offset));
    row->offset = offset;
    row->size = result.size;
    if (!j->db.db) return OK;
    TRY(keep_log(j, row, log));
    j->pending[j->pending_count++] = *row;
    return OK;
}

Err journal_find(Journal *j, uint32_t stage, uint64_t job, JournalRow *ret_row, bool *ret_found)
{
    if (!j->db.db) {
        *ret_found = false;
        return OK;
    }
    return journal_db_find(&j->db, journal_key(stage, job), ret_row, ret_found);
}

Err journal_read(Journal *j, uint64_t offset, uint64_t size, View *ret_bytes) { return spool_read(&j->spool, offset, size, ret_bytes); }

Err journal_result(Journal *j, const JournalRow *row, View *ret_result)
{
    View bytes;
    TRY(spool_read(&j->spool, row->offset, row->size, &bytes));
    ResultDigest digest;
    result_digest(j->digest_key, bytes, &digest);
    if (memcmp(&digest, &row->digest, sizeof digest) != 0) return FAIL(ERR_CORRUPT);
    *ret_result = bytes;
    return OK;
}

Err journal_forget_results(Journal *j)
{
    assert(!j->db.db);
    return spool_reset(&j->spool);
}

Err journal_each_failure(Journal *j, uint32_t stage, JournalVisit visit, void *context)
{
    if (!j->db.db) return OK;
    static const char SQL[] = "SELECT ended.key, outcome, exit_code, attempts, place, size, digest, text FROM ended LEFT JOIN log USING(key)"
                              " WHERE ended.key BETWEEN ? AND ? AND outcome <> 1 ORDER BY ended.key";
    _Static_assert(OUTCOME_OK == 1, "the query says so");
    TRY(journal_commit(j));
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(j->db.db, SQL, -1, &s, NULL) != SQLITE_OK) return database_error(j->db.db);
    sqlite3_bind_int64(s, 1, journal_key(stage, 0));
    sqlite3_bind_int64(s, 2, journal_key(stage, JOB_INDEX_MAX));
    Err e = OK;
    int rc = SQLITE_ROW;
    while (!e.code && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        JournalRow row;
        View log = view_of(sqlite3_column_blob(s, 7), (size_t)sqlite3_column_bytes(s, 7));
        e = journal_db_row(s, &row) ? visit(context, &row, log) : FAIL(ERR_CORRUPT);
    }
    if (!e.code && rc != SQLITE_DONE) e = database_error(j->db.db);
    sqlite3_finalize(s);
    return e;
}

Err journal_finish(Journal *j)
{
    if (!j->db.db || j->dir_fd < 0) return OK; /* a temporary one ends with the process */
    TRY(journal_commit(j));
    TRY(database_run(j->db.db, "UPDATE task SET finished = 1"));
    return spool_reset(&j->spool);
}
