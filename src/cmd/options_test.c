/* Does the option table read what people type, and answer what they mistype? */
#include "cmd/options.h"

#include <stdio.h>
#include <string.h>

#include "base/test.h"
#include "cmd/suggest.h"

static bool flag;
static const char *text;
static unsigned number;
static OptionNumber large;
static double real;
static OptionList list;
static const Option OPTIONS[] = {
    {"json", 0, OPTION_FLAG, &flag, NULL, "a flag"},
    {"output", 'o', OPTION_TEXT, &text, "FILE", "a text"},
    {"jobs", 'j', OPTION_NUMBER, &number, "N", "a number"},
    {"seed", 0, OPTION_NUMBER64, &large, "N", "a large number"},
    {"speedup", 0, OPTION_REAL, &real, "N", "a number with a fraction"},
    {"node", 0, OPTION_LIST, &list, "KEY", "several texts"},
};

static bool parse(bool rest, const char *const *words, Arguments *ret, int *ret_exit)
{
    static char copies[16][32], *argv[16];
    int argc = 0;
    for (; words[argc]; argc++) {
        snprintf(copies[argc], sizeof copies[argc], "%s", words[argc]);
        argv[argc] = copies[argc];
    }
    Usage usage = {.command = "test", .usage = "covey test FILE", .summary = "s", .examples = "e\n", .options = OPTIONS,
                   .option_count = sizeof OPTIONS / sizeof OPTIONS[0], .positional_min = 0, .positional_max = 1, .rest_after_dashes = rest};
    return options_parse(&usage, argc, argv, ret, ret_exit);
}
#define PARSE(...) parse(false, (const char *const[]){__VA_ARGS__, NULL}, &a, &code)

START_TEST(values_may_follow_or_be_joined)
{
    Arguments a;
    int code;
    ck_assert(PARSE("--output", "x", "-j4", "--json"));
    ck_assert_str_eq(text, "x");
    ck_assert_uint_eq(number, 4);
    ck_assert(flag);
    ck_assert(PARSE("--output=y=z", "-j", "5"));
    ck_assert_str_eq(text, "y=z");
    ck_assert_uint_eq(number, 5);
}
END_TEST

START_TEST(a_number_is_taken_whole_and_within_its_range_or_not_at_all)
{
    static const char *const NO_WHOLE_NUMBERS[] = {"", "many", "5x", "-1", "+1", " 1", "0x5", "18446744073709551616"};
    static const char *const NO_NUMBERS[] = {"", "fast", "10x", "nan", "inf", "1e999"};
    Arguments a;
    int code;
    ck_assert(!large.given);
    ck_assert(!PARSE("--jobs", "4294967296"));
    for (size_t i = 0; i < sizeof NO_WHOLE_NUMBERS / sizeof NO_WHOLE_NUMBERS[0]; i++) ck_assert(!PARSE("--seed", NO_WHOLE_NUMBERS[i]) && code == 2);
    for (size_t i = 0; i < sizeof NO_NUMBERS / sizeof NO_NUMBERS[0]; i++) ck_assert(!PARSE("--speedup", NO_NUMBERS[i]) && code == 2);
    ck_assert(!large.given && real == 0);
    ck_assert(PARSE("--seed", "18446744073709551615", "--speedup", "0.5"));
    ck_assert(large.given && large.value == UINT64_MAX && real == 0.5);
}
END_TEST

START_TEST(an_option_that_may_come_again_keeps_all_values_up_to_a_limit)
{
    Arguments a;
    int code;
    ck_assert(PARSE("--node", "x", "--json", "--node=y"));
    ck_assert_uint_eq(list.count, 2);
    ck_assert_str_eq(list.items[0], "x");
    ck_assert_str_eq(list.items[1], "y");
    list.count = OPTION_LIST_MAX;
    ck_assert(!PARSE("--node", "z"));
    ck_assert_int_eq(code, 2);
}
END_TEST

START_TEST(options_and_positional_arguments_mix)
{
    Arguments a;
    int code;
    ck_assert(PARSE("--json", "task.yaml", "-o", "-"));
    ck_assert_int_eq(a.positional_count, 1);
    ck_assert_str_eq(a.positional[0], "task.yaml");
    ck_assert_str_eq(text, "-");
}
END_TEST

START_TEST(after_two_dashes_nothing_is_an_option)
{
    Arguments a;
    int code;
    ck_assert(PARSE("--", "--json"));
    ck_assert(!flag);
    ck_assert_str_eq(a.positional[0], "--json");
    ck_assert(parse(true, (const char *const[]){"--json", "--", "--help", "b", NULL}, &a, &code));
    ck_assert_int_eq(a.rest_count, 2);
    ck_assert_str_eq(a.rest[0], "--help");
    ck_assert_int_eq(a.positional_count, 0);
}
END_TEST

START_TEST(mistakes_end_with_exit_code_2)
{
    static const char *const WRONG[][3] = {{"--jso"}, {"--json=1"}, {"-x"}, {"--output"}, {"--jobs", "four"}, {"-j", "-4"},
                                           {"-j", "99999999999"}, {"one", "two"}};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        Arguments a;
        int code = 0;
        ck_assert_msg(!parse(false, WRONG[i], &a, &code), "%s was taken", WRONG[i][0]);
        ck_assert_int_eq(code, 2);
    }
}
END_TEST

START_TEST(help_ends_with_exit_code_0)
{
    Arguments a;
    int code = 2;
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stdout)); /* standard output is TAP's */
    ck_assert(!PARSE("--output", "x", "--help"));
    ck_assert_int_eq(code, 0);
}
END_TEST

START_TEST(the_nearest_word_is_suggested_and_a_far_one_is_not)
{
    const char *best = NULL;
    ck_assert_uint_eq(suggest_distance("kitten", "sitting"), 3);
    ck_assert_uint_eq(suggest_distance("", "abc"), 3);
    suggest_consider("rseume", "output", &best);
    ck_assert_ptr_null(best);
    suggest_consider("rseume", "resume", &best);
    ck_assert_str_eq(best, "resume");
    suggest_consider("resumee", "resumed", &best);
    ck_assert_str_eq(best, "resume");
}
END_TEST

TEST_MAIN("cmd/options", values_may_follow_or_be_joined, a_number_is_taken_whole_and_within_its_range_or_not_at_all,
          an_option_that_may_come_again_keeps_all_values_up_to_a_limit, options_and_positional_arguments_mix, after_two_dashes_nothing_is_an_option,
          mistakes_end_with_exit_code_2, help_ends_with_exit_code_0, the_nearest_word_is_suggested_and_a_far_one_is_not)
