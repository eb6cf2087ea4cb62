/**
 * COSE_Sign1 (RFC 9052 section 4.2) with EdDSA over Ed25519 (RFC 9053 section 2.2). docs/formats/cose.md
 *
 * What we write holds everything in the protected header, {1: -8, 4: public key}, so that no byte of a message is unsigned.
 * What we read may come from
 * others: without the tag, with other headers, with the key's name (kid) unprotected; its CBOR is deterministic nevertheless
 * (crypto/cbor.h), critical
 * headers (label 2) and detached payloads are refused, and so is every algorithm but EdDSA, which must stand in the protected header.
 */
#pragma once
#include "crypto/cbor.h"
#include "crypto/sign.h"

enum { COSE_TAG_SIGN1 = 18, COSE_ALG_EDDSA = -8, COSE_HEADERS_MAX = 16, COSE_HEADER_BYTES_MAX = 1024 };

/** Appends the tagged COSE_Sign1. external_aad separates uses ("covey-evidence-v1"). errors: ERR_LIMIT, ENOMEM */
MUST_USE Err cose_sign1(const SecretKey *key, const PublicKey *public_key, View external_aad, View payload, Buffer *ret_message);
/** Verifies with the key; *ret_payload borrows from message. errors: ERR_BAD_INPUT (not COSE_Sign1, another algorithm), ERR_BAD_SIGNATURE */
MUST_USE Err cose_sign1_verify(const PublicKey *key, View external_aad, View message, View *ret_payload);
/** The kid that the message claims, to look the key up by; says nothing about its truth. errors: ERR_BAD_INPUT */
MUST_USE Err cose_sign1_kid(View message, PublicKey *ret_key);

/** A message taken apart; views borrow. `protected_header` is the content of the byte string, empty where the map is; `algorithm` is the protected
 *  one, 0 where there is none. */
typedef struct { View protected_header, kid, payload, signature; int64_t algorithm; } CoseSign1;
MUST_USE Err cose_sign1_parse(View message, CoseSign1 *ret_parts);
/** Appends Sig_structure (RFC 9052 section 4.4), what the signature is over. */
MUST_USE Err cose_sign1_to_be_signed(View protected_header, View external_aad, View payload, Buffer *ret_bytes);
