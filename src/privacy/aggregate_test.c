/* Are values clamped, contributions bounded, partial results merged and answers released as the headers say, hostile input included? */
#include "privacy/aggregate.h"

#include "privacy/fixture.h"

enum { MEMORY = 1 << 20, ROOM = 600 };

static uint8_t memory[2][MEMORY] __attribute__((aligned(16)));
static const View KEYS[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}, {(const uint8_t *)"c", 1}};
static const Rational QUANTILES[] = {{1, 2}, {9, 10}};

static Bounds bounds(const char *lower, const char *upper, const char *step)
{
    Bounds b = {.step = {1, 1}};
    ck_assert_ok(bounds_parse(view_text(lower), view_text(upper), view_text(step), &b));
    return b;
}

static Query query(QueryKind kind)
{
    Query q = {.kind = kind, .spend = {rational("1"), RATIONAL_ZERO, RATIONAL_ZERO}, .bounds = bounds("0", "100", "0.5"), .confidence = RATIONAL_ZERO};
    if (kind == QUERY_HISTOGRAM || kind == QUERY_SUM_BY_KEY || kind == QUERY_TOP) q.keys = KEYS, q.key_count = 3;
    if (kind == QUERY_TOP) q.top = 2;
    if (kind == QUERY_QUANTILES) q.quantiles = QUANTILES, q.quantile_count = 2, q.bins = 128;
    if (kind == QUERY_BLOCKS) q.outputs = 1, q.block_count = 50;
    return q;
}

static Aggregate *start(const Query *q, int which, Plan *ret_plan)
{
    Aggregate *a = NULL;
    Diag diag = {{0}};
    Err e = query_plan(q, ret_plan, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    ck_assert_ok(aggregate_start(q, ret_plan, ROOM, memory[which], MEMORY, &a));
    return a;
}

START_TEST(every_text_becomes_a_value_within_the_bounds)
{
    const Bounds b = bounds("-1.5", "2", "0.5");
    static const struct { const char *text; int steps; bool clamped; } CASES[] = {{"1", 2, false}, {"-1.5", -3, false}, {"2.0", 4, false}, {"1e1", 4, true},
        {"-7", -3, true}, {"0.25", 1, false}, {"-0.25", -1, false}, {"0.24999", 0, false}, {"1/3", 1, false}, {"", 0, true}, {"nan", 0, true}, {"NaN", 0, true},
        {"inf", 0, true}, {"-inf", 0, true}, {"Infinity", 0, true}, {"1e400", 0, true}, {"0x1p3", 0, true}, {"--1", 0, true}, {" 1 ", 2, false},
        {"340282366920938463463374607431768211455", 4, true}, {"-340282366920938463463374607431768211455", -3, true},
        {"9999999999999999999999999999999999999999999", 0, true}, {"1\r", 2, false}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        bool clamped;
        const int64_t got = bounds_read(&b, view_text(CASES[i].text), &clamped);
        ck_assert_msg(got == CASES[i].steps && clamped == CASES[i].clamped, "'%s': %d", CASES[i].text, (int)got);
    }
    const Bounds above = bounds("3", "5", "1");
    ck_assert_int_eq(bounds_read(&above, VIEW("nan"), NULL), 3); /* the value in the bounds nearest to zero */
    ck_assert_int_eq(bounds_reach(&b), 4);
    ck_assert_int_eq(bounds_width(&b), 7);
}
END_TEST

START_TEST(bounds_are_widened_to_the_grid_or_refused)
{
    Bounds b = bounds("-0.3", "0.3", "0.25");
    ck_assert(b.lower == -2 && b.upper == 2);
    b = bounds("0.3", "0.6", "0.25");
    ck_assert(b.lower == 1 && b.upper == 3);
    static const char *const WRONG[][3] = {{"2", "1", "1"}, {"nan", "1", "1"}, {"0", "inf", "1"}, {"0", "1", "0"}, {"0", "1", "-1"}, {"", "1", "1"},
        {"0", "4611686018427387904", "1"}, {"0", "1", "1e-38"}};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++)
        ck_assert_err(bounds_parse(view_text(WRONG[i][0]), view_text(WRONG[i][1]), view_text(WRONG[i][2]), &b), ERR_BAD_INPUT);
    ck_assert_ok(bounds_parse(VIEW("-4611686018427387903"), VIEW("4611686018427387903"), VIEW("1"), &b));
}
END_TEST

