/* Every key of the task file, in tables, and the values that may be written in more than one shape. docs/task-file.md explains them. */
#include "swarm/task_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/quoted.h"

#define AT(member) offsetof(TaskSpec, member)

static const char *const SPLITS[] = {"lines", "csv", "jsonl", "fixed", "file", "count", NULL};
static const char *const COMBINERS[] = {"concat", "sum", "sum-by-key", "min", "max", "mean", "top", NULL};
static const char *const LEVELS[] = {"shared", "process", "microvm", "confidential", NULL};
static const char *const BOOLEANS[] = {"false", "true", NULL};
static const char *const RANDOMS[] = {"derived", "real", NULL};
static const char *const SPOTS[] = {"forbid", "allow", NULL};

const char *split_name(SplitBy by) { return SPLITS[by]; }

const char *combine_name(CombineBy by) { return by == COMBINE_MODULE ? "module" : COMBINERS[by]; }

bool split_parse(const char *text, SplitBy *ret_by)
{
    for (unsigned i = 0; SPLITS[i]; i++) {
        if (strcmp(text, SPLITS[i]) != 0) continue;
        *ret_by = (SplitBy)i;
        return true;
    }
    return false;
}

SplitBy split_guess(const char *path)
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(slash ? slash : path, '.');
    if (!dot) return SPLIT_LINES;
    if (strcasecmp(dot, ".csv") == 0) return SPLIT_CSV;
    return strcasecmp(dot, ".jsonl") == 0 || strcasecmp(dot, ".ndjson") == 0 ? SPLIT_JSONL : SPLIT_LINES;
}

bool combine_parse(const char *text, CombineSpec *ret_combine)
{
    if (strncmp(text, "top:", 4) == 0) {
        const char *number = text + 4 + (text[4] == ' ');
        uint64_t top;
        if (number[strspn(number, "0123456789")] || !size_parse(number, &top) || top == 0 || top > COMBINE_TOP_MAX) return false;
        *ret_combine = (CombineSpec){.by = COMBINE_TOP, .top = top};
        return true;
    }
    for (unsigned i = 0; i < COMBINE_TOP; i++) {
        if (strcmp(text, COMBINERS[i]) != 0) continue;
        *ret_combine = (CombineSpec){.by = (CombineBy)i};
        return true;
    }
    return false;
}

/* Lists of words: args, env, zones, exclude. */

static Err list_append(const SchemaReading *r, unsigned line, size_t max, char ***list, size_t *count, char *text)
{
    char **grown = *count < max ? reallocarray(*list, *count + 1, sizeof **list) : NULL;
    if (!grown) {
        free(text);
        if (*count < max) return FAIL(ENOMEM);
        return SCHEMA_FAIL(r, line, "more than %zu entries", max);
    }
    grown[(*count)++] = text;
    *list = grown;
    return OK;
}

/** Words are taken as written: 007, yes and null are text. Only a bare nothing is refused, because nobody can see what it means. */
static Err word(const SchemaReading *r, const YamlNode *value, const char **ret_text)
{
    if (value->kind != YAML_SCALAR)
        return SCHEMA_FAIL(r, value->line, "must be a single word or number; quote it if it holds ': ' or ', '");
    if (value->plain && !value->text[0]) return SCHEMA_FAIL(r, value->line, "is empty; write '' for an empty word");
    *ret_text = value->text;
    return OK;
}

static Err read_args(const SchemaReading *r, const YamlNode *value)
{
    if (value->kind != YAML_LIST) return SCHEMA_FAIL(r, value->line, "'args' must be a list, such as [--column, origin]");
    for (const YamlNode *n = value->first; n; n = n->next) {
        const char *text = "";
        TRY(word(r, n, &text));
        char *copy = strdup(text);
        if (!copy) return FAIL(ENOMEM);
        TRY(list_append(r, n->line, TASK_ARGS_MAX, &task_of(r)->args, &task_of(r)->arg_count, copy));
    }
    return OK;
}

