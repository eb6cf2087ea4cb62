/* Which values of a task fit together. One rule, one function; the text says what to do. Also for tasks that come from no file. */
#include "swarm/task.h"

#include <inttypes.h>

#include "privacy/request_query.h"

#define PRIVATE_MEMORY_MIN (64 * MIB) /* what the built-in image counts in */
static const char LEGAL[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"; /* in names */

static Err check_name(const TaskSpec *t, Diag *diag)
{
    if (!t->name[0])
        return FAIL_WHY(diag, ERR_BAD_INPUT, "'task' is missing; give the task a name, such as 'task: busiest-airports'");
    if (t->name[strspn(t->name, LEGAL)] || t->name[0] == '.' || t->name[0] == '-')
        return FAIL_WHY(diag, ERR_BAD_INPUT,
            "the task's name may hold letters, digits, '.', '_' and '-', and begins with neither '.' nor '-'");
    return OK;
}

/* Records are read by the built-in image; a module's values are sampled and aggregated. */
static bool reads_records(const TaskSpec *t) { return t->privacy && request_reads_records(t->privacy); }

static Err check_image(const TaskSpec *t, Diag *diag)
{
    if (reads_records(t) && !t->image && !t->module) return OK;
    if (reads_records(t))
        return FAIL_WHY(diag, ERR_BAD_INPUT, "'aggregate: %s' reads the records itself, without an image or module: remove it, or let the module give one "
                        "number for each segment with 'aggregate: sample-and-aggregate'", query_name(request_kind(t->privacy)));
    if (t->image && t->module) return FAIL_WHY(diag, ERR_BAD_INPUT, "'image' and 'module' exclude each other; keep one");
    if (!t->image && !t->module)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "what shall run? give 'image: file.see' or 'module: file.wasm'");
    return OK;
}

static Err check_words(const TaskSpec *t, Diag *diag)
{
    if (t->arg_count >= TASK_ARGS_MAX || t->env_count >= TASK_ARGS_MAX) /* argv[0] is the task's name */
        return FAIL_WHY(diag, ERR_BAD_INPUT, "more than %d arguments or environment entries", TASK_ARGS_MAX - 1);
    size_t total = 0;
    for (size_t i = 0; i < t->arg_count; i++) total += strlen(t->args[i]) + 1;
    for (size_t i = 0; i < t->env_count; i++) total += strlen(t->env[i]) + 1;
    if (total > TASK_ARG_BYTES_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT,
            "arguments and environment take %zu bytes, more than %d; put large data into the input", total,
            TASK_ARG_BYTES_MAX);
    return OK;
}

static size_t env_name_size(const char *entry)
{
    size_t size = strspn(entry, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789");
    return entry[size] == '=' && (entry[0] < '0' || entry[0] > '9') ? size : 0;
}

static Err check_env(const TaskSpec *t, Diag *diag)
{
    for (size_t i = 0; i < t->env_count; i++) {
        size_t size = env_name_size(t->env[i]);
        if (size == 0)
            return FAIL_WHY(diag, ERR_BAD_INPUT,
                "environment entry %zu is not NAME=value (letters, digits, '_', not a digit first)", i + 1);
        for (size_t j = 0; j < i; j++)
            if (strncmp(t->env[i], t->env[j], size + 1) == 0)
                return FAIL_WHY(diag, ERR_BAD_INPUT,
                    "environment variable '%.*s' is given twice; remove one", (int)(size < 64 ? size : 64), t->env[i]);
    }
    return OK;
}

static Err check_input(const TaskSpec *t, Diag *diag)
{
    bool given = t->input_path || t->by_content;
    if (t->split.by == SPLIT_COUNT && given)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "a split by count reads no input; remove '%s' or 'count'", t->by_content ? "content" : "path");
    if (t->split.by == SPLIT_FILE && t->by_content)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "a split by file takes a pattern, and 'content' names one file; use another split, or 'path'");
    if (t->split.by != SPLIT_COUNT && !given)
        return FAIL_WHY(diag, ERR_BAD_INPUT,
            "'input' is missing; give 'input: file.csv', 'input: \"-\"' for standard input, or 'input: {count: 100}'");
    if (t->split.by == SPLIT_FILE && strcmp(t->input_path, "-") == 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "standard input can't be split by file; name files, such as 'path: images/*.png'");
    return OK;
}

static Err check_split(const TaskSpec *t, Diag *diag)
{
    const SplitSpec *s = &t->split;
    if (s->by == SPLIT_FIXED && s->record_bytes == 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT,
            "a split by fixed needs the size of a record, such as 'split: {by: fixed, size: 64}'");
    if (s->by == SPLIT_FIXED && (s->record_bytes > SPLIT_TARGET_MAX || s->records > SPLIT_TARGET_MAX / s->record_bytes))
        return FAIL_WHY(diag, ERR_BAD_INPUT,
            "%" PRIu64 " records of %" PRIu64 " bytes are more than a segment may hold (%" PRIu64 " bytes)",
            s->records ? s->records : 1, s->record_bytes, SPLIT_TARGET_MAX);
    if (s->target_bytes == 0 || s->target_bytes > SPLIT_TARGET_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "the target of a split must be from 1 to %" PRIu64 " bytes", SPLIT_TARGET_MAX);
    return OK;
}

static Err check_count(const TaskSpec *t, Diag *diag)
{
    if (t->split.by == SPLIT_COUNT && t->split.count > SPLIT_COUNT_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "more than %" PRIu64 " micro-jobs", SPLIT_COUNT_MAX);
    return OK;
}

