/**
 * COSE_Sign1 (RFC 9052 section 4.2) with EdDSA/Ed25519 (RFC 9053), and the deterministic CBOR (RFC 8949 section 4.2.1) that we write.
 * Reading is strict: indefinite lengths, unsorted or duplicate map keys, non-shortest numbers, trailing bytes and depth beyond CBOR_DEPTH_MAX are
 * refused in everything we sign ourselves; cose_sign1_verify also takes other people's encodings of the outer structure (test vectors).
 */
#pragma once
#include "crypto/sign.h"

enum { CBOR_DEPTH_MAX = 8 };

/** Writers append to a buffer; map keys must be written in canonical order (checked by cbor_check). */
MUST_USE Err cbor_put_uint(Buffer *b, uint64_t v);
MUST_USE Err cbor_put_int(Buffer *b, int64_t v);
MUST_USE Err cbor_put_bytes(Buffer *b, View v);
MUST_USE Err cbor_put_text(Buffer *b, View v);
MUST_USE Err cbor_put_array(Buffer *b, uint64_t count);
MUST_USE Err cbor_put_map(Buffer *b, uint64_t count);
MUST_USE Err cbor_put_tag(Buffer *b, uint64_t tag);
MUST_USE Err cbor_put_bool(Buffer *b, bool v);

/** A pull reader over one item after another; the first fault sets `bad`, everything after gives zeros. */
typedef struct { Reader reader; } CborReader;
CborReader cbor_reader(View v);
uint64_t cbor_get_uint(CborReader *r);
int64_t cbor_get_int(CborReader *r);
View cbor_get_bytes(CborReader *r, size_t max);
View cbor_get_text(CborReader *r, size_t max);
uint64_t cbor_get_array(CborReader *r, uint64_t max);
uint64_t cbor_get_map(CborReader *r, uint64_t max);
bool cbor_get_bool(CborReader *r);
/** Major type of the next item, or 8 at the end or after a fault. */
uint8_t cbor_peek(const CborReader *r);
/** The raw bytes of the next item, whatever it is (bounded depth). */
View cbor_get_item(CborReader *r);
bool cbor_done(const CborReader *r);
/** Whether v is exactly one deterministic item. */
bool cbor_check(View v);

/** Appends the tagged COSE_Sign1 with protected header {1: -8} and kid = public key. external_aad separates uses ("covey-evidence-v1"). */
MUST_USE Err cose_sign1(const SecretKey *key, const PublicKey *public_key, View external_aad, View payload, Buffer *ret_message);
/** Verifies with the key; *ret_payload borrows from message. errors: ERR_BAD_INPUT (not COSE_Sign1, another algorithm), ERR_BAD_SIGNATURE */
MUST_USE Err cose_sign1_verify(const PublicKey *key, View external_aad, View message, View *ret_payload);
/** The kid that the message claims, to look the key up by; says nothing about its truth. */
MUST_USE Err cose_sign1_kid(View message, PublicKey *ret_key);
