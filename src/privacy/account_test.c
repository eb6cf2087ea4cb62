/* Is what was spent never less than the truth, are conversions those that were published, and does a budget end? */
#include "privacy/account.h"

#include "privacy/fixture.h"

/** Left: by minimising CKS20 Corollary 13 at 40 digits with another program. */
START_TEST(conversions_agree_with_the_formula_at_40_digits)
{
    static const struct { const char *rho, *delta; double epsilon; } KNOWN[] = {{"0.01", "1e-6", 0.621692654559602}, {"0.1", "1e-6", 2.14193892838547},
        {"0.5", "1e-5", 4.72838698494331}, {"1", "1e-9", 9.52146367179223}, {"2.56", "1e-10", 17.1583087121047}, {"16", "1e-12", 56.8429738047955},
        {"0.001", "1e-3", 0.0903620511381331}};
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        Rational epsilon, delta, rho;
        ck_assert_ok(zcdp_epsilon(rational(KNOWN[i].rho), rational(KNOWN[i].delta), &epsilon));
        ck_assert_msg(real(epsilon) >= KNOWN[i].epsilon && real(epsilon) < KNOWN[i].epsilon + 1e-8, "%s: %.12f", KNOWN[i].rho, real(epsilon));
        const double r = real(rational(KNOWN[i].rho)), d = real(rational(KNOWN[i].delta));
        ck_assert(real(epsilon) < r + 2 * sqrt(r * log(1 / d))); /* BS16 Proposition 1.3 is weaker */
        ck_assert_ok(zcdp_delta(rational(KNOWN[i].rho), epsilon, &delta));
        ck_assert(fabs(real(delta) - d) < 1e-6 * d);
        ck_assert_ok(zcdp_rho(epsilon, rational(KNOWN[i].delta), &rho));
        ck_assert(real(rho) <= r * (1 + 1e-7) && real(rho) > r * (1 - 1e-7));
    }
}
END_TEST

/** The 2020 census: persons rho 2.56 is epsilon 17.14, housing units rho 0.07 epsilon 2.47, at delta 1e-10; rho was printed with two digits. */
START_TEST(the_published_table_of_the_2020_census_is_met)
{
    static const struct { const char *least, *most; double epsilon; } TABLE[] = {{"2.555", "2.565", 17.14}, {"0.065", "0.075", 2.47}};
    for (int i = 0; i < 2; i++) {
        Rational low, high;
        ck_assert_ok(zcdp_epsilon(rational(TABLE[i].least), rational("1e-10"), &low));
        ck_assert_ok(zcdp_epsilon(rational(TABLE[i].most), rational("1e-10"), &high));
        ck_assert(real(low) < TABLE[i].epsilon && TABLE[i].epsilon < real(high));
    }
}
END_TEST

/** CKS20 Theorem 7, summed at 40 digits with another program. */
START_TEST(the_exact_delta_of_the_gaussian_is_met_and_is_below_the_general_one)
{
    static const struct { const char *variance; uint64_t sensitivity; const char *epsilon; double delta; } KNOWN[] = {{"1", 1, "1", 0.141351339405622},
        {"4", 1, "0.5", 0.0540072236941544}, {"100", 1, "0.5", 6.93437034751787e-9}, {"100", 3, "1", 5.48227211106027e-5},
        {"10000", 10, "0.3", 4.4347693457585e-5}, {"0.5", 1, "2", 0.141072637367032}};
    for (size_t i = 0; i < sizeof KNOWN / sizeof *KNOWN; i++) {
        Rational delta, general, rho, square = rational_of(KNOWN[i].sensitivity * KNOWN[i].sensitivity), twice;
        ck_assert_ok(gaussian_delta(rational(KNOWN[i].variance), KNOWN[i].sensitivity, rational(KNOWN[i].epsilon), &delta));
        ck_assert_msg(real(delta) >= KNOWN[i].delta * (1 - 1e-12) && real(delta) < KNOWN[i].delta * (1 + 1e-6), "%s: %.12g", KNOWN[i].variance, real(delta));
        ck_assert(rational_multiply(rational(KNOWN[i].variance), rational_of(2), &twice) && rational_divide(square, twice, &rho));
        ck_assert_ok(zcdp_delta(rho, rational(KNOWN[i].epsilon), &general));
        ck_assert(rational_compare(delta, general) < 0);
    }
}
END_TEST

START_TEST(conversions_refuse_what_they_cannot_resolve)
{
    Rational r;
    ck_assert_err(zcdp_epsilon(rational("0.1"), rational("1e-19"), &r), ERR_LIMIT);
    ck_assert_err(zcdp_epsilon(rational("0.1"), rational("1"), &r), ERR_LIMIT);
    ck_assert_err(zcdp_epsilon(rational("0.1"), RATIONAL_ZERO, &r), ERR_LIMIT);
    ck_assert_err(zcdp_epsilon(rational("1048577"), rational("1e-6"), &r), ERR_LIMIT);
    ck_assert_err(gaussian_delta(rational("1e9"), 1, rational("1"), &r), ERR_LIMIT);
    ck_assert_ok(zcdp_epsilon(RATIONAL_ZERO, rational("1e-6"), &r));
    ck_assert(rational_is_zero(r));
    ck_assert_ok(zcdp_delta(rational("100"), RATIONAL_ZERO, &r));
    ck_assert(rational_compare(r, rational_of(1)) <= 0 && real(r) > 0.999);
}
END_TEST

