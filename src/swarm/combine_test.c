/* Is the output of a combiner the one that docs/task-file.md promises, byte by byte, and is a bad result named? */
#include "swarm/combine.h"

#include "base/test.h"
#include "swarm/test_random.h"

enum { RESULTS_MAX = 8 };

static Err collect(void *context, View bytes) { return buffer_append(context, bytes); }

static Err run(const char *combine, const View *results, size_t count, Buffer *out, Diag *diag)
{
    CombineSpec spec;
    Combiner *c;
    ck_assert_msg(combine_parse(combine, &spec), "%s", combine);
    ck_assert_ok(combiner_new(&spec, collect, out, &c));
    Err e = OK;
    for (size_t i = 0; i < count && !e.code; i++) e = combiner_add(c, i, results[i], diag);
    if (!e.code) e = combiner_finish(c, diag);
    combiner_free(&c);
    return e;
}

typedef struct { const char *combine; const char *results[RESULTS_MAX]; const char *expected; } Case;

static size_t views_of(const Case *t, View views[RESULTS_MAX])
{
    size_t count = 0;
    for (; count < RESULTS_MAX && t->results[count]; count++) views[count] = view_text(t->results[count]);
    return count;
}

static void check_outputs(const Case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        View views[RESULTS_MAX];
        Buffer out = buffer_limited(1 << 20);
        Diag diag = {{0}};
        Err e = run(cases[i].combine, views, views_of(&cases[i], views), &out, &diag);
        ck_assert_msg(e.code == 0, "case %zu: %s", i, diag.text);
        ck_assert_ok(buffer_put_u8(&out, 0));
        ck_assert_str_eq((const char *)out.data, cases[i].expected);
        buffer_free(&out);
    }
}
#define CHECK_OUTPUTS(cases) check_outputs((cases), sizeof(cases) / sizeof *(cases))

static const char *const ALL[] = {"concat", "sum", "sum-by-key", "min", "max", "mean", "top:3"};

START_TEST(nothing_to_combine_is_an_empty_output)
{
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++) {
        const Case cases[] = {{ALL[i], {NULL}, ""}, {ALL[i], {"", ""}, ""}};
        CHECK_OUTPUTS(cases);
    }
}
END_TEST

START_TEST(concat_keeps_every_byte)
{
    const View results[] = {VIEW("a\0"), VIEW(""), VIEW("\xff\n"), VIEW("b")};
    Buffer out = buffer_limited(100);
    Diag diag;
    ck_assert_ok(run("concat", results, 4, &out, &diag));
    ck_assert(view_equal(view_buffer(&out), VIEW("a\0\xff\nb")));
    buffer_free(&out);
}
END_TEST

START_TEST(tables_are_folded_number_by_number)
{
    const Case cases[] = {
        {"sum", {"1,2\n-3\n", "10,20\n30\n"}, "11,22\n27\n"},
        {"sum", {"1", "", "2\n"}, "3\n"},
        {"sum", {"1\r\n2\r\n", "1\n2"}, "2\n4\n"},
        {"min", {"3,1.5\n", "2,1.25\n", "9,2\n"}, "2,1.25\n"},
        {"max", {"-3,-1.5\n", "-2,-1.25\n", "-9,-2\n"}, "-2,-1.25\n"},
        {"max", {"9007199254740993", "9007199254740992.0"}, "9007199254740993\n"},
        {"min", {"9007199254740993", "9007199254740992.0"}, "9007199254740992\n"},
        {"mean", {"1,2", "2,5", "", "3,5"}, "2,4\n"},
        {"mean", {"1", "2"}, "1.5\n"},
        {"mean", {"1", "1", "2"}, "1.3333333333333333\n"},
        {"mean", {"170141183460469231731687303715884105727", "0"}, "8.507059173023462e+37\n"},
    };
    CHECK_OUTPUTS(cases);
}
END_TEST

