/* Writing answers. */
#include "aggregate/answer.h"

#include <inttypes.h>
#include <stdio.h>

enum { PLACES = 6, NAME_MAX_BYTES = RATIONAL_TEXT_MAX + 8, PART_TEXT_MAX = 512, ANSWER_HEAD_BYTES = 2048 };

typedef enum { NEAREST, DOWN, UP } Rounding;

static bool as_csv(const Answer *a) { return a->request->flags & PRIVACY_CSV; }

/* Up to 2^127 in decimal. */
static Err put_whole(Buffer *b, UInt128 v)
{
    char digits[40];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + (int)(v % 10)); while (v /= 10);
    return buffer_append(b, view_of(digits + at, sizeof digits - at));
}

/* The fraction's first PLACES digits, and whether there is more behind them. */
static uint32_t fraction(Rational r, bool *ret_half, bool *ret_more)
{
    UInt128 rest = r.num % r.den;
    uint32_t digits = 0;
    for (int i = 0; i < PLACES; i++) { /* denominators beyond 2^124 do not come out of a release; their last digits would be lost */
        rest *= 10;
        digits = digits * 10 + (uint32_t)(rest / r.den);
        rest %= r.den;
    }
    *ret_more = rest > 0;
    *ret_half = rest >= r.den - rest;
    return digits;
}

static Err put_number(Buffer *b, bool negative, Rational r, Rounding rounding)
{
    bool half, more;
    UInt128 whole = r.num / r.den;
    uint32_t digits = fraction(r, &half, &more);
    bool away = rounding == NEAREST ? half : more && (rounding == UP) != negative;
    if (away && ++digits == 1000000) {
        digits = 0;
        whole++;
    }
    if (negative && (whole || digits)) TRY(buffer_put_u8(b, '-'));
    TRY(put_whole(b, whole));
    if (!digits) return OK;
    int places = PLACES;
    for (; digits % 10 == 0; digits /= 10) places--;
    return buffer_format(b, ".%0*" PRIu32, places, digits);
}

/* JSON: any bytes may stand in a column's name; what is no ASCII stays as it is. */
static Err put_json(Buffer *b, View text)
{
    TRY(buffer_put_u8(b, '"'));
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t c = text.data[i];
        if (c == '"' || c == '\\') TRY(buffer_format(b, "\\%c", c));
        else if (c < 0x20) TRY(buffer_format(b, "\\u%04x", c));
        else TRY(buffer_put_u8(b, c));
    }
    return buffer_put_u8(b, '"');
}

static Err put_csv(Buffer *b, View text)
{
    TRY(buffer_put_u8(b, '"'));
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"') TRY(buffer_put_u8(b, '"'));
        TRY(buffer_put_u8(b, text.data[i]));
    }
    return buffer_put_u8(b, '"');
}

static Err put_rational(Buffer *b, const char *name, Rational r)
{
    char text[RATIONAL_TEXT_MAX];
    if (rational_is_zero(r)) return OK;
    rational_print(r, text);
    return buffer_format(b, ", \"%s\": \"%s\"", name, text);
}

static Err begin_json(const Answer *a)
{
    char what[REQUEST_TEXT_MAX];
    const Query *q = &a->query->query;
    const char *person = request_string(a->request, PRIVACY_PERSON), *confidence = request_string(a->request, PRIVACY_CONFIDENCE);
    request_print(a->request, what);
    TRY(buffer_format(a->out, "{\"aggregate\": \"%s\", \"what\": ", query_name(q->kind)));
    TRY(put_json(a->out, view_text(what)));
    TRY(buffer_append(a->out, VIEW(", \"unit\": ")));
    TRY(put_json(a->out, view_text(person[0] ? person : "record")));
    TRY(put_rational(a->out, "epsilon", q->spend.epsilon));
    TRY(put_rational(a->out, "delta", q->spend.delta));
    TRY(put_rational(a->out, "rho", q->spend.rho));
    TRY(buffer_format(a->out, ", \"segments\": %" PRIu64, a->segments));
    if (q->kind == QUERY_BLOCKS) TRY(buffer_format(a->out, ", \"blocks\": %" PRIu64, q->block_count));
    if (q->open_keys) TRY(buffer_format(a->out, ", \"room\": %d", QUERY_OPEN_ROOM));
    return buffer_format(a->out, ", \"confidence\": \"%s\", \"numbers\": [", confidence[0] ? confidence : "0.95");
}

Err answer_begin(Answer *a)
{
    return as_csv(a) ? buffer_append(a->out, VIEW("name,key,value,low,high,mechanism\n")) : begin_json(a);
}

