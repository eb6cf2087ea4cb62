/** What the files of the keyring share. */
#pragma once
#include "base/limits.h"
#include "crypto/keyring.h"

enum {
    TRUSTED_FILE_BYTES_MAX = TRUSTED_KEYS_MAX * 256, /* room for comments */
    REVOKED_FILE_BYTES_MAX = REVOKED_KEYS_MAX * 256,
    ROTATIONS_FILE_BYTES_MAX = ROTATIONS_MAX * 512,
};

/** A public key of either kind. errors: ERR_BAD_INPUT */
MUST_USE Err key_any_parse(const char *text, uint8_t ret_key[KEY_BYTES]);

/** "I, `old`, am followed by `by`". */
typedef struct { PublicKey old, by; uint8_t signature[SIGNATURE_BYTES]; } Rotation;
void rotation_make(const SecretKey *secret, const PublicKey *old, const PublicKey *by, Rotation *ret_rotation);
MUST_USE Err rotation_verify(const Rotation *r);
void rotation_print(const Rotation *r, char ret_text[ROTATION_TEXT_MAX]);
/** The three words of a statement. errors: ERR_BAD_INPUT */
MUST_USE Err rotation_parse(char *const *words, size_t count, Rotation *ret_rotation);

/** Adds to `keys` the successors of its keys, and theirs. errors: ERR_BAD_SIGNATURE (with file:line), ERR_BAD_INPUT, ERR_LIMIT */
MUST_USE Err rotations_follow(const char *directory, const RevokedKeys *revoked, uint64_t now_s, TrustedKeys *keys, Diag *diag);
bool trusted_has(const TrustedKeys *keys, const PublicKey *key);
