/* Does any aggregation tell two neighbouring inputs apart by more than it says, and does this test notice when one does? */
#include "privacy/blackbox.h"

enum { RUNS = 30000, RECORDS_MAX = 16, MEMORY = 1 << 16, OPEN_ROOM = 200 };

typedef struct { const char *person, *key, *value; } Row;

typedef struct Case {
    Query query;
    const char *lower, *upper;
    Row rows[RECORDS_MAX];         /* the neighbour lacks the person "x" (unit record: the first row) */
    int outputs;                   /* how many numbers are folded into one observation; 0: all */
    double scale, offset;          /* observation to cell */
    double halve;                  /* planted: the noise's scale is divided by this */
    bool unbounded;                /* planted: contribution limits are not applied */
    bool unclamped;                /* planted: the plan is made for [lower, upper], values are taken from wider bounds */
    int room, fill, crowd;         /* open keys: room (0: OPEN_ROOM); behind the rows so many keys of one person each, then one key of so many */
    bool untested;                 /* planted: no margin between the noisy number of keys and the room */
} Case;

typedef struct { double sum; uint64_t hash; int seen, most; } Observed;

static Err observe(void *context, const Released *n)
{
    Observed *o = context;
    if (o->most && o->seen >= o->most) return OK;
    o->sum += n->negative ? -real(n->value) : real(n->value);
    for (size_t i = 0; i < n->key.size; i++) o->hash = o->hash * 31 + n->key.data[i];
    o->seen++;
    return OK;
}

static void feed(const Case *c, Aggregate *a, bool without)
{
    static uint8_t table[1 << 14] __attribute__((aligned(16)));
    Contribution persons;
    ck_assert_ok(contribution_start(query_limits(&c->query), table, sizeof table, &persons));
    for (int i = 0; i < RECORDS_MAX && c->rows[i].person; i++) {
        const Row *row = &c->rows[i];
        const bool left_out = without && (c->query.by_person ? strcmp(row->person, "x") == 0 : i == 0);
        if (c->query.kind == QUERY_BLOCKS) {
            aggregate_block(a, view_text(left_out ? "-900 -900" : row->value)); /* without the person: anything */
            continue;
        }
        bool counts = true, first = true;
        if (left_out) continue;
        if (c->query.by_person && !c->unbounded)
            ck_assert_ok(contribution_admit(&persons, view_text(row->person), view_text(row->key), &counts, &first));
        if (counts) ck_assert_ok(aggregate_record(a, view_text(row->key), view_text(row->value), first));
    }
    for (int i = 0; i < c->fill; i++) {
        const uint16_t key = (uint16_t)(0x8000 + i);
        ck_assert_ok(aggregate_record(a, view_of(&key, sizeof key), VIEW("1"), true));
    }
    for (int i = 0; i < c->crowd; i++) ck_assert_ok(aggregate_record(a, VIEW("w"), VIEW("1"), true));
}

static double run(const Case *original, uint64_t seed)
{
    static BlackBox box;
    static uint8_t memory[MEMORY] __attribute__((aligned(16)));
    Case c = *original;
    TestRandom random = {seed, 0};
    NoiseSource source = test_source(&random, false);
    Plan plan;
    Diag diag;
    memset(&box, 0, sizeof box);
    box.runs = RUNS;
    if (c.lower) ck_assert_ok(bounds_parse(view_text(c.lower), view_text(c.upper), VIEW("1"), &c.query.bounds));
    Err planned = query_plan(&c.query, &plan, &diag);
    ck_assert_msg(planned.code == 0, "%s", diag.text);
    for (uint32_t i = 0; i < plan.part_count && c.halve > 0; i++) {
        Part *p = &plan.parts[i];
        const uint64_t by = (uint64_t)(p->law.kind == LAW_GAUSSIAN ? c.halve * c.halve : c.halve);
        if (p->law.kind != LAW_NONE) p->law.scale = rational_make(p->law.scale.num, p->law.scale.den * by);
        else p->gamma_unit = rational_make(p->gamma_unit.num * by, p->gamma_unit.den);
    }
    for (uint32_t i = 0; i < plan.part_count; i++)
        if (plan.parts[i].role == PART_ROOM && c.untested) plan.parts[i].threshold = 0;
    if (c.unclamped) ck_assert_ok(bounds_parse(VIEW("-1000"), VIEW("1000"), VIEW("1"), &c.query.bounds));
    for (int i = 0; i < 2 * RUNS; i++) {
        Aggregate *a;
        Observed o = {.most = c.outputs};
        ck_assert_ok(aggregate_start(&c.query, &plan, c.room ? (uint32_t)c.room : OPEN_ROOM, memory, sizeof memory, &a));
        feed(&c, a, i % 2);
        ck_assert_ok(aggregate_release(a, &source, observe, &o));
        blackbox_count(&box, i % 2, (int64_t)floor((o.sum - c.offset) * c.scale) + BLACKBOX_CELLS / 2 + (int64_t)(o.hash % 7) * 64 + o.seen * 5);
    }
    const double epsilon = plan.loss.has_epsilon ? real(plan.loss.epsilon) : 0;
    if (plan.loss.has_epsilon) return blackbox_worst(&box, epsilon, real(plan.loss.delta));
    double worst = -1e9; /* zCDP: at several epsilons, each with its delta */
    for (int step = 1; step <= 4; step++) {
        Rational delta;
        ck_assert_ok(zcdp_delta(plan.loss.rho, rational_make((UInt128)step, 2), &delta));
        worst = fmax(worst, blackbox_worst(&box, step / 2.0, real(delta) + real(plan.loss.rho_delta)));
    }
    return worst;
}

