/* What the broker's state knows of datasets, for who asks later. */
#include "keybroker/state_parts.h"

Err state_task_footer(State *s, const uint8_t task[TASK_BYTES], Buffer *ret_footer)
{
    uint8_t dataset[DATASET_BYTES];
    bool row = false;
    sqlite3_stmt *t = state_use(s, FIND_TASK);
    state_bind_blob(t, 1, task, TASK_BYTES);
    TRY(state_find(s, t, &row));
    const bool known = row && state_blob(t, 0).size == sizeof dataset;
    if (known) memcpy(dataset, state_blob(t, 0).data, sizeof dataset);
    const uint64_t version = (uint64_t)sqlite3_column_int64(t, 1);
    sqlite3_reset(t);
    if (!known) return FAIL(ERR_NO_ENTRY);
    t = state_use(s, FIND_FOOTER);
    state_bind_blob(t, 1, dataset, sizeof dataset);
    state_bind_number(t, 2, version);
    Err e = state_find(s, t, &row);
    if (!e.code) e = row ? buffer_append(ret_footer, state_blob(t, 0)) : FAIL(ERR_CORRUPT);
    sqlite3_reset(t);
    return e;
}

Err state_sweep(State *s, uint64_t now)
{
    sqlite3_stmt *t = state_use(s, SWEEP);
    state_bind_number(t, 1, now);
    return state_run(s, t);
}

Err state_newest_footer(State *s, const uint8_t dataset[DATASET_BYTES], Buffer *ret_footer)
{
    sqlite3_stmt *t = state_use(s, NEWEST_FOOTER);
    bool row = false;
    state_bind_blob(t, 1, dataset, DATASET_BYTES);
    Err e = state_find(s, t, &row);
    if (!e.code) e = row ? buffer_append(ret_footer, state_blob(t, 0)) : FAIL(ERR_NO_ENTRY);
    sqlite3_reset(t);
    return e;
}

Err state_each_dataset(State *s, DatasetVisit visit, void *context)
{
    sqlite3_stmt *t = state_use(s, EACH_DATASET);
    Err e = OK;
    while (!e.code) {
        bool row = false;
        e = state_find(s, t, &row);
        if (e.code || !row) break;
        View id = state_blob(t, 0);
        e = id.size == DATASET_BYTES ? visit(context, id.data) : FAIL(ERR_CORRUPT);
    }
    sqlite3_reset(t);
    return e;
}
