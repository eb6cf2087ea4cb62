/* Does the table keep each key once, number it by its coming, sort it by its bytes, and stop at its limits? */
#include "swarm/key_table.h"

#include <stdio.h>

#include "base/test.h"

START_TEST(a_key_keeps_its_number)
{
    enum { KEYS = 100000 };
    KeyTable t;
    char key[32];
    ck_assert_ok(key_table_new(KEYS, 1 << 30, &t));
    for (uint32_t round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < KEYS; i++) {
            uint32_t number;
            int size = snprintf(key, sizeof key, "%u", i * 7919);
            ck_assert_ok(key_table_put(&t, view_of(key, (size_t)size), &number));
            ck_assert_uint_eq(number, i);
        }
    }
    ck_assert_uint_eq(t.key_count, KEYS);
    key_table_free(&t);
}
END_TEST

START_TEST(sorting_is_bytewise)
{
    static const char *const IN_ORDER[] = {"", "A", "B", "a", "aa", "ab", "b", "\x7f", "\x80", "\xff", "\xff\xff"};
    enum { COUNT = sizeof IN_ORDER / sizeof *IN_ORDER };
    KeyTable t;
    uint32_t number, *numbers;
    ck_assert_ok(key_table_new(COUNT, 1000, &t));
    for (size_t i = 0; i < COUNT; i++) ck_assert_ok(key_table_put(&t, view_text(IN_ORDER[i * 5 % COUNT]), &number));
    ck_assert_uint_eq(t.key_count, COUNT);
    ck_assert_ok(key_table_sorted(&t, &numbers));
    for (size_t i = 0; i < COUNT; i++) {
        const TableKey *k = &t.keys[numbers[i]];
        ck_assert(view_equal(view_of(k->data, k->size), view_text(IN_ORDER[i])));
    }
    free(numbers);
    key_table_free(&t);
}
END_TEST

START_TEST(limits_hold_and_leave_the_table_as_it_was)
{
    KeyTable t;
    uint32_t number;
    ck_assert_ok(key_table_new(2, 5, &t));
    ck_assert_ok(key_table_put(&t, VIEW("abc"), &number));
    ck_assert_err(key_table_put(&t, VIEW("xyz"), &number), ERR_LIMIT); /* bytes */
    ck_assert_ok(key_table_put(&t, VIEW("de"), &number));
    ck_assert_err(key_table_put(&t, VIEW(""), &number), ERR_LIMIT); /* keys */
    ck_assert_ok(key_table_put(&t, VIEW("abc"), &number));
    ck_assert_uint_eq(number, 0);
    ck_assert_uint_eq(t.key_count, 2);
    key_table_free(&t);
}
END_TEST

START_TEST(keys_longer_than_a_block_are_kept_whole)
{
    enum { LONG = 1 << 20 };
    KeyTable t;
    uint32_t number;
    uint8_t *key = malloc(LONG);
    memset(key, 'k', LONG);
    ck_assert_ok(key_table_new(4, 4 << 20, &t));
    ck_assert_ok(key_table_put(&t, view_of(key, LONG), &number));
    ck_assert_ok(key_table_put(&t, view_of(key, LONG - 1), &number));
    ck_assert_uint_eq(number, 1);
    ck_assert_ok(key_table_put(&t, view_of(key, LONG), &number));
    ck_assert_uint_eq(number, 0);
    free(key);
    key_table_free(&t);
}
END_TEST

TEST_MAIN("swarm/key_table", a_key_keeps_its_number, sorting_is_bytewise, limits_hold_and_leave_the_table_as_it_was,
    keys_longer_than_a_block_are_kept_whole)
