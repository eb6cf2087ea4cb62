/* The privacy ledger and the opened answers in the broker's state. */
#include <errno.h>
#include <inttypes.h>

#include "keybroker/state_parts.h"

/* --- the chain --- */

/* The last entry's number and hash; 0 and zeros when there is none. */
Err state_ledger_head(State *s, uint64_t *ret_count, Sha256 *ret_head)
{
    sqlite3_stmt *t = state_use(s, LEDGER_LAST);
    bool row = false;
    TRY(state_find(s, t, &row));
    *ret_count = row ? (uint64_t)sqlite3_column_int64(t, 0) : 0;
    *ret_head = (Sha256){{0}};
    if (row) sha256_of(state_blob(t, 1), ret_head);
    sqlite3_reset(t);
    return OK;
}

Err state_ledger_hash(State *s, uint64_t number, Sha256 *ret_hash)
{
    sqlite3_stmt *t = state_use(s, LEDGER_AT);
    bool row = false;
    state_bind_number(t, 1, number);
    TRY(state_find(s, t, &row));
    if (row) sha256_of(state_blob(t, 0), ret_hash);
    sqlite3_reset(t);
    return row ? OK : FAIL(ERR_NO_ENTRY);
}

Err state_ledger_entry(State *s, uint64_t number, LedgerEntry *ret_entry, Sha256 *ret_hash)
{
    sqlite3_stmt *t = state_use(s, LEDGER_AT);
    bool row = false;
    state_bind_number(t, 1, number);
    TRY(state_find(s, t, &row));
    Err e = row ? ledger_decode(state_blob(t, 0), ret_entry) : FAIL(ERR_CORRUPT);
    if (!e.code) sha256_of(state_blob(t, 0), ret_hash);
    sqlite3_reset(t);
    return e;
}

Err state_ledger_verify(State *s)
{
    uint64_t count;
    Sha256 head, previous = {{0}}, hash;
    LedgerEntry entry;
    TRY(state_ledger_head(s, &count, &head));
    for (uint64_t i = 1; i <= count; i++) {
        TRY(state_ledger_entry(s, i, &entry, &hash));
        if (entry.number != i || memcmp(entry.previous.bytes, previous.bytes, sizeof previous.bytes) != 0) return FAIL(ERR_CORRUPT);
        previous = hash;
    }
    return OK;
}

/* Within a transaction. */
static Err add_entry(State *s, LedgerEntry *entry)
{
    AUTO_BUFFER cbor = buffer_limited(LEDGER_ENTRY_BYTES_MAX);
    uint64_t count;
    TRY(state_ledger_head(s, &count, &entry->previous));
    entry->number = count + 1;
    TRY(ledger_encode(entry, &cbor));
    sqlite3_stmt *t = state_use(s, LEDGER_ADD);
    state_bind_number(t, 1, entry->number);
    state_bind_blob(t, 2, entry->dataset, sizeof entry->dataset);
    if (entry->kind == LEDGER_CHARGE) state_bind_blob(t, 3, entry->task, sizeof entry->task);
    else sqlite3_bind_null(t, 3);
    state_bind_blob(t, 4, cbor.data, cbor.size);
    return state_run(s, t);
}

/* --- adding up --- */

Err state_ledger_each(State *s, const uint8_t dataset[DATASET_BYTES], LedgerVisit visit, void *context)
{
    sqlite3_stmt *t = state_use(s, LEDGER_OF_DATASET);
    LedgerEntry entry;
    Err e = OK;
    state_bind_blob(t, 1, dataset, DATASET_BYTES);
    while (!e.code) {
        bool row = false;
        e = state_find(s, t, &row);
        if (e.code || !row) break;
        e = ledger_decode(state_blob(t, 0), &entry);
        if (!e.code) e = visit(context, &entry);
    }
    sqlite3_reset(t);
    return e;
}

static Err take_limit(void *context, const LedgerEntry *entry)
{
    if (entry->kind == LEDGER_SET) *(PolicyBudget *)context = entry->budget;
    return OK;
}

static Err take_charge(void *context, const LedgerEntry *entry)
{
    return entry->kind == LEDGER_CHARGE ? ledger_spend(context, entry) : OK;
}

Err state_account(State *s, const uint8_t dataset[DATASET_BYTES], const PolicyBudget *policy, Account *ret_account, Diag *diag)
{
    PolicyBudget budget = *policy;
    TRY(state_ledger_each(s, dataset, take_limit, &budget));
    TRY(ledger_account(&budget, ret_account, diag));
    return state_ledger_each(s, dataset, take_charge, ret_account);
}

/* --- charging --- */

