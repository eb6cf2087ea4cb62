/*
 * AES-256-GCM inside a SEE: the block functions and GCM mode of OpenSSL's static library without the EVP layer above them, which would
 * bring its providers, configuration files and a hundred times the code into every image. Same interface, same bytes as aead.c.
 *
 * aesni_* are the static library's own names for what EVP would call; a link fails loudly if a later version has others.
 */
#include <openssl/aes.h>
#include <openssl/modes.h>
#include <sodium.h>

#include "crypto/aead.h"

int aesni_set_encrypt_key(const unsigned char *key, int bits, AES_KEY *ret_key);
void aesni_encrypt(const unsigned char *in, unsigned char *out, const AES_KEY *key);
void aesni_ctr32_encrypt_blocks(const unsigned char *in, unsigned char *out, size_t blocks, const void *key, const unsigned char *counter);

/* As large as OpenSSL's context in any version so far; CRYPTO_gcm128_init fills it without allocating. */
typedef struct { AES_KEY key; union { uint8_t bytes[1024]; uint64_t align; } mode; } Cipher;

static GCM128_CONTEXT *begin(Cipher *c, const AeadKey *key, const uint8_t *nonce, View aad)
{
    GCM128_CONTEXT *mode = (GCM128_CONTEXT *)(void *)&c->mode;
    aesni_set_encrypt_key(key->bytes, 8 * AEAD_KEY_BYTES, &c->key);
    CRYPTO_gcm128_init(mode, &c->key, (block128_f)(void (*)(void))aesni_encrypt);
    CRYPTO_gcm128_setiv(mode, nonce, AEAD_NONCE_BYTES);
    if (aad.size) CRYPTO_gcm128_aad(mode, aad.data, aad.size);
    return mode;
}

Err aead_seal(const AeadKey *key, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES])
{
    Cipher c;
    GCM128_CONTEXT *mode = begin(&c, key, nonce, aad);
    CRYPTO_gcm128_encrypt_ctr32(mode, in.data, out, in.size, aesni_ctr32_encrypt_blocks);
    CRYPTO_gcm128_tag(mode, ret_tag, AEAD_TAG_BYTES);
    sodium_memzero(&c, sizeof c);
    return OK;
}

Err aead_open(const AeadKey *key, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out)
{
    Cipher c;
    uint8_t found[AEAD_TAG_BYTES];
    GCM128_CONTEXT *mode = begin(&c, key, nonce, aad);
    CRYPTO_gcm128_decrypt_ctr32(mode, in.data, out, in.size, aesni_ctr32_encrypt_blocks);
    CRYPTO_gcm128_tag(mode, found, sizeof found);
    sodium_memzero(&c, sizeof c);
    if (sodium_memcmp(found, tag, sizeof found) == 0) return OK;
    if (in.size) memset(out, 0, in.size);
    return FAIL(ERR_CORRUPT);
}