static int admitted(Contribution *c, const char *person, const char *key)
{
    bool counts, first;
    ck_assert_ok(contribution_admit(c, view_text(person), view_text(key), &counts, &first));
    return counts + first;
}

START_TEST(a_person_contributes_what_is_allowed_and_nobody_else_is_touched)
{
    Contribution c;
    ck_assert_ok(contribution_start((ContributionLimits){4, 2, 2}, memory[0], 4096, &c));
    ck_assert_int_eq(admitted(&c, "x", "a"), 2);
    ck_assert_int_eq(admitted(&c, "x", "a"), 1);
    ck_assert_int_eq(admitted(&c, "x", "a"), 0); /* two of a key */
    ck_assert_int_eq(admitted(&c, "x", "b"), 2);
    ck_assert_int_eq(admitted(&c, "x", "c"), 0); /* two keys */
    ck_assert_int_eq(admitted(&c, "xa", ""), 2); /* not the person x with the key a */
    ck_assert_int_eq(admitted(&c, "x", "b"), 1);
    ck_assert_int_eq(admitted(&c, "x", "b"), 0); /* four records */
    ck_assert_int_eq(admitted(&c, "", "a"), 2);  /* a person without a name is one */
    ck_assert_int_eq(admitted(&c, "y", "a"), 2);
    char longer[PERSON_BYTES_MAX + 2];
    memset(longer, 'p', sizeof longer);
    bool counts, first;
    longer[PERSON_BYTES_MAX + 1] = '\0';
    ck_assert_int_eq(admitted(&c, longer, "a"), 0); /* cut, two such persons would be one */
    ck_assert_ok(contribution_admit(&c, view_of(longer, PERSON_BYTES_MAX), VIEW("a"), &counts, &first));
    ck_assert(counts && first);
    ck_assert_err(contribution_start((ContributionLimits){0, 1, 1}, memory[0], 4096, &c), ERR_BAD_INPUT);
    ck_assert_err(contribution_start((ContributionLimits){1, 1, 1}, memory[0], 32, &c), ERR_LIMIT);
}
END_TEST

START_TEST(the_memory_that_is_said_to_be_enough_is)
{
    TestRandom random = {test_seed(), 0};
    for (int round = 0; round < 50; round++) {
        const int records = 1 + (int)(test_next(&random) % 500), length = (int)(test_next(&random) % 40);
        const size_t size = contribution_size((size_t)records * (size_t)(length + 5), (uint64_t)records);
        ck_assert(size <= MEMORY);
        Contribution c;
        ck_assert_ok(contribution_start((ContributionLimits){1, 1, 1}, memory[0], size, &c));
        for (int i = 0; i < records; i++) {
            char person[64];
            bool counts, first;
            const int wrote = snprintf(person, sizeof person, "%0*d", length + 5, i);
            const size_t half = (size_t)wrote / 2, rest = (size_t)wrote - half;
            ck_assert_ok(contribution_admit(&c, view_of(person, half), view_of(person + half, rest), &counts, &first));
        }
    }
    enum { DENSE = 7000 }; /* records of three bytes, each of another person */
    Contribution c;
    const size_t size = contribution_size(3 * DENSE, DENSE);
    ck_assert(size <= MEMORY);
    ck_assert_ok(contribution_start((ContributionLimits){1, 1, 1}, memory[0], size, &c));
    for (int i = 0; i < DENSE; i++) {
        const uint8_t person[2] = {(uint8_t)i, (uint8_t)(i >> 8)};
        bool counts, first;
        ck_assert_ok(contribution_admit(&c, view_of(person, 2), (View){0}, &counts, &first));
        ck_assert(counts);
    }
}
END_TEST