static Err refuse_for_budget(const Account *account, const Loss *loss, Diag *diag)
{
    char wanted[AMOUNT_TEXT_MAX], left[AMOUNT_TEXT_MAX];
    Amount price, rest = account_left(account);
    ledger_print_amount(&rest, left);
    if (account_price(account->limit.kind, loss, &price).code)
        return FAIL_WHY(diag, ERR_DENIED, "the dataset's budget is kept in another currency than the task asks in: there is %s left", left);
    ledger_print_amount(&price, wanted);
    return FAIL_WHY(diag, ERR_DENIED, "the task costs %s, and of the dataset's privacy budget %s is left: nothing was spent, no key released", wanted, left);
}

static Err check_same(const LedgerEntry *before, const Admission *a, Diag *diag)
{
    bool same = memcmp(before->request.bytes, a->charge->request.bytes, sizeof before->request.bytes) == 0 &&
                memcmp(before->dataset, a->dataset, sizeof before->dataset) == 0;
    return same ? OK : FAIL_WHY(diag, ERR_DENIED, "this task id was charged for another request: start the task anew");
}

/* *ret_charged false: the task is new to the ledger. */
static Err find_charge(State *s, const uint8_t task[TASK_BYTES], LedgerEntry *ret_entry, bool *ret_charged)
{
    sqlite3_stmt *t = state_use(s, LEDGER_OF_TASK);
    state_bind_blob(t, 1, task, TASK_BYTES);
    TRY(state_find(s, t, ret_charged));
    Err e = *ret_charged ? ledger_decode(state_blob(t, 0), ret_entry) : OK;
    sqlite3_reset(t);
    return e;
}

Err state_charge(State *s, const Admission *a, Diag *diag)
{
    LedgerEntry entry;
    Account account;
    bool charged = false;
    TRY(find_charge(s, a->task, &entry, &charged));
    if (charged) return check_same(&entry, a, diag);
    if (a->stage != 0) return FAIL_WHY(diag, ERR_DENIED, "nothing was charged for this task yet: results are combined after segments were read");
    TRY(state_account(s, a->dataset, a->charge->budget, &account, diag));
    Err e = account_charge(&account, &a->charge->loss);
    if (e.code == ERR_DENIED || e.code == ERR_USAGE) return refuse_for_budget(&account, &a->charge->loss, diag);
    if (e.code) return e;
    entry = (LedgerEntry){.kind = LEDGER_CHARGE, .at = a->now, .request = a->charge->request, .loss = a->charge->loss};
    memcpy(entry.dataset, a->dataset, sizeof entry.dataset);
    memcpy(entry.task, a->task, sizeof entry.task);
    size_t what = strnlen(a->charge->what, LEDGER_WHAT_MAX);
    memcpy(entry.what, a->charge->what, what);
    return add_entry(s, &entry);
}

Err state_is_charged(State *s, const uint8_t task[TASK_BYTES], bool *ret_charged)
{
    LedgerEntry entry;
    return find_charge(s, task, &entry, ret_charged);
}

static Err set_budget(State *s, const uint8_t dataset[DATASET_BYTES], const PolicyBudget *budget, uint64_t now, Diag *diag)
{
    Account account;
    LedgerEntry entry = {.kind = LEDGER_SET, .at = now, .budget = *budget};
    entry.budget.is_set = true;
    entry.budget.person[0] = '\0'; /* the unit stays the policy's */
    memcpy(entry.dataset, dataset, sizeof entry.dataset);
    TRY(ledger_account(budget, &account, diag));
    Err e = state_ledger_each(s, dataset, take_charge, &account);
    if (e.code == ERR_CORRUPT) return FAIL_WHY(diag, ERR_BAD_INPUT, "what was spent until now cannot be counted in that currency; keep the one it has");
    TRY(e);
    return add_entry(s, &entry);
}

Err state_set_budget(State *s, const uint8_t dataset[DATASET_BYTES], const PolicyBudget *budget, uint64_t now, Diag *diag)
{
    TRY(state_run(s, state_use(s, BEGIN)));
    Err e = set_budget(s, dataset, budget, now, diag);
    if (!e.code) e = state_run(s, state_use(s, COMMIT));
    return e.code ? state_roll_back(s, e) : OK;
}

/* --- answers --- */

Err state_open_answer(State *s, const uint8_t task[TASK_BYTES], const Sha256 *head, Diag *diag)
{
    sqlite3_stmt *t = state_use(s, ANSWER_OF_TASK);
    bool row = false;
    state_bind_blob(t, 1, task, TASK_BYTES);
    TRY(state_find(s, t, &row));
    const bool same = row && view_equal(state_blob(t, 0), view_of(head->bytes, sizeof head->bytes));
    sqlite3_reset(t);
    if (same) return OK;
    if (row)
        return FAIL_WHY(diag, ERR_DENIED, "this task's charge has opened an answer, and this is another one: answers with different noise over the same data "
                        "would average it away; run the task anew, for its price");
    t = state_use(s, ANSWER_ADD);
    state_bind_blob(t, 1, task, TASK_BYTES);
    state_bind_blob(t, 2, head->bytes, sizeof head->bytes);
    return state_run(s, t);
}
