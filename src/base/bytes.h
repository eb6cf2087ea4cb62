/**
 * Byte strings: a borrowed view, a growing buffer, and a bounded reader and writer of little-endian wire fields.
 *
 * View    borrowed; never freed; may hold any bytes.
 * Buffer  owned; grows up to `limit`; freed by buffer_free. A failed call leaves it as it was.
 * Reader  walks a View; the first read past the end sets `bad` and every later read gives zeros, so that a decoder checks once.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/error.h"

typedef struct { const uint8_t *data; size_t size; } View;
typedef struct { uint8_t *data; size_t size, capacity, limit; } Buffer;
typedef struct { View rest; bool bad; } Reader;

#define VIEW(literal) ((View){(const uint8_t *)(literal), sizeof(literal) - 1})

static inline View view_of(const void *data, size_t size) { return (View){data, size}; }
static inline View view_text(const char *text) { return (View){(const uint8_t *)text, strlen(text)}; }
static inline View view_buffer(const Buffer *b) { return (View){b->data, b->size}; }
bool view_equal(View a, View b);

/** An empty buffer that may grow to `limit` bytes. Allocates nothing yet. */
static inline Buffer buffer_limited(size_t limit) { return (Buffer){.limit = limit}; }
void buffer_free(Buffer *b);
/** Makes room for `extra` more bytes. errors: ERR_LIMIT, ENOMEM */
MUST_USE Err buffer_reserve(Buffer *b, size_t extra);
MUST_USE Err buffer_append(Buffer *b, View bytes);
MUST_USE Err buffer_format(Buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
MUST_USE Err buffer_put_u8(Buffer *b, uint8_t v);
MUST_USE Err buffer_put_u32(Buffer *b, uint32_t v);
MUST_USE Err buffer_put_u64(Buffer *b, uint64_t v);
/** A u32 length, then the bytes. */
MUST_USE Err buffer_put_bytes(Buffer *b, View bytes);

static inline Reader reader_of(View v) { return (Reader){.rest = v}; }
uint8_t read_u8(Reader *r);
uint32_t read_u32(Reader *r);
uint64_t read_u64(Reader *r);
/** Borrows `size` bytes of the message. */
View read_raw(Reader *r, size_t size);
/** A u32 length of at most `max`, then that many borrowed bytes. */
View read_bytes(Reader *r, size_t max);
/** True when everything was read and nothing was missing. */
static inline bool reader_done(const Reader *r) { return !r->bad && r->rest.size == 0; }

#define AUTO_BUFFER __attribute__((cleanup(buffer_free))) Buffer
