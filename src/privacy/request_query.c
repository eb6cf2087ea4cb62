/* Requests as they travel: taken apart, checked, and made into queries. */
#include "privacy/request_query.h"

#include <stdio.h>

void request_begin(QueryKind kind, PrivacyRequest *ret)
{
    *ret = (PrivacyRequest){.format = PRIVACY_REQUEST_FORMAT, .kind = (uint32_t)kind + 1, .records = 1, .keys = 1, .per_key = 1};
}

Err request_add(PrivacyRequest *r, const char *text)
{
    const size_t size = strlen(text) + 1;
    if (size > PRIVACY_TEXT_BYTES - r->text_size) return FAIL(ERR_LIMIT);
    memcpy(r->text + r->text_size, text, size);
    r->text_size += (uint32_t)size;
    return OK;
}

/* The next string of the text; NULL: there is none. */
static const char *next_string(const PrivacyRequest *r, uint32_t *at)
{
    const char *start = r->text + *at;
    const char *end = *at < r->text_size ? memchr(start, 0, r->text_size - *at) : NULL;
    if (!end) return NULL;
    *at += (uint32_t)(end - start) + 1;
    return start;
}

const char *request_string(const PrivacyRequest *r, PrivacyString which)
{
    uint32_t at = 0;
    if (r->text_size > PRIVACY_TEXT_BYTES) return "";
    for (int i = 0; i < (int)which; i++)
        if (!next_string(r, &at)) return "";
    const char *text = next_string(r, &at);
    return text ? text : "";
}

Err request_with(const PrivacyRequest *r, PrivacyString which, const char *text, PrivacyRequest *ret)
{
    const uint32_t strings = PRIVACY_STRINGS + r->quantile_count + r->key_count;
    uint32_t at = 0;
    PrivacyRequest made = *r;
    memset(made.text, 0, sizeof made.text);
    made.text_size = 0;
    for (uint32_t i = 0; i < strings; i++) {
        const char *old = next_string(r, &at);
        if (!old) return FAIL(ERR_LIMIT);
        TRY(request_add(&made, i == (uint32_t)which ? text : old));
    }
    *ret = made;
    return OK;
}

static bool all_zero(const void *bytes, size_t size)
{
    const uint8_t *b = bytes;
    for (size_t i = 0; i < size; i++)
        if (b[i]) return false;
    return true;
}

static Err unreadable(Diag *diag) { return FAIL_WHY(diag, ERR_BAD_INPUT, "the privacy request is not one that this version can read"); }

static Err read_texts(const PrivacyRequest *r, RequestQuery *q, Diag *diag)
{
    uint32_t at = 0;
    for (int i = 0; i < PRIVACY_STRINGS; i++)
        if (!(q->strings[i] = next_string(r, &at))) return unreadable(diag);
    for (uint32_t i = 0; i < r->quantile_count; i++) {
        const char *text = next_string(r, &at);
        if (!text || !rational_parse(view_text(text), &q->quantiles[i])) return FAIL_WHY(diag, ERR_BAD_INPUT, "a quantile is a number from 0 to 1");
    }
    for (uint32_t i = 0; i < r->key_count; i++) {
        const char *text = next_string(r, &at);
        if (!text) return unreadable(diag);
        q->keys[i] = view_text(text);
    }
    return at == r->text_size ? OK : unreadable(diag);
}

static Err read_number(const char *name, const char *text, Rational *ret, Diag *diag)
{
    *ret = RATIONAL_ZERO;
    if (!text[0] || rational_parse(view_text(text), ret)) return OK;
    return FAIL_WHY(diag, ERR_BAD_INPUT, "'%s: %.64s' is no number, such as 0.5, 1e-9 or 1/3", name, text);
}

static Err read_bounds(const RequestQuery *q, Bounds *ret, Diag *diag)
{
    const char *lower = q->strings[PRIVACY_LOWER], *upper = q->strings[PRIVACY_UPPER], *step = q->strings[PRIVACY_STEP];
    *ret = (Bounds){.step = rational_of(1)};
    if (!lower[0] && !upper[0]) return OK;
    Err e = bounds_parse(view_text(lower), view_text(upper), view_text(step[0] ? step : "1"), ret);
    if (e.code == ERR_BAD_INPUT)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "'range: [%.40s, %.40s]' with 'step: %.40s' are not two numbers in order and a step above 0", lower, upper, step[0] ? step : "1");
    return e;
}

static bool uses_range(QueryKind kind, bool of_values)
{
    return kind != QUERY_COUNT && kind != QUERY_HISTOGRAM && (kind != QUERY_TOP || of_values);
}

/* What the query itself does not know of: columns, and whose the records are. */
static Err check_columns(const PrivacyRequest *r, const RequestQuery *q, Diag *diag)
{
    const bool records = request_reads_records(r), values = uses_range(q->query.kind, q->query.of_values);
    const bool column = q->strings[PRIVACY_COLUMN][0], by = q->strings[PRIVACY_BY][0], person = q->strings[PRIVACY_PERSON][0];
    const bool keyed = r->key_count > 0 || q->query.open_keys;
    if (values && !q->strings[PRIVACY_UPPER][0]) return FAIL_WHY(diag, ERR_BAD_INPUT, "'range' is missing: values are clamped to two numbers that you choose without looking at the data");
    if (column != (records && values)) return FAIL_WHY(diag, ERR_BAD_INPUT, column ? "'column' means nothing here; remove it" : "'column' is missing: whose values?");
    if (by != keyed) return FAIL_WHY(diag, ERR_BAD_INPUT, "'by' names the column with the keys: give both 'by' and 'keys', or neither");
    if (q->strings[PRIVACY_EQUALS][0] && !q->strings[PRIVACY_WHERE][0]) return FAIL_WHY(diag, ERR_BAD_INPUT, "'where' needs a column and a value");
    if (!records && !person)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "sample-and-aggregate needs a dataset whose budget is by person: segments that are cut by size all change when one record comes");
    if (!records && q->strings[PRIVACY_WHERE][0]) return FAIL_WHY(diag, ERR_BAD_INPUT, "'where' is for records, and a module reads them itself; remove it");
    if (!person && (r->records != 1 || r->keys != 1 || r->per_key != 1))
        return FAIL_WHY(diag, ERR_BAD_INPUT, "'per_person' bounds what one person contributes, and the budget of this dataset is by record; remove it");
    return OK;
}

