/* Losses in their two currencies, and budgets as filters: what is charged adds, and never less than the truth. */
#include "privacy/account.h"

static const Rational ONE = {1, 1}, TWO = {2, 1};

Err loss_approximate(Rational epsilon, Rational delta, Loss *ret)
{
    Rational square, rho;
    if (rational_compare(delta, ONE) >= 0) return FAIL(ERR_LIMIT);
    if (!rational_multiply_up(epsilon, epsilon, &square) || !rational_divide_up(square, TWO, &rho)) return FAIL(ERR_LIMIT);
    *ret = (Loss){.has_epsilon = true, .has_rho = true, .epsilon = epsilon, .delta = delta, .rho = rho, .rho_delta = delta};
    return OK;
}

Err loss_pure(Rational epsilon, Loss *ret) { return loss_approximate(epsilon, RATIONAL_ZERO, ret); }

Err loss_zcdp(Rational rho, Loss *ret)
{
    *ret = (Loss){.has_rho = true, .epsilon = RATIONAL_ZERO, .delta = RATIONAL_ZERO, .rho = rho, .rho_delta = RATIONAL_ZERO};
    return OK;
}

Err loss_with_delta(Loss *loss, Rational delta)
{
    Rational epsilon, total;
    if (!loss->has_rho) return FAIL(ERR_USAGE);
    TRY(zcdp_epsilon(loss->rho, delta, &epsilon));
    if (!rational_add_up(delta, loss->rho_delta, &total) || rational_compare(total, ONE) >= 0) return FAIL(ERR_LIMIT);
    loss->has_epsilon = true;
    loss->epsilon = epsilon;
    loss->delta = total;
    return OK;
}

Err loss_add(const Loss *a, const Loss *b, Loss *ret)
{
    Loss sum = {.has_epsilon = a->has_epsilon && b->has_epsilon, .has_rho = a->has_rho && b->has_rho};
    sum.epsilon = sum.delta = sum.rho = sum.rho_delta = RATIONAL_ZERO;
    if (sum.has_epsilon && (!rational_add_up(a->epsilon, b->epsilon, &sum.epsilon) || !rational_add_up(a->delta, b->delta, &sum.delta)))
        return FAIL(ERR_LIMIT);
    if (sum.has_rho && (!rational_add_up(a->rho, b->rho, &sum.rho) || !rational_add_up(a->rho_delta, b->rho_delta, &sum.rho_delta)))
        return FAIL(ERR_LIMIT);
    *ret = sum;
    return OK;
}

static Rational larger(Rational a, Rational b) { return rational_compare(a, b) < 0 ? b : a; }

Err loss_parallel(const Loss *a, const Loss *b, Loss *ret)
{
    Loss most = {.has_epsilon = a->has_epsilon && b->has_epsilon, .has_rho = a->has_rho && b->has_rho};
    most.epsilon = most.has_epsilon ? larger(a->epsilon, b->epsilon) : RATIONAL_ZERO;
    most.delta = most.has_epsilon ? larger(a->delta, b->delta) : RATIONAL_ZERO;
    most.rho = most.has_rho ? larger(a->rho, b->rho) : RATIONAL_ZERO;
    most.rho_delta = most.has_rho ? larger(a->rho_delta, b->rho_delta) : RATIONAL_ZERO;
    *ret = most;
    return OK;
}

Err account_price(AccountKind kind, const Loss *loss, Amount *ret_amount)
{
    Amount price = {.kind = kind, .epsilon = RATIONAL_ZERO, .delta = RATIONAL_ZERO, .rho = RATIONAL_ZERO};
    if (kind == ACCOUNT_ZCDP) {
        if (!loss->has_rho) return FAIL(ERR_USAGE);
        price.rho = loss->rho;
        price.delta = loss->rho_delta;
    } else {
        if (!loss->has_epsilon || (kind == ACCOUNT_PURE && !rational_is_zero(loss->delta))) return FAIL(ERR_USAGE);
        price.epsilon = loss->epsilon;
        price.delta = loss->delta;
    }
    *ret_amount = price;
    return OK;
}

Err account_charge(Account *account, const Loss *loss)
{
    Amount price, spent = account->spent;
    TRY(account_price(account->limit.kind, loss, &price));
    spent.kind = price.kind;
    if (!rational_add_up(spent.epsilon, price.epsilon, &spent.epsilon) || !rational_add_up(spent.delta, price.delta, &spent.delta) ||
        !rational_add_up(spent.rho, price.rho, &spent.rho)) return FAIL(ERR_LIMIT);
    if (rational_compare(spent.epsilon, account->limit.epsilon) > 0 || rational_compare(spent.delta, account->limit.delta) > 0 ||
        rational_compare(spent.rho, account->limit.rho) > 0) return FAIL(ERR_DENIED);
    account->spent = spent;
    return OK;
}

Amount account_left(const Account *account)
{
    const Amount *limit = &account->limit, *spent = &account->spent;
    return (Amount){limit->kind, rational_subtract_down(limit->epsilon, spent->epsilon), rational_subtract_down(limit->delta, spent->delta),
        rational_subtract_down(limit->rho, spent->rho)};
}

Err account_zcdp_of(Rational epsilon, Rational delta, Rational reserve, Account *ret_account)
{
    Rational conversion, rho;
    if (!rational_subtract(delta, reserve, &conversion) || rational_is_zero(conversion)) return FAIL(ERR_USAGE);
    TRY(zcdp_rho(epsilon, conversion, &rho));
    Amount none = {ACCOUNT_ZCDP, RATIONAL_ZERO, RATIONAL_ZERO, RATIONAL_ZERO};
    *ret_account = (Account){.limit = {ACCOUNT_ZCDP, RATIONAL_ZERO, reserve, rho}, .spent = none};
    return OK;
}

Err account_odometer(const Account *account, Rational unit, Rational delta, Rational *ret_epsilon)
{
    enum { LEVELS_MAX = 64 };
    if (account->limit.kind != ACCOUNT_ZCDP) {
        *ret_epsilon = account->spent.epsilon;
        return OK;
    }
    if (rational_is_zero(unit)) return FAIL(ERR_LIMIT);
    Rational rho = unit;
    for (uint64_t level = 1; level <= LEVELS_MAX; level++) {
        if (rational_compare(account->spent.rho, rho) <= 0) {
            Rational part = rational_make(607927101u, (UInt128)1000000000u * level * level), share; /* 6 / pi^2, rounded down */
            if (!rational_multiply_down(delta, part, &share)) return FAIL(ERR_LIMIT);
            return zcdp_epsilon(rho, share, ret_epsilon);
        }
        if (!rational_multiply(rho, TWO, &rho)) break;
    }
    return FAIL(ERR_LIMIT);
}
