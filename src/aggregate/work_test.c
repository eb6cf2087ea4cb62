/* Do hostile values, modules and partial results move the answer by no more than one unit may? */
#include "aggregate/fixture.h"

static Work *fed(const PrivacyRequest *r, const char *text)
{
    Work *w = work_new(r, 4);
    ck_assert_ok(work_feed(w, view_text(text)));
    ck_assert_ok(work_end(w));
    return w;
}

static double sum_of(const char *values)
{
    const PrivacyRequest r = asking((Asking){.kind = QUERY_SUM, .lower = "-10", .upper = "100", .column = "v"});
    char text[1024];
    snprintf(text, sizeof text, "v\n%s", values);
    return work_answer(fed(&r, text), 4);
}

START_TEST(values_are_clamped_and_what_is_no_number_moves_nothing)
{
    ck_assert_double_eq(sum_of("1\n2\n3\n"), 6);
    ck_assert_double_eq(sum_of("1\n1000000\n"), 101);
    ck_assert_double_eq(sum_of("1\n-1e30\n"), -9);
    ck_assert_double_eq(sum_of("1\nnan\ninf\n-inf\nNaN\n1e999999\n0x10\n\"\"\n--1\n"), 1);
}
END_TEST

START_TEST(huge_values_overflow_nothing)
{
    ck_assert_double_eq(sum_of("9223372036854775807\n170141183460469231731687303715884105727\n-170141183460469231731687303715884105728\n"), 200 - 10);
    ck_assert_double_eq(sum_of("99999999999999999999999999999999999999999999999999999999999999999999999999\n1\n"), 1);
}
END_TEST

START_TEST(a_person_counts_as_often_as_the_bound_says_and_the_others_as_before)
{
    const PrivacyRequest r = asking((Asking){.kind = QUERY_COUNT, .person = "p", .records = 2});
    ck_assert_double_eq(work_answer(fed(&r, "p\na\na\na\na\na\nb\n"), 4), 3);
    ck_assert_double_eq(work_answer(fed(&r, "p\nb\n"), 4), 1);
}
END_TEST

/* --- partial results --- */

static Buffer frame_of(Work *w)
{
    enum { FRAMES = 16, FRAME_BYTES = WORK_FRAME_MAX };
    static uint8_t frames[FRAMES][FRAME_BYTES];
    static unsigned turn;
    Buffer b = {.data = frames[turn++ % FRAMES], .capacity = FRAME_BYTES, .limit = FRAME_BYTES};
    ck_assert_ok(work_save(w, &b));
    return b;
}

START_TEST(frames_are_of_one_size_whatever_is_in_them)
{
    const PrivacyRequest r = asking((Asking){.kind = QUERY_SUM, .lower = "0", .upper = "100", .column = "v"});
    const Buffer empty = frame_of(fed(&r, "v\n")), full = frame_of(fed(&r, "v\n1\n2\n99\n100\n"));
    ck_assert_uint_eq(empty.size, full.size);
}
END_TEST

/* An answer that is not opened shows its length to whoever ran the stage, as often as he likes: the digits of its numbers must not be in it. */
START_TEST(answers_are_of_one_size_whatever_their_numbers_are)
{
    const PrivacyRequest sum = asking((Asking){.kind = QUERY_SUM, .lower = "-1000000", .upper = "1000000", .column = "v"});
    const size_t small = work_answer_size(fed(&sum, "v\n1\n"), 4);
    ck_assert_uint_eq(small, work_answer_size(fed(&sum, "v\n-1000000\n-999999\n-1000000\n"), 4));
    PrivacyRequest by_key = asking((Asking){.kind = QUERY_HISTOGRAM, .by = "k"});
    by_key.key_count = 2;
    ck_assert_ok(request_add(&by_key, "a"));
    ck_assert_ok(request_add(&by_key, "b"));
    for (int csv = 0; csv < 2; csv++) {
        if (csv) by_key.flags |= PRIVACY_CSV;
        ck_assert_uint_eq(work_answer_size(fed(&by_key, "k\n"), 4), work_answer_size(fed(&by_key, "k\na\na\na\na\na\na\na\na\na\na\nb\n"), 4));
    }
}
END_TEST