#define EPSILON(text) {.epsilon = rational(text), .delta = RATIONAL_ZERO, .rho = RATIONAL_ZERO}
static const View KEYS[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}, {(const uint8_t *)"c", 1}};
static const Rational MEDIAN[] = {{1, 2}};

/** Person x has more records, keys and larger values than anybody may, so that only the limits keep the promise. */
static Case the_case(QueryKind kind)
{
    Case c = {.query = {.kind = kind, .spend = EPSILON("1"), .by_person = true, .limits = {2, 2, 1}, .confidence = RATIONAL_ZERO}, .scale = 1,
        .rows = {{"x", "a", "900"}, {"y", "a", "3"}, {"x", "b", "900"}, {"x", "b", "900"}, {"x", "c", "nan"}, {"z", "b", "-1e9"}, {"x", "a", "10"}}};
    const bool keyed = kind == QUERY_HISTOGRAM || kind == QUERY_SUM_BY_KEY || kind == QUERY_TOP;
    if (kind != QUERY_COUNT && kind != QUERY_HISTOGRAM) c.lower = "-5", c.upper = "10";
    if (keyed) c.query.keys = KEYS, c.query.key_count = 3;
    if (kind == QUERY_TOP) c.query.top = 2, c.query.of_values = true;
    if (kind == QUERY_QUANTILES) c.query.quantiles = MEDIAN, c.query.quantile_count = 1, c.query.bins = 16, c.scale = 4;
    if (kind == QUERY_BLOCKS) {
        const Row blocks[] = {{"x", "", "900 1e9"}, {"y", "", "3 -2"}, {"z", "", "nan"}, {"z", "", "4"}}; /* x is in one of them */
        memset(c.rows, 0, sizeof c.rows);
        memcpy(c.rows, blocks, sizeof blocks);
        c.query.outputs = 2, c.query.block_count = 5, c.scale = 5;
    }
    if (kind == QUERY_MEAN) c.scale = 20;
    if (kind == QUERY_VARIANCE) c.scale = 10;
    return c;
}

static void expect_kept(Case c, const char *what)
{
    const double off = run(&c, test_seed());
    ck_assert_msg(off < BLACKBOX_DEVIATIONS, "%s: %.1f deviations beyond what was promised", what, off);
}

static void expect_noticed(Case c, const char *what)
{
    const double off = run(&c, test_seed());
    ck_assert_msg(off > 2 * BLACKBOX_DEVIATIONS, "%s was not noticed: %.1f deviations", what, off);
}

START_TEST(no_aggregation_loses_more_than_its_epsilon)
{
    for (int kind = 0; kind < QUERY_KINDS; kind++) expect_kept(the_case((QueryKind)kind), query_name((QueryKind)kind));
}
END_TEST

START_TEST(no_aggregation_loses_more_than_its_rho)
{
    for (int kind = 0; kind < QUERY_KINDS; kind++) {
        Case c = the_case((QueryKind)kind);
        c.query.spend = (Spend){RATIONAL_ZERO, RATIONAL_ZERO, rational("0.5")};
        expect_kept(c, query_name((QueryKind)kind));
    }
}
END_TEST

static Case open_case(QueryKind kind)
{
    Case c = the_case(kind);
    c.query.open_keys = true;
    c.query.keys = NULL;
    c.query.key_count = 0;
    c.query.spend.delta = rational("0.02");
    return c;
}

