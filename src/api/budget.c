/* covey_budget_each and covey_budget_set: the privacy ledger of the user's own key broker. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/broker_setup.h"
#include "base/rfc3339.h"
#include "dataset/sealed.h"
#include "sys/clock.h"

typedef struct {
    BrokerSetup setup;
    Broker *broker;
    covey_budget_visit visit;
    void *context;
    Diag *diag;
    AccountKind kind;        /* of the dataset at hand */
    covey_budget *budget;
} Asking;

static Err open_broker(const covey *c, const char *state_dir, Asking *a, Diag *diag)
{
    TRY(broker_setup(c, state_dir, NULL, &a->setup, diag));
    Err e = broker_new(&a->setup.config, clock_wall_ns() / NS_PER_S, &a->broker, diag);
    if (e.code != ERR_BUSY) return e;
    *diag = (Diag){{0}};
    return FAIL_WHY(diag, ERR_BUSY, "a run over sealed data or covey keybroker works with the ledger (%s): ask when it has ended", a->setup.state_dir);
}

static Asking *asking_new(void) { return calloc(1, sizeof(Asking)); }

static void asking_free(Asking *a)
{
    if (!a) return;
    broker_free(&a->broker);
    broker_setup_free(&a->setup);
    free(a);
}

static Err tell(const Asking *a, const covey_charge *charge)
{
    return a->visit(a->context, a->budget, charge) ? FAIL(ERR_INTERRUPTED) : OK;
}

static Err on_entry(void *context, const LedgerEntry *entry)
{
    const Asking *a = context;
    covey_charge charge = {.number = entry->number, .is_set = entry->kind == LEDGER_SET, .what = entry->what};
    Amount amount = {.epsilon = RATIONAL_ZERO, .delta = RATIONAL_ZERO, .rho = RATIONAL_ZERO};
    Account account;
    rfc3339_print(entry->at, charge.time);
    sodium_bin2hex(charge.task, sizeof charge.task, entry->task, sizeof entry->task);
    if (!charge.is_set && account_price(a->kind, &entry->loss, &amount).code == 0) ledger_print_amount(&amount, charge.price);
    if (charge.is_set && ledger_account(&entry->budget, &account, NULL).code == 0) ledger_print_amount(&account.limit, charge.price);
    return tell(a, &charge);
}

/* The odometer's reading: levels of a thousandth of the budget, and as much delta as the budget has for conversions. */
static void print_odometer(const Account *account, char *ret_text)
{
    static const Rational USUAL_DELTA = {1, 1000000000}, LEVELS = {1024, 1};
    const Amount *spent = &account->spent;
    Amount reading = {.kind = ACCOUNT_APPROXIMATE, .rho = RATIONAL_ZERO};
    const Rational delta = rational_is_zero(account->limit.delta) ? USUAL_DELTA : account->limit.delta; /* of a budget with zcdp: the other half */
    Rational unit;
    if (account->limit.kind != ACCOUNT_ZCDP || rational_is_zero(spent->rho) || !rational_divide_up(account->limit.rho, LEVELS, &unit)) return;
    if (account_odometer(account, unit, delta, &reading.epsilon).code || !rational_add_up(delta, spent->delta, &reading.delta)) return;
    ledger_print_amount(&reading, ret_text);
}

static Err on_budget(void *context, const BudgetFacts *facts)
{
    Asking *a = context;
    const Amount left = account_left(&facts->account);
    covey_budget b = {.version = facts->version, .name = facts->name, .person = facts->person, .is_set = facts->is_set};
    sodium_bin2hex(b.id, sizeof b.id, facts->dataset, sizeof facts->dataset);
    ledger_print_amount(&facts->account.limit, b.limit);
    ledger_print_amount(&facts->account.spent, b.spent);
    ledger_print_amount(&left, b.left);
    print_odometer(&facts->account, b.holds);
    a->budget = &b;
    a->kind = facts->account.limit.kind;
    TRY(tell(a, NULL));
    return broker_charges(a->broker, facts->dataset, on_entry, a, a->diag);
}

covey_code covey_budget_each(covey *c, const char *state_dir, covey_budget_visit visit, void *context, covey_error *error)
{
    Diag diag = {{0}};
    Asking *a = asking_new();
    Err e = a ? open_broker(c, state_dir, a, &diag) : FAIL(ENOMEM);
    if (!e.code) {
        a->visit = visit;
        a->context = context;
        a->diag = &diag;
        e = broker_budgets(a->broker, on_budget, a, &diag);
    }
    asking_free(a);
    return api_result(e, &diag, error);
}

/* --- setting --- */

static Err take_text(const char *name, const char *text, char *ret, Diag *diag)
{
    if (!text) return OK;
    if (strlen(text) > POLICY_NUMBER_MAX) return FAIL_WHY(diag, ERR_USAGE, "--%s: longer than %d characters", name, POLICY_NUMBER_MAX);
    memcpy(ret, text, strlen(text) + 1);
    return OK;
}

static Err budget_of(const covey_budget_wish *w, PolicyBudget *ret, Diag *diag)
{
    *ret = (PolicyBudget){.is_set = true, .zcdp = w->zcdp};
    TRY(take_text("epsilon", w->epsilon, ret->epsilon, diag));
    TRY(take_text("delta", w->delta, ret->delta, diag));
    TRY(take_text("rho", w->rho, ret->rho, diag));
    return policy_budget_check(ret, diag);
}

static Err set_for(Asking *a, const char *path, const covey_budget_wish *w, Diag *diag)
{
    PolicyBudget budget;
    uint8_t dataset[DATASET_ID_BYTES];
    SealedFile *file = NULL;
    TRY(budget_of(w, &budget, diag));
    TRY(sealed_open(path, NULL, &file, diag));
    Err e = broker_see_dataset(a->broker, sealed_footer(file), dataset, diag);
    sealed_close(&file);
    if (e.code) return e;
    return broker_set_budget(a->broker, clock_wall_ns() / NS_PER_S, dataset, &budget, diag);
}

covey_code covey_budget_set(covey *c, const char *dataset, const covey_budget_wish *wish, covey_error *error)
{
    Diag diag = {{0}};
    Asking *a = asking_new();
    Err e = a ? open_broker(c, wish->state_dir, a, &diag) : FAIL(ENOMEM);
    if (!e.code) e = set_for(a, dataset, wish, &diag);
    asking_free(a);
    return api_result(e, &diag, error);
}
