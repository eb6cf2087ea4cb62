/* The task file's `privacy:`, read into the request that the key broker and the built-in image go by (privacy/request.h). docs/task-file.md */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/quoted.h"
#include "privacy/request_query.h"
#include "swarm/task_keys.h"

enum { TEXTS_MAX = REQUEST_KEYS_MAX };

/* Borrowed from the tree until the request is made of it. */
typedef struct {
    QueryKind kind;
    bool kind_given, where_given;
    const char *strings[PRIVACY_STRINGS];
    const char *keys[TEXTS_MAX], *quantiles[QUERY_QUANTILES_MAX];
    uint32_t key_count, quantile_count;
    PrivacyRequest numbers; /* its numbers, flags and duration */
} Reading;

typedef Err (*ReadKey)(const SchemaReading *r, const YamlNode *value, Reading *ret);

static Err word(const SchemaReading *r, const YamlNode *value, const char **ret_text)
{
    if (value->kind != YAML_SCALAR) return SCHEMA_FAIL(r, value->line, "must be a single word or number");
    *ret_text = value->text;
    return OK;
}

static Err words(const SchemaReading *r, const YamlNode *value, uint32_t max, const char **ret_texts, uint32_t *ret_count)
{
    if (value->kind != YAML_LIST) return SCHEMA_FAIL(r, value->line, "'%s' must be a list", value->key);
    for (const YamlNode *n = value->first; n; n = n->next) {
        if (*ret_count == max) return SCHEMA_FAIL(r, n->line, "more than %u entries", max);
        TRY(word(r, n, &ret_texts[*ret_count]));
        (*ret_count)++;
    }
    return OK;
}

static Err read_aggregate(const SchemaReading *r, const YamlNode *value, Reading *ret)
{
    const char *text = "";
    TRY(schema_scalar(r, value, &text));
    ret->kind_given = query_named(view_text(text), &ret->kind);
    if (ret->kind_given) return OK;
    return SCHEMA_FAIL(r, value->line, "'aggregate: %s' must be count, sum, mean, variance, histogram, quantiles, sum-by-key, top or sample-and-aggregate",
                       quoted(view_text(text)).text);
}

static Err read_range(const SchemaReading *r, const YamlNode *value, Reading *ret)
{
    const char *ends[2];
    uint32_t count = 0;
    TRY(words(r, value, 2, ends, &count));
    if (count != 2) return SCHEMA_FAIL(r, value->line, "'range' must be two numbers, such as [0, 100]");
    ret->strings[PRIVACY_LOWER] = ends[0];
    ret->strings[PRIVACY_UPPER] = ends[1];
    return OK;
}

static Err read_where(const SchemaReading *r, const YamlNode *value, Reading *ret)
{
    const YamlNode *n = value->first;
    if (value->kind != YAML_MAP || !n || n->next) return SCHEMA_FAIL(r, value->line, "'where' must be one column and its value, such as {State: Texas}");
    ret->strings[PRIVACY_WHERE] = n->key;
    return word(r, n, &ret->strings[PRIVACY_EQUALS]);
}

static Err read_keys(const SchemaReading *r, const YamlNode *value, Reading *ret)
{
    if (value->kind == YAML_SCALAR && strcmp(value->text, "open") == 0) {
        ret->numbers.flags |= PRIVACY_OPEN_KEYS;
        return OK;
    }
    return words(r, value, TEXTS_MAX, ret->keys, &ret->key_count);
}

static Err read_quantiles(const SchemaReading *r, const YamlNode *value, Reading *ret)
{
    return words(r, value, QUERY_QUANTILES_MAX, ret->quantiles, &ret->quantile_count);
}

#define NUMBER(member) offsetof(PrivacyRequest, member)
static const Field LIMIT_KEYS[] = {
    {"records", FIELD_COUNT32, NUMBER(records), .min = 1, .max = CONTRIBUTION_MAX},
    {"keys", FIELD_COUNT32, NUMBER(keys), .min = 1, .max = CONTRIBUTION_MAX},
    {"per_key", FIELD_COUNT32, NUMBER(per_key), .min = 1, .max = CONTRIBUTION_MAX},
    {NULL},
};
static const Field BLOCKS = {"blocks", FIELD_COUNT32, NUMBER(blocks), .min = 1, .max = PRIVACY_BLOCKS_MAX};
static const Field BINS = {"bins", FIELD_COUNT32, NUMBER(bins), .min = 1, .max = QUERY_BINS_MAX};
static const Field TOP = {"top", FIELD_COUNT32, NUMBER(top), .min = 1, .max = QUERY_KEYS_MAX};
static const Field OUTPUTS = {"outputs", FIELD_COUNT32, NUMBER(outputs), .min = 1, .max = QUERY_OUTPUTS_MAX};