/* The densest segment that there is: each record another person, as short as can be. */
START_TEST(no_segment_has_more_persons_than_its_size_has_memory_for)
{
    enum { SEGMENT = 300000 };
    const size_t size = contribution_size(SEGMENT, contribution_records(SEGMENT));
    uint8_t *table = malloc(size);
    uint64_t bytes = 0, records = 0;
    Contribution c;
    ck_assert_ok(contribution_start((ContributionLimits){1, 1, 1}, table, size, &c));
    for (size_t length = 0; bytes + length + 1 <= SEGMENT; length++) {
        for (uint64_t i = 0; i < UINT64_C(1) << (8 * length) && bytes + length + 1 <= SEGMENT; i++, records++, bytes += length + 1) {
            uint8_t person[8];
            bool counts, first;
            memcpy(person, &i, sizeof person);
            ck_assert_ok(contribution_admit(&c, view_of(person, length), view_of(person, length), &counts, &first));
            ck_assert(counts && first);
        }
    }
    ck_assert_uint_le(records, contribution_records(SEGMENT));
    free(table);
}
END_TEST

typedef struct { double value[8], low[8], high[8]; char keys[64]; int count; } Answers;

static double signed_real(bool negative, Rational r) { return negative ? -real(r) : real(r); }

static Err collect(void *context, const Released *n)
{
    Answers *r = context;
    ck_assert_int_lt(r->count, 8);
    r->value[r->count] = signed_real(n->negative, n->value);
    r->low[r->count] = signed_real(n->low_negative, n->low);
    r->high[r->count] = signed_real(n->high_negative, n->high);
    ck_assert(r->low[r->count] <= r->high[r->count]);
    strncat(r->keys, (const char *)n->key.data ? (const char *)n->key.data : "", n->key.size);
    r->count++;
    return OK;
}

/** 50 records or blocks with the mean 50, symmetric about it. */
static void feed(Aggregate *a, QueryKind kind)
{
    for (int i = 0; i < 50; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", 1 + 2 * i);
        if (kind == QUERY_BLOCKS) aggregate_block(a, view_text(text));
        else ck_assert_ok(aggregate_record(a, KEYS[i % 3], view_text(text), true));
    }
}

static double truth(const Query *q)
{
    switch (q->kind) {
    case QUERY_COUNT: return 50;
    case QUERY_SUM: return 2500;
    case QUERY_VARIANCE: return 833;
    case QUERY_HISTOGRAM: return 17;
    case QUERY_SUM_BY_KEY: return 833;
    default: return 50;
    }
}

/** Root mean square error, and how often the interval held the truth, over many releases. */
static double measured(const Query *q, int rounds, uint64_t seed, double *ret_held)
{
    TestRandom random = {seed, 0};
    NoiseSource source = test_source(&random, false);
    double square = 0, held = 0;
    Plan plan;
    ck_assert_ok(query_plan(q, &plan, NULL));
    for (int i = 0; i < rounds; i++) {
        Answers r = {.count = 0};
        Aggregate *a;
        ck_assert_ok(aggregate_start(q, &plan, ROOM, memory[0], MEMORY, &a));
        feed(a, q->kind);
        ck_assert_ok(aggregate_release(a, &source, collect, &r));
        const double off = r.value[0] - truth(q);
        square += off * off / rounds;
        held += r.low[0] <= truth(q) && truth(q) <= r.high[0];
    }
    *ret_held = held / rounds;
    return sqrt(square);
}

