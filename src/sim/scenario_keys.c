/* Every key of a scenario, in tables. docs/simulation.md explains them; which values fit together stands in scenario_check.c. */
#include "sim/scenario_keys.h"

#include <errno.h>
#include <stdlib.h>

static const char *const LEVELS[] = {"shared", "process", "microvm", "confidential", NULL};
static const char *const BOOLEANS[] = {"false", "true", NULL};
static const char *const SPOTS[] = {"forbid", "allow", NULL};
static const char *const SHAPES[] = {"fixed", "uniform", "exponential", "lognormal", "pareto", NULL};
static const char *const LIES[] = {"independent", "colluding", "copied", "late", NULL};

/* Distributions: a value, or {mean, shape, cv} */

static const Shape SHAPE_DEFAULT = SHAPE_LOGNORMAL;

static Err read_spread(const SchemaReading *r, const YamlNode *value, const Field *keys, Spread *spread)
{
    if (value->kind != YAML_MAP) return schema_read_value(r, value, &keys[0]);
    spread->shape = SHAPE_DEFAULT;
    spread->cv = 0.5;
    TRY(schema_read(r, value, keys));
    const YamlNode *cv = tree_find(value, "cv");
    bool unvaried = spread->shape == SHAPE_FIXED || spread->shape == SHAPE_EXPONENTIAL;
    if (unvaried && cv) return SCHEMA_FAIL(r, cv->key_line, "'cv' means nothing for shape %s; remove it", SHAPES[spread->shape]);
    double most = spread->shape == SHAPE_UNIFORM ? 0.577 : 10;
    if (!unvaried && !(spread->cv > 0 && spread->cv <= most))
        return SCHEMA_FAIL(r, cv ? cv->line : value->line, "'cv' of shape %s must be above 0 and at most %g", SHAPES[spread->shape], most);
    return OK;
}

#define SPREAD_KEYS(type, member, mean_kind, mean_member) \
    {{"mean", mean_kind, offsetof(type, mean_member), .min = 1, .max = SCENARIO_TIME_MAX_NS}, \
     {"shape", FIELD_CHOICE, offsetof(type, member.shape), .names = SHAPES}, {"cv", FIELD_REAL, offsetof(type, member.cv)}, {NULL}}

static Err read_run(const SchemaReading *r, const YamlNode *value)
{
    static const Field KEYS[] = SPREAD_KEYS(SimTask, run, FIELD_DURATION, run_ns);
    return read_spread(r, value, KEYS, &((SimTask *)r->target)->run);
}

static Err read_cores(const SchemaReading *r, const YamlNode *value)
{
    static const Field KEYS[] = SPREAD_KEYS(SimPopulation, cores, FIELD_REAL, cores.mean);
    return read_spread(r, value, KEYS, &((SimPopulation *)r->target)->cores);
}

static Err read_speed(const SchemaReading *r, const YamlNode *value)
{
    static const Field KEYS[] = SPREAD_KEYS(SimPopulation, speed, FIELD_REAL, speed.mean);
    return read_spread(r, value, KEYS, &((SimPopulation *)r->target)->speed);
}

/* tasks */

#define AT(member) offsetof(SimTask, member)

static const Field REDUNDANCY_KEYS[] = {
    {"copies", FIELD_COUNT32, AT(copies), .min = 1, .max = SCENARIO_COPIES_MAX},
    {"agree", FIELD_COUNT32, AT(agree), .min = 1, .max = SCENARIO_COPIES_MAX},
    {"adaptive", FIELD_FLAG, AT(adaptive), .names = BOOLEANS},
    {"speculate", FIELD_FLAG, AT(speculate), .names = BOOLEANS},
    {NULL},
};

static const Field PLACEMENT_KEYS[] = {
    {"locality", FIELD_REAL, AT(weights.locality)},
    {"availability", FIELD_REAL, AT(weights.availability)},
    {"cost", FIELD_REAL, AT(weights.cost)},
    {"spot", FIELD_FLAG, AT(spot), .names = SPOTS},
    {NULL},
};

