/**
 * Ed25519 signatures (RFC 8032) and SHA-256, over libsodium. Key files are one user's: refused when others can read them.
 */
#pragma once
#include "base/bytes.h"

enum { SIGN_PUBLIC_BYTES = 32, SIGN_SECRET_BYTES = 64, SIGNATURE_BYTES = 64, SHA256_BYTES = 32 };

typedef struct { uint8_t bytes[SIGN_PUBLIC_BYTES]; } PublicKey;
typedef struct { uint8_t bytes[SIGN_SECRET_BYTES]; } SecretKey; /* wiped with secret_key_wipe */
typedef struct { uint8_t bytes[SHA256_BYTES]; } Sha256;

void sha256_of(View bytes, Sha256 *ret_hash);
void sha256_hex(const Sha256 *hash, char ret_text[65]);

/** A context string separates what a signature is for ("covey-image-v1"), so that one never passes for another. */
void sign_message(const SecretKey *key, const char *context, View message, uint8_t ret_signature[SIGNATURE_BYTES]);
MUST_USE Err sign_verify(const PublicKey *key, const char *context, View message, const uint8_t signature[SIGNATURE_BYTES]);

/** One line of text: "covey-ed25519:<base64, 43 characters>". */
enum { PUBLIC_KEY_TEXT_MAX = 80 };
void public_key_print(const PublicKey *key, char ret_text[PUBLIC_KEY_TEXT_MAX]);
MUST_USE Err public_key_parse(const char *text, PublicKey *ret_key);

/** The user's signing key under directory/signing.key; made on first use with mode 0600, directory 0700.
 *  errors: ERR_DENIED (another's, or others can use it), ERR_CORRUPT (not a key file; it is left as it is) */
MUST_USE Err signing_key_open(const char *directory, SecretKey *ret_secret, PublicKey *ret_public, Diag *diag);
void secret_key_wipe(SecretKey *key);

/** The keys a node trusts for images: the user's own if there is one, and one line each in directory/trusted (comments with #).
 *  errors: ERR_DENIED and ERR_CORRUPT as above, ERR_BAD_INPUT (with file:line), ERR_LIMIT */
enum { TRUSTED_KEYS_MAX = 256 };
typedef struct { PublicKey keys[TRUSTED_KEYS_MAX]; size_t count; } TrustedKeys;
MUST_USE Err trusted_keys_load(const char *directory, TrustedKeys *ret_keys, Diag *diag);

/** $XDG_CONFIG_HOME/covey, or ~/.config/covey. */
MUST_USE Err config_directory(char *ret_path, size_t room);