START_TEST(errors_are_within_a_tenth_of_what_the_formula_promises)
{
    enum { ROUNDS = 8000 };
    static const QueryKind KINDS[] = {QUERY_COUNT, QUERY_SUM, QUERY_MEAN, QUERY_VARIANCE, QUERY_HISTOGRAM, QUERY_SUM_BY_KEY, QUERY_BLOCKS};
    const uint64_t seed = test_seed();
    for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        for (int rho = 0; rho < 2; rho++) {
            Query q = query(KINDS[k]);
            if (q.kind == QUERY_MEAN || q.kind == QUERY_VARIANCE) q.spend.epsilon = rational("20"); /* 50 records only: else the bounds cut the error */
            if (rho) q.spend = (Spend){RATIONAL_ZERO, RATIONAL_ZERO, real(q.spend.epsilon) > 1 ? rational("40") : rational("0.5")};
            Plan plan;
            ck_assert_ok(query_plan(&q, &plan, NULL));
            double held;
            const double got = measured(&q, ROUNDS, seed, &held), promised = plan_error(&q, &plan, 50);
            ck_assert_msg(fabs(got / promised - 1) < 0.1, "%s: error %g, promised %g", query_name(q.kind), got, promised);
            ck_assert_msg(held > 0.95 - 5 * sqrt(0.95 * 0.05 / ROUNDS), "%s: the interval held the truth %g of the time", query_name(q.kind), held);
        }
    }
}
END_TEST

START_TEST(quantiles_have_intervals_that_hold_the_truth)
{
    Query q = query(QUERY_QUANTILES);
    q.spend.epsilon = rational("8");
    double held;
    const double off = measured(&q, 3000, test_seed(), &held);
    ck_assert_msg(held > 0.95 - 5 * sqrt(0.95 * 0.05 / 3000), "held %g", held);
    ck_assert_msg(off < 10, "off by %g", off);
}
END_TEST

static void sealed(const Aggregate *a, Buffer *out)
{
    *out = buffer_limited(1 << 20);
    ck_assert_ok(aggregate_save(a, out));
}

START_TEST(partial_results_give_the_same_in_any_order)
{
    for (int kind = 0; kind < QUERY_KINDS; kind++) {
        for (int open = 0; open < 2; open++) {
            Query q = query((QueryKind)kind);
            if (open && !q.keys) continue;
            if (open) q.open_keys = true, q.keys = NULL, q.key_count = 0, q.spend.delta = rational("1e-6");
            Plan plan;
            Buffer parts[5], forward, backward, whole;
            Aggregate *all = start(&q, 1, &plan);
            for (int part = 0; part < 5; part++) {
                Aggregate *a = start(&q, 0, &plan);
                for (int i = 0; i < 10; i++) {
                    char text[16];
                    snprintf(text, sizeof text, "%d", part * 20 + 2 * i);
                    const View key = KEYS[(part + i) % 3];
                    for (int both = 0; both < 2; both++) {
                        Aggregate *to = both ? all : a;
                        if (kind == QUERY_BLOCKS) aggregate_block(to, view_text(text));
                        else ck_assert_ok(aggregate_record(to, key, view_text(text), true));
                    }
                }
                sealed(a, &parts[part]);
            }
            sealed(all, &whole);
            Aggregate *a = start(&q, 0, &plan);
            for (int part = 0; part < 5; part++) ck_assert_ok(aggregate_merge(a, view_buffer(&parts[part])));
            sealed(a, &forward);
            a = start(&q, 0, &plan);
            for (int part = 5; part-- > 0;) ck_assert_ok(aggregate_merge(a, view_buffer(&parts[part])));
            sealed(a, &backward);
            ck_assert(view_equal(view_buffer(&forward), view_buffer(&backward)) && view_equal(view_buffer(&forward), view_buffer(&whole)));
            for (int part = 0; part < 5; part++) buffer_free(&parts[part]);
            buffer_free(&forward);
            buffer_free(&backward);
            buffer_free(&whole);
        }
    }
}
END_TEST