START_TEST(open_keys_lose_no_more_than_epsilon_and_delta)
{
    expect_kept(open_case(QUERY_HISTOGRAM), "histogram");
    expect_kept(open_case(QUERY_SUM_BY_KEY), "sum-by-key");
    expect_kept(open_case(QUERY_TOP), "top");
}
END_TEST

/* With person x the keys a and b take the room of the crowd's key: whoever sees that key knows that x is not there. */
static Case full_case(int fill)
{
    Case c = open_case(QUERY_HISTOGRAM);
    const Row rows[] = {{"x", "a", ""}, {"x", "b", ""}};
    memset(c.rows, 0, sizeof c.rows);
    memcpy(c.rows, rows, sizeof rows);
    c.room = 140;
    c.fill = fill;
    c.crowd = 60; /* far above the threshold */
    return c;
}

START_TEST(whether_open_keys_had_room_loses_no_more_than_epsilon_and_delta)
{
    expect_kept(full_case(139), "room for all without the person, and not with");
    expect_kept(full_case(70), "room that is found to suffice half of the time");
    Case c = full_case(139);
    c.query.spend = (Spend){RATIONAL_ZERO, rational("0.02"), rational("0.5")};
    expect_kept(c, "the same, out of rho");
}
END_TEST

START_TEST(a_key_that_finds_no_room_and_is_left_out_is_noticed)
{
    Case c = full_case(139);
    c.untested = true;
    expect_noticed(c, "room that is not left free");
}
END_TEST

START_TEST(noise_a_fraction_as_large_is_noticed_where_keys_are_open)
{
    static const QueryKind KINDS[] = {QUERY_HISTOGRAM, QUERY_SUM_BY_KEY};
    for (int i = 0; i < 2; i++) {
        Case c = open_case(KINDS[i]);
        memset(c.rows, 0, sizeof c.rows);
        c.rows[0] = (Row){"x", "w", "900"};
        c.crowd = 60; /* the key is shown */
        c.halve = 20;
        expect_noticed(c, query_name(KINDS[i]));
    }
}
END_TEST

/* The number of clamped values is a number like any other. */
START_TEST(checked_bounds_lose_no_more_than_is_said)
{
    static const QueryKind KINDS[] = {QUERY_SUM, QUERY_QUANTILES, QUERY_BLOCKS};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        Case c = the_case(KINDS[i]);
        c.query.check_bounds = true;
        expect_kept(c, query_name(KINDS[i]));
    }
    Case c = the_case(QUERY_MEAN);
    c.query.check_bounds = true;
    c.outputs = c.scale = 1; /* that number alone, which has a tenth of the price */
    expect_kept(c, "the number of clamped values");
    c.halve = 30;
    expect_noticed(c, "the number of clamped values");
}
END_TEST

START_TEST(a_unit_of_records_keeps_its_promise)
{
    for (int kind = 0; kind < QUERY_KINDS; kind++) {
        Case c = the_case((QueryKind)kind);
        c.query.by_person = false;
        expect_kept(c, query_name((QueryKind)kind));
    }
}
END_TEST

START_TEST(noise_half_as_large_is_noticed)
{
    for (int kind = 0; kind < QUERY_KINDS; kind++) {
        Case c = the_case((QueryKind)kind);
        c.halve = 2;
        if (kind == QUERY_MEAN || kind == QUERY_VARIANCE || kind == QUERY_QUANTILES) continue; /* composed: parts' worst cases exclude each other */
        if (kind == QUERY_TOP) c.query.top = 3; /* all keys: else the sum is blurred */
        expect_noticed(c, query_name((QueryKind)kind));
    }
    Case c = the_case(QUERY_SUM);
    c.query.spend = (Spend){RATIONAL_ZERO, RATIONAL_ZERO, rational("0.5")};
    c.halve = 3;
    expect_noticed(c, "a Gaussian a third as wide");
}
END_TEST

START_TEST(noise_a_fraction_as_large_is_noticed_in_what_is_composed)
{
    static const QueryKind KINDS[] = {QUERY_MEAN, QUERY_VARIANCE, QUERY_QUANTILES};
    for (int i = 0; i < 3; i++) {
        Case c = the_case(KINDS[i]);
        c.halve = 8;
        expect_noticed(c, query_name(KINDS[i]));
    }
}
END_TEST

