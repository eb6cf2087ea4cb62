/**
 * HPKE (RFC 9180), base and auth mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305; single-shot. Pure but for the ephemeral
 * key, which the caller gives (32 random bytes); host and SEE (open only is used there). Test vectors: RFC 9180 A.2 and the project's data folder.
 */
#pragma once
#include "base/bytes.h"

enum { HPKE_PUBLIC_BYTES = 32, HPKE_SECRET_BYTES = 32, HPKE_TAG_BYTES = 16 };
typedef struct { uint8_t bytes[HPKE_PUBLIC_BYTES]; } SealPublicKey;
typedef struct { uint8_t bytes[HPKE_SECRET_BYTES]; } SealSecretKey;

void hpke_public_of(const SealSecretKey *secret, SealPublicKey *ret_public);
/** DeriveKeyPair: a secret key from at least 32 random bytes. */
void hpke_derive_secret(View input, SealSecretKey *ret_secret);
/** ret_sealed gets in.size + HPKE_TAG_BYTES. sender NULL: base mode; otherwise auth mode. errors: ERR_BAD_INPUT (a point of small order) */
MUST_USE Err hpke_seal(const SealPublicKey *recipient, const SealSecretKey *sender, const uint8_t ephemeral_seed[32], View info, View aad, View in,
                       uint8_t ret_encapsulated[HPKE_PUBLIC_BYTES], uint8_t *ret_sealed);
/** errors: ERR_CORRUPT */
MUST_USE Err hpke_open(const SealSecretKey *recipient, const SealPublicKey *sender, const uint8_t encapsulated[HPKE_PUBLIC_BYTES],
                       View info, View aad, View sealed, uint8_t *ret_plain);

/** The key and first nonce behind hpke_open, for a recipient of several messages (nonce XOR sequence number, section 5.2) and for the vectors. */
MUST_USE Err hpke_open_schedule(const SealSecretKey *recipient, const SealPublicKey *sender, const uint8_t encapsulated[HPKE_PUBLIC_BYTES], View info,
                                uint8_t ret_key[32], uint8_t ret_nonce[12]);
