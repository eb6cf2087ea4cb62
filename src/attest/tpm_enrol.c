/*
 * The operator's part of enrolment: what TPM2_MakeCredential does, without a TPM. The endorsement key is RSA 2048 of TCG's default template: SHA-256,
 * AES-128.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sodium.h>

#include "attest/tpm_enrol.h"

enum { SEED_BYTES = 32, AES_KEY_BYTES = 16, HASH_BYTES = 32, RSA_BITS = 2048, RSA_BYTES = RSA_BITS / 8, WRAPPED_BYTES = 2 + TPM_SECRET_BYTES,
       MESSAGE_MAX = 128 };

typedef struct { uint8_t bytes[HASH_BYTES]; } Hash;

static Err put_u16(Buffer *b, size_t value)
{
    const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    return buffer_append(b, view_of(bytes, sizeof bytes));
}

/* KDFa (part 1, 11.4.10.2) of one block: HMAC(key, 1 | label with its zero | context | bits). */
static Err derive(const uint8_t seed[SEED_BYTES], const char *label, View context, uint32_t bits, Hash *ret_key)
{
    AUTO_BUFFER message = buffer_limited(MESSAGE_MAX);
    const uint8_t first[4] = {0, 0, 0, 1}, length[4] = {0, 0, (uint8_t)(bits >> 8), (uint8_t)bits};
    TRY(buffer_append(&message, view_of(first, sizeof first)));
    TRY(buffer_append(&message, view_of(label, strlen(label) + 1)));
    TRY(buffer_append(&message, context));
    TRY(buffer_append(&message, view_of(length, sizeof length)));
    return HMAC(EVP_sha256(), seed, SEED_BYTES, message.data, message.size, ret_key->bytes, NULL) ? OK : FAIL(ENOMEM);
}

static Err encrypt_secret(const uint8_t key[AES_KEY_BYTES], const uint8_t secret[TPM_SECRET_BYTES], uint8_t ret_wrapped[WRAPPED_BYTES])
{
    static const uint8_t NO_IV[16];
    uint8_t plain[WRAPPED_BYTES] = {0, TPM_SECRET_BYTES};
    memcpy(plain + 2, secret, TPM_SECRET_BYTES);
    int size = 0;
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    bool ok = context && EVP_EncryptInit_ex(context, EVP_aes_128_cfb128(), NULL, key, NO_IV) == 1 &&
              EVP_EncryptUpdate(context, ret_wrapped, &size, plain, sizeof plain) == 1 && size == WRAPPED_BYTES;
    EVP_CIPHER_CTX_free(context);
    sodium_memzero(plain, sizeof plain);
    return ok ? OK : FAIL(ENOMEM);
}

/* TPM2B_ID_OBJECT: the secret under keys of the seed, bound to the name of the key that must lie beside the endorsement key. */
static Err put_identity(const uint8_t seed[SEED_BYTES], const uint8_t name[TPM_NAME_BYTES], const uint8_t secret[TPM_SECRET_BYTES], Buffer *ret_bytes)
{
    uint8_t bound[WRAPPED_BYTES + TPM_NAME_BYTES];
    Hash storage, integrity, outer;
    TRY(derive(seed, "STORAGE", view_of(name, TPM_NAME_BYTES), 8 * AES_KEY_BYTES, &storage));
    TRY(derive(seed, "INTEGRITY", (View){0}, 8 * HASH_BYTES, &integrity));
    TRY(encrypt_secret(storage.bytes, secret, bound));
    memcpy(bound + WRAPPED_BYTES, name, TPM_NAME_BYTES);
    bool ok = HMAC(EVP_sha256(), integrity.bytes, HASH_BYTES, bound, sizeof bound, outer.bytes, NULL) != NULL;
    sodium_memzero(&storage, sizeof storage);
    sodium_memzero(&integrity, sizeof integrity);
    if (!ok) return FAIL(ENOMEM);
    TRY(put_u16(ret_bytes, 2 + HASH_BYTES + WRAPPED_BYTES));
    TRY(put_u16(ret_bytes, HASH_BYTES));
    TRY(buffer_append(ret_bytes, view_of(outer.bytes, HASH_BYTES)));
    return buffer_append(ret_bytes, view_of(bound, WRAPPED_BYTES));
}

/* TPM2B_ENCRYPTED_SECRET: the seed to the endorsement key. The label's zero belongs to it (part 1, B.10.4). */
static Err put_seed(EVP_PKEY *endorsement, const uint8_t seed[SEED_BYTES], Buffer *ret_bytes)
{
    static const char LABEL[] = "IDENTITY";
    uint8_t sealed[RSA_BYTES];
    size_t size = sizeof sealed;
    void *label = OPENSSL_memdup(LABEL, sizeof LABEL);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(endorsement, NULL);
    bool ok = label && context && EVP_PKEY_encrypt_init(context) == 1 && EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING) == 1 &&
              EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()) == 1 && EVP_PKEY_CTX_set_rsa_mgf1_md(context, EVP_sha256()) == 1 &&
              EVP_PKEY_CTX_set0_rsa_oaep_label(context, label, sizeof LABEL) == 1;
    if (ok) label = NULL; /* the context's now */
    ok = ok && EVP_PKEY_encrypt(context, sealed, &size, seed, SEED_BYTES) == 1 && size == RSA_BYTES;
    EVP_PKEY_CTX_free(context);
    OPENSSL_free(label);
    ERR_clear_error();
    if (!ok) return FAIL(ERR_BAD_INPUT);
    TRY(put_u16(ret_bytes, RSA_BYTES));
    return buffer_append(ret_bytes, view_of(sealed, RSA_BYTES));
}

