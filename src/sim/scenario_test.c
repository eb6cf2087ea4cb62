/* Does a scenario mean what docs/simulation.md says, and is every mistake named with its line? */
#include "sim/fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test_data.h"
#include "sys/fd.h"

START_TEST(every_key_arrives)
{
    Scenario s = scenario_of("scenario: all\nseed: 7\nhorizon: 2h\nlease: 3s\norigin: 1GB\n"
                             "tasks:\n"
                             "  - {name: t, tenant: a, count: 12, arrives: 5s, segment: 64KiB, result: 1KiB, image: 2MiB, start: 4ms,\n"
                             "     run: {mean: 2s, shape: pareto, cv: 0.7}, memory: 32MiB, level: shared, zone: eu, data: d,\n"
                             "     redundancy: {copies: 3, agree: 2, adaptive: true, speculate: true},\n"
                             "     placement: {locality: 2, availability: 0.5, cost: 3, spot: forbid}}\n"
                             "nodes:\n"
                             "  - {name: n, count: 5, joins: 1s, cores: 8, speed: {mean: 2, shape: uniform, cv: 0.2}, memory: 1GiB, level: microvm,\n"
                             "     zone: eu, owner: o, owners: 2, bandwidth: 10MB, latency: 7ms, price: 0.25, warm: true, spot: {notice: 30s},\n"
                             "     failures: {crash: {every: 1h, repair: 1m}, cut: {every: 2h, lasts: 9s}, stragglers: {share: 0.1, factor: 4},\n"
                             "       liars: {share: 0.2, rate: 0.5, lies: late}, inflated: {share: 0.3, factor: 2}}}\n"
                             "datasets: [{name: d, replicas: 2, on: n}]\n");
    const SimTask *t = &s.tasks[0];
    const SimPopulation *p = &s.populations[0];
    const SimFailures *f = &p->failures;
    ck_assert(strcmp(s.name, "all") == 0 && s.seed == 7 && s.horizon_ns == 7200 * NS_PER_S && s.lease_ns == 3 * NS_PER_S);
    ck_assert(s.origin_bandwidth == 1000000000 && s.jobs == 12 && s.nodes == 5);
    ck_assert(strcmp(t->tenant, "a") == 0 && t->arrives_ns == 5 * NS_PER_S && t->segment_bytes == 64 * KIB && t->result_bytes == KIB);
    ck_assert(t->image_bytes == 2 * MIB && t->start_ns == 4 * NS_PER_MS && t->run.mean == 2 && t->run.shape == SHAPE_PARETO && t->run.cv == 0.7);
    ck_assert(t->memory == 32 * MIB && t->level == LEVEL_SHARED && strcmp(t->zone, "eu") == 0 && strcmp(t->data, "d") == 0);
    ck_assert(t->copies == 3 && t->agree == 2 && t->adaptive && t->speculate && !t->spot);
    ck_assert(t->weights.locality == 2 && t->weights.availability == 0.5 && t->weights.cost == 3);
    ck_assert(p->count == 5 && p->joins_ns == NS_PER_S && p->cores.mean == 8 && p->cores.shape == SHAPE_FIXED && p->speed.shape == SHAPE_UNIFORM);
    ck_assert(p->memory == GIB && p->level == LEVEL_MICROVM && strcmp(p->owner, "o") == 0 && p->owners == 2 && p->bandwidth == 10000000);
    ck_assert(p->latency_ns == 7 * NS_PER_MS && p->price == 0.25 && p->warm && p->spot && p->notice_ns == 30 * NS_PER_S);
    ck_assert(f->crash_every_ns == 3600 * NS_PER_S && f->crash_repair_ns == 60 * NS_PER_S && f->cut_every_ns == 7200 * NS_PER_S);
    ck_assert(f->cut_lasts_ns == 9 * NS_PER_S && f->straggler_share == 0.1 && f->straggler_factor == 4 && f->liar_share == 0.2);
    ck_assert(f->lie_rate == 0.5 && f->lies == LIE_LATE && f->inflated_share == 0.3 && f->inflated_factor == 2);
    ck_assert(s.datasets[0].replicas == 2 && strcmp(s.datasets[0].on, "n") == 0);
    scenario_free(&s);
}
END_TEST

