/**
 * NKeys: how NATS writes Ed25519 keys (RFC 4648 base32 of a prefix byte, the key and a CRC-16). The NKey of a key of Covey's keyring is the same
 * key in another spelling: one identity, no second file.
 */
#pragma once
#include "crypto/sign.h"

enum { NKEY_TEXT_BYTES = 56, NKEY_TEXT_MAX = NKEY_TEXT_BYTES + 1 };

/** "U..." and 55 characters: a user's public key. */
void nkey_print(const PublicKey *key, char ret_text[NKEY_TEXT_MAX]);
/** errors: ERR_BAD_INPUT (not a user's public key, or mistyped) */
MUST_USE Err nkey_parse(const char *text, PublicKey *ret_key);
/** Raw Ed25519 without a context: what a server's challenge is signed with. */
void nkey_sign(const SecretKey *key, View nonce, uint8_t ret_signature[SIGNATURE_BYTES]);
