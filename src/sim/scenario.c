/* A scenario as a whole: defaults, reading, freeing. */
#include "sim/scenario.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/scenario_check.h"
#include "sim/scenario_keys.h"
#include "sys/fd.h"

void scenario_free(Scenario *s)
{
    for (size_t i = 0; i < s->population_count; i++) {
        free(s->populations[i].trace_path);
        free(s->populations[i].stand_in_path);
        trace_free(&s->populations[i].trace);
    }
    free(s->tasks);
    free(s->populations);
    free(s->datasets);
    *s = (Scenario){0};
}

size_t scenario_population(const Scenario *s, const char *name)
{
    size_t i = 0;
    while (i < s->population_count && strcmp(s->populations[i].name, name) != 0) i++;
    return i;
}

size_t scenario_dataset(const Scenario *s, const char *name)
{
    size_t i = 0;
    while (i < s->dataset_count && strcmp(s->datasets[i].name, name) != 0) i++;
    return i;
}

Err scenario_parse(View yaml, const char *name, const char *directory, Scenario *ret_scenario, Diag *diag)
{
    assert(name && ret_scenario);

    Scenario s = {.seed = 1, .horizon_ns = 168 * 3600 * NS_PER_S, .lease_ns = 10 * NS_PER_S};
    SchemaReading r = {.name = name, .directory = directory, .target = &s,
        .such_as = "a scenario is a mapping of keys to values, such as 'scenario: my-fleet'", .diag = diag};
    YamlNode *root = NULL;
    if (yaml.size > SCENARIO_BYTES_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: larger than a scenario may be (%d bytes)", name, SCENARIO_BYTES_MAX);
    TRY(tree_read(yaml, name, "scenario", &root, diag));
    Err e = schema_read(&r, root, SCENARIO_KEYS);
    if (e.code == 0) e = scenario_check(&r, root);
    tree_free(&root);
    if (e.code) scenario_free(&s);
    else *ret_scenario = s;
    return e;
}

static Err read_file(const char *path, const char *kind, size_t max, Buffer *ret_text, Diag *diag)
{
    *ret_text = buffer_limited(max);
    Err e = file_read(AT_FDCWD, path, ret_text);
    if (e.code == ERR_LIMIT) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: larger than a %s may be (%zu bytes)", path, kind, max);
    if (e.code)
        return diag_fail(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code == EISDIR ? ERR_BAD_INPUT : e.code, e.at,
                         "%s: can't be read: %s", path, err_text(e.code));
    return OK;
}

static Err load_trace(SimPopulation *p, Diag *diag)
{
    AUTO_BUFFER json = {0};
    const char *path = p->trace_path;
    Err e = read_file(path, "spot trace", TRACE_BYTES_MAX, &json, diag);
    if (e.code == ERR_NO_ENTRY && p->stand_in_path) {
        path = p->stand_in_path;
        p->stands_in = true;
        e = read_file(path, "spot trace", TRACE_BYTES_MAX, &json, diag);
    }
    return e.code ? e : trace_parse(view_buffer(&json), path, &p->trace, diag);
}

static Err load_traces(Scenario *s, Diag *diag)
{
    for (size_t i = 0; i < s->population_count; i++)
        if (s->populations[i].trace_path) TRY(load_trace(&s->populations[i], diag));
    return OK;
}

Err scenario_load(const char *path, Scenario *ret_scenario, Diag *diag)
{
    assert(path && ret_scenario);

    AUTO_BUFFER text = {0};
    Scenario s = {0};
    TRY(read_file(path, "scenario", SCENARIO_BYTES_MAX, &text, diag));
    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup("");
    if (!folder) return FAIL(ENOMEM);
    Err e = scenario_parse(view_buffer(&text), path, folder, &s, diag);
    free(folder);
    if (e.code) return e;
    e = load_traces(&s, diag);
    if (e.code) scenario_free(&s);
    else *ret_scenario = s;
    return e;
}