#define GOOD_TASK "tasks: [{name: t}]\n"
#define GOOD_NODES "nodes: [{name: n}]\n"
static const struct { const char *yaml, *message; } MISTAKES[] = {
    {"", "s.yaml:1: the scenario is empty"},
    {"[s]", "s.yaml:1: a scenario is a mapping of keys to values, such as 'scenario: my-fleet'"},
    {"tasks: 1\n", "s.yaml:1: 'tasks' must be a list; an entry of 'tasks' is a mapping, such as {name: frames, count: 1000, run: 200ms}"},
    {GOOD_TASK GOOD_NODES, "s.yaml:1: 'scenario' is missing; give it a name, such as 'scenario: my-fleet'"},
    {"scenario: s\n" GOOD_NODES, "s.yaml:1: 'tasks' is missing: what is to be run?"},
    {"scenario: s\n" GOOD_TASK, "s.yaml:1: 'nodes' is missing: what is it to run on?"},
    {"scenario: s\ntasks: []\n" GOOD_NODES, "s.yaml:2: 'tasks' must have 1 to 64 entries, not 0"},
    {"scenario: s\ntasks: [{count: 3}]\n" GOOD_NODES, "s.yaml:2: an entry of 'tasks' has no name; give it one, such as 'name: a'"},
    {"scenario: s\ntasks:\n  - name: t\n    cuont: 3\n" GOOD_NODES, "s.yaml:4: unknown key 'cuont'; did you mean 'count'?"},
    {"scenario: s\ntasks: [{name: t}, {name: u},\n  {name: t}]\n" GOOD_NODES, "s.yaml:3: 'tasks' has two entries named 't'; rename one"},
    {"scenario: s\ntasks: [{name: t, redundancy: {copies: 2, agree: 3}}]\n" GOOD_NODES,
     "s.yaml:2: task 't': agree (3) is more than copies (2); no result could be accepted"},
    {"scenario: s\ntasks: [{name: t, redundancy: {adaptive: true}}]\n" GOOD_NODES,
     "s.yaml:2: task 't': adaptive needs copies of 2 or more; a single copy shows nothing about a node"},
    {"scenario: s\ntasks: [{name: t, data: d}]\n" GOOD_NODES, "s.yaml:2: task 't': there is no dataset 'd'; add it to 'datasets'"},
    {"scenario: s\n" GOOD_TASK "nodes:\n  - name: n\n    failures: {liars: {share: 1.5}}\n", "s.yaml:4: nodes 'n': a share or rate is a number from 0 to 1"},
    {"scenario: s\n" GOOD_TASK "nodes: [{name: n, failures: {stragglers: {share: 1, factor: 0.5}}}]\n",
     "s.yaml:3: nodes 'n': a factor is from 1 to 1000 for stragglers, from 1 to 64 for inflated claims"},
    {"scenario: s\n" GOOD_TASK "nodes: [{name: n, cores: 0}]\n", "s.yaml:3: nodes 'n': cores must be from 1 to 1024"},
    {"scenario: s\n" GOOD_TASK "nodes: [{name: n, speed: 0}]\n", "s.yaml:3: nodes 'n': speed must be from 0.001 to 1000"},
    {"scenario: s\n" GOOD_TASK "nodes: [{name: n, cores: {mean: 2, shape: fixed, cv: 1}}]\n", "s.yaml:3: 'cv' means nothing for shape fixed; remove it"},
    {"scenario: s\n" GOOD_TASK "nodes: [{name: n, cores: {mean: 2, shape: uniform, cv: 3}}]\n",
     "s.yaml:3: 'cv' of shape uniform must be above 0 and at most 0.577"},
    {"scenario: s\n" GOOD_TASK "nodes: [{name: n, spot: {otherwise: t.json}}]\n",
     "s.yaml:3: 'otherwise' stands in for a 'trace', and there is none; call it 'trace'"},
    {"scenario: s\n" GOOD_TASK "nodes: [{name: n, count: 100000}, {name: m, count: 100000}]\n", "s.yaml:3: more than 131072 nodes in all"},
    {"scenario: s\ntasks: [{name: t, count: 16777216}, {name: u}]\n" GOOD_NODES,
     "s.yaml:2: more than 16777216 micro-jobs in all; simulate fewer, the figures scale"},
    {"scenario: s\n" GOOD_TASK GOOD_NODES "datasets: [{name: d, on: m}]\n", "s.yaml:4: dataset 'd': there are no nodes 'm' to hold it"},
    {"scenario: s\n" GOOD_TASK GOOD_NODES "datasets: [{name: d, replicas: 2}]\n",
     "s.yaml:4: dataset 'd': 2 replicas need as many nodes; there are 1"},
};

START_TEST(every_mistake_is_named_with_its_line)
{
    for (size_t i = 0; i < sizeof MISTAKES / sizeof *MISTAKES; i++) {
        Scenario s = {.name = "untouched"};
        Diag diag = {{0}};
        ck_assert_err(scenario_parse(view_text(MISTAKES[i].yaml), "s.yaml", NULL, &s, &diag), ERR_BAD_INPUT);
        ck_assert_str_eq(diag.text, MISTAKES[i].message);
        ck_assert_str_eq(s.name, "untouched");
    }
}
END_TEST

/* A folder with a scenario and what else it needs. */
static void write_file(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert(fputs(text, f) >= 0 && fclose(f) == 0);
}

#define SPOT(keys) "scenario: s\n" GOOD_TASK "nodes: [{name: n, count: 4, spot: {notice: 1s, " keys "}}]\n"

