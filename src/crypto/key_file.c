/* One key file, from and to text; passphrases. */
#include "crypto/key_file.h"

#include <assert.h>
#include <errno.h>
#include <sodium.h>

#include "crypto/base64.h"
#include "crypto/hpke.h"

#define BASE64 sodium_base64_VARIANT_ORIGINAL_NO_PADDING
enum { BOUND_BYTES = KEY_BYTES + 4 + 4 + KEY_SALT_BYTES, PROTECTED_BYTES = BOUND_BYTES + KEY_NONCE_BYTES + KEY_BOX_BYTES, PREFIX_MAX = 32 };

typedef struct { const char *name, *plain, *protected; } Words;
static const Words WORDS[] = {
    [KEY_SIGNING] = {"signing.key", "covey-ed25519-seed:", "covey-ed25519-argon2id:"},
    [KEY_SEALING] = {"sealing.key", "covey-x25519-secret:", "covey-x25519-argon2id:"},
};

_Static_assert(KEY_SALT_BYTES == crypto_pwhash_argon2id_SALTBYTES && KEY_NONCE_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
               KEY_BOX_BYTES == KEY_BYTES + crypto_aead_xchacha20poly1305_ietf_ABYTES && KEY_BYTES == crypto_sign_SEEDBYTES, "as libsodium has them");
_Static_assert(PREFIX_MAX + sodium_base64_ENCODED_LEN(PROTECTED_BYTES, BASE64) + 1 <= KEY_FILE_TEXT_MAX, "the longest file fits");

const char *key_file_name(KeyKind kind) { return WORDS[kind].name; }
void key_file_wipe(KeyFile *file) { sodium_memzero(file, sizeof *file); }

void key_public_of(KeyKind kind, const uint8_t secret[KEY_BYTES], uint8_t ret_public[KEY_BYTES])
{
    if (kind == KEY_SEALING) {
        SealSecretKey key;
        SealPublicKey public_key;
        memcpy(key.bytes, secret, sizeof key.bytes);
        hpke_public_of(&key, &public_key);
        memcpy(ret_public, public_key.bytes, KEY_BYTES);
        sodium_memzero(&key, sizeof key);
        return;
    }
    uint8_t pair[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(ret_public, pair, secret);
    sodium_memzero(pair, sizeof pair);
}

void key_file_plain(KeyKind kind, const uint8_t secret[KEY_BYTES], KeyFile *ret_file)
{
    *ret_file = (KeyFile){.kind = kind};
    memcpy(ret_file->secret, secret, KEY_BYTES);
    key_public_of(kind, secret, ret_file->public_key);
}

static uint8_t *put_u32(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) *at++ = (uint8_t)(v >> (8 * i));
    return at;
}

static uint8_t *put(uint8_t *at, const void *bytes, size_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

/* The fields before the nonce, as they stand in the file. */
static uint8_t *put_bound(const KeyFile *f, uint8_t *at)
{
    at = put(at, f->public_key, KEY_BYTES);
    at = put_u32(at, f->passes);
    at = put_u32(at, f->memory_kib);
    return put(at, f->salt, KEY_SALT_BYTES);
}

/* What the box is bound to, so that no field can be changed unnoticed and no signing key passes for a sealing key. */
static size_t additional_data(const KeyFile *f, uint8_t ret_bytes[PREFIX_MAX + BOUND_BYTES])
{
    const char *prefix = WORDS[f->kind].protected;
    uint8_t *end = put_bound(f, put(ret_bytes, prefix, strlen(prefix)));
    return (size_t)(end - ret_bytes);
}

static Err stretch(const KeyFile *f, const char *passphrase, uint8_t ret_key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES])
{
    int made = crypto_pwhash_argon2id(ret_key, crypto_aead_xchacha20poly1305_ietf_KEYBYTES, passphrase, strlen(passphrase), f->salt, f->passes,
                                      (size_t)f->memory_kib << 10, crypto_pwhash_argon2id_ALG_ARGON2ID13);
    return made == 0 ? OK : FAIL(ENOMEM); /* the limits are checked: nothing else can be wrong */
}