static SchemaReading into(const SchemaReading *r, PrivacyRequest *target)
{
    SchemaReading inner = *r;
    inner.target = target;
    return inner;
}

/* `per_key` left out is as many as `records`. */
static Err read_limits(const SchemaReading *r, const YamlNode *value, Reading *ret)
{
    const SchemaReading inner = into(r, &ret->numbers);
    TRY(schema_read(&inner, value, LIMIT_KEYS));
    if (!tree_find(value, "per_key")) ret->numbers.per_key = ret->numbers.records;
    return OK;
}

static Err read_number(const SchemaReading *r, const YamlNode *value, Reading *ret)
{
    const SchemaReading inner = into(r, &ret->numbers);
    const Field *const fields[] = {&BINS, &TOP, &OUTPUTS, &BLOCKS};
    size_t i = 0;
    while (strcmp(fields[i]->key, value->key) != 0) i++; /* one of them: KEYS */
    return schema_read_value(&inner, value, fields[i]);
}

static Err read_flag(const SchemaReading *r, const YamlNode *value, uint32_t flag, const char *set, const char *clear, Reading *ret)
{
    const char *text = "";
    TRY(schema_scalar(r, value, &text));
    if (strcmp(text, set) == 0) ret->numbers.flags |= flag;
    else if (strcmp(text, clear) != 0) return SCHEMA_FAIL(r, value->line, "'%s: %s' must be %s or %s", value->key, quoted(view_text(text)).text, set, clear);
    return OK;
}

static Err read_check(const SchemaReading *r, const YamlNode *value, Reading *ret) { return read_flag(r, value, PRIVACY_CHECK_BOUNDS, "true", "false", ret); }
static Err read_of(const SchemaReading *r, const YamlNode *value, Reading *ret) { return read_flag(r, value, PRIVACY_OF_VALUES, "sums", "counts", ret); }
static Err read_truncate(const SchemaReading *r, const YamlNode *value, Reading *ret)
{
    return read_flag(r, value, PRIVACY_NOT_TRUNCATED, "false", "true", ret);
}
static Err read_format(const SchemaReading *r, const YamlNode *value, Reading *ret) { return read_flag(r, value, PRIVACY_CSV, "csv", "json", ret); }

static Err read_pad(const SchemaReading *r, const YamlNode *value, Reading *ret)
{
    const char *text = "";
    uint64_t ns;
    TRY(schema_scalar(r, value, &text));
    bool legal = duration_parse(text, &ns) && ns >= NS_PER_MS && ns <= PRIVACY_PAD_MS_MAX * NS_PER_MS && ns % NS_PER_MS == 0;
    if (!legal) return SCHEMA_FAIL(r, value->line, "'pad: %s' must be whole milliseconds from 1ms to 1h, such as 100ms", quoted(view_text(text)).text);
    ret->numbers.pad_ms = (uint32_t)(ns / NS_PER_MS);
    return OK;
}

static const struct { const char *key; PrivacyString which; } TEXTS[] = {
    {"epsilon", PRIVACY_EPSILON}, {"delta", PRIVACY_DELTA}, {"rho", PRIVACY_RHO}, {"step", PRIVACY_STEP}, {"confidence", PRIVACY_CONFIDENCE},
    {"column", PRIVACY_COLUMN}, {"by", PRIVACY_BY}};
static const struct { const char *key; ReadKey read; } KEYS[] = {
    {"aggregate", read_aggregate}, {"range", read_range}, {"where", read_where}, {"keys", read_keys}, {"quantiles", read_quantiles},
    {"per_person", read_limits}, {"bins", read_number}, {"top", read_number}, {"outputs", read_number}, {"blocks", read_number}, {"check_bounds", read_check},
    {"of", read_of}, {"truncate", read_truncate}, {"format", read_format}, {"pad", read_pad}};

