/* AES-256-GCM on the host: OpenSSL's EVP, which picks its fastest code for this processor; and whether there is faster code elsewhere. */
#include "crypto/aead_parts.h"

#include <assert.h>
#include <cpuid.h>
#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>

/* Intel's manual, volume 1, section 15.2: the processor has the instructions, and the system keeps the registers that they use. */
static bool ask_processor(void)
{
    enum { XSAVE = 1 << 27, REGISTERS = 0xe6, AVX512_F_DQ = 1 << 16 | 1 << 17, VAES_VPCLMULQDQ = 1 << 9 | 1 << 10 };
    const unsigned avx512 = AVX512_F_DQ | 1U << 30 | 1U << 31; /* and BW, VL */
    unsigned a, b, c, d, kept, ignored;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & XSAVE)) return false;
    __asm__("xgetbv" : "=a"(kept), "=d"(ignored) : "c"(0));
    if ((kept & REGISTERS) != REGISTERS || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    return (b & avx512) == avx512 && (c & VAES_VPCLMULQDQ) == VAES_VPCLMULQDQ;
}

/* Asking costs some microseconds in a virtual machine. Threads that ask at the same time are told the same. */
bool aead_processor_is_wide(void)
{
    static _Atomic int known; /* 0: not yet */
    if (known == 0) known = ask_processor() ? 1 : -1;
    return known > 0;
}

/* Fetching the cipher by name costs more than sealing a small result: once per thread is enough. */
static const EVP_CIPHER *fetched_cipher(void)
{
    static _Thread_local EVP_CIPHER *fetched;
    if (!fetched) fetched = EVP_CIPHER_fetch(NULL, "AES-256-GCM", NULL);
    return fetched;
}

Err aead_narrow_begin(const AeadKey *key, AeadCipher *ret_cipher)
{
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    if (!context || EVP_CipherInit_ex2(context, fetched_cipher(), key->bytes, NULL, 1, NULL) != 1) {
        EVP_CIPHER_CTX_free(context);
        return FAIL(ENOMEM);
    }
    ret_cipher->context = context;
    ret_cipher->is_wide = false;
    return OK;
}

void aead_narrow_end(AeadCipher *cipher)
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

Err aead_narrow_seal(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, uint8_t *out, uint8_t ret_tag[AEAD_TAG_BYTES])
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

Err aead_narrow_open(AeadCipher *cipher, const uint8_t nonce[AEAD_NONCE_BYTES], View aad, View in, const uint8_t tag[AEAD_TAG_BYTES], uint8_t *out)
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
    return genuine ? OK : FAIL(ERR_CORRUPT);
}
