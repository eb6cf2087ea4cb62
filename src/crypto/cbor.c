/* Deterministic CBOR: the writer, and the strict reader that takes nothing else. */
#include "crypto/cbor.h"

enum { ARGUMENT_1 = 24, ARGUMENT_8 = 27, SIMPLE_FALSE = 20, SIMPLE_TRUE = 21, SIMPLE_NULL = 22 };

/* The head of an item: major type and the shortest form of its argument. Returns its size. */
static size_t head_of(uint8_t major, uint64_t argument, uint8_t ret_head[9])
{
    size_t size = 1;
    ret_head[0] = (uint8_t)(major << 5 | (argument < ARGUMENT_1 ? argument : 0));
    if (argument < ARGUMENT_1) return size;
    uint8_t power = argument <= UINT8_MAX ? 0 : argument <= UINT16_MAX ? 1 : argument <= UINT32_MAX ? 2 : 3;
    ret_head[0] |= ARGUMENT_1 + power;
    for (int shift = (8 << power) - 8; shift >= 0; shift -= 8) ret_head[size++] = (uint8_t)(argument >> shift);
    return size;
}

static Err put_head(Buffer *b, uint8_t major, uint64_t argument)
{
    uint8_t head[9];
    return buffer_append(b, view_of(head, head_of(major, argument, head)));
}

static Err put_string(Buffer *b, uint8_t major, View v)
{
    uint8_t head[9];
    size_t size = head_of(major, v.size, head);
    if (v.size > SIZE_MAX - size) return FAIL(ERR_LIMIT);
    TRY(buffer_reserve(b, size + v.size)); /* all or nothing */
    TRY(buffer_append(b, view_of(head, size)));
    return buffer_append(b, v);
}

Err cbor_put_uint(Buffer *b, uint64_t v) { return put_head(b, CBOR_UINT, v); }
Err cbor_put_int(Buffer *b, int64_t v) { return v < 0 ? put_head(b, CBOR_NINT, (uint64_t)(-1 - v)) : put_head(b, CBOR_UINT, (uint64_t)v); }
Err cbor_put_bytes(Buffer *b, View v) { return put_string(b, CBOR_BYTES, v); }
Err cbor_put_text(Buffer *b, View v) { return put_string(b, CBOR_TEXT, v); }
Err cbor_put_array(Buffer *b, uint64_t count) { return put_head(b, CBOR_ARRAY, count); }
Err cbor_put_map(Buffer *b, uint64_t count) { return put_head(b, CBOR_MAP, count); }
Err cbor_put_tag(Buffer *b, uint64_t tag) { return put_head(b, CBOR_TAG, tag); }
Err cbor_put_bool(Buffer *b, bool v) { return put_head(b, CBOR_SIMPLE, v ? SIMPLE_TRUE : SIMPLE_FALSE); }
Err cbor_put_null(Buffer *b) { return put_head(b, CBOR_SIMPLE, SIMPLE_NULL); }

Err cbor_put_pair(Buffer *b, int64_t key, uint64_t value)
{
    TRY(cbor_put_int(b, key));
    return cbor_put_uint(b, value);
}

CborReader cbor_reader(View v) { return (CborReader){reader_of(v)}; }
bool cbor_done(const CborReader *r) { return reader_done(&r->reader); }

uint8_t cbor_peek(const CborReader *r)
{
    return r->reader.bad || r->reader.rest.size == 0 ? CBOR_END : r->reader.rest.data[0] >> 5;
}

/* One head; 0 and bad when it is of another major type, indefinite, reserved, or longer than need be. */
static uint64_t get_head(Reader *r, uint8_t major)
{
    uint8_t first = read_u8(r), low = first & 31;
    if (first >> 5 != major || low > ARGUMENT_8) r->bad = true;
    if (r->bad || low < ARGUMENT_1) return r->bad ? 0 : low;

    uint64_t argument = 0;
    View bytes = read_raw(r, (size_t)1 << (low - ARGUMENT_1));
    for (size_t i = 0; i < bytes.size; i++) argument = argument << 8 | bytes.data[i];
    uint64_t shorter_max = low == ARGUMENT_1 ? ARGUMENT_1 - 1 : ((uint64_t)1 << (4 << (low - ARGUMENT_1))) - 1;
    if (argument <= shorter_max) r->bad = true;
    return r->bad ? 0 : argument;
}

/* A count of things that take at least one byte each: more than there are bytes left is a lie, told before anybody allocates for it. */
static uint64_t get_count(Reader *r, uint8_t major, uint64_t max, size_t each)
{
    uint64_t count = get_head(r, major);
    if (count > max || count > r->rest.size / each) r->bad = true;
    return r->bad ? 0 : count;
}

static View get_string(Reader *r, uint8_t major, size_t max)
{
    return read_raw(r, (size_t)get_count(r, major, max, 1));
}