static Err challenge_make(EVP_PKEY *endorsement, const TpmKey *key, const uint8_t secret[TPM_SECRET_BYTES], Buffer *ret_challenge)
{
    uint8_t seed[SEED_BYTES], name[TPM_NAME_BYTES];
    if (RAND_bytes(seed, sizeof seed) != 1) return FAIL(EIO);
    tpm_key_name(key, name);
    AUTO_BUFFER bytes = buffer_limited(TPM_ENROL_BYTES_MAX);
    Err e = put_identity(seed, name, secret, &bytes);
    if (e.code == 0) e = put_seed(endorsement, seed, &bytes);
    sodium_memzero(seed, sizeof seed);
    return e.code ? e : buffer_append(ret_challenge, view_buffer(&bytes));
}

/* That a maker signed something for a key does not make it an endorsement key: the purpose says so (TCG EK Credential Profile 3.2). */
static bool is_for_endorsement(X509 *certificate)
{
    EXTENDED_KEY_USAGE *purposes = X509_get_ext_d2i(certificate, NID_ext_key_usage, NULL, NULL);
    ASN1_OBJECT *wanted = OBJ_txt2obj("2.23.133.8.1", 1);
    bool found = false;
    for (int i = 0; wanted && i < sk_ASN1_OBJECT_num(purposes); i++) found = found || OBJ_cmp(sk_ASN1_OBJECT_value(purposes, i), wanted) == 0;
    ASN1_OBJECT_free(wanted);
    sk_ASN1_OBJECT_pop_free(purposes, ASN1_OBJECT_free);
    ERR_clear_error();
    return found;
}

static Err endorsement_check(X509 *certificate, const CertificateList *makers, uint64_t now, Diag *diag)
{
    EVP_PKEY *key = X509_get0_pubkey(certificate);
    if (!key || !EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_get_bits(key) != RSA_BITS)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "the endorsement certificate is not of an RSA key of %d bits", RSA_BITS);
    if (!is_for_endorsement(certificate)) return FAIL_WHY(diag, ERR_UNTRUSTED, "the certificate is not for an endorsement key");
    X509 *chain[CHAIN_MAX];
    size_t count = 0;
    TRY(chain_build(makers, certificate, chain, &count, diag));
    if (count < 2) return FAIL_WHY(diag, ERR_UNTRUSTED, "the endorsement certificate is signed by itself alone");
    return chain_verify(chain, count, now, diag);
}

/* 2 bytes of size and a DER certificate, then a TPM2B_PUBLIC. */
static Err request_parse(View request, View *ret_certificate, View *ret_key, TpmKey *ret_parsed, Diag *diag)
{
    Reader r = reader_of(request);
    size_t high = read_u8(&r), low = read_u8(&r);
    View certificate = read_raw(&r, high << 8 | low);
    if (request.size > TPM_ENROL_BYTES_MAX || r.bad) return FAIL_WHY(diag, ERR_BAD_INPUT, "the request is not one to enrol a TPM");
    TRY(tpm_key_parse(r.rest, ret_parsed, diag));
    *ret_certificate = certificate;
    *ret_key = r.rest;
    return OK;
}

Err tpm_enrol_challenge(View request, const CertificateList *makers, uint64_t now, Buffer *ret_challenge, uint8_t ret_secret[TPM_SECRET_BYTES],
                        View *ret_key, Diag *diag)
{
    View der, key;
    TpmKey parsed;
    TRY(request_parse(request, &der, &key, &parsed, diag));
    CertificateList one = {0};
    TRY(certificates_add(der, &one, diag));
    uint8_t secret[TPM_SECRET_BYTES];
    Err e = one.count == 1 ? endorsement_check(one.items[0], makers, now, diag)
                           : FAIL_WHY(diag, ERR_BAD_INPUT, "more than one endorsement certificate");
    if (e.code == 0 && RAND_bytes(secret, sizeof secret) != 1) e = FAIL(EIO);
    if (e.code == 0) e = challenge_make(X509_get0_pubkey(one.items[0]), &parsed, secret, ret_challenge);
    certificates_free(&one);
    if (e.code) return e;
    memcpy(ret_secret, secret, sizeof secret);
    sodium_memzero(secret, sizeof secret);
    *ret_key = key;
    return OK;
}
