/* The task file as a whole: defaults, reading, freeing. */
#include "swarm/task.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "swarm/task_keys.h"
#include "sys/fd.h"

void task_defaults(TaskSpec *ret_task)
{
    *ret_task = (TaskSpec){
        .name = "task",
        .split = {.by = SPLIT_LINES, .target_bytes = SPLIT_TARGET_DEFAULT, .header = true},
        .combine = {.by = COMBINE_CONCAT},
        .level = LEVEL_PROCESS,
        .lifetime_ns = SEE_LIFETIME_DEFAULT_NS,
        .memory_max = SEE_MEMORY_DEFAULT,
        .output_max = SEE_OUTPUT_DEFAULT,
        .attempts = ATTEMPTS_DEFAULT,
        .redundancy = {.copies = 1, .agree = 1},
        .placement = {.locality = 1, .availability = 1, .cost = 1, .spot = true},
        .source = buffer_limited(TASK_FILE_BYTES_MAX),
    };
}

static void free_words(char **words, size_t count)
{
    for (size_t i = 0; i < count; i++) free(words[i]);
    free(words);
}

void task_free(TaskSpec *t)
{
    free(t->image);
    free(t->module);
    free_words(t->args, t->arg_count);
    free_words(t->env, t->env_count);
    free(t->input_path);
    free(t->combine.module);
    free(t->combine.image);
    free(t->output);
    free(t->privacy);
    free_words(t->placement.zones, t->placement.zone_count);
    free_words(t->placement.exclude, t->placement.exclude_count);
    buffer_free(&t->source);
    *t = (TaskSpec){0};
}

/** The line of "input.split.count", or of as much of it as the file has. */
static unsigned line_of(const YamlNode *root, const char *key)
{
    const YamlNode *at = root;
    while (at->kind == YAML_MAP && *key) {
        char part[32];
        size_t size = strcspn(key, ".");
        assert(size < sizeof part);
        memcpy(part, key, size);
        part[size] = '\0';
        const YamlNode *next = tree_find(at, part);
        if (!next) break;
        at = next;
        key += size + (key[size] == '.');
    }
    return at->key ? at->key_line : at->line;
}

static Err check(const SchemaReading *r, const YamlNode *root)
{
    const YamlNode *attempts = tree_find(root, "attempts"), *retries = tree_find(root, "retries");
    if (attempts && retries)
        return SCHEMA_FAIL(r, retries->key_line,
            "'retries' and 'attempts' exclude each other (attempts = retries + 1); keep one");

    const YamlNode *combine = tree_find(root, "combine");
    if (combine && task_of(r)->privacy)
        return SCHEMA_FAIL(r, combine->key_line, "'combine' and 'privacy' exclude each other: a private task's results are combined behind the noise; remove 'combine'");

    Diag why = {{0}};
    const char *key;
    Err e = task_check(task_of(r), &key, &why);
    if (!e.code) return OK;
    if (!why.text[0]) return e;
    return diag_fail(r->diag, e.code, e.at, "%s:%u: %s", r->name, line_of(root, key), why.text);
}

static Err read_task(const SchemaReading *r, View yaml)
{
    YamlNode *root = NULL;
    TRY(tree_read(yaml, r->name, "task file", &root, r->diag));
    Err e = schema_read(r, root, TASK_KEYS);
    if (!e.code) e = check(r, root);
    tree_free(&root);
    if (e.code) return e;
    return buffer_append(&task_of(r)->source, yaml);
}

Err task_parse(View yaml, const char *name, const char *directory, TaskSpec *ret_task, Diag *diag)
{
    assert(name && ret_task);

    if (yaml.size > TASK_FILE_BYTES_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: larger than a task file may be (%d bytes)", name, TASK_FILE_BYTES_MAX);
    TaskSpec task;
    task_defaults(&task);
    task.name[0] = '\0'; /* a file must name its task */
    SchemaReading r = {.name = name, .directory = directory, .target = &task,
        .such_as = "a task file is a mapping of keys to values, such as 'task: my-task'", .diag = diag};
    Err e = read_task(&r, yaml);
    if (e.code) {
        task_free(&task);
        return e;
    }
    *ret_task = task;
    return OK;
}

Err task_load(const char *path, TaskSpec *ret_task, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(TASK_FILE_BYTES_MAX);
    Err e = file_read(AT_FDCWD, path, &text);
    if (e.code == ERR_LIMIT)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: larger than a task file may be (%d bytes)", path, TASK_FILE_BYTES_MAX);
    if (e.code) return diag_fail(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code == EISDIR ? ERR_BAD_INPUT : e.code, e.at,
        "%s: can't be read: %s", path, err_text(e.code));

    const char *slash = strrchr(path, '/');
    char *folder = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : strdup("");
    if (!folder) return FAIL(ENOMEM);
    e = task_parse(view_buffer(&text), path, folder, ret_task, diag);
    free(folder);
    return e;
}
