/** What the files of the broker's state share. */
#pragma once
#include "keybroker/state.h"
#include "sys/database.h"

enum {
    BEGIN, COMMIT, ROLLBACK,
    FIND_NEWEST, FIND_FOOTER, PUT_DATASET,
    FIND_TASK, PUT_TASK,
    FIND_RUN, COUNT_RUNS, PUT_RUN,
    FIND_SESSION, PUT_SESSION, PROLONG_SESSION, SHOW_SESSION, SWEEP,
    LEDGER_LAST, LEDGER_OF_TASK, LEDGER_OF_DATASET, LEDGER_AT, LEDGER_ADD, ANSWER_OF_TASK, ANSWER_ADD, NEWEST_FOOTER, EACH_DATASET,
    STATEMENT_COUNT
};
typedef int Statement;

struct State { sqlite3 *db; sqlite3_stmt *statements[STATEMENT_COUNT]; };

sqlite3_stmt *state_use(State *s, Statement which);
void state_bind_blob(sqlite3_stmt *t, int place, const void *bytes, size_t size);
void state_bind_number(sqlite3_stmt *t, int place, uint64_t v);
/** A statement without rows. */
MUST_USE Err state_run(State *s, sqlite3_stmt *t);
/** *ret_row false: no row. The statement stays at its row until it is used again or reset. */
MUST_USE Err state_find(State *s, sqlite3_stmt *t, bool *ret_row);
View state_blob(sqlite3_stmt *t, int column);
/** Ends the transaction that `e` ended, and gives `e` back. */
MUST_USE Err state_roll_back(State *s, Err e);
/** Within a transaction: the charge of `a`, if that task has none yet; state_ledger.c. */
MUST_USE Err state_charge(State *s, const Admission *a, Diag *diag);