/* The length of the UTF-8 sequence at p (RFC 3629 section 4), 0 when there is none. */
static size_t utf8_sequence(const uint8_t *p, size_t size)
{
    if (p[0] < 0x80) return 1;
    size_t length = p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    if (length == 0 || length > size) return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90)) return 0; /* longer than need be */
    if ((p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f)) return 0; /* a surrogate; beyond U+10FFFF */
    return length;
}

static bool is_utf8(View v)
{
    for (size_t at = 0, length; at < v.size; at += length)
        if ((length = utf8_sequence(v.data + at, v.size - at)) == 0) return false;
    return true;
}

static View get_text(Reader *r, size_t max)
{
    View text = get_string(r, CBOR_TEXT, max);
    if (is_utf8(text)) return text;
    r->bad = true;
    return (View){0};
}

static uint8_t get_simple(Reader *r)
{
    uint64_t value = get_head(r, CBOR_SIMPLE);
    if (value < SIMPLE_FALSE || value > SIMPLE_NULL) r->bad = true;
    return r->bad ? SIMPLE_NULL : (uint8_t)value;
}

uint64_t cbor_get_uint(CborReader *r) { return get_head(&r->reader, CBOR_UINT); }
uint64_t cbor_get_tag(CborReader *r) { return get_head(&r->reader, CBOR_TAG); }
View cbor_get_bytes(CborReader *r, size_t max) { return get_string(&r->reader, CBOR_BYTES, max); }
View cbor_get_text(CborReader *r, size_t max) { return get_text(&r->reader, max); }
uint64_t cbor_get_array(CborReader *r, uint64_t max) { return get_count(&r->reader, CBOR_ARRAY, max, 1); }
uint64_t cbor_get_map(CborReader *r, uint64_t max) { return get_count(&r->reader, CBOR_MAP, max, 2); }

int64_t cbor_get_int(CborReader *r)
{
    bool negative = cbor_peek(r) == CBOR_NINT;
    uint64_t argument = get_head(&r->reader, negative ? CBOR_NINT : CBOR_UINT);
    if (argument > INT64_MAX) r->reader.bad = true;
    if (r->reader.bad) return 0;
    return negative ? -1 - (int64_t)argument : (int64_t)argument;
}

bool cbor_get_bool(CborReader *r)
{
    uint8_t value = get_simple(&r->reader);
    if (value == SIMPLE_NULL) r->reader.bad = true;
    return value == SIMPLE_TRUE;
}

void cbor_get_null(CborReader *r)
{
    if (get_simple(&r->reader) != SIMPLE_NULL) r->reader.bad = true;
}

void cbor_get_fixed(CborReader *r, void *ret_bytes, size_t size)
{
    View v = get_string(&r->reader, CBOR_BYTES, size);
    if (v.size != size) r->reader.bad = true;
    if (r->reader.bad) memset(ret_bytes, 0, size);
    else if (size) memcpy(ret_bytes, v.data, size);
}

static void skip_item(Reader *r, int depth);

/* Keys ascend bytewise in their encodings (RFC 8949 section 4.2.1), which also rules out a key that comes twice. */
static void skip_map(Reader *r, int depth)
{
    View before = {0};
    for (uint64_t left = get_count(r, CBOR_MAP, UINT64_MAX, 2); left > 0 && !r->bad; left--) {
        const uint8_t *begin = r->rest.data;
        skip_item(r, depth);
        View key = view_of(begin, (size_t)(r->rest.data - begin));
        size_t common = before.size < key.size ? before.size : key.size;
        int order = common ? memcmp(before.data, key.data, common) : -1;
        if (order > 0 || (order == 0 && before.size >= key.size)) r->bad = true;
        before = key;
        skip_item(r, depth);
    }
}

static void skip_item(Reader *r, int depth)
{
    if (depth == CBOR_DEPTH_MAX || r->rest.size == 0) r->bad = true;
    if (r->bad) return;

    uint8_t major = r->rest.data[0] >> 5;
    switch (major) {
    case CBOR_UINT:
    case CBOR_NINT: (void)get_head(r, major); return;
    case CBOR_BYTES: (void)get_string(r, major, SIZE_MAX); return;
    case CBOR_TEXT: (void)get_text(r, SIZE_MAX); return;
    case CBOR_MAP: skip_map(r, depth + 1); return;
    case CBOR_SIMPLE: (void)get_simple(r); return;
    case CBOR_TAG: (void)get_head(r, major); skip_item(r, depth + 1); return;
    case CBOR_ARRAY:
        for (uint64_t left = get_count(r, major, UINT64_MAX, 1); left > 0 && !r->bad; left--) skip_item(r, depth + 1);
        return;
    }
}

View cbor_get_item(CborReader *r)
{
    const uint8_t *begin = r->reader.rest.data;
    skip_item(&r->reader, 0);
    return r->reader.bad ? (View){0} : view_of(begin, (size_t)(r->reader.rest.data - begin));
}

bool cbor_check(View v)
{
    CborReader r = cbor_reader(v);
    cbor_get_item(&r);
    return cbor_done(&r);
}