/* Whole segments make a block, at most as many as a SEE has room for the keys of. */
static Err check_blocks(const PrivacyRequest *r, uint64_t segments, Diag *diag)
{
    if (!r->blocks) return OK;
    if (request_reads_records(r)) return FAIL_WHY(diag, ERR_BAD_INPUT, "'blocks' are those of sample-and-aggregate; remove it");
    if (r->blocks > PRIVACY_BLOCKS_MAX || segments >> 32) return FAIL_WHY(diag, ERR_BAD_INPUT, "'blocks: %u' are more than %d", r->blocks, PRIVACY_BLOCKS_MAX);
    if (r->blocks > segments)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "'blocks: %u' cannot be made of %llu segments: a block is at least one", r->blocks, (unsigned long long)segments);
    if (segments > (uint64_t)r->blocks * PRIVACY_BLOCK_SEGMENTS_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "'blocks: %u' of %llu segments: a block is at most %d of them", r->blocks, (unsigned long long)segments,
                        PRIVACY_BLOCK_SEGMENTS_MAX);
    return OK;
}

static Err fill(const PrivacyRequest *r, uint64_t segments, RequestQuery *q, Diag *diag)
{
    Query *query = &q->query;
    TRY(read_texts(r, q, diag));
    *query = (Query){.kind = request_kind(r),
                     .by_person = q->strings[PRIVACY_PERSON][0] != '\0',
                     .limits = {r->records, r->keys, r->per_key},
                     .of_values = r->flags & PRIVACY_OF_VALUES,
                     .keys = r->key_count ? q->keys : NULL, .key_count = r->key_count,
                     .open_keys = r->flags & PRIVACY_OPEN_KEYS,
                     .quantiles = r->quantile_count ? q->quantiles : NULL, .quantile_count = r->quantile_count,
                     .bins = r->bins, .top = r->top, .outputs = r->outputs,
                     .block_count = privacy_blocks(r, segments),
                     .check_bounds = r->flags & PRIVACY_CHECK_BOUNDS,
                     .truncate = !(r->flags & PRIVACY_NOT_TRUNCATED)};
    query->limits = query_limits(query); /* one meaning for all who use them: where there are no keys, per_key is what records is */
    TRY(read_number("epsilon", q->strings[PRIVACY_EPSILON], &query->spend.epsilon, diag));
    TRY(read_number("delta", q->strings[PRIVACY_DELTA], &query->spend.delta, diag));
    TRY(read_number("rho", q->strings[PRIVACY_RHO], &query->spend.rho, diag));
    TRY(read_number("confidence", q->strings[PRIVACY_CONFIDENCE], &query->confidence, diag));
    TRY(read_bounds(q, &query->bounds, diag));
    TRY(check_columns(r, q, diag));
    TRY(check_blocks(r, segments, diag));
    return query_check(query, diag);
}

Err request_read(const PrivacyRequest *r, uint64_t segments, RequestQuery *ret, Diag *diag)
{
    bool sound = r->format == PRIVACY_REQUEST_FORMAT && r->kind >= 1 && r->kind <= QUERY_KINDS && r->flags <= PRIVACY_FLAGS_ALL &&
                 r->pad_ms <= PRIVACY_PAD_MS_MAX && r->quantile_count <= QUERY_QUANTILES_MAX && r->key_count <= REQUEST_KEYS_MAX &&
                 r->text_size <= PRIVACY_TEXT_BYTES && all_zero(r->reserved, sizeof r->reserved) &&
                 all_zero(r->text + r->text_size, PRIVACY_TEXT_BYTES - r->text_size);
    *ret = (RequestQuery){.strings = {NULL}};
    if (!sound) return unreadable(diag);
    return fill(r, segments, ret, diag);
}

Err request_query(const PrivacyRequest *r, uint64_t segments, RequestQuery *ret, Diag *diag)
{
    TRY(request_read(r, segments, ret, diag));
    return query_plan(&ret->query, &ret->plan, diag);
}

void request_print(const PrivacyRequest *r, char ret_text[REQUEST_TEXT_MAX])
{
    const char *column = request_string(r, PRIVACY_COLUMN), *by = request_string(r, PRIVACY_BY), *where = request_string(r, PRIVACY_WHERE);
    size_t size = (size_t)snprintf(ret_text, REQUEST_TEXT_MAX, "%s", query_name(request_kind(r)));
    if (column[0]) size += (size_t)snprintf(ret_text + size, REQUEST_TEXT_MAX - size, " of %.100s", column);
    if (by[0]) size += (size_t)snprintf(ret_text + size, REQUEST_TEXT_MAX - size, " by %.100s", by);
    if (where[0]) snprintf(ret_text + size, REQUEST_TEXT_MAX - size, " where %.100s is %.100s", where, request_string(r, PRIVACY_EQUALS));
    if (r->blocks) snprintf(ret_text + size, REQUEST_TEXT_MAX - size, " over %u blocks", r->blocks);
}