START_TEST(a_wrong_sensitivity_is_noticed)
{
    Case c = the_case(QUERY_COUNT);
    c.unbounded = true; /* five records of a person who may have two */
    expect_noticed(c, "a person with too many records");
    c = the_case(QUERY_HISTOGRAM);
    c.unbounded = true;
    expect_noticed(c, "a person with too many keys");
    static const QueryKind KINDS[] = {QUERY_SUM, QUERY_SUM_BY_KEY, QUERY_TOP, QUERY_MEAN, QUERY_QUANTILES, QUERY_VARIANCE};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        c = the_case(KINDS[i]);
        c.unbounded = true;
        c.query.limits = (ContributionLimits){1, 1, 1}; /* and has twelve */
        c.query.top = 3;
        memset(c.rows, 0, sizeof c.rows);
        for (int row = 0; row < 12; row++) c.rows[row] = (Row){"x", "a", "900"};
        c.rows[12] = (Row){"y", "a", "-5"};
        expect_noticed(c, query_name(KINDS[i]));
    }
}
END_TEST

START_TEST(an_unclamped_value_is_noticed)
{
    Case c = the_case(QUERY_SUM);
    c.unclamped = true;
    expect_noticed(c, "sum");
    c = the_case(QUERY_SUM_BY_KEY);
    c.unclamped = true;
    expect_noticed(c, "sum-by-key");
    static const QueryKind KINDS[] = {QUERY_MEAN, QUERY_TOP, QUERY_BLOCKS};
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        c = the_case(KINDS[i]);
        c.unclamped = true;
        expect_noticed(c, query_name(KINDS[i]));
    }
}
END_TEST

START_TEST(a_person_in_two_blocks_is_noticed)
{
    Case c = the_case(QUERY_BLOCKS);
    c.outputs = c.query.outputs = 1;
    const Row apart[] = {{"x", "", "10"}, {"x", "", "10"}, {"y", "", "-5"}}, once[] = {{"x", "", "10"}, {"y", "", "10"}, {"y", "", "-5"}};
    memset(c.rows, 0, sizeof c.rows);
    memcpy(c.rows, once, sizeof once);
    expect_kept(c, "one block");
    memcpy(c.rows, apart, sizeof apart);
    expect_noticed(c, "two blocks");
}
END_TEST

/** The textbook's sampler in floating point, with a uniform number of eight bits so that its grid shows in few runs (Mironov, CCS 2012): the values
 *  that can come out of 0 and of 1 are different ones. */
START_TEST(noise_in_floating_point_is_noticed)
{
    static BlackBox box;
    TestRandom random = {test_seed(), 0};
    memset(&box, 0, sizeof box);
    box.runs = RUNS;
    for (int i = 0; i < 2 * RUNS; i++) {
        const float u = (float)(test_next(&random) % 255 + 1) / 256, sign = test_next(&random) % 2 ? 1.0f : -1.0f;
        const float out = (float)(i % 2) - sign * logf(u);
        uint32_t bits;
        memcpy(&bits, &out, sizeof bits);
        blackbox_count(&box, i % 2, bits * 2654435761u >> 20);
    }
    const double off = blackbox_worst(&box, 1, 0);
    ck_assert_msg(off > 2 * BLACKBOX_DEVIATIONS, "%.1f", off);
}
END_TEST

START_TEST(what_a_block_says_in_every_byte_is_bounded_by_its_range)
{
    Case c = the_case(QUERY_BLOCKS);
    const Row rows[] = {{"x", "", "9e30, -9e30 7 7 7 7 7 7 7 inf"}, {"y", "", "nan"}, {"z", "", "\xff\xfe"}, {"z", "", "1e400 -1e400"}};
    memset(c.rows, 0, sizeof c.rows);
    memcpy(c.rows, rows, sizeof rows);
    expect_kept(c, "hostile outputs");
}
END_TEST

TEST_MAIN("privacy/blackbox", no_aggregation_loses_more_than_its_epsilon, no_aggregation_loses_more_than_its_rho,
    open_keys_lose_no_more_than_epsilon_and_delta,
    whether_open_keys_had_room_loses_no_more_than_epsilon_and_delta, a_key_that_finds_no_room_and_is_left_out_is_noticed,
    noise_a_fraction_as_large_is_noticed_where_keys_are_open, checked_bounds_lose_no_more_than_is_said,
    a_unit_of_records_keeps_its_promise, noise_half_as_large_is_noticed,
    noise_a_fraction_as_large_is_noticed_in_what_is_composed, a_wrong_sensitivity_is_noticed, an_unclamped_value_is_noticed,
    a_person_in_two_blocks_is_noticed, noise_in_floating_point_is_noticed, what_a_block_says_in_every_byte_is_bounded_by_its_range)
