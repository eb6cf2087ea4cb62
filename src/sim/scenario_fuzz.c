/* Any bytes at all as a scenario: refused with one printable line, or a scenario whose numbers keep what the rest of the simulation rests on. */
#include <stdlib.h>

#include "sim/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void check_message(const Diag *diag)
{
    size_t size = strnlen(diag->text, sizeof diag->text);
    require(size > 0 && size < sizeof diag->text);
    for (size_t i = 0; i < size; i++) require(diag->text[i] >= 0x20 && diag->text[i] < 0x7f);
}

static void check_task(const Scenario *s, const SimTask *t)
{
    require(t->name[0] && t->count >= 1 && t->agree >= 1 && t->agree <= t->copies && t->copies <= SCENARIO_COPIES_MAX);
    require(t->run.mean > 0 && t->run.mean <= 10000 * 3600 && t->run.cv >= 0 && t->run.cv <= 10);
    require(!t->data[0] || scenario_dataset(s, t->data) < s->dataset_count);
}

static void check_population(const SimPopulation *p)
{
    require(p->name[0] && p->count >= 1 && p->cores.mean >= 1 && p->cores.mean <= SCENARIO_CORES_MAX);
    require(p->speed.mean >= 0.001 && p->speed.mean <= 1000 && p->price >= 0 && p->price <= 1e6);
    require(p->failures.liar_share >= 0 && p->failures.liar_share <= 1 && p->failures.straggler_factor >= 1 && p->failures.inflated_factor >= 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Scenario s;
    Diag diag = {{0}};
    Err e = scenario_parse(view_of(data, size), "fuzz.yaml", "folder", &s, &diag);
    if (e.code) {
        check_message(&diag);
        return 0;
    }
    uint64_t jobs = 0, nodes = 0;
    for (size_t i = 0; i < s.task_count; i++) check_task(&s, &s.tasks[i]), jobs += s.tasks[i].count;
    for (size_t i = 0; i < s.population_count; i++) check_population(&s.populations[i]), nodes += s.populations[i].count;
    require(s.jobs == jobs && jobs >= 1 && jobs <= SCENARIO_JOBS_MAX && s.nodes == nodes && nodes >= 1 && nodes <= SCENARIO_NODES_MAX);
    scenario_free(&s);
    return 0;
}