START_TEST(integers_are_exact_and_decimals_compensated)
{
    const Case cases[] = {
        {"sum", {"170141183460469231731687303715884105726", "1"}, "170141183460469231731687303715884105727\n"},
        {"sum", {"-170141183460469231731687303715884105727", "-1"}, "-170141183460469231731687303715884105728\n"},
        {"sum", {"9007199254740992", "1", "1"}, "9007199254740994\n"},
        {"sum", {"1e100", "1.0", "-1e100"}, "1\n"}, /* plain summation gives 0 */
        {"sum", {"1.0", "1e100", "1.0", "-1e100"}, "2\n"}, /* Kahan's gives 0 */
        {"sum", {"73.597", "0"}, "73.597\n"},
        {"sum", {"0.1", "0.2", "0.3", "-0.6"}, "2.7755575615628914e-17\n"}, /* the exact sum of those four doubles */
        {"sum", {"9007199254740993", "0.5", "-9007199254740993"}, "0.5\n"},
        {"sum", {"0.5", "-0.5"}, "0\n"},
        {"sum", {"-0.0", "-0"}, "0\n"},
        {"sum", {"+1", "1e3", ".5", "1."}, "1002.5\n"},
    };
    CHECK_OUTPUTS(cases);
}
END_TEST

START_TEST(keys_are_summed_and_sorted_bytewise)
{
    const Case cases[] = {
        {"sum-by-key", {"b,1\na,2\nB,3\n", "a,40\nab,1\n"}, "B,3\na,42\nab,1\nb,1\n"},
        {"sum-by-key", {"a,1,0.5\n", "a,2,0.25"}, "a,3,0.75\n"},
        {"sum-by-key", {"\"a\",1\na,2\n"}, "a,3\n"},
        {"sum-by-key", {"\"x, y\",1\n", "\"x, y\",2\n"}, "\"x, y\",3\n"},
        {"sum-by-key", {"\"say \"\"hi\"\"\",1\n\"say \"\"hi\"\"\",2\n"}, "\"say \"\"hi\"\"\",3\n"},
        {"sum-by-key", {"\"two\nlines\",1\nq,1\n"}, "q,1\n\"two\nlines\",1\n"},
        {"sum-by-key", {",1\n\"\",2\n"}, ",3\n"},
        {"sum-by-key", {"5\" disk,1\n5\" disk,1\n"}, "\"5\"\" disk\",2\n"},
        {"sum-by-key", {"\xc3\xa9,1\nz,1\r\n"}, "z,1\n\xc3\xa9,1\n"},
    };
    CHECK_OUTPUTS(cases);
}
END_TEST

START_TEST(the_largest_come_first_and_the_earlier_of_equals)
{
    const Case cases[] = {
        {"top:2", {"a,1\nb,5\n", "c,5\nd,3\n"}, "b,5\nc,5\n"},
        {"top:3", {"1\n10\n", "9.5\n2"}, "10\n9.5\n2\n"},
        {"top:9", {"x,y,-1\r\n", "-2\n"}, "x,y,-1\n-2\n"},
        {"top:1", {"a,5\n", "b,5.0\n", "c,5\n"}, "a,5\n"},
    };
    CHECK_OUTPUTS(cases);
}
END_TEST

#define BITS_128 "170141183460469231731687303715884105727"

