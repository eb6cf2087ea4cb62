/* Which values of a scenario fit together; what each may be on its own stands in scenario_keys.c. */
#include "sim/scenario_check.h"

static const char *entry_name(const YamlNode *list, size_t i, unsigned *ret_line)
{
    const YamlNode *n = list->first;
    while (i--) n = n->next;
    *ret_line = n->line;
    const YamlNode *name = tree_find(n, "name");
    return name ? name->text : "";
}

/* No two entries of a list have one name. */
static Err check_names(const SchemaReading *r, const YamlNode *list)
{
    for (const YamlNode *a = list ? list->first : NULL; a; a = a->next) {
        const YamlNode *name = tree_find(a, "name");
        for (const YamlNode *b = list->first; b != a; b = b->next)
            if (strcmp(tree_find(b, "name")->text, name->text) == 0)
                return SCHEMA_FAIL(r, name->line, "'%s' has two entries named '%s'; rename one", list->key, name->text);
    }
    return OK;
}

static Err check_task(const SchemaReading *r, const Scenario *s, const SimTask *t, unsigned line)
{
    if (t->agree > t->copies)
        return SCHEMA_FAIL(r, line, "task '%s': agree (%u) is more than copies (%u); no result could be accepted", t->name, t->agree, t->copies);
    if (t->adaptive && t->copies < 2)
        return SCHEMA_FAIL(r, line, "task '%s': adaptive needs copies of 2 or more; a single copy shows nothing about a node", t->name);
    if (t->data[0] && scenario_dataset(s, t->data) == s->dataset_count)
        return SCHEMA_FAIL(r, line, "task '%s': there is no dataset '%s'; add it to 'datasets'", t->name, t->data);
    return OK;
}

static bool share(double x) { return x >= 0 && x <= 1; }

static Err check_population(const SchemaReading *r, const SimPopulation *p, unsigned line)
{
    const SimFailures *f = &p->failures;
    if (!share(f->straggler_share) || !share(f->liar_share) || !share(f->lie_rate) || !share(f->inflated_share))
        return SCHEMA_FAIL(r, line, "nodes '%s': a share or rate is a number from 0 to 1", p->name);
    if (f->straggler_factor < 1 || f->straggler_factor > 1000 || f->inflated_factor < 1 || f->inflated_factor > 64)
        return SCHEMA_FAIL(r, line, "nodes '%s': a factor is from 1 to 1000 for stragglers, from 1 to 64 for inflated claims", p->name);
    if (p->cores.mean < 1 || p->cores.mean > SCENARIO_CORES_MAX)
        return SCHEMA_FAIL(r, line, "nodes '%s': cores must be from 1 to %d", p->name, SCENARIO_CORES_MAX);
    if (p->speed.mean < 0.001 || p->speed.mean > 1000) return SCHEMA_FAIL(r, line, "nodes '%s': speed must be from 0.001 to 1000", p->name);
    if (p->price > 1e6) return SCHEMA_FAIL(r, line, "nodes '%s': price must be at most 1000000 per core and hour", p->name);
    if (f->crash_every_ns && p->notice_ns >= SCENARIO_TIME_MAX_NS) return SCHEMA_FAIL(r, line, "nodes '%s': the notice is too long", p->name);
    return OK;
}

static Err check_tasks(const SchemaReading *r, Scenario *s, const YamlNode *list)
{
    for (size_t i = 0; i < s->task_count; i++) {
        unsigned line;
        entry_name(list, i, &line);
        SimTask *t = &s->tasks[i];
        TRY(check_task(r, s, t, line));
        t->run.mean = (double)t->run_ns / (double)NS_PER_S;
        s->jobs += t->count;
    }
    if (s->jobs > SCENARIO_JOBS_MAX)
        return SCHEMA_FAIL(r, list->key_line, "more than %d micro-jobs in all; simulate fewer, the figures scale", SCENARIO_JOBS_MAX);
    return OK;
}

static Err check_populations(const SchemaReading *r, Scenario *s, const YamlNode *list)
{
    for (size_t i = 0; i < s->population_count; i++) {
        unsigned line;
        entry_name(list, i, &line);
        TRY(check_population(r, &s->populations[i], line));
        s->nodes += s->populations[i].count;
    }
    if (s->nodes > SCENARIO_NODES_MAX) return SCHEMA_FAIL(r, list->key_line, "more than %d nodes in all", SCENARIO_NODES_MAX);
    return OK;
}

static Err check_datasets(const SchemaReading *r, const Scenario *s, const YamlNode *list)
{
    for (size_t i = 0; i < s->dataset_count; i++) {
        const SimDataset *d = &s->datasets[i];
        unsigned line;
        entry_name(list, i, &line);
        size_t on = scenario_population(s, d->on);
        if (d->on[0] && on == s->population_count)
            return SCHEMA_FAIL(r, line, "dataset '%s': there are no nodes '%s' to hold it", d->name, d->on);
        uint64_t holders = d->on[0] ? s->populations[on].count : s->nodes;
        if (d->replicas > holders)
            return SCHEMA_FAIL(r, line, "dataset '%s': %u replicas need as many nodes; there are %llu", d->name, d->replicas, (unsigned long long)holders);
    }
    return OK;
}

Err scenario_check(const SchemaReading *r, const YamlNode *root)
{
    Scenario *s = r->target;
    const YamlNode *tasks = tree_find(root, "tasks"), *nodes = tree_find(root, "nodes"), *datasets = tree_find(root, "datasets");
    if (!s->name[0]) return SCHEMA_FAIL(r, root->line, "'scenario' is missing; give it a name, such as 'scenario: my-fleet'");
    if (!tasks) return SCHEMA_FAIL(r, root->line, "'tasks' is missing: what is to be run?");
    if (!nodes) return SCHEMA_FAIL(r, root->line, "'nodes' is missing: what is it to run on?");
    TRY(check_names(r, tasks));
    TRY(check_names(r, nodes));
    TRY(check_names(r, datasets));
    TRY(check_tasks(r, s, tasks));
    TRY(check_populations(r, s, nodes));
    return check_datasets(r, s, datasets);
}
