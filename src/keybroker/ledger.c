/* Entries of the privacy ledger as CBOR, and what they add up to. */
#include "keybroker/ledger.h"

#include <stdio.h>

#include "crypto/cbor.h"

enum { LEDGER_FORMAT = 1, LEDGER_FIELDS = 12, LOSS_FIELDS = 4, BUDGET_FIELDS = 4 };

/* --- writing --- */

/* A number that is not there is an empty text. */
static Err put_number(Buffer *b, bool there, Rational r)
{
    char text[RATIONAL_TEXT_MAX] = "";
    if (there) rational_print(r, text);
    return cbor_put_text(b, view_text(text));
}

static Err put_loss(Buffer *b, const Loss *l)
{
    TRY(cbor_put_array(b, LOSS_FIELDS));
    TRY(put_number(b, l->has_epsilon, l->epsilon));
    TRY(put_number(b, l->has_epsilon, l->delta));
    TRY(put_number(b, l->has_rho, l->rho));
    return put_number(b, l->has_rho, l->rho_delta);
}

static Err put_budget(Buffer *b, const PolicyBudget *p)
{
    TRY(cbor_put_array(b, BUDGET_FIELDS));
    TRY(cbor_put_text(b, view_text(p->epsilon)));
    TRY(cbor_put_text(b, view_text(p->delta)));
    TRY(cbor_put_text(b, view_text(p->rho)));
    return cbor_put_uint(b, p->zcdp);
}

static Err put_entry(const LedgerEntry *e, Buffer *b)
{
    TRY(cbor_put_array(b, LEDGER_FIELDS));
    TRY(cbor_put_uint(b, LEDGER_FORMAT));
    TRY(cbor_put_uint(b, e->kind));
    TRY(cbor_put_uint(b, e->number));
    TRY(cbor_put_uint(b, e->at));
    TRY(cbor_put_bytes(b, view_of(e->dataset, sizeof e->dataset)));
    TRY(cbor_put_bytes(b, view_of(e->task, sizeof e->task)));
    TRY(cbor_put_bytes(b, view_of(e->request.bytes, sizeof e->request.bytes)));
    TRY(put_loss(b, &e->loss));
    TRY(put_budget(b, &e->budget));
    TRY(cbor_put_text(b, view_text(e->budget.person)));
    TRY(cbor_put_bytes(b, view_text(e->what)));
    return cbor_put_bytes(b, view_of(e->previous.bytes, sizeof e->previous.bytes));
}

Err ledger_encode(const LedgerEntry *e, Buffer *ret_cbor)
{
    const size_t before = ret_cbor->size;
    Err err = put_entry(e, ret_cbor);
    if (!err.code && ret_cbor->size - before > LEDGER_ENTRY_BYTES_MAX) err = FAIL(ERR_LIMIT);
    if (err.code) ret_cbor->size = before;
    return err;
}

/* --- reading --- */

static void get_text(CborReader *r, size_t max, char *ret_text)
{
    View text = cbor_get_text(r, max);
    if (text.size && memchr(text.data, 0, text.size)) r->reader.bad = true;
    else if (text.size) memcpy(ret_text, text.data, text.size);
}

/* Only as rational_print writes it. *ret_there: whether there is one. */
static void get_number(CborReader *r, bool *ret_there, Rational *ret_number)
{
    char again[RATIONAL_TEXT_MAX];
    View text = cbor_get_text(r, RATIONAL_TEXT_MAX);
    *ret_there = text.size > 0;
    *ret_number = RATIONAL_ZERO;
    if (!*ret_there) return;
    if (!rational_parse(text, ret_number)) {
        r->reader.bad = true;
        return;
    }
    rational_print(*ret_number, again);
    if (!view_equal(view_text(again), text)) r->reader.bad = true;
}

static void get_loss(CborReader *r, Loss *ret)
{
    bool both;
    if (cbor_get_array(r, LOSS_FIELDS) != LOSS_FIELDS) r->reader.bad = true;
    get_number(r, &ret->has_epsilon, &ret->epsilon);
    get_number(r, &both, &ret->delta);
    if (both != ret->has_epsilon) r->reader.bad = true;
    get_number(r, &ret->has_rho, &ret->rho);
    get_number(r, &both, &ret->rho_delta);
    if (both != ret->has_rho) r->reader.bad = true;
}

static void get_budget(CborReader *r, PolicyBudget *ret)
{
    if (cbor_get_array(r, BUDGET_FIELDS) != BUDGET_FIELDS) r->reader.bad = true;
    get_text(r, POLICY_NUMBER_MAX, ret->epsilon);
    get_text(r, POLICY_NUMBER_MAX, ret->delta);
    get_text(r, POLICY_NUMBER_MAX, ret->rho);
    uint64_t zcdp = cbor_get_uint(r);
    if (zcdp > 1) r->reader.bad = true;
    ret->zcdp = zcdp == 1;
}

