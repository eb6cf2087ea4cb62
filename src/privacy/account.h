/**
 * What an analysis costs, and what a budget has left.
 *
 * A Loss says it in one or both of two currencies, since the same noise may be known in both:
 *     epsilon view   (epsilon, delta)-DP; pure when delta is 0
 *     rho view       delta-approximate rho-zCDP; Bun, Steinke 2016 (arXiv 1605.02065), Definition 1.1 and section 8
 * Conversions that are used (BS16 = Bun, Steinke 2016; CKS20 = Canonne, Kamath, Steinke 2020):
 *     epsilon-DP         gives (epsilon^2 / 2)-zCDP                                    BS16 Proposition 1.4
 *     (eps, delta)-DP    gives delta-approximate (epsilon^2 / 2)-zCDP                  BS16 section 8
 *     rho-zCDP           gives (epsilon, delta)-DP, best order alpha                   CKS20 Corollary 13; BS16 Proposition 1.3 is the weaker known
 *     form
 *     discrete Gaussian  its exact delta(epsilon)                                      CKS20 Theorem 7
 * Sequential composition adds, whatever was chosen in view of earlier answers (fully adaptive): an Account is a privacy filter. Sums of epsilon and
 * delta: Rogers, Roth, Ullman, Vadhan 2016 (basic filter); sums of rho and delta: Whitehouse, Ramdas, Rogers, Wu, ICML 2023 (approximate zCDP
 * filter).
 * Parallel composition over disjoint people: the larger one, in each part.
 * All bounds are rounded against whoever spends. Nothing here reads a clock or keeps state of its own.
 */
#pragma once
#include "privacy/law.h"

typedef enum { ACCOUNT_PURE, ACCOUNT_APPROXIMATE, ACCOUNT_ZCDP } AccountKind;
enum { LOSS_TEXT_MAX = 256 };

typedef struct {
    bool has_epsilon, has_rho;
    Rational epsilon, delta;   /* when has_epsilon; delta 0 is pure */
    Rational rho, rho_delta;   /* when has_rho */
} Loss;

/** Each knows both views where the rules above give the second one. */
MUST_USE Err loss_pure(Rational epsilon, Loss *ret);
MUST_USE Err loss_approximate(Rational epsilon, Rational delta, Loss *ret);
MUST_USE Err loss_zcdp(Rational rho, Loss *ret); /* no epsilon view: that needs a delta, loss_with_delta */
/** Adds an (epsilon, delta) view to a rho view, tight. errors: ERR_USAGE (no rho view), ERR_LIMIT */
MUST_USE Err loss_with_delta(Loss *loss, Rational delta);
/** Sequential: views that only one of them has are lost. errors: ERR_LIMIT */
MUST_USE Err loss_add(const Loss *a, const Loss *b, Loss *ret);
/** Over disjoint people. */
MUST_USE Err loss_parallel(const Loss *a, const Loss *b, Loss *ret);

/** The tight epsilon for a delta (0 < delta < 1), rounded up to 1e-9. errors: ERR_LIMIT (rho above 2^20, delta below 1e-18) */
MUST_USE Err zcdp_epsilon(Rational rho, Rational delta, Rational *ret_epsilon);
/** The tight delta for an epsilon, rounded up; at most 1. */
MUST_USE Err zcdp_delta(Rational rho, Rational epsilon, Rational *ret_delta);
/** The largest rho (to 1e-9 of itself) that zcdp_epsilon(rho, delta) <= epsilon. errors: ERR_LIMIT */
MUST_USE Err zcdp_rho(Rational epsilon, Rational delta, Rational *ret_rho);
/** Exact delta of the discrete Gaussian of that variance with that sensitivity, CKS20 Theorem 7, rounded up; at most 1.
 *  errors: ERR_LIMIT (deviation above 2^13: use zcdp_delta; below 1e-15 it says 1e-15) */
MUST_USE Err gaussian_delta(Rational variance, uint64_t sensitivity, Rational epsilon, Rational *ret_delta);

/** A budget: limit and what was spent; pure: epsilon; approximate: epsilon, delta; zCDP: rho, delta. Plain values: copy, store, compare them. */
typedef struct { AccountKind kind; Rational epsilon, delta, rho; } Amount;
typedef struct { Amount limit, spent; } Account;

/** What the account would be charged for the loss: its view in the account's currency. errors: ERR_USAGE (it has no such view, or delta in a pure
 *  account) */
MUST_USE Err account_price(AccountKind kind, const Loss *loss, Amount *ret_amount);
/** Adds to what was spent. errors: ERR_DENIED (more than is left: the account is as it was), ERR_USAGE (as account_price), ERR_LIMIT */
MUST_USE Err account_charge(Account *account, const Loss *loss);
/** limit - spent, rounded down; never below 0. */
Amount account_left(const Account *account);
/** An (epsilon, delta) limit as a zCDP account: `reserve` of the delta is for selections (rho_delta), the rest for the conversion. errors:
 *  ERR_LIMIT, ERR_USAGE */
MUST_USE Err account_zcdp_of(Rational epsilon, Rational delta, Rational reserve, Account *ret_account);

/**
 * Odometer: the epsilon that holds for all that was spent so far, at whatever moment one stops, chosen in view of the answers or not. Pure: the
 * sum. Approximate:
 * the sums. zCDP: rho is rounded up to the next of fixed levels `unit`, 2 unit, 4 unit, ... and level j has delta 6 / (pi^2 (j + 1)^2) of the whole
 * (a union
 * bound over filters: Lecuyer 2021, arXiv 2103.01379); the epsilon of that level. `delta` is the whole one, for zCDP only. errors: ERR_LIMIT
 */
MUST_USE Err account_odometer(const Account *account, Rational unit, Rational delta, Rational *ret_epsilon);