Err key_file_protect(KeyFile *file, const uint8_t secret[KEY_BYTES], const char *passphrase)
{
    assert(file && passphrase && file->passes >= 1 && file->passes <= KEY_PASSES_MAX);
    assert(file->memory_kib >= KEY_MEMORY_KIB_MIN && file->memory_kib <= KEY_MEMORY_KIB_MAX);

    uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES], aad[PREFIX_MAX + BOUND_BYTES];
    TRY(stretch(file, passphrase, key));
    file->is_protected = true;
    key_public_of(file->kind, secret, file->public_key);
    size_t aad_size = additional_data(file, aad);
    crypto_aead_xchacha20poly1305_ietf_encrypt(file->box, NULL, secret, KEY_BYTES, aad, aad_size, NULL, file->nonce, key);
    sodium_memzero(key, sizeof key);
    return OK;
}

Err key_file_open(const KeyFile *file, const char *passphrase, uint8_t ret_secret[KEY_BYTES])
{
    assert(file && ret_secret && (passphrase || !file->is_protected));

    if (!file->is_protected) {
        memcpy(ret_secret, file->secret, KEY_BYTES);
        return OK;
    }
    uint8_t key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES], aad[PREFIX_MAX + BOUND_BYTES];
    TRY(stretch(file, passphrase, key));
    size_t aad_size = additional_data(file, aad);
    uint8_t secret[KEY_BYTES];
    int opened = crypto_aead_xchacha20poly1305_ietf_decrypt(secret, NULL, NULL, file->box, sizeof file->box, aad, aad_size, file->nonce, key);
    sodium_memzero(key, sizeof key);
    if (opened == 0) memcpy(ret_secret, secret, KEY_BYTES);
    sodium_memzero(secret, sizeof secret);
    return opened == 0 ? OK : FAIL(ERR_DENIED);
}

size_t key_file_print(const KeyFile *file, char ret_text[KEY_FILE_TEXT_MAX])
{
    uint8_t bytes[PROTECTED_BYTES];
    size_t size = KEY_BYTES;
    const char *prefix = file->is_protected ? WORDS[file->kind].protected : WORDS[file->kind].plain;
    if (file->is_protected) {
        put(put(put_bound(file, bytes), file->nonce, KEY_NONCE_BYTES), file->box, KEY_BOX_BYTES);
        size = PROTECTED_BYTES;
    } else put(bytes, file->secret, KEY_BYTES);

    size_t length = strlen(prefix);
    memcpy(ret_text, prefix, length);
    sodium_bin2base64(ret_text + length, KEY_FILE_TEXT_MAX - length, bytes, size, BASE64);
    sodium_memzero(bytes, sizeof bytes);
    length += sodium_base64_encoded_len(size, BASE64) - 1;
    memcpy(ret_text + length, "\n", 2);
    return length + 1;
}

/* `prefix`, then exactly `size` bytes in base64, then a newline and nothing else. */
static bool decode(View text, const char *prefix, uint8_t *ret_bytes, size_t size)
{
    size_t length = strlen(prefix);
    if (text.size <= length || memcmp(text.data, prefix, length) != 0 || text.data[text.size - 1] != '\n') return false;
    return base64_decode((const char *)text.data + length, text.size - length - 1, ret_bytes, size);
}

static bool parse_protected(const uint8_t bytes[PROTECTED_BYTES], KeyFile *f)
{
    Reader r = reader_of(view_of(bytes, PROTECTED_BYTES));
    f->is_protected = true;
    memcpy(f->public_key, read_raw(&r, KEY_BYTES).data, KEY_BYTES);
    f->passes = read_u32(&r);
    f->memory_kib = read_u32(&r);
    memcpy(f->salt, read_raw(&r, KEY_SALT_BYTES).data, KEY_SALT_BYTES);
    memcpy(f->nonce, read_raw(&r, KEY_NONCE_BYTES).data, KEY_NONCE_BYTES);
    memcpy(f->box, read_raw(&r, KEY_BOX_BYTES).data, KEY_BOX_BYTES);
    return f->passes >= 1 && f->passes <= KEY_PASSES_MAX && f->memory_kib >= KEY_MEMORY_KIB_MIN && f->memory_kib <= KEY_MEMORY_KIB_MAX;
}

Err key_file_parse(View text, KeyKind kind, KeyFile *ret_file)
{
    uint8_t bytes[PROTECTED_BYTES];
    KeyFile f = {.kind = kind};
    bool good = decode(text, WORDS[kind].plain, bytes, KEY_BYTES);
    if (good) key_file_plain(kind, bytes, &f);
    else good = decode(text, WORDS[kind].protected, bytes, PROTECTED_BYTES) && parse_protected(bytes, &f);
    sodium_memzero(bytes, sizeof bytes);
    if (good) *ret_file = f;
    key_file_wipe(&f);
    return good ? OK : FAIL(ERR_CORRUPT);
}
