/*
 * Nodes that lose, repeat, delay, lie and die, at random: is no micro-job lost, none counted twice, and the output that of an undisturbed
 * run? The seed of each round is printed; COVEY_TEST_SEED runs one round with it, COVEY_TEST_ROUNDS says how many.
 */
#include "swarm/manager_world.h"
#include "sys/entropy.h"

enum { ROUNDS = 60, MICRO_JOBS = 600 };

static World w;

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static uint32_t up_to(uint64_t *state, uint32_t most) { return (uint32_t)(next_random(state) % (most + 1)); }

static FakeNodeConfig random_node(uint64_t *state)
{
    FakeNodeConfig c = {.seed = next_random(state), .window = 1 + up_to(state, 60)};
    c.batch = 1 + up_to(state, c.window - 1);
    c.faults = (FakeFaults){.drop = up_to(state, 20), .repeat = up_to(state, 200), .delay = up_to(state, 500), .wrong_attempt = up_to(state, 100),
                            .wrong_digest = up_to(state, 20), .return_unrun = up_to(state, 50), .crash = up_to(state, 20),
                            .garbage = up_to(state, 100), .die = up_to(state, 20)};
    return c;
}

static void expect_undisturbed(uint64_t seed)
{
    ck_assert_msg(w.result.code == 0, "seed %llu: %s", (unsigned long long)seed, w.diag.text);
    world_expect_echo(&w);
    ck_assert_uint_eq(w.progress.succeeded, MICRO_JOBS);
    ck_assert_uint_eq(w.progress.failed, 0);
}

/* Plain, or without a journal, or through a module combiner, or killed half-way and resumed. */
static void one_round(uint64_t seed)
{
    printf("# seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    uint64_t state = seed;
    world_open(&w);
    world_input_lines(&w, MICRO_JOBS * 3);
    uint32_t kind = up_to(&state, 3);
    world_task(&w, kind == 2 ? "input: {path: input, split: {by: lines, records: 3}}\nattempts: 16\ncombine: {image: r.see}\n"
                             : "input: {path: input, split: {by: lines, records: 3}}\nattempts: 16\n");
    if (kind == 1) w.request.journal_dir = NULL;
    for (uint32_t nodes = 1 + up_to(&state, 3); nodes > 0; nodes--) world_node(&w, random_node(&state));
    if (kind == 3) {
        w.stop_after = 1 + up_to(&state, MICRO_JOBS - 2);
        world_run(&w);
        w.stop_after = 0;
        w.request.resume = true;
    }
    world_run(&w);
    expect_undisturbed(seed);
    if (kind != 3)
        for (uint64_t i = 0; i < MICRO_JOBS; i++) ck_assert_uint_eq(w.results[i], 1);
    if (kind != 1) ck_assert_int_eq(world_query(&w, "SELECT count(*) FROM ended WHERE key < 1 << 56"), MICRO_JOBS);
    world_close(&w);
}

START_TEST(nothing_is_lost_and_nothing_counts_twice)
{
    const char *given = getenv("COVEY_TEST_SEED"), *rounds = getenv("COVEY_TEST_ROUNDS");
    uint64_t seed;
    ck_assert_ok(random_bytes(&seed, sizeof seed));
    if (given) {
        one_round(strtoull(given, NULL, 10));
        return;
    }
    for (int i = rounds ? atoi(rounds) : ROUNDS; i > 0; i--) one_round(next_random(&seed));
}
END_TEST

/* A node that dies all the time and comes back: its micro-jobs wander without counting as tried. */
START_TEST(a_dying_node_uses_up_no_attempts)
{
    world_open(&w);
    world_input_lines(&w, 3000);
    world_task(&w, "input: {path: input, split: {by: lines, records: 3}}\nattempts: 1\n");
    world_node(&w, (FakeNodeConfig){.window = 20, .batch = 5, .seed = 11, .faults = {.die = 200}});
    world_node(&w, (FakeNodeConfig){.window = 20, .batch = 5, .seed = 12, .faults = {.die = 200}});
    world_run(&w);
    ck_assert_ok(w.result);
    world_expect_echo(&w);
    ck_assert_uint_eq(w.progress.retried, 0);
    world_close(&w);
}
END_TEST

TEST_MAIN("swarm/manager_faults", nothing_is_lost_and_nothing_counts_twice, a_dying_node_uses_up_no_attempts)