START_TEST(answers_of_quantiles_are_of_one_size_and_name_each)
{
    PrivacyRequest r = asking((Asking){.kind = QUERY_QUANTILES, .lower = "-1000000", .upper = "1000000", .column = "v"});
    r.bins = 1000;
    r.quantile_count = 3;
    ck_assert_ok(request_add(&r, "1/4"));
    ck_assert_ok(request_add(&r, "0.50"));
    ck_assert_ok(request_add(&r, "2/3"));
    for (int csv = 0; csv < 2; csv++) {
        if (csv) r.flags |= PRIVACY_CSV;
        const size_t empty = work_answer_size(fed(&r, "v\n"), 4);
        ck_assert_uint_eq(empty, work_answer_size(fed(&r, "v\n-999999\n-999998\n999999.5\n0\n"), 4));
        const char *text = work_answer_text(fed(&r, "v\n5\n"), 4);
        ck_assert_ptr_nonnull(strstr(text, csv ? "\nq0.25,," : "\"name\": \"q0.25\""));
        ck_assert_ptr_nonnull(strstr(text, csv ? "\nq0.5,," : "\"name\": \"q0.5\""));
        ck_assert_ptr_nonnull(strstr(text, csv ? "\nq2/3,," : "\"name\": \"q2/3\""));
    }
}
END_TEST

START_TEST(answers_of_blocks_are_of_one_size_whatever_modules_say)
{
    static const char *const SAYS[] = {"", "1 2 3", "-1000000 -999999.9 1e300", "nan,inf\nx", "0.00000000001"};
    PrivacyRequest r = asking((Asking){.kind = QUERY_BLOCKS, .lower = "-1000000", .upper = "1000000", .person = "p"});
    r.outputs = 3;
    size_t first = 0;
    for (size_t i = 0; i < sizeof SAYS / sizeof SAYS[0]; i++) {
        Work *w = work_new(&r, 3);
        for (int block = 0; block < 3; block++) work_value(w, view_text(SAYS[i]));
        const size_t size = work_answer_size(w, 3);
        if (i == 0) first = size;
        ck_assert_uint_eq(size, first);
    }
    Work *named = work_new(&r, 3);
    const char *text = work_answer_text(named, 3);
    ck_assert_ptr_nonnull(strstr(text, "\"name\": \"output1\""));
    ck_assert_ptr_nonnull(strstr(text, "\"name\": \"output3\""));
    ck_assert_ptr_nonnull(strstr(text, "\"blocks\": 3"));
}
END_TEST

/* Neither how many open keys there are nor how long. */
START_TEST(answers_of_open_keys_and_their_frames_are_of_one_size_whatever_keys_there_are)
{
    static char text[1 << 16];
    PrivacyRequest r = asking((Asking){.kind = QUERY_SUM_BY_KEY, .lower = "0", .upper = "1000000", .column = "v", .by = "k", .delta = "0.000001"});
    r.flags |= PRIVACY_OPEN_KEYS;
    size_t at = (size_t)snprintf(text, sizeof text, "k,v\n");
    for (int key = 0; key < 200; key++)
        for (int i = 0; i < 5; i++) at += (size_t)snprintf(text + at, sizeof text - at, "key-%0*d,%d\n", 1 + key % 40, key, 999999 - i);
    for (int csv = 0; csv < 2; csv++) {
        if (csv) r.flags |= PRIVACY_CSV;
        const size_t empty = work_answer_size(fed(&r, "k,v\n"), 4), full = work_answer_size(fed(&r, text), 4);
        ck_assert_uint_eq(empty, full);
        ck_assert_ptr_nonnull(strstr(work_answer_text(fed(&r, text), 4), "key-0003")); /* they are in it */
    }
    ck_assert_uint_eq(frame_of(fed(&r, "k,v\n")).size, frame_of(fed(&r, text)).size);
}
END_TEST

/* --- room --- */

static PrivacyRequest open_histogram(void)
{
    PrivacyRequest r = asking((Asking){.kind = QUERY_HISTOGRAM, .by = "k", .delta = "0.000001", .epsilon = "100"});
    r.flags |= PRIVACY_OPEN_KEYS;
    return r;
}

/* `crowd` records of the key "crowd" behind one record of each of so many keys, which begin with `prefix`. */
static Work *crowded(const PrivacyRequest *r, char prefix, int keys, int crowd)
{
    static char text[1 << 18];
    size_t at = (size_t)snprintf(text, sizeof text, "k\n");
    for (int i = 0; i < keys; i++) at += (size_t)snprintf(text + at, sizeof text - at, "%c%d\n", prefix, i);
    for (int i = 0; i < crowd; i++) at += (size_t)snprintf(text + at, sizeof text - at, "crowd\n");
    return fed(r, text);
}

