/**
 * The history of a service: its requests, in SQLite, many in a transaction, the newest `rows_max` of them. It is what predictions are learned from,
 * not a ledger: it is not synced, and one that is damaged is put aside and begun anew. docs/formats/history.md
 */
#pragma once
#include "pto/event.h"
#include "pto/service.h"

enum { HISTORY_BATCH = 256 };

typedef struct History History;

/** *ret_aside true: what was there is damaged, and is now beside it under a name that ends in ".damaged". Tasks are kept by name.
 *  errors: ERR_BUSY (another process writes it), ERR_DENIED, ENOSPC, errno */
MUST_USE Err history_open(const char *path, const Service *s, uint64_t rows_max, History **ret_history, bool *ret_aside, Diag *diag);
/** Writes what is still held. */
void history_close(History **history);
/** Held until HISTORY_BATCH are together or history_flush is called. What cannot be written is dropped and counted: a request never fails for it. */
void history_add(History *h, const RequestEvent *e);
void history_flush(History *h);
typedef struct { uint64_t rows, dropped; Err last_error; } HistoryProgress;
HistoryProgress history_progress(const History *h);

/** Of another's history too, while it is written: each event from the oldest on. task is its place in *s, UINT32_MAX when it has no such task.
 *  A row that makes no sense is skipped and counted. s NULL: tasks are not looked up.
 *  errors: ERR_NO_ENTRY, ERR_CORRUPT, those of visit */
typedef Err (*HistoryVisit)(void *context, const RequestEvent *e, const char *task);
MUST_USE Err history_each(const char *path, const Service *s, HistoryVisit visit, void *context, uint64_t *ret_skipped, Diag *diag);