static const Field TASK_FIELDS[] = {
    {"name", FIELD_NAME, AT(name), .max = SCENARIO_NAME_MAX},
    {"tenant", FIELD_NAME, AT(tenant), .max = SCENARIO_NAME_MAX},
    {"count", FIELD_COUNT, AT(count), .min = 1, .max = SCENARIO_JOBS_MAX},
    {"arrives", FIELD_DURATION, AT(arrives_ns), .max = SCENARIO_TIME_MAX_NS},
    {"segment", FIELD_SIZE, AT(segment_bytes), .max = SEGMENT_BYTES_MAX},
    {"result", FIELD_SIZE, AT(result_bytes), .max = SEE_OUTPUT_MAX},
    {"image", FIELD_SIZE, AT(image_bytes), .max = IMAGE_BYTES_MAX},
    {"start", FIELD_DURATION, AT(start_ns), .max = SEE_LIFETIME_MAX_NS},
    {"run", FIELD_SPECIAL, .read = read_run},
    {"memory", FIELD_SIZE, AT(memory), .min = 64 * KIB, .max = SEE_MEMORY_MAX},
    {"level", FIELD_CHOICE, AT(level), .min = LEVEL_SHARED, .names = LEVELS},
    {"zone", FIELD_NAME, AT(zone), .max = SCENARIO_NAME_MAX},
    {"data", FIELD_NAME, AT(data), .max = SCENARIO_NAME_MAX},
    {"redundancy", FIELD_GROUP, .fields = REDUNDANCY_KEYS},
    {"placement", FIELD_GROUP, .fields = PLACEMENT_KEYS},
    {NULL},
};

static void task_default(void *entry)
{
    *(SimTask *)entry = (SimTask){.count = 1, .segment_bytes = 256 * KIB, .image_bytes = MIB, .memory = SEE_MEMORY_DEFAULT, .result_bytes = 0,
        .start_ns = NS_PER_MS, .run_ns = NS_PER_S, .level = LEVEL_PROCESS, .weights = {1, 1, 1}, .spot = true, .copies = 1, .agree = 1};
}

/* nodes */

#undef AT
#define AT(member) offsetof(SimPopulation, member)

static const Field CRASH_KEYS[] = {
    {"every", FIELD_DURATION, AT(failures.crash_every_ns), .min = NS_PER_S, .max = SCENARIO_TIME_MAX_NS},
    {"repair", FIELD_DURATION, AT(failures.crash_repair_ns), .min = NS_PER_MS, .max = SCENARIO_TIME_MAX_NS},
    {NULL},
};
static const Field CUT_KEYS[] = {
    {"every", FIELD_DURATION, AT(failures.cut_every_ns), .min = NS_PER_S, .max = SCENARIO_TIME_MAX_NS},
    {"lasts", FIELD_DURATION, AT(failures.cut_lasts_ns), .min = NS_PER_MS, .max = SCENARIO_TIME_MAX_NS},
    {NULL},
};
static const Field STRAGGLER_KEYS[] = {
    {"share", FIELD_REAL, AT(failures.straggler_share)}, {"factor", FIELD_REAL, AT(failures.straggler_factor)}, {NULL}};
static const Field LIAR_KEYS[] = {
    {"share", FIELD_REAL, AT(failures.liar_share)},
    {"rate", FIELD_REAL, AT(failures.lie_rate)},
    {"lies", FIELD_CHOICE, AT(failures.lies), .min = LIE_INDEPENDENT, .names = LIES},
    {NULL},
};
static const Field INFLATED_KEYS[] = {
    {"share", FIELD_REAL, AT(failures.inflated_share)}, {"factor", FIELD_REAL, AT(failures.inflated_factor)}, {NULL}};