START_TEST(a_trace_is_read_from_beside_the_scenario_and_another_may_stand_in)
{
    char folder[] = "/tmp/covey-scenario-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_int_eq(chdir(folder), 0);
    write_file("good.json", "{\"metadata\": {\"gap_seconds\": 60}, \"data\": [1, 0, 3]}");
    write_file("bad.json", "{\"metadata\": {\"gap_seconds\": 60}, \"data\": [1, -1]}");
    write_file("trace.yaml", SPOT("trace: good.json"));
    write_file("stands-in.yaml", SPOT("trace: none.json, otherwise: good.json"));
    write_file("not-needed.yaml", SPOT("trace: good.json, otherwise: none.json"));
    write_file("missing.yaml", SPOT("trace: none.json"));
    write_file("wrong.yaml", SPOT("trace: bad.json, otherwise: good.json"));
    static const struct { const char *file; bool stands_in; } READ[] = {{"trace.yaml", false}, {"stands-in.yaml", true}, {"not-needed.yaml", false}};
    Scenario s;
    Diag diag = {{0}};
    for (size_t i = 0; i < 3; i++) {
        ck_assert_ok(scenario_load(READ[i].file, &s, &diag));
        ck_assert(s.populations[0].stands_in == READ[i].stands_in && s.populations[0].trace.count == 3 && s.populations[0].trace.most == 3);
        scenario_free(&s);
    }
    ck_assert_err(scenario_load("missing.yaml", &s, &diag), ERR_NO_ENTRY);
    ck_assert_str_eq(diag.text, "none.json: can't be read: No such file or directory");
    ck_assert_err(scenario_load("wrong.yaml", &s, &diag), ERR_BAD_INPUT); /* a trace that is there and wrong is no missing one */
    ck_assert_str_eq(diag.text, "bad.json: data[1] must be a whole number from 0 to 131072");
}
END_TEST

START_TEST(mistakes_in_a_trace_are_named)
{
    static const struct { const char *json, *message; } BAD[] = {
        {"", "t.json:1: not JSON: '[' or '{' expected near end of file"},
        {"{\"metadata\": {\"gap_seconds\": 60},\n\"data\": [1,]}", "t.json:2: not JSON: unexpected token near ']'"},
        {"[]", "t.json: metadata.gap_seconds must be a number from 1 to 86400"},
        {"{\"metadata\": {\"gap_seconds\": 0}}", "t.json: metadata.gap_seconds must be a number from 1 to 86400"},
        {"{\"metadata\": {\"gap_seconds\": 60}, \"data\": []}", "t.json: 'data' must be a list of 1 to 1048576 numbers of machines"},
        {"{\"metadata\": {\"gap_seconds\": 60}, \"data\": [1, 0.5]}", "t.json: data[1] must be a whole number from 0 to 131072"},
        {"{\"metadata\": {\"gap_seconds\": 60}, \"data\": [131073]}", "t.json: data[0] must be a whole number from 0 to 131072"},
        {"{\"metadata\": {\"gap_seconds\": 60}, \"data\": [0, 0]}", "t.json: there is never a machine in it"},
    };
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++) {
        Trace t = {.count = 77};
        Diag diag = {{0}};
        ck_assert_err(trace_parse(view_text(BAD[i].json), "t.json", &t, &diag), ERR_BAD_INPUT);
        ck_assert_str_eq(diag.text, BAD[i].message);
        ck_assert_uint_eq(t.count, 77);
    }
}
END_TEST

START_TEST(the_published_spot_traces_are_read)
{
    static const struct { const char *path; size_t count; uint32_t most; uint64_t gap_s; } TRACES[] = {
        {"spot/availability_1-node_aws-10-26-2022_us-west-2a_v100_1.json", 3895, 1, 600},
        {"spot/availability_16-node_aws-08-27-2023_us-west-2a_v100_1.json", 4736, 16, 300},
        {"spot/preemption_1-node_gcp-04-30-2023_us-central1-a_c3-88.json", 5476, 1, 30},
        {"spot/preemption_4-node_aws-08-03-2023_us-east-2a_v100_1.json", 5131, 4, 300},
    };
    for (size_t i = 0; i < 4; i++) {
        AUTO_BUFFER json = buffer_limited(TRACE_BYTES_MAX);
        const char *path = test_data(TRACES[i].path);
        if (!path) return;
        ck_assert_ok(file_read(AT_FDCWD, path, &json));
        Trace t;
        Diag diag = {{0}};
        ck_assert_ok(trace_parse(view_buffer(&json), TRACES[i].path, &t, &diag));
        ck_assert(t.count == TRACES[i].count && t.most == TRACES[i].most && t.gap_ns == TRACES[i].gap_s * NS_PER_S);
        trace_free(&t);
    }
}
END_TEST

TEST_MAIN("sim/scenario", every_key_arrives, every_mistake_is_named_with_its_line, a_trace_is_read_from_beside_the_scenario_and_another_may_stand_in,
          mistakes_in_a_trace_are_named, the_published_spot_traces_are_read)
