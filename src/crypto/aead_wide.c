/*
 * AES-256-GCM with VAES, VPCLMULQDQ and AVX-512, out of the static archive of Intel's multi-buffer library (Debian: libipsec-mb-dev): two to three
 * times as fast as OpenSSL 3.0's. Its manager, which picks code for the processor, is left aside: it would bring all of the library into every
 * image. The names below are the archive's own; a link fails loudly if a later version has others.
 */
#include "crypto/aead_parts.h"

#include <assert.h>
#include <intel-ipsec-mb.h>
#include <sodium.h>

_Static_assert(sizeof(struct gcm_key_data) <= AEAD_STATE_BYTES, "a made-ready key has room in an AeadCipher");

void aes_gcm_precomp_256_vaes_avx512(struct gcm_key_data *key);
void aes_gcm_enc_256_vaes_avx512(const struct gcm_key_data *key, struct gcm_context_data *run, uint8_t *out, const uint8_t *in, uint64_t size,
                                 const uint8_t *nonce, const uint8_t *aad, uint64_t aad_size, uint8_t *ret_tag, uint64_t tag_size);
void aes_gcm_dec_256_vaes_avx512(const struct gcm_key_data *key, struct gcm_context_data *run, uint8_t *out, const uint8_t *in, uint64_t size,
                                 const uint8_t *nonce, const uint8_t *aad, uint64_t aad_size, uint8_t *ret_tag, uint64_t tag_size);

static struct gcm_key_data *key_of(AeadCipher *cipher) { return (struct gcm_key_data *)(void *)cipher->state; }

void aead_wide_begin(const AeadKey *key, AeadCipher *ret_cipher)
{
    aes_keyexp_256_enc_avx512(key->bytes, key_of(ret_cipher)->expanded_keys);
    aes_gcm_precomp_256_vaes_avx512(key_of(ret_cipher));
    ret_cipher->context = NULL;
    ret_cipher->is_wide = true;
}

/* The library does nothing, and says so only in a variable that threads share, when one of these is missing. */
#define CHECK_ARGUMENTS() assert(nonce && ret_tag && (in.size == 0 || (in.data && out)) && (aad.size == 0 || aad.data))

void aead_wide_seal(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES])
{
    CHECK_ARGUMENTS();

    struct gcm_context_data run;
    aes_gcm_enc_256_vaes_avx512(key_of(cipher), &run, out, in.data, in.size, nonce, aad.data, aad.size, ret_tag, AEAD_TAG_BYTES);
    sodium_memzero(&run, sizeof run);
}

void aead_wide_open(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES])
{
    CHECK_ARGUMENTS();

    struct gcm_context_data run;
    aes_gcm_dec_256_vaes_avx512(key_of(cipher), &run, out, in.data, in.size, nonce, aad.data, aad.size, ret_tag, AEAD_TAG_BYTES);
    sodium_memzero(&run, sizeof run);
}