static Err read_env(const SchemaReading *r, const YamlNode *value)
{
    if (value->kind == YAML_SCALAR)
        return SCHEMA_FAIL(r, value->line, "'env' must be a mapping {NAME: value} or a list [NAME=value]");
    for (const YamlNode *n = value->first; n; n = n->next) {
        const char *text = "";
        char *entry = NULL;
        TRY(word(r, n, &text));
        if (asprintf(&entry, "%s%s%s", n->key ? n->key : "", n->key ? "=" : "", text) < 0) return FAIL(ENOMEM);
        TRY(list_append(r, n->line, TASK_ARGS_MAX, &task_of(r)->env, &task_of(r)->env_count, entry));
    }
    return OK;
}

/* input: a path, or {path, split, count} */

static const Field SPLIT_BY = {"by", FIELD_CHOICE, AT(split.by), .names = SPLITS};

static const Field SPLIT_KEYS[] = {
    {"by", FIELD_CHOICE, AT(split.by), .names = SPLITS},
    {"target", FIELD_SIZE, AT(split.target_bytes), .min = 1, .max = SPLIT_TARGET_MAX},
    {"records", FIELD_COUNT, AT(split.records), .min = 1, .max = (uint64_t)1 << 32},
    {"size", FIELD_SIZE, AT(split.record_bytes), .min = 1, .max = SPLIT_TARGET_MAX},
    {"count", FIELD_COUNT, AT(split.count), .max = SPLIT_COUNT_MAX},
    {"header", FIELD_FLAG, AT(split.header), .names = BOOLEANS},
    {NULL},
};

static Err read_split(const SchemaReading *r, const YamlNode *value)
{
    return value->kind == YAML_SCALAR ? schema_read_value(r, value, &SPLIT_BY) : schema_read(r, value, SPLIT_KEYS);
}

/** "sha256:" and 64 hexadecimal digits, as sha256sum prints them. */
static Err read_content(const SchemaReading *r, const YamlNode *value)
{
    static const char PREFIX[] = "sha256:";
    TaskSpec *t = task_of(r);
    const char *text, *hex;
    TRY(schema_scalar(r, value, &text));
    hex = text + strlen(PREFIX);
    bool legal = strncmp(text, PREFIX, strlen(PREFIX)) == 0 && strspn(hex, "0123456789abcdef") == 2 * sizeof t->content && strlen(hex) == 2 * sizeof t->content;
    if (!legal)
        return SCHEMA_FAIL(r, value->line, "'content' must be sha256: and 64 digits 0-9a-f, as `sha256sum FILE` prints them");
    for (size_t i = 0; i < sizeof t->content; i++) {
        unsigned byte;
        sscanf(hex + 2 * i, "%2x", &byte);
        t->content[i] = (uint8_t)byte;
    }
    t->by_content = true;
    return OK;
}

static const Field INPUT_KEYS[] = {
    {"path", FIELD_PATH, AT(input_path)},
    {"content", FIELD_SPECIAL, .read = read_content},
    {"split", FIELD_SPECIAL, .read = read_split},
    {"count", FIELD_COUNT, AT(split.count), .max = SPLIT_COUNT_MAX},
    {NULL},
};

/** Keys of a split that say nothing about the way it is cut would be ignored silently: refuse them. */
static Err check_split_keys(const SchemaReading *r, const YamlNode *split)
{
    static const struct { const char *key; unsigned of; } USES[] = {
        {"target", 1 << SPLIT_LINES | 1 << SPLIT_CSV | 1 << SPLIT_JSONL | 1 << SPLIT_FIXED},
        {"records", 1 << SPLIT_LINES | 1 << SPLIT_CSV | 1 << SPLIT_JSONL | 1 << SPLIT_FIXED},
        {"size", 1 << SPLIT_FIXED},
        {"count", 1 << SPLIT_COUNT},
        {"header", 1 << SPLIT_CSV},
    };
    SplitBy by = task_of(r)->split.by;
    for (size_t i = 0; i < sizeof USES / sizeof *USES; i++) {
        const YamlNode *n = tree_find(split, USES[i].key);
        if (n && !(USES[i].of >> by & 1))
            return SCHEMA_FAIL(r, n->key_line, "'%s' means nothing when the split is by %s; remove it", n->key, split_name(by));
    }
    const YamlNode *target = tree_find(split, "target"), *records = tree_find(split, "records");
    if (target && records) return SCHEMA_FAIL(r, records->key_line, "'target' and 'records' exclude each other; keep one");
    return OK;
}