static Err check_combine(const TaskSpec *t, Diag *diag)
{
    const CombineSpec *c = &t->combine;
    if (c->by == COMBINE_TOP && (c->top == 0 || c->top > COMBINE_TOP_MAX))
        return FAIL_WHY(diag, ERR_BAD_INPUT, "top needs a number from 1 to %" PRIu64, COMBINE_TOP_MAX);
    if (c->by == COMBINE_MODULE && !t->privacy && !c->module == !c->image)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "combining by a module needs one of module and image");
    return OK;
}

static Err check_memory(const TaskSpec *t, Diag *diag)
{
    if (t->memory_max < 64 * KIB || t->memory_max > SEE_MEMORY_MAX || t->memory_max % (64 * KIB))
        return FAIL_WHY(diag, ERR_BAD_INPUT,
            "memory of %" PRIu64 " bytes: WebAssembly memory comes in pages of 64KiB; give a multiple, at most %" PRIu64
            " bytes", t->memory_max, SEE_MEMORY_MAX);
    return OK;
}

static Err check_privacy(const TaskSpec *t, Diag *diag)
{
    if (!t->privacy) return OK;
    if (t->level < LEVEL_PROCESS) return FAIL_WHY(diag, ERR_BAD_INPUT, "a private task needs level process at least: at 'shared' one micro-job could tell of another");
    if (t->memory_max < PRIVATE_MEMORY_MIN) return FAIL_WHY(diag, ERR_BAD_INPUT, "a private task needs 'memory' of at least 64MiB");
    return OK;
}

static Err check_limits(const TaskSpec *t, Diag *diag)
{
    if (t->level < LEVEL_SHARED || t->level > LEVEL_CONFIDENTIAL) return FAIL_WHY(diag, ERR_BAD_INPUT, "no such security level");
    if (t->lifetime_ns < NS_PER_MS || t->lifetime_ns > SEE_LIFETIME_MAX_NS)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "the lifetime must be from 1ms to %" PRIu64 "s", SEE_LIFETIME_MAX_NS / NS_PER_S);
    if (t->output_max == 0 || t->output_max > SEE_OUTPUT_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT,
            "the output of a micro-job must be limited to 1 to %" PRIu64 " bytes", SEE_OUTPUT_MAX);
    return OK;
}

static Err check_attempts(const TaskSpec *t, Diag *diag)
{
    if (t->attempts < 1 || t->attempts > ATTEMPTS_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "attempts must be from 1 to %d", ATTEMPTS_MAX);
    return OK;
}

static Err check_copies(const TaskSpec *t, Diag *diag)
{
    const RedundancySpec *r = &t->redundancy;
    if (r->copies < 1 || r->copies > COPIES_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "copies must be from 1 to %d", COPIES_MAX);
    if (r->copies > 1 && t->real_random)
        return FAIL_WHY(diag, ERR_BAD_INPUT,
            "%u copies of a micro-job that draws real random numbers never agree; use 'random: derived' or 'copies: 1'", r->copies);
    return OK;
}

static Err check_agree(const TaskSpec *t, Diag *diag)
{
    const RedundancySpec *r = &t->redundancy;
    if (r->agree < 1 || r->agree > r->copies)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%u of %u copies can't agree; 'agree' is from 1 to 'copies'", r->agree, r->copies);
    return OK;
}

static Err check_adaptive(const TaskSpec *t, Diag *diag)
{
    if (t->redundancy.adaptive && t->redundancy.agree < 2)
        return FAIL_WHY(diag, ERR_BAD_INPUT,
            "'adaptive' lets proven nodes do without copies, and there are none that must agree; give 'copies: 3' or more, or remove it");
    return OK;
}

static Err check_placement_names(char *const *names, size_t count, Diag *diag)
{
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(names[i]);
        if (size == 0 || size > PLACEMENT_NAME_MAX || names[i][strspn(names[i], LEGAL)])
            return FAIL_WHY(diag, ERR_BAD_INPUT, "entry %zu is no name: 1 to %d letters, digits, '.', '_' and '-'", i + 1, PLACEMENT_NAME_MAX);
    }
    return OK;
}

static Err check_zones(const TaskSpec *t, Diag *diag) { return check_placement_names(t->placement.zones, t->placement.zone_count, diag); }

static Err check_exclude(const TaskSpec *t, Diag *diag) { return check_placement_names(t->placement.exclude, t->placement.exclude_count, diag); }

Err task_check(const TaskSpec *t, const char **ret_key, Diag *diag)
{
    static const struct { const char *key; Err (*check)(const TaskSpec *, Diag *); } RULES[] = {
        {"task", check_name}, {"image", check_image}, {"args", check_words}, {"env", check_env}, {"input", check_input},
        {"input.split", check_split}, {"input.count", check_count}, {"combine", check_combine}, {"security.memory", check_memory},
        {"security", check_limits}, {"privacy", check_privacy}, {"attempts", check_attempts}, {"redundancy.copies", check_copies}, {"redundancy.agree", check_agree},
        {"redundancy.adaptive", check_adaptive}, {"placement.zones", check_zones}, {"placement.exclude", check_exclude},
    };
    for (size_t i = 0; i < sizeof RULES / sizeof *RULES; i++) {
        Err e = RULES[i].check(t, diag);
        if (!e.code) continue;
        *ret_key = RULES[i].key;
        return e;
    }
    return OK;
}

Err task_validate(const TaskSpec *t, Diag *diag)
{
    const char *key;
    return task_check(t, &key, diag);
}
