/**
 * One key file: a line of text with the secret, plain or under a passphrase. Pure: no files, no clock, no randomness. docs/formats/keys.md
 *
 *   plain      covey-ed25519-seed:<base64 of 32 bytes>       covey-x25519-secret:<...>
 *   protected  covey-ed25519-argon2id:<base64 of 128 bytes>  covey-x25519-argon2id:<...>
 *
 *   the 128 bytes: public key (32) | Argon2id passes u32 le | memory in KiB u32 le | salt (16) | nonce (24) | secret (32) and tag (16) under
 *   XChaCha20-Poly1305; its additional data is the text up to the colon, and everything before the nonce
 */
#pragma once
#include "base/bytes.h"

typedef enum { KEY_SIGNING, KEY_SEALING } KeyKind;
enum {
    KEY_BYTES = 32, KEY_SALT_BYTES = 16, KEY_NONCE_BYTES = 24, KEY_BOX_BYTES = KEY_BYTES + 16, KEY_FILE_TEXT_MAX = 256, PASSPHRASE_MAX = 1024,
    KEY_PASSES = 3, KEY_MEMORY_KIB = 64 << 10,                                            /* what we write: RFC 9106 section 4, second choice */
    KEY_PASSES_MAX = 64, KEY_MEMORY_KIB_MIN = 8, KEY_MEMORY_KIB_MAX = 1 << 20,            /* what we take */
};

typedef struct {
    KeyKind kind;
    bool is_protected;
    uint8_t public_key[KEY_BYTES];
    uint8_t secret[KEY_BYTES];                                                            /* when it is not protected */
    uint32_t passes, memory_kib;                                                          /* when it is, from here on */
    uint8_t salt[KEY_SALT_BYTES], nonce[KEY_NONCE_BYTES], box[KEY_BOX_BYTES];
} KeyFile;

/** The public half of a secret: an Ed25519 seed, or an X25519 scalar. */
void key_public_of(KeyKind kind, const uint8_t secret[KEY_BYTES], uint8_t ret_public[KEY_BYTES]);
void key_file_plain(KeyKind kind, const uint8_t secret[KEY_BYTES], KeyFile *ret_file);
/** In `file`: kind, passes, memory_kib, salt (fresh) and nonce (fresh); the rest is set. errors: ENOMEM */
MUST_USE Err key_file_protect(KeyFile *file, const uint8_t secret[KEY_BYTES], const char *passphrase);
/** The secret; `passphrase` is looked at only when the file is protected. errors: ERR_DENIED (wrong passphrase, or a changed file), ENOMEM */
MUST_USE Err key_file_open(const KeyFile *file, const char *passphrase, uint8_t ret_secret[KEY_BYTES]);

/** The whole file, newline included. Returns its size. */
size_t key_file_print(const KeyFile *file, char ret_text[KEY_FILE_TEXT_MAX]);
/** errors: ERR_CORRUPT (not a key file of that kind) */
MUST_USE Err key_file_parse(View text, KeyKind kind, KeyFile *ret_file);
/** "signing.key" */
const char *key_file_name(KeyKind kind);
void key_file_wipe(KeyFile *file);
