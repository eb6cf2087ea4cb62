/* The budget of a policy: which numbers go together. */
#include <string.h>

#include "base/quoted.h"
#include "dataset/policy.h"
#include "privacy/rational.h"

/* *ret_above: whether it is said and above 0. */
static Err check_number(const char *name, const char *text, bool *ret_above, Diag *diag)
{
    Rational value = RATIONAL_ZERO;
    if (text[0] && !rational_parse(view_text(text), &value))
        return FAIL_WHY(diag, ERR_BAD_INPUT, "the budget's '%s: %s' is no number, such as 0.5, 1e-9 or 1/3", name, quoted(view_text(text)).text);
    if (text[0] && rational_compare(value, rational_of(1000)) > 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "the budget's '%s: %s': more than 1000 protects nobody", name, quoted(view_text(text)).text);
    *ret_above = !rational_is_zero(value);
    return OK;
}

static bool is_below_one(const char *text)
{
    Rational value;
    return rational_parse(view_text(text), &value) && rational_compare(value, rational_of(1)) < 0;
}

Err policy_budget_check(const PolicyBudget *b, Diag *diag)
{
    bool epsilon, delta, rho;
    TRY(check_number("epsilon", b->epsilon, &epsilon, diag));
    TRY(check_number("delta", b->delta, &delta, diag));
    TRY(check_number("rho", b->rho, &rho, diag));
    if (epsilon == rho) return FAIL_WHY(diag, ERR_BAD_INPUT, "a budget is an 'epsilon' (with or without 'delta') or a 'rho', above 0");
    if (b->delta[0] && (rho || !delta || !is_below_one(b->delta)))
        return FAIL_WHY(diag, ERR_BAD_INPUT, "a budget's 'delta' is above 0 and below 1, and goes with 'epsilon'");
    if (b->zcdp && !delta) return FAIL_WHY(diag, ERR_BAD_INPUT, "'accounting: zcdp' turns epsilon and delta into a rho: give both, or give 'rho'");
    return OK;
}