START_TEST(a_partial_result_that_is_not_one_is_refused)
{
    Query q = query(QUERY_SUM), other = q;
    other.bounds = bounds("0", "101", "0.5");
    Plan plan;
    Aggregate *a = start(&q, 0, &plan);
    feed(a, q.kind);
    AUTO_BUFFER saved = buffer_limited(1 << 20);
    ck_assert_ok(aggregate_save(a, &saved));
    for (size_t size = 0; size < saved.size; size++)
        ck_assert_err(aggregate_merge(start(&q, 1, &plan), view_of(saved.data, size)), ERR_CORRUPT);
    ck_assert_err(aggregate_merge(start(&other, 1, &plan), view_buffer(&saved)), ERR_CORRUPT);
    const Query count = query(QUERY_COUNT);
    ck_assert_err(aggregate_merge(start(&count, 1, &plan), view_buffer(&saved)), ERR_CORRUPT);
    saved.data[saved.size - 1] = 0x40; /* a sum beyond what 50 records could give */
    ck_assert_err(aggregate_merge(start(&q, 1, &plan), view_buffer(&saved)), ERR_CORRUPT);
    saved.data[saved.size - 1] = 0;
    memset(saved.data + 16, 0xff, 8); /* 2^64 - 1 records */
    ck_assert_err(aggregate_merge(start(&q, 1, &plan), view_buffer(&saved)), ERR_CORRUPT);
}
END_TEST

START_TEST(the_largest_sums_do_not_overflow)
{
    Query q = query(QUERY_SUM);
    q.bounds = bounds("-4611686018427387903", "4611686018427387903", "1");
    q.spend.epsilon = rational("1000");
    Plan plan;
    Aggregate *a = start(&q, 0, &plan);
    ck_assert_ok(aggregate_record(a, (View){0}, VIEW("1e30"), true));
    AUTO_BUFFER saved = buffer_limited(1 << 20);
    ck_assert_ok(aggregate_save(a, &saved));
    const uint64_t records = (uint64_t)1 << 47;
    const UInt128 sum = (UInt128)4611686018427387903 * records;
    memcpy(saved.data + 16, &records, 8);
    memcpy(saved.data + saved.size - 16, &sum, 16);
    a = start(&q, 1, &plan);
    ck_assert_ok(aggregate_merge(a, view_buffer(&saved)));
    ck_assert_ok(aggregate_merge(a, view_buffer(&saved)));
    ck_assert_err(aggregate_merge(start(&q, 1, &plan), view_of(saved.data, saved.size - 1)), ERR_CORRUPT);
    a = start(&q, 1, &plan);
    ck_assert_ok(aggregate_merge(a, view_buffer(&saved)));
    ck_assert_ok(aggregate_merge(a, view_buffer(&saved)));
    ck_assert_err(aggregate_merge(a, view_buffer(&saved)), ERR_CORRUPT); /* 2^48 records are the most */
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    Answers r = {.count = 0};
    a = start(&q, 1, &plan);
    ck_assert_ok(aggregate_merge(a, view_buffer(&saved)));
    ck_assert_ok(aggregate_merge(a, view_buffer(&saved)));
    ck_assert_ok(aggregate_release(a, &source, collect, &r));
    ck_assert(fabs(r.value[0] / (2 * (double)sum) - 1) < 1e-9);
}
END_TEST

START_TEST(partial_results_need_no_plan_and_without_one_nothing_is_released)
{
    const Query q = query(QUERY_SUM);
    Plan plan;
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, true);
    Answers r = {.count = 0};
    AUTO_BUFFER planned = buffer_limited(MEMORY), unplanned = buffer_limited(MEMORY);
    Aggregate *with = start(&q, 0, &plan), *without;
    ck_assert_ok(aggregate_start(&q, NULL, ROOM, memory[1], MEMORY, &without));
    feed(with, q.kind);
    feed(without, q.kind);
    ck_assert_ok(aggregate_save(with, &planned));
    ck_assert_ok(aggregate_save(without, &unplanned));
    ck_assert(view_equal(view_buffer(&planned), view_buffer(&unplanned)));
    ck_assert_err(aggregate_release(without, &source, collect, &r), ERR_PROTOCOL);
    ck_assert_int_eq(r.count, 0);
    aggregate_plan(without, &plan);
    ck_assert_ok(aggregate_release(without, &source, collect, &r));
}
END_TEST

