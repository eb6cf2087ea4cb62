/* AES-256-GCM on the host: OpenSSL's EVP, which picks the fastest code for this processor. */
#include "crypto/aead.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>

/* Fetching the cipher by name costs more than sealing a small result: once per thread is enough. */
static const EVP_CIPHER *fetched_cipher(void)
{
    static _Thread_local EVP_CIPHER *fetched;
    if (!fetched) fetched = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    return fetched;
}

Err aead_begin(const AeadKey *key, AeadCipher *ret_cipher)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context || EVP_CipherInit_ex2(context, fetched_cipher(), key->bytes, NULL, 1, NULL) != 1) {
        EVP_CIPHER_CTX_free(context);
        return FAIL(ENOMEM);
    }
    ret_cipher->context = context;
    return OK;
}

void aead_end(AeadCipher *cipher)
{
    EVP_CIPHER_CTX_free(cipher->context); /* wipes the key and what was made of it */
    cipher->context = NULL;
}

static bool set_nonce(EVP_CIPHER_CTX *context, const uint8_t *nonce, View aad, int encrypt)
{
    int ignored;
    return EVP_CipherInit_ex2(context, NULL, NULL, nonce, encrypt, NULL) == 1 &&
           (aad.size == 0 || EVP_CipherUpdate(context, NULL, &ignored, aad.data, (int)aad.size) == 1);
}

static bool crypt(EVP_CIPHER_CTX *context, View in, uint8_t *out)
{
    int written = 0;
    return in.size == 0 || (EVP_CipherUpdate(context, out, &written, in.data, (int)in.size) == 1 && (size_t)written == in.size);
}

Err aead_seal_with(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES])
{
    assert(cipher->context);

    if (in.size > INT_MAX || aad.size > INT_MAX) return FAIL(ERR_LIMIT);
    EVP_CIPHER_CTX *context = cipher->context;
    uint8_t none;
    int ignored = 0;
    bool done = set_nonce(context, nonce, aad, 1) && crypt(context, in, out) && EVP_CipherFinal_ex(context, &none, &ignored) == 1 &&
                EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_BYTES, ret_tag) == 1;
    return done ? OK : FAIL(ENOMEM);
}

Err aead_open_with(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out)
{
    assert(cipher->context);

    if (in.size > INT_MAX || aad.size > INT_MAX) return FAIL(ERR_LIMIT);
    EVP_CIPHER_CTX *context = cipher->context;
    uint8_t none, wanted[AEAD_TAG_BYTES];
    int ignored = 0;
    memcpy(wanted, tag, sizeof wanted);
    if (!set_nonce(context, nonce, aad, 0) || !crypt(context, in, out)) return FAIL(ENOMEM);
    bool genuine = EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, sizeof wanted, wanted) == 1 &&
                   EVP_CipherFinal_ex(context, &none, &ignored) == 1;
    if (genuine) return OK;
    if (in.size) memset(out, 0, in.size);
    return FAIL(ERR_CORRUPT);
}

Err aead_seal(const AeadKey *key, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES])
{
    AeadCipher cipher;
    TRY(aead_begin(key, &cipher));
    Err e = aead_seal_with(&cipher, nonce, aad, in, out, ret_tag);
    aead_end(&cipher);
    return e;
}

Err aead_open(const AeadKey *key, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out)
{
    AeadCipher cipher;
    TRY(aead_begin(key, &cipher));
    Err e = aead_open_with(&cipher, nonce, aad, in, tag, out);
    aead_end(&cipher);
    return e;
}
