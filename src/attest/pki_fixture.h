/** Certificate authorities of a test's own: keys, certificates with any extension, revocation lists, raw ECDSA signatures. */
#pragma once
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "attest/fixture.h"

static const uint64_t PKI_NOW = 1800000000; /* certificates are valid a day around it */
enum { PKI_VALID_S = 24 * 3600 };

typedef struct { const char *oid; View content; } PkiExtension;
typedef struct {
    const char *name;
    EVP_PKEY *key;
    X509 *issuer;          /* NULL: self-signed */
    EVP_PKEY *issuer_key;
    bool is_ca, pss;       /* pss: signed with RSA-PSS, SHA-384 */
    long serial;
    const PkiExtension *extensions;
    size_t extension_count;
} PkiRequest;

static inline EVP_PKEY *pki_ec(const char *curve)
{
    EVP_PKEY *key = EVP_EC_gen(curve);
    ck_assert_ptr_nonnull(key);
    return key;
}

static inline void pki_extend(X509 *certificate, const PkiExtension *e)
{
    ASN1_OBJECT *object = OBJ_txt2obj(e->oid, 1);
    ASN1_OCTET_STRING *content = ASN1_OCTET_STRING_new();
    ck_assert_int_eq(ASN1_OCTET_STRING_set(content, e->content.data, (int)e->content.size), 1);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_OBJ(NULL, object, 0, content);
    ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(content);
    ASN1_OBJECT_free(object);
}

static inline void pki_extend_standard(X509 *certificate, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    ck_assert_ptr_nonnull(extension);
    ck_assert_int_eq(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static inline void pki_sign(X509 *certificate, EVP_PKEY *key, bool pss)
{
    if (!pss) {
        ck_assert_int_gt(X509_sign(certificate, key, EVP_sha256()), 0);
        return;
    }
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    EVP_PKEY_CTX *parameters = NULL;
    ck_assert_int_eq(EVP_DigestSignInit(context, &parameters, EVP_sha384(), NULL, key), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING), 1);
    ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, 48), 1);
    ck_assert_int_gt(X509_sign_ctx(certificate, context), 0);
    EVP_MD_CTX_free(context);
}

static inline X509 *pki_certificate(const PkiRequest *r)
{
    X509 *c = X509_new();
    ck_assert_int_eq(X509_set_version(c, 2), 1);
    ASN1_INTEGER_set(X509_get_serialNumber(c), r->serial);
    ASN1_TIME_set(X509_getm_notBefore(c), (time_t)PKI_NOW - PKI_VALID_S);
    ASN1_TIME_set(X509_getm_notAfter(c), (time_t)PKI_NOW + PKI_VALID_S);
    X509_NAME *name = X509_get_subject_name(c);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)r->name, -1, -1, 0), 1);
    ck_assert_int_eq(X509_set_issuer_name(c, r->issuer ? X509_get_subject_name(r->issuer) : name), 1);
    ck_assert_int_eq(X509_set_pubkey(c, r->key), 1);
    if (r->is_ca) {
        pki_extend_standard(c, NID_basic_constraints, "critical,CA:TRUE");
        pki_extend_standard(c, NID_key_usage, "critical,keyCertSign,cRLSign");
    }
    for (size_t i = 0; i < r->extension_count; i++) pki_extend(c, &r->extensions[i]);
    pki_sign(c, r->issuer_key ? r->issuer_key : r->key, r->pss);
    return c;
}

static inline void pki_put(const Folder *f, const char *name, X509 *certificate)
{
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    ck_assert_int_gt(size, 0);
    folder_put(f, name, view_of(der, (size_t)size));
    OPENSSL_free(der);
}

/* revoked: NULL, or the certificate that the list names. Fresh for a day from `from`. */
static inline void pki_put_list(const Folder *f, const char *name, X509 *issuer, EVP_PKEY *key, uint64_t from, X509 *revoked)
{
    X509_CRL *list = X509_CRL_new();
    ASN1_TIME *begin = ASN1_TIME_set(NULL, (time_t)from), *end = ASN1_TIME_set(NULL, (time_t)from + PKI_VALID_S);
    ck_assert_int_eq(X509_CRL_set_version(list, 1), 1);
    ck_assert_int_eq(X509_CRL_set_issuer_name(list, X509_get_subject_name(issuer)), 1);
    ck_assert_int_eq(X509_CRL_set1_lastUpdate(list, begin), 1);
    ck_assert_int_eq(X509_CRL_set1_nextUpdate(list, end), 1);
    if (revoked) {
        X509_REVOKED *entry = X509_REVOKED_new();
        ck_assert_int_eq(X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked)), 1);
        ck_assert_int_eq(X509_REVOKED_set_revocationDate(entry, begin), 1);
        ck_assert_int_eq(X509_CRL_add0_revoked(list, entry), 1);
    }
    ck_assert_int_eq(X509_CRL_sort(list), 1);
    ck_assert_int_gt(X509_CRL_sign(list, key, EVP_sha256()), 0);
    uint8_t *der = NULL;
    int size = i2d_X509_CRL(list, &der);
    folder_put(f, name, view_of(der, (size_t)size));
    OPENSSL_free(der);
    ASN1_TIME_free(begin);
    ASN1_TIME_free(end);
    X509_CRL_free(list);
}

/* r and s as big-endian numbers of `size` bytes, one after the other. */
static inline void pki_ecdsa(EVP_PKEY *key, const EVP_MD *hash, View message, uint8_t *ret_numbers, size_t size)
{
    uint8_t der[160];
    const uint8_t *at = der;
    size_t length = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit(context, NULL, hash, NULL, key), 1);
    ck_assert_int_eq(EVP_DigestSign(context, der, &length, message.data, message.size), 1);
    EVP_MD_CTX_free(context);
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)length);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(signature), ret_numbers, (int)size), (int)size);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(signature), ret_numbers + size, (int)size), (int)size);
    ECDSA_SIG_free(signature);
}

/* x | y of a P-256 key. */
static inline void pki_point(EVP_PKEY *key, uint8_t ret_point[64])
{
    uint8_t encoded[65];
    size_t size = 0;
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(key, "encoded-pub-key", encoded, sizeof encoded, &size), 1);
    ck_assert_uint_eq(size, sizeof encoded);
    memcpy(ret_point, encoded + 1, 64);
}

/** Appends a DER element; content of at most 65535 bytes. */
static inline void der_put(Buffer *b, uint8_t tag, View content)
{
    ck_assert_ok(buffer_put_u8(b, tag));
    if (content.size >= 0x100) {
        ck_assert_ok(buffer_put_u8(b, 0x82));
        ck_assert_ok(buffer_put_u8(b, (uint8_t)(content.size >> 8)));
    } else if (content.size >= 0x80) {
        ck_assert_ok(buffer_put_u8(b, 0x81));
    }
    ck_assert_ok(buffer_put_u8(b, (uint8_t)content.size));
    ck_assert_ok(buffer_append(b, content));
}
