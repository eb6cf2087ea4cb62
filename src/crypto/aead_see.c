/*
 * AES-256-GCM inside a SEE: the block functions and GCM mode of OpenSSL's static library without the EVP layer above them, which would
 * bring its providers, configuration files and a hundred times the code into every image. Same bytes as aead_host.c.
 *
 * aesni_* are the static library's own names for what EVP would call; a link fails loudly if a later version has others.
 */
#include <openssl/aes.h>
#include <openssl/modes.h>
#include <sodium.h>

#include "crypto/aead_parts.h"

int aesni_set_encrypt_key(const unsigned char *key, int bits, AES_KEY *ret_key);
void aesni_encrypt(const unsigned char *in, unsigned char *out, const AES_KEY *key);
void aesni_ctr32_encrypt_blocks(const unsigned char *in, unsigned char *out, size_t blocks, const void *key, const unsigned char *counter);
/* Encrypts and hashes in one pass, a third faster than one after the other; does what it can in whole blocks and returns how many bytes. */
size_t aesni_gcm_encrypt(const unsigned char *in, unsigned char *out, size_t size, const void *key, unsigned char counter[16], uint64_t hash[2]);
size_t aesni_gcm_decrypt(const unsigned char *in, unsigned char *out, size_t size, const void *key, unsigned char counter[16], uint64_t hash[2]);
extern unsigned int OPENSSL_ia32cap_P[4];

/*
 * What the one-pass functions are given of OpenSSL's GCM128_CONTEXT, as its EVP layer gives it (include/crypto/modes.h there, unchanged since
 * 1.0.1). stream_test.c compares whole chunks with the host's bytes, so that another layout can't go unnoticed.
 */
typedef struct { uint8_t counter[16], unused[32]; uint64_t sizes[2], hash[2]; } ModeHead;

/* As large as OpenSSL's context in any version so far; CRYPTO_gcm128_init fills it without allocating. */
typedef struct {
    AES_KEY key;
    _Alignas(16) union { uint8_t bytes[960]; uint64_t align; ModeHead head; } mode;
} State;
_Static_assert(sizeof(State) <= AEAD_STATE_BYTES, "a state has room in an AeadCipher");

static State *state_of(AeadCipher *cipher) { return (State *)(void *)cipher->state; }
static GCM128_CONTEXT *mode_of(State *s) { return (GCM128_CONTEXT *)(void *)&s->mode; }

/* OpenSSL's words 0 and 1 of CPUID.1: AVX and MOVBE, which its GCM mode asks for too before it takes the hash that goes with them. */
static bool has_one_pass(void)
{
    const unsigned wanted = 1U << 28 | 1U << 22;
    return (OPENSSL_ia32cap_P[1] & wanted) == wanted;
}

/* Words 2 and 3 are of CPUID.7, without what the system does not keep the registers for: AVX-512 F, DQ, BW, VL; VAES, VPCLMULQDQ. */
bool aead_processor_is_wide(void)
{
    const unsigned avx512 = 1U << 16 | 1U << 17 | 1U << 30 | 1U << 31, vaes = 1U << 9 | 1U << 10;
    return (OPENSSL_ia32cap_P[2] & avx512) == avx512 && (OPENSSL_ia32cap_P[3] & vaes) == vaes;
}

Err aead_narrow_begin(const AeadKey *key, AeadCipher *ret_cipher)
{
    State *s = state_of(ret_cipher);
    aesni_set_encrypt_key(key->bytes, 8 * AEAD_KEY_BYTES, &s->key);
    CRYPTO_gcm128_init(mode_of(s), &s->key, (block128_f)(void (*)(void))aesni_encrypt);
    ret_cipher->context = NULL;
    ret_cipher->is_wide = false;
    return OK;
}

void aead_narrow_end(AeadCipher *cipher) { (void)cipher; } /* the state is wiped by who calls */

static void set_nonce(State *s, const uint8_t *nonce, View aad)
{
    CRYPTO_gcm128_setiv(mode_of(s), nonce, AEAD_NONCE_BYTES);
    if (aad.size) CRYPTO_gcm128_aad(mode_of(s), aad.data, aad.size);
}

Err aead_narrow_seal(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES])
{
    State *s = state_of(cipher);
    GCM128_CONTEXT *mode = mode_of(s);
    ModeHead *head = &s->mode.head;
    set_nonce(s, nonce, aad);
    CRYPTO_gcm128_encrypt(mode, in.data, out, 0); /* the additional data are complete */
    size_t done = has_one_pass() ? aesni_gcm_encrypt(in.data, out, in.size, &s->key, head->counter, head->hash) : 0;
    head->sizes[1] += done;
    CRYPTO_gcm128_encrypt_ctr32(mode, in.data + done, out + done, in.size - done, aesni_ctr32_encrypt_blocks);
    CRYPTO_gcm128_tag(mode, ret_tag, AEAD_TAG_BYTES);
    return OK;
}

Err aead_narrow_open(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out)
{
    State *s = state_of(cipher);
    GCM128_CONTEXT *mode = mode_of(s);
    ModeHead *head = &s->mode.head;
    uint8_t found[AEAD_TAG_BYTES];
    set_nonce(s, nonce, aad);
    CRYPTO_gcm128_decrypt(mode, in.data, out, 0);
    size_t done = has_one_pass() ? aesni_gcm_decrypt(in.data, out, in.size, &s->key, head->counter, head->hash) : 0;
    head->sizes[1] += done;
    CRYPTO_gcm128_decrypt_ctr32(mode, in.data + done, out + done, in.size - done, aesni_ctr32_encrypt_blocks);
    CRYPTO_gcm128_tag(mode, found, sizeof found);
    return sodium_memcmp(found, tag, sizeof found) == 0 ? OK : FAIL(ERR_CORRUPT);
}
