/* A recursive-descent JSON reader over generated records: recursion, a jump by character class, strings and numbers. */
#include "kernel.h"

enum { RECORDS = 12000, ROUNDS = 44, DEPTH_MAX = 32 };

static char *text;
static int text_size;

typedef struct { const char *at; uint64_t sum; int depth; } Reader;

static void put_text(const char *s)
{
    while (*s) text[text_size++] = *s++;
}

static void put_number(int64_t n)
{
    char digits[20];
    int count = 0;
    if (n < 0) put_text("-"), n = -n;
    do digits[count++] = (char)('0' + n % 10); while (n /= 10);
    while (count) text[text_size++] = digits[--count];
}

static void write_records(void)
{
    uint64_t seed = 6;
    put_text("[");
    for (int i = 0; i < RECORDS; i++) {
        uint64_t r = kernel_random(&seed);
        put_text(i ? ",\n {\"id\": " : "\n {\"id\": "), put_number(i);
        put_text(", \"name\": \"user \\\"x\\\" "), put_number((int64_t)(r & 0xffff));
        put_text("\", \"score\": "), put_number((int64_t)(r >> 44) - 500000), put_text("."), put_number((int64_t)(r >> 20 & 1023));
        put_text(r & 1 ? ", \"ok\": true, \"tags\": [" : ", \"ok\": false, \"tags\": [");
        for (int k = 0; k < (int)(r >> 61); k++) put_text(k ? ", " : ""), put_number((int64_t)(r >> k & 255));
        put_text("], \"at\": {\"x\": 1, \"y\": null}}");
    }
    put_text("]");
    text[text_size] = 0;
}

static void skip_space(Reader *r)
{
    while (*r->at == ' ' || *r->at == '\n' || *r->at == '\t' || *r->at == '\r') r->at++;
}

static void read_string(Reader *r)
{
    uint32_t hash = 2166136261u;
    r->at++;
    while (*r->at != '"') {
        if (*r->at == '\\') r->at++;
        hash = (hash ^ (uint8_t)*r->at++) * 16777619u;
    }
    r->at++;
    r->sum += hash;
}

static void read_number(Reader *r)
{
    int negative = *r->at == '-';
    double value = 0, scale = 1;
    if (negative) r->at++;
    while (*r->at >= '0' && *r->at <= '9') value = value * 10 + (*r->at++ - '0');
    if (*r->at == '.')
        for (r->at++; *r->at >= '0' && *r->at <= '9'; r->at++) value += (*r->at - '0') * (scale *= 0.1);
    r->sum += kernel_double_bits(negative ? -value : value) >> 20;
}

static void read_value(Reader *r);

static void read_members(Reader *r, char close)
{
    r->at++;
    if (++r->depth > DEPTH_MAX) abort();
    for (skip_space(r); *r->at != close; skip_space(r)) {
        if (*r->at == ',') {
            r->at++;
            skip_space(r);
        }
        if (close == '}') {
            read_string(r);
            skip_space(r);
            r->at++;
        }
        read_value(r);
    }
    r->depth--;
    r->at++;
}

static void read_value(Reader *r)
{
    skip_space(r);
    switch (*r->at) {
    case '{': read_members(r, '}'); break;
    case '[': read_members(r, ']'); break;
    case '"': read_string(r); break;
    case 't': r->at += 4, r->sum += 1; break;
    case 'f': r->at += 5, r->sum += 2; break;
    case 'n': r->at += 4, r->sum += 3; break;
    default: read_number(r);
    }
}

int main(void)
{
    uint64_t sum = 0;
    text = kernel_memory((size_t)RECORDS * 256);
    write_records();
    for (int round = 0; round < ROUNDS; round++) {
        Reader r = {text, 0, 0};
        read_value(&r);
        sum = kernel_fold(sum, r.sum);
    }
    return kernel_done(sum);
}