static const struct { Case bad; int code; } MALFORMED[] = {
    {{"sum", {"1\n", "x\n"}, "micro-job 1, line 1 of its result: 'x' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
    {{"sum", {"1\n\n"}, "micro-job 0, line 2 of its result: '' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
    {{"sum", {"1, 2"}, "micro-job 0, line 1 of its result: ' 2' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
    {{"sum", {"1,"}, "micro-job 0, line 1 of its result: '' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
    {{"max", {"nan"}, "micro-job 0, line 1 of its result: 'nan' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
    {{"min", {"-inf"}, "micro-job 0, line 1 of its result: '-inf' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
    {{"sum", {"0x10"}, "micro-job 0, line 1 of its result: '0x10' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
    {{"sum", {"\x1b[2J\n"}, "micro-job 0, line 1 of its result: '\\x1b[2J' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
    {{"sum", {"1e999"}, "micro-job 0, line 1 of its result: '1e999' is beyond what can be computed with"}, ERR_BAD_INPUT},
    {{"sum", {"170141183460469231731687303715884105728"},
        "micro-job 0, line 1 of its result: '170141183460469231731687303715884105728' is beyond what can be computed with"}, ERR_BAD_INPUT},
    {{"sum", {BITS_128, "1"}, "micro-job 1, line 1 of its result: the sum is beyond 128 bits or beyond a double"}, ERR_LIMIT},
    {{"sum", {"1.7e308", "1.7e308"}, "micro-job 1, line 1 of its result: the sum is beyond 128 bits or beyond a double"}, ERR_LIMIT},
    {{"mean", {"1,2", "1,2,3"}, "micro-job 1, line 1 of its result: more than 2 numbers; earlier results have that many"}, ERR_BAD_INPUT},
    {{"mean", {"1,2", "1"}, "micro-job 1, line 1 of its result: 1 numbers; earlier results have 2"}, ERR_BAD_INPUT},
    {{"min", {"1\n2\n", "1\n"}, "micro-job 1, line 1 of its result: the result ends here; earlier results have 2 lines"}, ERR_BAD_INPUT},
    {{"min", {"1\n", "1\n2\n"}, "micro-job 1, line 2 of its result: more than 1 lines; earlier results have that many"}, ERR_BAD_INPUT},
    {{"sum-by-key", {"a,1\n", "b\n"}, "micro-job 1, line 1 of its result: no number; a line is key,number"}, ERR_BAD_INPUT},
    {{"sum-by-key", {"a,1\n", "a,1,2\n"}, "micro-job 1, line 1 of its result: 2 numbers; earlier lines have 1"}, ERR_BAD_INPUT},
    {{"sum-by-key", {"a,x\n"}, "micro-job 0, line 1 of its result: 'x' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
    {{"sum-by-key", {"b,1\n\"a,1\nb,1\n"}, "micro-job 0, line 2 of its result: the quote around the key is never closed"}, ERR_BAD_INPUT},
    {{"sum-by-key", {"\"a\"b,1\n"}, "micro-job 0, line 1 of its result: a comma and a number must follow the quoted key"}, ERR_BAD_INPUT},
    {{"sum-by-key", {"\"a\""}, "micro-job 0, line 1 of its result: a comma and a number must follow the quoted key"}, ERR_BAD_INPUT},
    {{"sum-by-key", {"\"a\nb\",1\nc,x\n"},
        "micro-job 0, line 3 of its result: 'x' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
    {{"top:1", {"a,1\nb\n"}, "micro-job 0, line 2 of its result: 'b' is not a number such as 12, -0.5 or 1e-3"}, ERR_BAD_INPUT},
};

START_TEST(a_malformed_result_is_named_with_job_and_line)
{
    for (size_t i = 0; i < sizeof MALFORMED / sizeof *MALFORMED; i++) {
        View views[RESULTS_MAX];
        Buffer out = buffer_limited(1 << 20);
        Diag diag = {{0}};
        const Case *t = &MALFORMED[i].bad;
        Err e = run(t->combine, views, views_of(t, views), &out, &diag);
        ck_assert_msg(e.code == MALFORMED[i].code, "case %zu: %s (%s)", i, err_text(e.code), diag.text);
        ck_assert_str_eq(diag.text, t->expected);
        ck_assert_uint_eq(out.size, 0);
        buffer_free(&out);
    }
}
END_TEST

START_TEST(a_line_beyond_the_limit_is_refused)
{
    static uint8_t line[COMBINE_LINE_BYTES_MAX + 2];
    memset(line, '1', sizeof line);
    View result = view_of(line, sizeof line);
    static const char *const LINE_BASED[] = {"sum", "top:1", "sum-by-key"};
    for (size_t i = 0; i < 3; i++) {
        Buffer out = buffer_limited(100);
        Diag diag;
        ck_assert_err(run(LINE_BASED[i], &result, 1, &out, &diag), ERR_LIMIT);
        ck_assert_str_eq(diag.text, "micro-job 0, line 1 of its result: longer than 1048576 bytes");
        buffer_free(&out);
    }
}
END_TEST

static Err full(void *context, View bytes)
{
    (void)context, (void)bytes;
    return FAIL(28);
}

START_TEST(an_error_of_the_sink_comes_back)
{
    for (size_t i = 0; i < sizeof ALL / sizeof *ALL; i++) {
        CombineSpec spec;
        Combiner *c;
        Diag diag;
        ck_assert(combine_parse(ALL[i], &spec));
        ck_assert_ok(combiner_new(&spec, full, NULL, &c));
        Err e = combiner_add(c, 0, strcmp(ALL[i], "sum-by-key") == 0 ? VIEW("a,1\n") : VIEW("1\n"), &diag);
        if (!e.code) e = combiner_finish(c, &diag);
        ck_assert_int_eq(e.code, 28);
        combiner_free(&c);
    }
}
END_TEST

START_TEST(a_module_is_no_built_in_combiner)
{
    Combiner *c = NULL;
    CombineSpec spec = {.by = COMBINE_MODULE};
    ck_assert_err(combiner_new(&spec, full, NULL, &c), ERR_USAGE);
    ck_assert_ptr_null(c);
}
END_TEST

START_TEST(many_keys_are_summed_as_by_hand)
{
    enum { KEYS = 5000, ROUNDS = 40 };
    uint64_t seed = test_seed(), random = seed;
    static int64_t sums[KEYS];
    Buffer out = buffer_limited(16 << 20), result = buffer_limited(16 << 20), expected = buffer_limited(16 << 20);
    CombineSpec spec = {.by = COMBINE_SUM_BY_KEY};
    Combiner *c;
    Diag diag;
    ck_assert_ok(combiner_new(&spec, collect, &out, &c));
    for (int round = 0; round < ROUNDS; round++) {
        result.size = 0;
        for (int i = 0; i < KEYS; i++) {
            unsigned key = (unsigned)test_below(&random, KEYS);
            int64_t value = (int64_t)test_random(&random) >> 8;
            if (round == 0) key = (unsigned)i; /* each comes at least once */
            sums[key] += value;
            ck_assert_ok(buffer_format(&result, "key%05u,%" PRId64 "\n", key, value));
        }
        ck_assert_ok(combiner_add(c, (uint64_t)round, view_buffer(&result), &diag));
    }
    ck_assert_ok(combiner_finish(c, &diag));
    for (unsigned i = 0; i < KEYS; i++) ck_assert_ok(buffer_format(&expected, "key%05u,%" PRId64 "\n", i, sums[i]));
    ck_assert_msg(view_equal(view_buffer(&out), view_buffer(&expected)), "seed %" PRIu64, seed);
    combiner_free(&c);
    buffer_free(&out);
    buffer_free(&result);
    buffer_free(&expected);
}
END_TEST

typedef struct { int value, order; } Ranked;

static int by_rank(const void *a, const void *b)
{
    const Ranked *x = a, *y = b;
    return x->value != y->value ? (x->value < y->value ? 1 : -1) : x->order - y->order;
}

START_TEST(top_is_the_front_of_a_stable_sort)
{
    enum { LINES = 400 };
    uint64_t seed = test_seed(), random = seed;
    for (int round = 0; round < 300; round++) {
        Ranked all[LINES] = {{0}};
        Buffer result = buffer_limited(1 << 20), out = buffer_limited(1 << 20), expected = buffer_limited(1 << 20);
        int count = 1 + (int)test_below(&random, LINES), top = 1 + (int)test_below(&random, LINES);
        for (int i = 0; i < count; i++) {
            all[i] = (Ranked){(int)test_below(&random, 50) - 25, i};
            ck_assert_ok(buffer_format(&result, "%d,%d\n", i, all[i].value));
        }
        qsort(all, (size_t)count, sizeof *all, by_rank);
        for (int i = 0; i < count && i < top; i++) ck_assert_ok(buffer_format(&expected, "%d,%d\n", all[i].order, all[i].value));
        char combine[32];
        Diag diag;
        snprintf(combine, sizeof combine, "top:%d", top);
        View view = view_buffer(&result);
        ck_assert_ok(run(combine, &view, 1, &out, &diag));
        ck_assert_msg(view_equal(view_buffer(&out), view_buffer(&expected)), "seed %" PRIu64 " round %d", seed, round);
        buffer_free(&result);
        buffer_free(&out);
        buffer_free(&expected);
    }
}
END_TEST

TEST_MAIN("swarm/combine", nothing_to_combine_is_an_empty_output, concat_keeps_every_byte, tables_are_folded_number_by_number,
    integers_are_exact_and_decimals_compensated, keys_are_summed_and_sorted_bytewise, the_largest_come_first_and_the_earlier_of_equals,
    a_malformed_result_is_named_with_job_and_line, a_line_beyond_the_limit_is_refused, an_error_of_the_sink_comes_back,
    a_module_is_no_built_in_combiner, many_keys_are_summed_as_by_hand, top_is_the_front_of_a_stable_sort)