START_TEST(intervals_and_thresholds_are_those_of_the_formulas)
{
    UInt128 m;
    ck_assert_ok(law_interval((Law){LAW_GAUSSIAN, rational("10000")}, rational("0.95"), &m));
    ck_assert_int_eq((int)m, 196); /* 1.96 sigma */
    ck_assert_ok(law_interval((Law){LAW_LAPLACE, rational("100")}, rational("0.95"), &m));
    ck_assert_int_eq((int)m, 300); /* ln 20 = 2.9957 */
    ck_assert_ok(law_interval((Law){LAW_GAUSSIAN, rational("1e36")}, rational("0.99"), &m));
    ck_assert(fabs((double)m / 2.5758293e18 - 1) < 0.005 && (double)m > 2.5758293e18);
    ck_assert_ok(law_upper((Law){LAW_LAPLACE, rational("2")}, rational("1e-6"), &m));
    ck_assert_int_eq((int)m, 26); /* exp(-27/2) / (1 + exp(-1/2)) = 8.5e-7 <= 1e-6 < 1.4e-6 */
    ck_assert_err(law_interval((Law){LAW_LAPLACE, rational("2")}, rational("1"), &m), ERR_LIMIT);
    ck_assert_err(law_upper((Law){LAW_LAPLACE, rational("2")}, rational("1e-18"), &m), ERR_LIMIT);
}
END_TEST

START_TEST(tails_are_never_below_the_exact_sums)
{
    static const char *const VARIANCES[] = {"0.1", "1", "50", "1000", "1000000", "123456789/100"};
    for (size_t k = 0; k < sizeof VARIANCES / sizeof *VARIANCES; k++) {
        const Law law = {LAW_GAUSSIAN, rational(VARIANCES[k])};
        const double variance = real(law.scale), sigma = sqrt(variance);
        for (long at = 1; (double)at < 6 * sigma + 2; at = at * 3 / 2 + 1) {
            long double mass = 1, tail = 0;
            for (long x = 1; x < 12 * sigma + 20; x++) {
                const long double density = expl(-(long double)x * x / (2 * variance));
                mass += 2 * density;
                if (x >= at) tail += density;
            }
            const double got = real(law_tail(law, (UInt128)at)), exact = (double)(tail / mass);
            ck_assert_msg(got >= exact * (1 - 1e-9) && got <= exact * 1.03 + 1e-16, "%s at %ld: %g, not %g", VARIANCES[k], at, got, exact);
        }
    }
    const Law laplace = {LAW_LAPLACE, rational("17/3")};
    for (int at = 1; at < 200; at++) {
        const double b = 17.0 / 3, exact = exp(-at / b) / (1 + exp(-1 / b)), got = real(law_tail(laplace, (UInt128)at));
        ck_assert(got >= exact * (1 - 1e-12) && got <= exact * (1 + 1e-4) + 2e-18);
    }
}
END_TEST

static Account account(AccountKind kind, const char *epsilon, const char *delta, const char *rho)
{
    const Amount none = {kind, RATIONAL_ZERO, RATIONAL_ZERO, RATIONAL_ZERO};
    return (Account){.limit = {kind, rational(epsilon), rational(delta), rational(rho)}, .spent = none};
}

START_TEST(a_budget_ends_exactly)
{
    Account a = account(ACCOUNT_PURE, "1", "0", "0");
    Loss tenth, third;
    ck_assert_ok(loss_pure(rational("0.1"), &tenth));
    for (int i = 0; i < 10; i++) ck_assert_ok(account_charge(&a, &tenth)); /* ten times 0.1 is 1, which doubles do not know */
    const Account full = a;
    ck_assert_err(account_charge(&a, &tenth), ERR_DENIED);
    ck_assert_mem_eq(&a, &full, sizeof a);
    ck_assert(rational_is_zero(account_left(&a).epsilon));
    a = account(ACCOUNT_PURE, "1", "0", "0");
    ck_assert_ok(loss_pure(rational("1/3"), &third));
    for (int i = 0; i < 3; i++) ck_assert_ok(account_charge(&a, &third));
    ck_assert_err(account_charge(&a, &third), ERR_DENIED);
}
END_TEST