static Err read_input(const SchemaReading *r, const YamlNode *value)
{
    static const Field PATH = {"input", FIELD_PATH, AT(input_path)};
    TaskSpec *t = task_of(r);
    if (value->kind == YAML_SCALAR) TRY(schema_read_value(r, value, &PATH));
    else TRY(schema_read(r, value, INPUT_KEYS));

    const YamlNode *split = tree_find(value, "split"), *count = tree_find(value, "count"), *inner = tree_find(split, "count");
    const YamlNode *content = tree_find(value, "content");
    if (content && t->input_path)
        return SCHEMA_FAIL(r, content->key_line, "'path' and 'content' exclude each other; keep one");
    t->split_given = split || count;
    bool by_given = (split && split->kind == YAML_SCALAR) || tree_find(split, "by");
    if (count && inner) return SCHEMA_FAIL(r, inner->key_line, "'count' is given twice; keep one");
    if (!by_given && (count || inner)) t->split.by = SPLIT_COUNT;
    else if (!by_given && t->input_path) t->split.by = split_guess(t->input_path);
    if (count && t->split.by != SPLIT_COUNT)
        return SCHEMA_FAIL(r, count->key_line,
            "'count' means nothing when the split is by %s; remove it", split_name(t->split.by));
    if (split && split->kind == YAML_MAP) return check_split_keys(r, split);
    return OK;
}

/* combine: a word, or {top: N}, {module: file}, {image: file} */

static Err read_combine(const SchemaReading *r, const YamlNode *value)
{
    static const Field KEYS[] = {
        {"top", FIELD_COUNT, AT(combine.top), .min = 1, .max = COMBINE_TOP_MAX},
        {"module", FIELD_PATH, AT(combine.module)},
        {"image", FIELD_PATH, AT(combine.image)},
        {NULL},
    };
    static const Field WORD = {"combine", FIELD_CHOICE, AT(combine.by), .names = COMBINERS};
    TaskSpec *t = task_of(r);
    if (value->kind == YAML_SCALAR) {
        if (strcmp(value->text, "top") == 0) return SCHEMA_FAIL(r, value->line, "'top' needs a number, such as {top: 5}");
        return combine_parse(value->text, &t->combine) ? OK : schema_read_value(r, value, &WORD);
    }
    TRY(schema_read(r, value, KEYS));
    if (!value->first || value->first->next)
        return SCHEMA_FAIL(r, value->line, "'combine' takes exactly one of top, module and image, such as {top: 5}");
    t->combine.by = t->combine.top ? COMBINE_TOP : COMBINE_MODULE;
    return OK;
}

static Err read_retries(const SchemaReading *r, const YamlNode *value)
{
    static const Field RETRIES = {"retries", FIELD_COUNT32, AT(attempts), .max = ATTEMPTS_MAX - 1};
    TRY(schema_read_value(r, value, &RETRIES));
    task_of(r)->attempts++;
    return OK;
}

static const Field SECURITY_KEYS[] = {
    {"level", FIELD_CHOICE, AT(level), .min = LEVEL_SHARED, .names = LEVELS},
    {"lifetime", FIELD_DURATION, AT(lifetime_ns), .min = NS_PER_MS, .max = SEE_LIFETIME_MAX_NS},
    {"memory", FIELD_SIZE, AT(memory_max), .min = 64 * KIB, .max = SEE_MEMORY_MAX},
    {"output", FIELD_SIZE, AT(output_max), .min = 1, .max = SEE_OUTPUT_MAX},
    {"random", FIELD_FLAG, AT(real_random), .names = RANDOMS},
    {NULL},
};