START_TEST(an_answer_is_released_once_and_nothing_stays)
{
    Query q = query(QUERY_SUM_BY_KEY);
    q.open_keys = true, q.keys = NULL, q.key_count = 0, q.spend.delta = rational("1e-6");
    Plan plan;
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, true);
    Answers r = {.count = 0};
    Aggregate *a = start(&q, 0, &plan);
    feed(a, q.kind);
    ck_assert_ok(aggregate_record(a, VIEW("rare and secret"), VIEW("100"), true));
    ck_assert_ok(aggregate_release(a, &source, collect, &r));
    ck_assert_int_eq(r.count, 1); /* how many there are, and all had room */
    ck_assert(r.value[0] + (double)plan.parts[0].threshold <= ROOM);
    ck_assert_str_eq(r.keys, ""); /* 17 persons are fewer than the threshold of epsilon 0.45 and delta 1e-6: 29 + 2 */
    ck_assert_int_eq((int)plan.parts[1].threshold, 31);
    ck_assert_err(aggregate_release(a, &source, collect, &r), ERR_PROTOCOL);
    ck_assert_err(aggregate_record(a, VIEW("a"), VIEW("1"), true), ERR_PROTOCOL);
    ck_assert_ptr_null(memmem(memory[0], MEMORY, "rare", 4));
}
END_TEST

START_TEST(failed_and_missing_blocks_are_default_outputs)
{
    Query q = query(QUERY_BLOCKS);
    q.bounds = bounds("10", "20", "1");
    q.spend.epsilon = rational("1000000");
    Plan plan;
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    Answers r = {.count = 0};
    Aggregate *a = start(&q, 0, &plan);
    for (int i = 0; i < 25; i++) aggregate_block(a, i % 2 ? VIEW("20") : VIEW("killed by signal 9"));
    ck_assert_ok(aggregate_release(a, &source, collect, &r)); /* 12 of 20, 13 of 10, 25 of 10 that never came */
    ck_assert(fabs(r.value[0] - (12 * 20 + 38 * 10) / 50.0) < 0.01);
    a = start(&q, 0, &plan);
    for (int i = 0; i < 60; i++) aggregate_block(a, VIEW("20")); /* more than there are */
    r.count = 0;
    ck_assert_ok(aggregate_release(a, &source, collect, &r));
    ck_assert(r.value[0] <= 20);
}
END_TEST

START_TEST(the_bounds_check_counts_what_was_clamped)
{
    Query q = query(QUERY_MEAN);
    q.check_bounds = true;
    q.spend.epsilon = rational("1000");
    Plan plan;
    TestRandom random = {test_seed(), 0};
    NoiseSource source = test_source(&random, false);
    Answers r = {.count = 0};
    Aggregate *a = start(&q, 0, &plan);
    feed(a, q.kind);
    for (int i = 0; i < 200; i++) ck_assert_ok(aggregate_record(a, (View){0}, VIEW("101"), true));
    ck_assert_ok(aggregate_release(a, &source, collect, &r));
    ck_assert_int_eq(r.count, 2);
    ck_assert(fabs(r.value[0] - 200) < 2 && fabs(r.value[1] - 90) < 1);
    ck_assert(rational_compare(plan.parts[0].share.epsilon, rational("100")) == 0); /* a tenth */
}
END_TEST

