/* Are entries of the privacy ledger read in one way only, and do they add up to what was spent? */
#include "keybroker/ledger.h"

#include "base/test.h"
#include "base/test_document.h"

static Rational number(const char *text)
{
    Rational r;
    ck_assert(rational_parse(view_text(text), &r));
    return r;
}

/* The example of docs/formats/ledger.md. */
static LedgerEntry example(void)
{
    LedgerEntry e = {.kind = LEDGER_CHARGE, .number = 2, .at = 1800000000, .dataset = {7}, .task = {0xaa}, .request = {{0xbb}}, .what = "count",
                     .previous = {{0xcc}}};
    ck_assert_ok(loss_pure(number("1/4"), &e.loss));
    return e;
}

static LedgerEntry setting(void)
{
    return (LedgerEntry){.kind = LEDGER_SET, .number = 1, .at = 1800000000, .dataset = {7}, .budget = {.is_set = true, .epsilon = "2"}};
}

START_TEST(the_entry_of_the_document_is_made_again)
{
    AUTO_BUFFER expected = test_document_hex("ledger.md", 1), made = buffer_limited(LEDGER_ENTRY_BYTES_MAX);
    const LedgerEntry e = example();
    ck_assert_ok(ledger_encode(&e, &made));
    ck_assert_uint_eq(made.size, expected.size);
    ck_assert_mem_eq(made.data, expected.data, made.size);
}
END_TEST

static void check_one_reading(const LedgerEntry *entry)
{
    LedgerEntry back;
    AUTO_BUFFER cbor = buffer_limited(LEDGER_ENTRY_BYTES_MAX);
    ck_assert_ok(ledger_encode(entry, &cbor));
    ck_assert_ok(ledger_decode(view_buffer(&cbor), &back));
    AUTO_BUFFER second = buffer_limited(LEDGER_ENTRY_BYTES_MAX);
    ck_assert_ok(ledger_encode(&back, &second));
    ck_assert(view_equal(view_buffer(&second), view_buffer(&cbor)));
    ck_assert(back.kind == entry->kind && back.number == entry->number && strcmp(back.what, entry->what) == 0);
    for (size_t size = 0; size < cbor.size; size++) ck_assert_err(ledger_decode(view_of(cbor.data, size), &back), ERR_CORRUPT);
    for (size_t bit = 0; bit < 8 * cbor.size; bit++) { /* what is still read means something else, and is written as it was read */
        cbor.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (ledger_decode(view_buffer(&cbor), &back).code == 0) {
            AUTO_BUFFER again = buffer_limited(LEDGER_ENTRY_BYTES_MAX);
            ck_assert_ok(ledger_encode(&back, &again));
            ck_assert(view_equal(view_buffer(&again), view_buffer(&cbor)));
        }
        cbor.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
}

START_TEST(there_is_one_reading_of_an_entry)
{
    const LedgerEntry charge = example(), set = setting();
    LedgerEntry gaussian = example();
    ck_assert_ok(loss_zcdp(number("0.5"), &gaussian.loss));
    check_one_reading(&charge);
    check_one_reading(&gaussian);
    check_one_reading(&set);
}
END_TEST

START_TEST(an_entry_has_nothing_that_belongs_to_the_other_kind)
{
    LedgerEntry back, wrong[4];
    for (int i = 0; i < 4; i++) wrong[i] = i < 2 ? example() : setting();
    wrong[0].loss = (Loss){.has_epsilon = false};
    strcpy(wrong[1].budget.epsilon, "1");
    strcpy(wrong[2].what, "count");
    wrong[3].budget.epsilon[0] = '\0';
    for (int i = 0; i < 4; i++) {
        AUTO_BUFFER cbor = buffer_limited(LEDGER_ENTRY_BYTES_MAX);
        ck_assert_ok(ledger_encode(&wrong[i], &cbor));
        ck_assert_err(ledger_decode(view_buffer(&cbor), &back), ERR_CORRUPT);
    }
}
END_TEST

/* --- adding up --- */

static void check_spent(const PolicyBudget *budget, const char *expected)
{
    Account account;
    Diag why = {{0}};
    char text[AMOUNT_TEXT_MAX];
    const LedgerEntry e = example();
    ck_assert_ok(ledger_account(budget, &account, &why));
    for (int i = 0; i < 3; i++) ck_assert_ok(ledger_spend(&account, &e));
    ledger_print_amount(&account.spent, text);
    ck_assert_str_eq(text, expected);
}

START_TEST(what_was_spent_adds_up_in_each_currency_also_beyond_the_limit)
{
    check_spent(&(PolicyBudget){.epsilon = "0.5"}, "epsilon 0.75");
    check_spent(&(PolicyBudget){.epsilon = "1", .delta = "1e-9"}, "epsilon 0.75, delta 0");
    check_spent(&(PolicyBudget){.rho = "1"}, "rho 0.09375"); /* epsilon^2 / 2 each */
}
END_TEST

START_TEST(zcdp_makes_more_small_answers_of_epsilon_and_delta)
{
    Account basic, zcdp;
    Loss small;
    Diag why = {{0}};
    int counts[2] = {0, 0};
    ck_assert_ok(loss_pure(number("0.01"), &small));
    ck_assert_ok(ledger_account(&(PolicyBudget){.epsilon = "1", .delta = "1e-6"}, &basic, &why));
    ck_assert_ok(ledger_account(&(PolicyBudget){.epsilon = "1", .delta = "1e-6", .zcdp = true}, &zcdp, &why));
    while (account_charge(&basic, &small).code == 0) counts[0]++;
    while (account_charge(&zcdp, &small).code == 0) counts[1]++;
    ck_assert_int_eq(counts[0], 100);
    ck_assert_int_gt(counts[1], 300);
}
END_TEST

START_TEST(a_charge_without_a_view_in_the_budgets_currency_is_no_free_one)
{
    Account account;
    Diag why = {{0}};
    LedgerEntry e = example();
    ck_assert_ok(loss_zcdp(number("0.5"), &e.loss));
    ck_assert_ok(ledger_account(&(PolicyBudget){.epsilon = "1"}, &account, &why));
    ck_assert_err(ledger_spend(&account, &e), ERR_CORRUPT);
}
END_TEST

TEST_MAIN("keybroker/ledger", the_entry_of_the_document_is_made_again, there_is_one_reading_of_an_entry,
          an_entry_has_nothing_that_belongs_to_the_other_kind, what_was_spent_adds_up_in_each_currency_also_beyond_the_limit,
          zcdp_makes_more_small_answers_of_epsilon_and_delta, a_charge_without_a_view_in_the_budgets_currency_is_no_free_one)
