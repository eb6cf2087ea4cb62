/**
 * Deterministic CBOR (RFC 8949 section 4.2.1): the only encoding that we write, and the only one that we read. Refused are
 * indefinite lengths, numbers
 * that are not the shortest, map keys unsorted or twice, text that is not UTF-8, trailing bytes, depth beyond CBOR_DEPTH_MAX, and what none of our
 * formats has: floating point, undefined, other simple values. So there is one encoding of every message, and what was signed is what is read.
 *
 * A decoder first asks cbor_check about the whole message (the order of map keys is seen only there), then pulls the items. docs/formats/cose.md
 */
#pragma once
#include "base/bytes.h"

enum { CBOR_DEPTH_MAX = 8 };
enum { CBOR_UINT = 0, CBOR_NINT = 1, CBOR_BYTES = 2, CBOR_TEXT = 3, CBOR_ARRAY = 4, CBOR_MAP = 5, CBOR_TAG = 6, CBOR_SIMPLE = 7, CBOR_END = 8 };

/** Writers append to a buffer; the caller writes map keys in canonical order (cbor_check tells). errors: ERR_LIMIT, ENOMEM */
MUST_USE Err cbor_put_uint(Buffer *b, uint64_t v);
MUST_USE Err cbor_put_int(Buffer *b, int64_t v);
MUST_USE Err cbor_put_bytes(Buffer *b, View v);
MUST_USE Err cbor_put_text(Buffer *b, View v);
MUST_USE Err cbor_put_array(Buffer *b, uint64_t count);
MUST_USE Err cbor_put_map(Buffer *b, uint64_t count);
MUST_USE Err cbor_put_tag(Buffer *b, uint64_t tag);
MUST_USE Err cbor_put_bool(Buffer *b, bool v);
MUST_USE Err cbor_put_null(Buffer *b);
/** A key of a map, and its value. */
MUST_USE Err cbor_put_pair(Buffer *b, int64_t key, uint64_t value);

/** A pull reader over one item after another; the first fault sets `reader.bad`, everything after gives zeros. Views borrow from the message. */
typedef struct { Reader reader; } CborReader;
CborReader cbor_reader(View v);
uint64_t cbor_get_uint(CborReader *r);
int64_t cbor_get_int(CborReader *r);
View cbor_get_bytes(CborReader *r, size_t max);
View cbor_get_text(CborReader *r, size_t max);
/** The number of items (of pairs) that follow; never more than there are bytes left. */
uint64_t cbor_get_array(CborReader *r, uint64_t max);
uint64_t cbor_get_map(CborReader *r, uint64_t max);
uint64_t cbor_get_tag(CborReader *r);
bool cbor_get_bool(CborReader *r);
void cbor_get_null(CborReader *r);
/** Exactly `size` bytes, copied; zeros after a fault. */
void cbor_get_fixed(CborReader *r, void *ret_bytes, size_t size);
/** Major type of the next item, or CBOR_END at the end or after a fault. */
uint8_t cbor_peek(const CborReader *r);
/** The raw bytes of the next item, whatever it is (bounded depth), checked as by cbor_check. */
View cbor_get_item(CborReader *r);
/** True when everything was read and nothing was wrong. */
bool cbor_done(const CborReader *r);
/** Whether v is exactly one deterministic item. */
bool cbor_check(View v);