static const Field FAILURE_KEYS[] = {
    {"crash", FIELD_GROUP, .fields = CRASH_KEYS},
    {"cut", FIELD_GROUP, .fields = CUT_KEYS},
    {"stragglers", FIELD_GROUP, .fields = STRAGGLER_KEYS},
    {"liars", FIELD_GROUP, .fields = LIAR_KEYS},
    {"inflated", FIELD_GROUP, .fields = INFLATED_KEYS},
    {NULL},
};

static const Field SPOT_KEYS[] = {
    {"notice", FIELD_DURATION, AT(notice_ns), .max = SCENARIO_TIME_MAX_NS}, {"trace", FIELD_PATH, AT(trace_path)},
    {"otherwise", FIELD_PATH, AT(stand_in_path)}, {NULL}};

static Err read_spot(const SchemaReading *r, const YamlNode *value)
{
    SimPopulation *p = r->target;
    TRY(schema_read(r, value, SPOT_KEYS));
    p->spot = true;
    if (p->stand_in_path && !p->trace_path)
        return SCHEMA_FAIL(r, tree_find(value, "otherwise")->key_line, "'otherwise' stands in for a 'trace', and there is none; call it 'trace'");
    return OK;
}

static const Field POPULATION_FIELDS[] = {
    {"name", FIELD_NAME, AT(name), .max = SCENARIO_NAME_MAX},
    {"count", FIELD_COUNT, AT(count), .min = 1, .max = SCENARIO_NODES_MAX},
    {"joins", FIELD_DURATION, AT(joins_ns), .max = SCENARIO_TIME_MAX_NS},
    {"cores", FIELD_SPECIAL, .read = read_cores},
    {"speed", FIELD_SPECIAL, .read = read_speed},
    {"memory", FIELD_SIZE, AT(memory), .min = MIB, .max = 1024 * GIB},
    {"level", FIELD_CHOICE, AT(level), .min = LEVEL_SHARED, .names = LEVELS},
    {"zone", FIELD_NAME, AT(zone), .max = SCENARIO_NAME_MAX},
    {"owner", FIELD_NAME, AT(owner), .max = SCENARIO_NAME_MAX},
    {"owners", FIELD_COUNT32, AT(owners), .min = 1, .max = SCENARIO_NODES_MAX},
    {"bandwidth", FIELD_SIZE, AT(bandwidth), .min = KIB, .max = SCENARIO_RATE_MAX},
    {"latency", FIELD_DURATION, AT(latency_ns), .max = 10 * NS_PER_S},
    {"price", FIELD_REAL, AT(price)},
    {"warm", FIELD_FLAG, AT(warm), .names = BOOLEANS},
    {"spot", FIELD_SPECIAL, .read = read_spot},
    {"failures", FIELD_GROUP, .fields = FAILURE_KEYS},
    {NULL},
};

static void population_default(void *entry)
{
    *(SimPopulation *)entry = (SimPopulation){.count = 1, .memory = 8 * GIB, .cores = {.mean = 4}, .speed = {.mean = 1}, .level = LEVEL_PROCESS,
        .bandwidth = 125000000, .latency_ns = NS_PER_MS,
        .failures = {.crash_repair_ns = 300 * NS_PER_S, .cut_lasts_ns = 60 * NS_PER_S, .straggler_factor = 10, .lie_rate = 1, .inflated_factor = 4}};
}

/* datasets */

static const Field DATASET_FIELDS[] = {
    {"name", FIELD_NAME, offsetof(SimDataset, name), .max = SCENARIO_NAME_MAX},
    {"replicas", FIELD_COUNT32, offsetof(SimDataset, replicas), .min = 1, .max = SCENARIO_REPLICAS_MAX},
    {"on", FIELD_NAME, offsetof(SimDataset, on), .max = SCENARIO_NAME_MAX},
    {NULL},
};

static void dataset_default(void *entry) { *(SimDataset *)entry = (SimDataset){.replicas = 1}; }

/* Lists of mappings */

typedef struct { size_t size, max; const Field *fields; void (*set_default)(void *entry); const char *such_as; } ListKind;