/* "sum"; of several numbers which one: "q0.25" of quantiles, "output2" of what a module gives. */
static void name_of(const Answer *a, const Released *n, char ret_name[NAME_MAX_BYTES])
{
    const Query *q = &a->query->query;
    char which[RATIONAL_TEXT_MAX];
    snprintf(ret_name, NAME_MAX_BYTES, "%s", n->role == PART_CLAMPED ? "clamped" : n->role == PART_ROOM ? "keys" : query_name(q->kind));
    if (n->role == PART_CHOICE) {
        rational_print(q->quantiles[n->index], which);
        snprintf(ret_name, NAME_MAX_BYTES, "q%s", which);
    } else if (n->role == PART_VALUE && q->kind == QUERY_BLOCKS && q->outputs > 1) {
        snprintf(ret_name, NAME_MAX_BYTES, "output%" PRIu32, n->index + 1);
    }
}

static Err put_values(const Answer *a, const Released *n, const char *between, const char *names[3])
{
    TRY(buffer_append(a->out, view_text(names[0])));
    TRY(put_number(a->out, n->negative, n->value, NEAREST));
    TRY(buffer_format(a->out, "%s%s", between, names[1]));
    TRY(put_number(a->out, n->low_negative, n->low, DOWN));
    TRY(buffer_format(a->out, "%s%s", between, names[2]));
    return put_number(a->out, n->high_negative, n->high, UP);
}

static Err number_csv(const Answer *a, const Released *n, const char *mechanism)
{
    char name[NAME_MAX_BYTES];
    name_of(a, n, name);
    TRY(buffer_format(a->out, "%s,", name));
    if (n->key.size) TRY(put_csv(a->out, n->key));
    TRY(put_values(a, n, ",", (const char *[3]){",", "", ""}));
    TRY(buffer_put_u8(a->out, ','));
    TRY(put_csv(a->out, view_text(mechanism)));
    return buffer_put_u8(a->out, '\n');
}

static Err number_json(const Answer *a, const Released *n, const char *mechanism)
{
    char name[NAME_MAX_BYTES];
    name_of(a, n, name);
    TRY(buffer_format(a->out, "%s\n  {\"name\": \"%s\"", a->numbers ? "," : "", name));
    if (n->key.size) {
        TRY(buffer_append(a->out, VIEW(", \"key\": ")));
        TRY(put_json(a->out, n->key));
    }
    TRY(put_values(a, n, ", ", (const char *[3]){", \"value\": ", "\"low\": ", "\"high\": "}));
    TRY(buffer_append(a->out, VIEW(", \"mechanism\": ")));
    TRY(put_json(a->out, view_text(mechanism)));
    return buffer_put_u8(a->out, '}');
}

Err answer_number(void *context, const Released *number)
{
    Answer *a = context;
    char mechanism[PART_TEXT_MAX] = "";
    if (number->part) part_print(number->part, mechanism, sizeof mechanism);
    TRY(as_csv(a) ? number_csv(a, number, mechanism) : number_json(a, number, mechanism));
    a->numbers++;
    return OK;
}

/* --- its size --- */

/* Room for a number: what stands around it, three values of up to 2^127 with six places, and the longest mechanism; the key is counted apart. */
static size_t number_most(const Answer *a)
{
    char mechanism[PART_TEXT_MAX];
    size_t longest = 0;
    for (uint32_t i = 0; i < a->query->plan.part_count; i++) {
        part_print(&a->query->plan.parts[i], mechanism, sizeof mechanism);
        if (strlen(mechanism) > longest) longest = strlen(mechanism);
    }
    return 304 + longest + NAME_MAX_BYTES;
}

/* The size that any answer to this request fits in. */
static size_t size_step(const Answer *a)
{
    const PrivacyRequest *r = a->request;
    const bool open = a->query->query.open_keys;
    const size_t declared = (size_t)r->key_count + r->quantile_count + r->outputs, numbers = 3 + (open ? QUERY_OPEN_ROOM : declared);
    const size_t escaped = 6 * ((size_t)r->text_size + (open ? QUERY_OPEN_ROOM * QUERY_OPEN_KEY_BYTES_MAX : 0));
    return (ANSWER_HEAD_BYTES + escaped + numbers * number_most(a) + 1023) / 1024 * 1024;
}

/* Whoever runs the last stage a thousand times opens one answer, and sees how long the others are: how many digits their numbers have, and so, in
 * time, what they are without noise. All answers to a request have one size; unsealing drops the zeros (dataset/unseal.c). */
static Err pad(const Answer *a)
{
    const size_t step = size_step(a), more = step - a->out->size % step;
    TRY(buffer_reserve(a->out, more));
    memset(a->out->data + a->out->size, 0, more);
    a->out->size += more;
    return OK;
}

Err answer_end(Answer *a)
{
    if (!as_csv(a)) TRY(buffer_append(a->out, VIEW("\n]}\n")));
    return pad(a);
}
