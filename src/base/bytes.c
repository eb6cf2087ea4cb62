/* Byte strings: growth, little-endian fields, bounded reading. */
#include "base/bytes.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool view_equal(View a, View b) { return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0); }

void buffer_free(Buffer *b)
{
    free(b->data);
    *b = (Buffer){.limit = b->limit};
}

Err buffer_reserve(Buffer *b, size_t extra)
{
    assert(b && b->size <= b->limit);

    if (extra > b->limit - b->size) return FAIL(ERR_LIMIT);
    size_t need = b->size + extra;
    if (need <= b->capacity) return OK;
    size_t capacity = b->capacity < 64 ? 64 : b->capacity;
    if (capacity > b->limit) capacity = b->limit;
    while (capacity < need) capacity = capacity > b->limit / 2 ? b->limit : capacity * 2;
    uint8_t *data = realloc(b->data, capacity);
    if (!data) return FAIL(ENOMEM);
    b->data = data;
    b->capacity = capacity;
    return OK;
}

Err buffer_append(Buffer *b, View bytes)
{
    TRY(buffer_reserve(b, bytes.size));
    if (bytes.size) memcpy(b->data + b->size, bytes.data, bytes.size);
    b->size += bytes.size;
    return OK;
}

Err buffer_format(Buffer *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    Err e = n < 0 ? FAIL(EINVAL) : buffer_reserve(b, (size_t)n + 1);
    if (!e.code) {
        vsnprintf((char *)b->data + b->size, (size_t)n + 1, format, again);
        b->size += (size_t)n;
    }
    va_end(again);
    return e;
}

Err buffer_put_u8(Buffer *b, uint8_t v) { return buffer_append(b, view_of(&v, 1)); }

Err buffer_put_u32(Buffer *b, uint32_t v)
{
    uint8_t w[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
    return buffer_append(b, view_of(w, sizeof w));
}

Err buffer_put_u64(Buffer *b, uint64_t v)
{
    uint8_t w[8];
    for (int i = 0; i < 8; i++) w[i] = (uint8_t)(v >> (8 * i));
    return buffer_append(b, view_of(w, sizeof w));
}

Err buffer_put_bytes(Buffer *b, View bytes)
{
    if (bytes.size > UINT32_MAX) return FAIL(ERR_LIMIT);
    TRY(buffer_reserve(b, 4 + bytes.size));
    TRY(buffer_put_u32(b, (uint32_t)bytes.size));
    return buffer_append(b, bytes);
}

View read_raw(Reader *r, size_t size)
{
    if (r->bad || size > r->rest.size) {
        r->bad = true;
        return (View){0};
    }
    View v = {r->rest.data, size};
    r->rest.data += size;
    r->rest.size -= size;
    return v;
}

uint8_t read_u8(Reader *r)
{
    View v = read_raw(r, 1);
    return v.size ? v.data[0] : 0;
}

uint32_t read_u32(Reader *r)
{
    View v = read_raw(r, 4);
    uint32_t x = 0;
    for (size_t i = 0; i < v.size; i++) x |= (uint32_t)v.data[i] << (8 * i);
    return x;
}

uint64_t read_u64(Reader *r)
{
    View v = read_raw(r, 8);
    uint64_t x = 0;
    for (size_t i = 0; i < v.size; i++) x |= (uint64_t)v.data[i] << (8 * i);
    return x;
}

View read_bytes(Reader *r, size_t max)
{
    uint32_t size = read_u32(r);
    if (size > max) r->bad = true;
    return read_raw(r, size);
}