/* redundancy and placement */

static const Field REDUNDANCY_KEYS[] = {
    {"copies", FIELD_COUNT32, AT(redundancy.copies), .min = 1, .max = COPIES_MAX},
    {"agree", FIELD_COUNT32, AT(redundancy.agree), .min = 1, .max = COPIES_MAX},
    {"speculate", FIELD_FLAG, AT(redundancy.speculate), .names = BOOLEANS},
    {"adaptive", FIELD_FLAG, AT(redundancy.adaptive), .names = BOOLEANS},
    {NULL},
};

/** `copies` alone asks for a majority of them. */
static Err read_redundancy(const SchemaReading *r, const YamlNode *value)
{
    RedundancySpec *s = &task_of(r)->redundancy;
    TRY(schema_read(r, value, REDUNDANCY_KEYS));
    if (!tree_find(value, "agree")) s->agree = s->copies / 2 + 1;
    return OK;
}

/** A name of a zone or a node, or a list of them. */
static Err read_names(const SchemaReading *r, const YamlNode *value, char ***list, size_t *count)
{
    const YamlNode *n = value->kind == YAML_LIST ? value->first : value;
    if (value->kind == YAML_MAP || !n) return SCHEMA_FAIL(r, value->line, "'%s' must be a list of names, such as [a, b]", value->key);
    for (; n; n = value->kind == YAML_LIST ? n->next : NULL) {
        const char *text = "";
        TRY(word(r, n, &text));
        char *copy = strdup(text);
        if (!copy) return FAIL(ENOMEM);
        TRY(list_append(r, n->line, PLACEMENT_NAMES_MAX, list, count, copy));
    }
    return OK;
}

static Err read_zones(const SchemaReading *r, const YamlNode *value)
{
    return read_names(r, value, &task_of(r)->placement.zones, &task_of(r)->placement.zone_count);
}

static Err read_exclude(const SchemaReading *r, const YamlNode *value)
{
    return read_names(r, value, &task_of(r)->placement.exclude, &task_of(r)->placement.exclude_count);
}

static const Field PLACEMENT_KEYS[] = {
    {"locality", FIELD_REAL, AT(placement.locality)},
    {"availability", FIELD_REAL, AT(placement.availability)},
    {"cost", FIELD_REAL, AT(placement.cost)},
    {"spot", FIELD_FLAG, AT(placement.spot), .names = SPOTS},
    {"zones", FIELD_SPECIAL, .read = read_zones},
    {"exclude", FIELD_SPECIAL, .read = read_exclude},
    {NULL},
};

const Field TASK_KEYS[] = {
    {"task", FIELD_NAME, AT(name), .max = TASK_NAME_MAX},
    {"image", FIELD_PATH, AT(image)},
    {"module", FIELD_PATH, AT(module)},
    {"args", FIELD_SPECIAL, .read = read_args},
    {"env", FIELD_SPECIAL, .read = read_env},
    {"input", FIELD_SPECIAL, .read = read_input},
    {"combine", FIELD_SPECIAL, .read = read_combine},
    {"security", FIELD_GROUP, .fields = SECURITY_KEYS},
    {"privacy", FIELD_SPECIAL, .read = task_read_privacy},
    {"redundancy", FIELD_SPECIAL, .read = read_redundancy},
    {"placement", FIELD_GROUP, .fields = PLACEMENT_KEYS},
    {"attempts", FIELD_COUNT32, AT(attempts), .min = 1, .max = ATTEMPTS_MAX},
    {"retries", FIELD_SPECIAL, .read = read_retries},
    {"output", FIELD_PATH, AT(output)},
    {NULL},
};
