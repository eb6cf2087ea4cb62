/**
 * The journal of one task: SQLite (WAL) for what happened to each micro-job, and a spool file for the results, in a folder of its own
 * (docs/formats/journal.md). Results are the user's data: the folder has mode 0700, every file in it 0600.
 *
 * A micro-job gets exactly one row when it has ended for good (primary key: stage, job), in a transaction with its neighbours.
 * The result is appended to the spool before its row is committed; the row holds place, size and digest, and a row whose spooled bytes
 * do not match the digest (power loss) counts as not run. kill -9 at any moment loses at most the last uncommitted batch, which runs again.
 *
 * After any error but ERR_BUSY of journal_open the journal on disk is whole, up to the last commit: free space, then resume.
 */
#pragma once
#include "bus/message.h"

typedef struct Journal Journal;

typedef struct {
    uint32_t stage;
    uint64_t job;
    uint32_t outcome, exit_code, attempts;
    uint64_t offset, size;   /* in the spool */
    ResultDigest digest;
} JournalRow;

enum {
    JOURNAL_BATCH_ROWS = 4096,  /* added rows that are committed without being asked for */
    JOURNAL_LOGS_MAX = 1000,    /* failures whose log is kept; the rows of all others are kept without */
};

/** What must be equal for a journal to be resumed: the caller hashes task, image, input identity into it. */
typedef struct { uint8_t identity[32]; uint8_t seed[32]; uint8_t digest_key[32]; TaskId id; } JournalTask;

/** resume false: starts anew (an old journal there is replaced). resume true: opens and checks the identity (ERR_CHANGED), drops rows
 *  whose spooled bytes are damaged and rows that failed (they are tried again), and with them the rows of later stages, which were made
 *  from what is no longer so; *task takes the stored seed, key and id. Where there is no journal, or the one there is of a run that was
 *  finished (its spool is gone), resuming starts anew.
 *  errors: ERR_BUSY another process holds it; ERR_CORRUPT the database is damaged; both with a remedy in diag */
MUST_USE Err journal_open(const char *directory, bool resume, JournalTask *task, Journal **ret_journal, Diag *diag);
/** A journal that dies with the process: results in a file without a name; rows only when asked for, and in a temporary database. */
MUST_USE Err journal_open_temporary(const JournalTask *task, bool with_rows, Journal **ret_journal, Diag *diag);
/** Closes. What was added since the last commit is lost: those who want it call journal_commit. */
void journal_free(Journal **journal);
/** Appends the result to the spool and the row to the open batch; sets row->offset and row->size. A log is kept for failures only.
 *  errors: ERR_PROTOCOL when the micro-job already has a row (found by the commit at the latest), ENOSPC */
MUST_USE Err journal_add(Journal *j, JournalRow *row, View result, View log);
/** Makes everything added so far survive kill -9. */
MUST_USE Err journal_commit(Journal *j);
/** Rows added since the last commit. */
uint32_t journal_pending(const Journal *j);
/** Whether the micro-job has a committed row, and it. */
MUST_USE Err journal_find(Journal *j, uint32_t stage, uint64_t job, JournalRow *ret_row, bool *ret_found);
/** Reads bytes of the spool that this process wrote or checked; borrowed until the next call on the journal. */
MUST_USE Err journal_read(Journal *j, uint64_t offset, uint64_t size, View *ret_bytes);
/** The same for a row's result, and verifies the digest: ERR_CORRUPT. */
MUST_USE Err journal_result(Journal *j, const JournalRow *row, View *ret_result);
/** For journals without rows: nobody will ask for any of the results added so far, their space is given back. */
MUST_USE Err journal_forget_results(Journal *j);
/** Rows of a stage in job order; the log is empty when it was not kept. */
typedef Err (*JournalVisit)(void *context, const JournalRow *row, View log);
MUST_USE Err journal_each_failure(Journal *j, uint32_t stage, JournalVisit visit, void *context);
/** After success, when the output is safe: the spool is given back, the rows stay, and there is nothing left to resume. */
MUST_USE Err journal_finish(Journal *j);
/** $XDG_STATE_HOME/covey/tasks (or ~/.local/state/...). */
MUST_USE Err journal_directory(char *ret_path, size_t room);