static double number_named(const char *answer, const char *name)
{
    char at[64];
    double value = -1;
    snprintf(at, sizeof at, "\"name\": \"%s\"", name);
    const char *found = strstr(answer, at);
    if (found) found = strstr(found, "\"value\": ");
    if (found) ck_assert_int_eq(sscanf(found, "\"value\": %lf", &value), 1);
    return value;
}

/* One key more than there is room for changes neither how a segment's SEE ends nor the size of what leaves it; the answer then names no key. */
START_TEST(more_open_keys_than_there_is_room_for_show_nowhere_but_with_noise)
{
    const PrivacyRequest r = open_histogram();
    static const struct { int keys; bool named; } CASES[] = {
        {10, true}, {QUERY_OPEN_ROOM - 100, true}, {QUERY_OPEN_ROOM - 1, false}, {QUERY_OPEN_ROOM, false}, {9000, false}};
    const size_t frame = frame_of(crowded(&r, 'a', 0, 0)).size, answer = work_answer_size(crowded(&r, 'a', 0, 0), 4);
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        const int keys = CASES[i].keys;
        ck_assert_uint_eq(frame_of(crowded(&r, 'a', keys, 60)).size, frame);
        ck_assert_uint_eq(work_answer_size(crowded(&r, 'a', keys, 60), 4), answer);
        const char *text = work_answer_text(crowded(&r, 'a', keys, 60), 4);
        ck_assert_msg((strstr(text, "\"crowd\"") != NULL) == CASES[i].named, "%d keys", keys);
        ck_assert_double_eq_tol(number_named(text, "keys"), keys < QUERY_OPEN_ROOM ? keys + 1 : QUERY_OPEN_ROOM + 1, 10); /* scale 0.1 */
    }
}
END_TEST

START_TEST(room_is_for_the_keys_of_all_segments_together)
{
    const PrivacyRequest r = open_histogram();
    Work *few = work_new(&r, 4), *many = work_new(&r, 4), *late = work_new(&r, 4);
    const Buffer a = frame_of(crowded(&r, 'a', 2500, 60)), b = frame_of(crowded(&r, 'b', 2500, 60)), over = frame_of(crowded(&r, 'a', 9000, 60));
    ck_assert_ok(work_merge(few, view_buffer(&a)));
    ck_assert_ok(work_merge(few, view_buffer(&a))); /* the same keys again */
    ck_assert_ptr_nonnull(strstr(work_answer_text(few, 4), "\"crowd\""));
    ck_assert_ok(work_merge(many, view_buffer(&a)));
    ck_assert_ok(work_merge(many, view_buffer(&b)));
    ck_assert_ptr_null(strstr(work_answer_text(many, 4), "\"crowd\""));
    ck_assert_ok(work_merge(late, view_buffer(&over))); /* that one found no room stays known */
    const Buffer again = frame_of(late);
    Work *top = work_new(&r, 4);
    ck_assert_ok(work_merge(top, view_buffer(&again)));
    ck_assert_ptr_null(strstr(work_answer_text(top, 4), "\"crowd\""));
}
END_TEST

START_TEST(the_largest_answer_and_the_largest_segment_have_memory)
{
    PrivacyRequest r = asking((Asking){.kind = QUERY_TOP, .lower = "-100000000", .upper = "100000000", .column = "v", .by = "k", .person = "p",
                                       .delta = "0.000001", .epsilon = "999.99999"});
    r.flags |= PRIVACY_OPEN_KEYS | PRIVACY_OF_VALUES | PRIVACY_CHECK_BOUNDS;
    r.top = QUERY_OPEN_ROOM;
    static _Alignas(16) uint8_t large[WORK_MEMORY_BYTES];
    Work w = {.frame = 0};
    ck_assert_ok(work_begin(&w, &r, 4, CONTRIBUTION_SEGMENT_BYTES_MAX, large, sizeof large, NULL));
    ck_assert_uint_lt(work_answer_size(work_new(&r, 4), 4), WORK_ANSWER_MAX);
    ck_assert_err(work_begin(&w, &r, 4, CONTRIBUTION_SEGMENT_BYTES_MAX + 1, large, sizeof large, NULL), ERR_LIMIT);
}
END_TEST

