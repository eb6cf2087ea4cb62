/**
 * Keys as files of one user: signing (Ed25519) and sealing (X25519), passphrase optional (Argon2id, XChaCha20-Poly1305), rotation and revocation.
 * Public halves are one line of text: "covey-ed25519:..." and "covey-x25519:...". docs/formats/keys.md
 *
 *   directory/signing.key  directory/sealing.key   0600
 *   directory/trusted      one public key a line: image signers, dataset owners, nodes
 *   directory/revoked      one public key a line, optional "since RFC 3339 time": honoured by every verifier (keyring_is_revoked)
 *   directory/rotations    statements "old new signature-by-old": a trusted old key vouches for its successor, unless revoked
 */
#pragma once
#include "crypto/hpke.h"
#include "crypto/sign.h"

typedef Err (*PassphraseSource)(void *context, const char *key_name, char *ret_text, size_t room); /* the terminal or $COVEY_PASSPHRASE_FILE */

void seal_public_print(const SealPublicKey *key, char ret_text[PUBLIC_KEY_TEXT_MAX]);
MUST_USE Err seal_public_parse(const char *text, SealPublicKey *ret_key);

MUST_USE Err keyring_new(const char *directory, bool replace, const char *passphrase, Diag *diag);  /* both keys; refuses to replace unless told */
MUST_USE Err keyring_signing(const char *directory, PassphraseSource ask, void *context, SecretKey *ret_secret, PublicKey *ret_public, Diag *diag);
MUST_USE Err keyring_sealing(const char *directory, PassphraseSource ask, void *context, SealSecretKey *ret_secret, SealPublicKey *ret_public, Diag *diag);
/** New keys; the old ones are kept as *.key.<time>, and a rotation statement is appended. */
MUST_USE Err keyring_rotate(const char *directory, const char *passphrase, PassphraseSource ask, void *context, Diag *diag);

enum { REVOKED_KEYS_MAX = 4096 };
typedef struct { uint8_t (*keys)[32]; uint64_t *since; size_t count; } RevokedKeys; /* freed by revoked_free; since: unix seconds, 0 = from the beginning */
MUST_USE Err revoked_load(const char *directory, RevokedKeys *ret_revoked, Diag *diag);
void revoked_free(RevokedKeys *r);
/** Whether a signature by (or a sealing to) this key at that time counts for nothing. */
bool revoked_has(const RevokedKeys *r, const uint8_t key[32], uint64_t at_time);