START_TEST(what_makes_no_sense_is_refused_by_name)
{
    const View twice[] = {KEYS[0], KEYS[0]}, wrong_order[] = {KEYS[1], KEYS[0]};
    const Rational beyond[] = {{3, 2}};
    Query q[12];
    const QueryKind kinds[12] = {QUERY_COUNT, QUERY_COUNT, QUERY_COUNT, QUERY_COUNT, QUERY_HISTOGRAM, QUERY_HISTOGRAM, QUERY_HISTOGRAM,
        QUERY_QUANTILES, QUERY_QUANTILES, QUERY_BLOCKS, QUERY_MEAN, QUERY_MEAN};
    for (int i = 0; i < 12; i++) q[i] = query(kinds[i]);
    q[0].spend.epsilon = RATIONAL_ZERO;
    q[1].spend.rho = rational("1");
    q[2].by_person = true;
    q[3].check_bounds = true;
    q[4].keys = twice, q[4].key_count = 2;
    q[5].keys = wrong_order, q[5].key_count = 2;
    q[6].open_keys = true, q[6].keys = NULL, q[6].key_count = 0;
    q[7].quantiles = beyond, q[7].quantile_count = 1;
    q[8].bins = 0;
    q[9].block_count = 0;
    q[10].bounds.step = RATIONAL_ZERO;
    q[11].confidence = rational("1");
    for (int i = 0; i < 12; i++) {
        Plan plan;
        Diag diag = {{0}};
        ck_assert_err(query_plan(&q[i], &plan, &diag), ERR_BAD_INPUT);
        ck_assert(strstr(diag.text, query_name(q[i].kind)));
    }
}
END_TEST

START_TEST(the_gaussian_is_taken_where_it_is_narrower)
{
    Query q = query(QUERY_HISTOGRAM);
    q.by_person = true, q.limits = (ContributionLimits){400, 400, 1};
    q.spend.delta = rational("1e-6");
    Plan plan;
    ck_assert_ok(query_plan(&q, &plan, NULL));
    ck_assert(plan.parts[0].law.kind == LAW_GAUSSIAN && real(plan.loss.delta) == 1e-6);
    q.limits = (ContributionLimits){1, 1, 1};
    ck_assert_ok(query_plan(&q, &plan, NULL));
    ck_assert(plan.parts[0].law.kind == LAW_LAPLACE && rational_is_zero(plan.loss.delta)); /* and no delta is charged */
}
END_TEST

START_TEST(blocks_are_as_many_as_err_least)
{
    ck_assert_int_eq(blocks_of_least_error(10000, M_SQRT2, NULL, 0), 118); /* sqrt(sqrt(2) 10000) */
    ck_assert_int_eq(blocks_of_least_error(3, M_SQRT2 / 0.0001, NULL, 0), 3);
    const BlockMeasure measures[] = {{10, {1, 2}}, {100, {1, 100}}, {1000, {1, 200}}};
    ck_assert_int_eq(blocks_of_least_error(10000, M_SQRT2, measures, 3), 100); /* 0.01 and 0.014; 0.5; 0.005 and 0.14 */
    ck_assert_int_eq(blocks_of_least_error(0, M_SQRT2, NULL, 0), 1);
}
END_TEST

TEST_MAIN("privacy/aggregate", every_text_becomes_a_value_within_the_bounds, bounds_are_widened_to_the_grid_or_refused,
    a_person_contributes_what_is_allowed_and_nobody_else_is_touched, the_memory_that_is_said_to_be_enough_is,
    no_segment_has_more_persons_than_its_size_has_memory_for,
    errors_are_within_a_tenth_of_what_the_formula_promises, quantiles_have_intervals_that_hold_the_truth, partial_results_give_the_same_in_any_order,
    a_partial_result_that_is_not_one_is_refused, partial_results_need_no_plan_and_without_one_nothing_is_released,
    the_largest_sums_do_not_overflow, an_answer_is_released_once_and_nothing_stays,
    failed_and_missing_blocks_are_default_outputs, the_bounds_check_counts_what_was_clamped, what_makes_no_sense_is_refused_by_name,
    the_gaussian_is_taken_where_it_is_narrower, blocks_are_as_many_as_err_least)