START_TEST(a_long_open_key_does_not_count)
{
    char text[400] = "k\n";
    const PrivacyRequest r = open_histogram();
    for (int i = 0; i < 5; i++) snprintf(text + strlen(text), sizeof text - strlen(text), "%0*d\n", QUERY_OPEN_KEY_BYTES_MAX + (i > 2), 7);
    const char *answer = work_answer_text(fed(&r, text), 4);
    ck_assert_double_eq(number_named(answer, "keys"), 1);
}
END_TEST

START_TEST(frames_add_up_in_any_tree)
{
    const PrivacyRequest r = asking((Asking){.kind = QUERY_SUM, .lower = "0", .upper = "100", .column = "v"});
    const Buffer a = frame_of(fed(&r, "v\n1\n2\n")), b = frame_of(fed(&r, "v\n30\n")), c = frame_of(fed(&r, "v\n"));
    Work *inner = work_new(&r, 4), *outer = work_new(&r, 4);
    ck_assert_ok(work_merge(inner, view_buffer(&b)));
    ck_assert_ok(work_merge(inner, view_buffer(&c)));
    const Buffer bc = frame_of(inner);
    ck_assert_ok(work_merge(outer, view_buffer(&a)));
    ck_assert_ok(work_merge(outer, view_buffer(&bc)));
    ck_assert_double_eq(work_answer(outer, 4), 33);
}
END_TEST

START_TEST(a_frame_of_another_size_or_query_is_refused)
{
    const PrivacyRequest r = asking((Asking){.kind = QUERY_SUM, .lower = "0", .upper = "100", .column = "v"});
    const PrivacyRequest other = asking((Asking){.kind = QUERY_COUNT});
    Buffer a = frame_of(fed(&r, "v\n1\n"));
    ck_assert_err(work_merge(work_new(&r, 4), view_of(a.data, a.size - 1)), ERR_CORRUPT);
    ck_assert(work_merge(work_new(&other, 4), view_buffer(&a)).code != 0);
    memset(a.data, 0xff, 4);
    ck_assert_err(work_merge(work_new(&r, 4), view_buffer(&a)), ERR_CORRUPT);
}
END_TEST

/* --- modules --- */

static double mean_of(const char *const *values, size_t count)
{
    const PrivacyRequest r = asking((Asking){.kind = QUERY_BLOCKS, .lower = "0", .upper = "100", .person = "p"});
    Work *w = work_new(&r, count);
    for (size_t i = 0; i < count; i++) work_value(w, view_text(values[i]));
    return work_answer(w, count);
}

/* A module that puts somebody's secret into every bit of its output moves the mean by one segment's share of the range, and no further. */
START_TEST(a_module_moves_the_answer_by_one_segments_share_whatever_it_says)
{
    static const char *const HONEST[] = {"50", "50", "50", "50"};
    static const char *const SAYS[] = {"1e300", "-1e300", "nan", "inf", "", "fifty", "0.0000000000000000000000000000000000000000000001",
                                       "31415926535897932384626433832795028841971693993751", "100 99 98 97 96", "\xff\xfe\xfd", "1/0"};
    ck_assert_double_eq_tol(mean_of(HONEST, 4), 50, 1);
    for (size_t i = 0; i < sizeof SAYS / sizeof SAYS[0]; i++) {
        const char *const values[] = {"50", SAYS[i], "50", "50"};
        const double mean = mean_of(values, 4);
        ck_assert_msg(mean >= 37.5 - 1 && mean <= 62.5 + 1, "\"%s\" moves the mean to %g", SAYS[i], mean);
    }
}
END_TEST

TEST_MAIN("aggregate/work", values_are_clamped_and_what_is_no_number_moves_nothing, huge_values_overflow_nothing,
          a_person_counts_as_often_as_the_bound_says_and_the_others_as_before, frames_are_of_one_size_whatever_is_in_them,
          answers_are_of_one_size_whatever_their_numbers_are, answers_of_quantiles_are_of_one_size_and_name_each,
          answers_of_blocks_are_of_one_size_whatever_modules_say,
          answers_of_open_keys_and_their_frames_are_of_one_size_whatever_keys_there_are,
          more_open_keys_than_there_is_room_for_show_nowhere_but_with_noise,
          room_is_for_the_keys_of_all_segments_together, the_largest_answer_and_the_largest_segment_have_memory, a_long_open_key_does_not_count,
          frames_add_up_in_any_tree,
          a_frame_of_another_size_or_query_is_refused, a_module_moves_the_answer_by_one_segments_share_whatever_it_says)