/* What belongs to one kind is empty in the other. */
static bool is_whole(const LedgerEntry *e)
{
    static const uint8_t NOBODY[32] = {0};
    const bool empty_budget = !e->budget.epsilon[0] && !e->budget.delta[0] && !e->budget.rho[0] && !e->budget.zcdp && !e->budget.person[0];
    if (e->number == 0) return false;
    if (e->kind == LEDGER_CHARGE) return empty_budget && (e->loss.has_epsilon || e->loss.has_rho);
    return e->kind == LEDGER_SET && !e->loss.has_epsilon && !e->loss.has_rho && !e->what[0] && memcmp(e->task, NOBODY, sizeof e->task) == 0 &&
           memcmp(e->request.bytes, NOBODY, sizeof NOBODY) == 0 && policy_budget_check(&e->budget, NULL).code == 0;
}

Err ledger_decode(View cbor, LedgerEntry *ret_entry)
{
    LedgerEntry e = {.number = 0};
    CborReader r = cbor_reader(cbor);
    if (cbor.size > LEDGER_ENTRY_BYTES_MAX || !cbor_check(cbor)) return FAIL(ERR_CORRUPT);
    const uint64_t fields = cbor_get_array(&r, LEDGER_FIELDS), format = cbor_get_uint(&r), kind = cbor_get_uint(&r);
    e.number = cbor_get_uint(&r);
    e.at = cbor_get_uint(&r);
    cbor_get_fixed(&r, e.dataset, sizeof e.dataset);
    cbor_get_fixed(&r, e.task, sizeof e.task);
    cbor_get_fixed(&r, e.request.bytes, sizeof e.request.bytes);
    get_loss(&r, &e.loss);
    get_budget(&r, &e.budget);
    get_text(&r, POLICY_NAME_MAX, e.budget.person);
    View what = cbor_get_bytes(&r, LEDGER_WHAT_MAX);
    if (what.size && memchr(what.data, 0, what.size)) return FAIL(ERR_CORRUPT);
    if (what.size) memcpy(e.what, what.data, what.size);
    cbor_get_fixed(&r, e.previous.bytes, sizeof e.previous.bytes);
    const bool sound = fields == LEDGER_FIELDS && format == LEDGER_FORMAT && (kind == LEDGER_CHARGE || kind == LEDGER_SET);
    if (!cbor_done(&r) || !sound) return FAIL(ERR_CORRUPT);
    e.kind = (LedgerKind)kind;
    e.budget.is_set = e.kind == LEDGER_SET;
    if (!is_whole(&e)) return FAIL(ERR_CORRUPT);
    *ret_entry = e;
    return OK;
}

/* --- adding up --- */

static Rational number_of(const char *text)
{
    Rational r = RATIONAL_ZERO;
    return text[0] && !rational_parse(view_text(text), &r) ? RATIONAL_ZERO : r;
}

Err ledger_account(const PolicyBudget *budget, Account *ret_account, Diag *diag)
{
    TRY(policy_budget_check(budget, diag));
    const Rational epsilon = number_of(budget->epsilon), delta = number_of(budget->delta), rho = number_of(budget->rho);
    const AccountKind kind = budget->rho[0] ? ACCOUNT_ZCDP : budget->delta[0] ? ACCOUNT_APPROXIMATE : ACCOUNT_PURE;
    if (budget->zcdp) {
        Rational half;
        if (!rational_divide_down(delta, rational_of(2), &half)) return FAIL(ERR_LIMIT);
        return account_zcdp_of(epsilon, delta, half, ret_account);
    }
    const Amount nothing = {.kind = kind, .epsilon = RATIONAL_ZERO, .delta = RATIONAL_ZERO, .rho = RATIONAL_ZERO};
    *ret_account = (Account){.limit = {.kind = kind, .epsilon = epsilon, .delta = delta, .rho = rho}, .spent = nothing};
    return OK;
}

Err ledger_spend(Account *account, const LedgerEntry *charge)
{
    Amount price, *spent = &account->spent;
    if (account_price(account->limit.kind, &charge->loss, &price).code) return FAIL(ERR_CORRUPT);
    bool fits = rational_add_up(spent->epsilon, price.epsilon, &spent->epsilon) && rational_add_up(spent->delta, price.delta, &spent->delta) &&
                rational_add_up(spent->rho, price.rho, &spent->rho);
    return fits ? OK : FAIL(ERR_LIMIT);
}

void ledger_print_amount(const Amount *a, char ret_text[AMOUNT_TEXT_MAX])
{
    char first[RATIONAL_TEXT_MAX], delta[RATIONAL_TEXT_MAX];
    const bool zcdp = a->kind == ACCOUNT_ZCDP;
    rational_print(zcdp ? a->rho : a->epsilon, first);
    rational_print(a->delta, delta);
    int size = snprintf(ret_text, AMOUNT_TEXT_MAX, "%s %s", zcdp ? "rho" : "epsilon", first);
    if (a->kind == ACCOUNT_APPROXIMATE || !rational_is_zero(a->delta)) snprintf(ret_text + size, AMOUNT_TEXT_MAX - (size_t)size, ", delta %s", delta);
}