START_TEST(each_currency_takes_its_view_and_refuses_what_has_none)
{
    Loss pure, approximate, zcdp;
    ck_assert_ok(loss_pure(rational("0.5"), &pure));
    ck_assert_ok(loss_approximate(rational("0.5"), rational("1e-6"), &approximate));
    ck_assert_ok(loss_zcdp(rational("0.1"), &zcdp));
    Amount price;
    ck_assert_ok(account_price(ACCOUNT_ZCDP, &pure, &price)); /* BS16 Proposition 1.4 */
    ck_assert(rational_compare(price.rho, rational("0.125")) == 0 && rational_is_zero(price.delta));
    ck_assert_ok(account_price(ACCOUNT_ZCDP, &approximate, &price));
    ck_assert(rational_compare(price.rho, rational("0.125")) == 0 && rational_compare(price.delta, rational("1e-6")) == 0);
    ck_assert_err(account_price(ACCOUNT_PURE, &approximate, &price), ERR_USAGE);
    ck_assert_err(account_price(ACCOUNT_PURE, &zcdp, &price), ERR_USAGE);
    ck_assert_err(account_price(ACCOUNT_APPROXIMATE, &zcdp, &price), ERR_USAGE);
    ck_assert_ok(loss_with_delta(&zcdp, rational("1e-6")));
    ck_assert_ok(account_price(ACCOUNT_APPROXIMATE, &zcdp, &price));
    ck_assert(fabs(real(price.epsilon) - 2.14193892838547) < 1e-8);
}
END_TEST

START_TEST(composition_adds_in_sequence_and_takes_the_larger_in_parallel)
{
    Loss a, b, sum, most;
    ck_assert_ok(loss_pure(rational("0.5"), &a));
    ck_assert_ok(loss_approximate(rational("1/3"), rational("1e-9"), &b));
    ck_assert_ok(loss_add(&a, &b, &sum));
    ck_assert(rational_compare(sum.epsilon, rational("5/6")) == 0 && rational_compare(sum.delta, rational("1e-9")) == 0);
    ck_assert(rational_compare(sum.rho, rational("13/72")) == 0);
    ck_assert_ok(loss_parallel(&a, &b, &most));
    ck_assert(rational_compare(most.epsilon, rational("0.5")) == 0 && rational_compare(most.delta, rational("1e-9")) == 0);
    Loss zcdp;
    ck_assert_ok(loss_zcdp(rational("0.01"), &zcdp));
    ck_assert_ok(loss_add(&a, &zcdp, &sum));
    ck_assert(sum.has_rho && !sum.has_epsilon);
}
END_TEST

START_TEST(many_gaussians_cost_less_in_zcdp_than_one_by_one)
{
    Account zcdp, one_by_one = account(ACCOUNT_APPROXIMATE, "4", "1e-5", "0");
    ck_assert_ok(account_zcdp_of(rational("4"), rational("1e-5"), RATIONAL_ZERO, &zcdp));
    Loss loss;
    ck_assert_ok(loss_zcdp(rational("0.005"), &loss));
    ck_assert_ok(loss_with_delta(&loss, rational("1e-7")));
    int many = 0, few = 0;
    while (account_charge(&zcdp, &loss).code == 0) many++;
    while (account_charge(&one_by_one, &loss).code == 0) few++;
    ck_assert_int_gt(many, 5 * few);
    Rational whole;
    ck_assert_ok(zcdp_epsilon(zcdp.spent.rho, rational("1e-5"), &whole));
    ck_assert(rational_compare(whole, rational("4")) <= 0);
    ck_assert_err(account_zcdp_of(rational("4"), rational("1e-5"), rational("1e-5"), &zcdp), ERR_USAGE);
}
END_TEST

START_TEST(the_odometer_grows_and_is_never_below_what_a_fixed_conversion_gives)
{
    Account a = account(ACCOUNT_ZCDP, "0", "0", "10");
    Loss loss;
    Rational before = RATIONAL_ZERO, now, fixed;
    ck_assert_ok(loss_zcdp(rational("0.037"), &loss));
    for (int i = 0; i < 50; i++) {
        ck_assert_ok(account_charge(&a, &loss));
        ck_assert_ok(account_odometer(&a, rational("0.01"), rational("1e-6"), &now));
        ck_assert_ok(zcdp_epsilon(a.spent.rho, rational("1e-6"), &fixed));
        ck_assert(rational_compare(now, fixed) > 0 && rational_compare(now, before) >= 0);
        ck_assert(real(now) < 2 * real(fixed) + 0.5);
        before = now;
    }
    ck_assert_err(account_odometer(&a, RATIONAL_ZERO, rational("1e-6"), &now), ERR_LIMIT);
}
END_TEST

TEST_MAIN("privacy/account", conversions_agree_with_the_formula_at_40_digits, the_published_table_of_the_2020_census_is_met,
    the_exact_delta_of_the_gaussian_is_met_and_is_below_the_general_one, conversions_refuse_what_they_cannot_resolve,
    intervals_and_thresholds_are_those_of_the_formulas, tails_are_never_below_the_exact_sums, a_budget_ends_exactly,
    each_currency_takes_its_view_and_refuses_what_has_none, composition_adds_in_sequence_and_takes_the_larger_in_parallel,
    many_gaussians_cost_less_in_zcdp_than_one_by_one, the_odometer_grows_and_is_never_below_what_a_fixed_conversion_gives)
