/**
 * The journal of one task: SQLite (WAL) for what happened to each micro-job, and a spool file for the results, in a folder of its own.
 *
 * A micro-job gets exactly one row when it has ended for good (primary key: stage, job), in a transaction with its neighbours.
 * The result is appended to the spool before its row is committed; the row holds place, size and digest, and a row whose spooled bytes
 * do not match the digest (power loss) counts as not run. kill -9 at any moment loses at most the last uncommitted batch, which runs again.
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

/** What must be equal for a journal to be resumed: the caller hashes task, image, input identity into it. */
typedef struct { uint8_t identity[32]; uint8_t seed[32]; uint8_t digest_key[32]; TaskId id; } JournalTask;

/** resume false: starts anew (an old journal there is replaced). resume true: opens and checks the identity (ERR_CHANGED), drops rows
 *  whose spooled bytes are damaged and rows that failed (they are tried again); *task takes the stored seed, key and id.
 *  One process at a time: ERR_BUSY when another holds it. */
MUST_USE Err journal_open(const char *directory, bool resume, JournalTask *task, Journal **ret_journal, Diag *diag);
/** Commits and closes. */
void journal_free(Journal **journal);
/** Appends a result to the spool and its row to the open batch. errors: ERR_PROTOCOL when the micro-job already has a row */
MUST_USE Err journal_add(Journal *j, const JournalRow *row, View result, View log);
/** Makes everything added so far survive kill -9. */
MUST_USE Err journal_commit(Journal *j);
/** Whether the micro-job has a row, and it. */
bool journal_find(Journal *j, uint32_t stage, uint64_t job, JournalRow *ret_row);
/** Reads a result back; borrowed until the next call. Verifies the digest: ERR_CORRUPT. */
MUST_USE Err journal_result(Journal *j, const JournalRow *row, View *ret_result);
/** Rows of a stage in job order. */
typedef Err (*JournalVisit)(void *context, const JournalRow *row, View log);
MUST_USE Err journal_each_failure(Journal *j, uint32_t stage, JournalVisit visit, void *context);
/** After success: the spool is given back, the rows stay. */
MUST_USE Err journal_finish(Journal *j);
/** $XDG_STATE_HOME/covey/tasks (or ~/.local/state/...). */
MUST_USE Err journal_directory(char *ret_path, size_t room);
