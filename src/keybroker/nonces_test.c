/* Is a nonce good once, for a minute, and only where it was made? */
#include "keybroker/nonces.h"

#include "base/test.h"

enum { NOW = 1800000000 };

static Nonces n, other;
static uint8_t nonce[EVIDENCE_NONCE_BYTES];
static Diag why;

static void begin(void)
{
    ck_assert_ok(nonces_begin(&n));
    ck_assert_ok(nonces_make(&n, NOW, nonce));
}

START_TEST(a_nonce_is_used_once)
{
    begin();
    ck_assert_ok(nonces_use(&n, NOW + 1, nonce, &why));
    ck_assert_err(nonces_use(&n, NOW + 1, nonce, &why), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(why.text, "replay"));
}
END_TEST

START_TEST(a_nonce_is_good_for_a_minute)
{
    begin();
    ck_assert_err(nonces_use(&n, NOW + NONCE_LIFETIME_S, nonce, &why), ERR_BUSY);
    begin();
    ck_assert_ok(nonces_use(&n, NOW + NONCE_LIFETIME_S - 1, nonce, &why));
}
END_TEST

START_TEST(a_clock_that_is_set_back_opens_no_nonce_again)
{
    uint8_t later[EVIDENCE_NONCE_BYTES];
    begin();
    ck_assert_ok(nonces_use(&n, NOW, nonce, &why));
    ck_assert_ok(nonces_make(&n, NOW + 1000, later));
    ck_assert_ok(nonces_use(&n, NOW + 1000, later, &why)); /* forgets the first, which is stale */
    ck_assert_err(nonces_use(&n, NOW, nonce, &why), ERR_BUSY);
}
END_TEST

START_TEST(a_changed_nonce_or_one_of_another_broker_is_unknown)
{
    begin();
    for (size_t i = 0; i < sizeof nonce * 8; i++) {
        nonce[i / 8] ^= (uint8_t)(1 << i % 8);
        ck_assert_err(nonces_use(&n, NOW, nonce, &why), ERR_BUSY);
        nonce[i / 8] ^= (uint8_t)(1 << i % 8);
    }
    ck_assert_ok(nonces_begin(&other));
    ck_assert_err(nonces_use(&other, NOW, nonce, &why), ERR_BUSY);
    ck_assert_ok(nonces_use(&n, NOW, nonce, &why));
}
END_TEST

START_TEST(two_nonces_of_one_second_differ)
{
    uint8_t second[EVIDENCE_NONCE_BYTES];
    begin();
    ck_assert_ok(nonces_make(&n, NOW, second));
    ck_assert_mem_ne(nonce, second, sizeof nonce);
}
END_TEST

START_TEST(as_many_as_can_be_remembered_are_used_and_then_no_more_until_some_are_stale)
{
    begin();
    for (int i = 0; i < NONCES_USED_MAX; i++) {
        ck_assert_ok(nonces_make(&n, NOW + i / 1000, nonce));
        ck_assert_ok(nonces_use(&n, NOW + i / 1000, nonce, &why));
    }
    ck_assert_err(nonces_use(&n, NOW + 10, nonce, &why), ERR_DENIED);
    ck_assert_ok(nonces_make(&n, NOW + 10, nonce));
    ck_assert_err(nonces_use(&n, NOW + 10, nonce, &why), ERR_BUSY);
    ck_assert_ok(nonces_use(&n, NOW + NONCE_LIFETIME_S, nonce, &why));
}
END_TEST

TEST_MAIN("keybroker/nonces", a_nonce_is_used_once, a_nonce_is_good_for_a_minute, a_clock_that_is_set_back_opens_no_nonce_again,
          a_changed_nonce_or_one_of_another_broker_is_unknown, two_nonces_of_one_second_differ,
          as_many_as_can_be_remembered_are_used_and_then_no_more_until_some_are_stale)