static const ListKind TASK_LIST = {sizeof(SimTask), SCENARIO_TASKS_MAX, TASK_FIELDS, task_default,
    "an entry of 'tasks' is a mapping, such as {name: frames, count: 1000, run: 200ms}"};
static const ListKind POPULATION_LIST = {sizeof(SimPopulation), SCENARIO_POPULATIONS_MAX, POPULATION_FIELDS, population_default,
    "an entry of 'nodes' is a mapping, such as {name: workers, count: 100, cores: 8}"};
static const ListKind DATASET_LIST = {sizeof(SimDataset), SCENARIO_DATASETS_MAX, DATASET_FIELDS, dataset_default,
    "an entry of 'datasets' is a mapping, such as {name: genome, replicas: 2}"};

static Err read_list(const SchemaReading *r, const YamlNode *value, const ListKind *kind, void **list, size_t *list_count)
{
    size_t count = 0;
    if (value->kind != YAML_LIST) return SCHEMA_FAIL(r, value->line, "'%s' must be a list; %s", value->key, kind->such_as);
    for (const YamlNode *n = value->first; n; n = n->next) count++;
    if (count == 0 || count > kind->max)
        return SCHEMA_FAIL(r, value->line, "'%s' must have 1 to %zu entries, not %zu", value->key, kind->max, count);
    char *entries = calloc(count, kind->size);
    if (!entries) return FAIL(ENOMEM);
    for (size_t i = 0; i < count; i++) kind->set_default(entries + i * kind->size);
    *list = entries; /* owned by the scenario from here on, whatever is in it */
    *list_count = count;
    SchemaReading entry = *r;
    entry.such_as = kind->such_as;
    size_t i = 0;
    for (const YamlNode *n = value->first; n; n = n->next, i++) {
        entry.target = entries + i * kind->size;
        TRY(schema_read(&entry, n, kind->fields));
        const char *name = entry.target; /* the first member of all three */
        if (!name[0]) return SCHEMA_FAIL(r, n->line, "an entry of '%s' has no name; give it one, such as 'name: a'", value->key);
    }
    return OK;
}

_Static_assert(offsetof(SimTask, name) == 0 && offsetof(SimPopulation, name) == 0 && offsetof(SimDataset, name) == 0, "the name comes first");

static Err read_tasks(const SchemaReading *r, const YamlNode *value)
{
    Scenario *s = r->target;
    return read_list(r, value, &TASK_LIST, (void **)&s->tasks, &s->task_count);
}

static Err read_populations(const SchemaReading *r, const YamlNode *value)
{
    Scenario *s = r->target;
    return read_list(r, value, &POPULATION_LIST, (void **)&s->populations, &s->population_count);
}

static Err read_datasets(const SchemaReading *r, const YamlNode *value)
{
    Scenario *s = r->target;
    return read_list(r, value, &DATASET_LIST, (void **)&s->datasets, &s->dataset_count);
}

#undef AT
#define AT(member) offsetof(Scenario, member)

const Field SCENARIO_KEYS[] = {
    {"scenario", FIELD_NAME, AT(name), .max = SCENARIO_NAME_MAX},
    {"seed", FIELD_COUNT, AT(seed), .max = UINT64_MAX},
    {"horizon", FIELD_DURATION, AT(horizon_ns), .min = NS_PER_MS, .max = SCENARIO_TIME_MAX_NS},
    {"lease", FIELD_DURATION, AT(lease_ns), .min = NS_PER_MS, .max = 3600 * NS_PER_S},
    {"origin", FIELD_SIZE, AT(origin_bandwidth), .min = KIB, .max = SCENARIO_RATE_MAX},
    {"tasks", FIELD_SPECIAL, .read = read_tasks},
    {"nodes", FIELD_SPECIAL, .read = read_populations},
    {"datasets", FIELD_SPECIAL, .read = read_datasets},
    {NULL},
};