static Err read_key(const SchemaReading *r, const YamlNode *value, Reading *ret)
{
    for (size_t i = 0; i < sizeof TEXTS / sizeof TEXTS[0]; i++)
        if (strcmp(TEXTS[i].key, value->key) == 0) return schema_scalar(r, value, &ret->strings[TEXTS[i].which]);
    for (size_t i = 0; i < sizeof KEYS / sizeof KEYS[0]; i++)
        if (strcmp(KEYS[i].key, value->key) == 0) return KEYS[i].read(r, value, ret);
    return SCHEMA_FAIL(r, value->key_line, "unknown key '%s'; known here: aggregate, epsilon, delta, rho, column, range, step, by, keys, where, of, per_person, "
                       "quantiles, bins, top, outputs, blocks, check_bounds, truncate, confidence, format, pad", quoted(view_text(value->key)).text);
}

static int compare_texts(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* Keys are sorted, so that the order in which they were written says nothing. */
static Err make_request(Reading *g, PrivacyRequest *ret)
{
    const PrivacyRequest *n = &g->numbers;
    request_begin(g->kind, ret);
    ret->records = n->records ? n->records : 1;
    ret->keys = n->keys ? n->keys : 1;
    ret->per_key = n->per_key ? n->per_key : 1;
    ret->bins = n->bins;
    ret->top = n->top;
    ret->blocks = n->blocks;
    ret->outputs = n->outputs || g->kind != QUERY_BLOCKS ? n->outputs : 1;
    ret->flags = n->flags;
    ret->pad_ms = n->pad_ms;
    ret->quantile_count = g->quantile_count;
    ret->key_count = g->key_count;
    qsort(g->keys, g->key_count, sizeof g->keys[0], compare_texts);
    for (int i = 0; i < PRIVACY_STRINGS; i++) TRY(request_add(ret, g->strings[i] ? g->strings[i] : ""));
    for (uint32_t i = 0; i < g->quantile_count; i++) TRY(request_add(ret, g->quantiles[i]));
    for (uint32_t i = 0; i < g->key_count; i++) TRY(request_add(ret, g->keys[i]));
    return OK;
}

/* As far as it can be judged without the dataset, whose policy says what the unit is: one person's limits are looked at again when it is known. */
static Err check_request(const SchemaReading *r, unsigned line, const PrivacyRequest *request)
{
    Diag why = {{0}};
    PrivacyRequest judged;
    RequestQuery *query = malloc(sizeof *query);
    if (!query) return FAIL(ENOMEM);
    bool limited = !request_reads_records(request) || request->records > 1 || request->keys > 1 || request->per_key > 1;
    Err e = request_with(request, PRIVACY_PERSON, limited ? "?" : "", &judged);
    const uint64_t segments = judged.blocks ? judged.blocks : 1; /* how many there are is not known here */
    if (!e.code) e = request_query(&judged, segments, query, &why);
    free(query);
    if (!e.code) return OK;
    return SCHEMA_FAIL(r, line, "%s", why.text[0] ? why.text : "keys and columns are longer than a request has room for");
}

static Err read_all(const SchemaReading *r, const YamlNode *value, Reading *g, PrivacyRequest *ret)
{
    if (value->kind != YAML_MAP) return SCHEMA_FAIL(r, value->line, "'privacy' says what the answer is and may cost, such as {aggregate: count, epsilon: 0.5}");
    for (const YamlNode *n = value->first; n; n = n->next) TRY(read_key(r, n, g));
    if (!g->kind_given) return SCHEMA_FAIL(r, value->key_line, "'aggregate' is missing: what shall leave? such as {aggregate: count, epsilon: 0.5}");
    if (make_request(g, ret).code) return SCHEMA_FAIL(r, value->key_line, "keys and columns are longer than a request has room for (%d bytes)", PRIVACY_TEXT_BYTES);
    return check_request(r, value->key_line, ret);
}

Err task_read_privacy(const SchemaReading *r, const YamlNode *value)
{
    TaskSpec *t = task_of(r);
    Reading *g = calloc(1, sizeof *g);
    if (!t->privacy) t->privacy = calloc(1, sizeof *t->privacy);
    Err e = g && t->privacy ? read_all(r, value, g, t->privacy) : FAIL(ENOMEM);
    free(g);
    t->combine.by = COMBINE_MODULE; /* the built-in image's */
    return e;
}
