/* Certificates and revocation lists over OpenSSL, and plain ECDSA with numbers as hardware writes them. */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "attest/x509.h"

void certificates_free(CertificateList *list)
{
    for (size_t i = 0; i < list->count; i++) X509_free(list->items[i]);
    list->count = 0;
}

void revocations_free(RevocationList *list)
{
    for (size_t i = 0; i < list->count; i++) X509_CRL_free(list->items[i]);
    list->count = 0;
}

static bool is_pem(View v) { return memmem(v.data, v.size, "-----BEGIN ", 11) != NULL; }

static Err list_push(CertificateList *list, X509 *certificate, Diag *diag)
{
    if (list->count < CERTIFICATES_MAX) {
        list->items[list->count++] = certificate;
        return OK;
    }
    X509_free(certificate);
    return FAIL_WHY(diag, ERR_LIMIT, "more than %d certificates", CERTIFICATES_MAX);
}

/* DER and nothing else: what OpenSSL would write again is what was read. */
static X509 *certificate_from_der(View der)
{
    const uint8_t *at = der.data;
    X509 *certificate = d2i_X509(NULL, &at, (long)der.size);
    uint8_t *again = NULL;
    int size = certificate && at == der.data + der.size ? i2d_X509(certificate, &again) : -1;
    if (size < 0 || !view_equal(der, view_of(again, (size_t)size))) {
        X509_free(certificate);
        certificate = NULL;
    }
    OPENSSL_free(again);
    return certificate;
}

static Err add_pem(View text, CertificateList *list, Diag *diag)
{
    BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
    if (!bio) return FAIL(ENOMEM);
    Err e = OK;
    size_t before = list->count;
    char *name = NULL, *header = NULL;
    uint8_t *der = NULL;
    for (long size; e.code == 0 && PEM_read_bio(bio, &name, &header, &der, &size) == 1;) {
        X509 *certificate = strcmp(name, PEM_STRING_X509) == 0 && !header[0] ? certificate_from_der(view_of(der, (size_t)size)) : NULL;
        e = certificate ? list_push(list, certificate, diag) : FAIL_WHY(diag, ERR_BAD_INPUT, "certificate %zu is malformed", list->count - before + 1);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(der);
    }
    unsigned long why = ERR_peek_last_error();
    bool ended = ERR_GET_LIB(why) == ERR_LIB_PEM && ERR_GET_REASON(why) == PEM_R_NO_START_LINE;
    BIO_free(bio);
    if (e.code == 0 && (!ended || list->count == before)) e = FAIL_WHY(diag, ERR_BAD_INPUT, "certificate %zu is malformed", list->count - before + 1);
    while (e.code && list->count > before) X509_free(list->items[--list->count]);
    return e;
}

Err certificates_add(View bytes, CertificateList *list, Diag *diag)
{
    if (bytes.size == 0 || bytes.size > CERTIFICATE_BYTES_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "a certificate of %zu bytes", bytes.size);
    ERR_clear_error();
    Err e;
    if (is_pem(bytes)) {
        e = add_pem(bytes, list, diag);
    } else {
        X509 *certificate = certificate_from_der(bytes);
        e = certificate ? list_push(list, certificate, diag) : FAIL_WHY(diag, ERR_BAD_INPUT, "not a certificate (PEM or DER)");
    }
    ERR_clear_error();
    return e;
}

Err revocations_add(View bytes, RevocationList *list, Diag *diag)
{
    if (bytes.size == 0 || bytes.size > CERTIFICATE_BYTES_MAX * 16) return FAIL_WHY(diag, ERR_BAD_INPUT, "a revocation list of %zu bytes", bytes.size);
    if (list->count == CERTIFICATES_MAX) return FAIL_WHY(diag, ERR_LIMIT, "more than %d revocation lists", CERTIFICATES_MAX);
    X509_CRL *crl = NULL;
    if (is_pem(bytes)) {
        BIO *bio = BIO_new_mem_buf(bytes.data, (int)bytes.size);
        if (bio) crl = PEM_read_bio_X509_CRL(bio, NULL, NULL, NULL);
        BIO_free(bio);
    } else {
        const uint8_t *at = bytes.data;
        crl = d2i_X509_CRL(NULL, &at, (long)bytes.size);
        if (crl && at != bytes.data + bytes.size) {
            X509_CRL_free(crl);
            crl = NULL;
        }
    }
    ERR_clear_error();
    if (!crl) return FAIL_WHY(diag, ERR_BAD_INPUT, "not a revocation list (PEM or DER)");
    list->items[list->count++] = crl;
    return OK;
}

void certificate_name(X509 *certificate, char ret_name[CERTIFICATE_NAME_MAX])
{
    if (X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, ret_name, CERTIFICATE_NAME_MAX) <= 0) strcpy(ret_name, "?");
    for (char *c = ret_name; *c; c++)
        if (*c < ' ' || *c > '~') *c = '?';
}

bool certificate_same(X509 *a, X509 *b) { return X509_cmp(a, b) == 0; }

bool certificate_is_self_issued(X509 *certificate)
{
    return X509_NAME_cmp(X509_get_subject_name(certificate), X509_get_issuer_name(certificate)) == 0;
}

bool certificate_issued_by(X509 *certificate, X509 *issuer)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool ok = key && X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) == 0 && X509_verify(certificate, key) == 1;
    ERR_clear_error();
    return ok;
}

static Err validity_check(X509 *certificate, const char *name, uint64_t now, Diag *diag)
{
    time_t at = (time_t)now;
    if (X509_cmp_time(X509_get0_notBefore(certificate), &at) >= 0)
        return FAIL_WHY(diag, ERR_UNTRUSTED, "certificate %s is not valid yet at that time", name);
    if (X509_cmp_time(X509_get0_notAfter(certificate), &at) <= 0)
        return FAIL_WHY(diag, ERR_UNTRUSTED, "certificate %s has expired; get a new one from its maker", name);
    return OK;
}

Err chain_verify(X509 *const *chain, size_t count, uint64_t now, Diag *diag)
{
    for (size_t i = 0; i < count; i++) {
        char name[CERTIFICATE_NAME_MAX], by[CERTIFICATE_NAME_MAX];
        X509 *issuer = chain[i + 1 < count ? i + 1 : i];
        certificate_name(chain[i], name);
        certificate_name(issuer, by);
        TRY(validity_check(chain[i], name, now, diag));
        if (i > 0 && (X509_check_ca(chain[i]) != 1 || !(X509_get_key_usage(chain[i]) & KU_KEY_CERT_SIGN)))
            return FAIL_WHY(diag, ERR_UNTRUSTED, "certificate %s is none of an authority, but issued another", name);
        long below = i > 0 ? X509_get_pathlen(chain[i]) : -1; /* -1: no limit */
        if (below >= 0 && (size_t)below + 1 < i) return FAIL_WHY(diag, ERR_UNTRUSTED, "certificate %s may not stand that high in a chain", name);
        if (!certificate_issued_by(chain[i], issuer)) return FAIL_WHY(diag, ERR_UNTRUSTED, "certificate %s was not issued by %s", name, by);
    }
    return OK;
}

static X509 *issuer_of(const CertificateList *list, X509 *certificate)
{
    for (size_t i = 0; i < list->count; i++)
        if (certificate_issued_by(certificate, list->items[i])) return list->items[i];
    return NULL;
}

Err chain_build(const CertificateList *list, X509 *leaf, X509 *ret_chain[CHAIN_MAX], size_t *ret_count, Diag *diag)
{
    X509 *chain[CHAIN_MAX] = {leaf};
    size_t count = 1;
    while (!certificate_is_self_issued(chain[count - 1])) {
        X509 *last = chain[count - 1];
        char name[CERTIFICATE_NAME_MAX] = "?";
        X509 *issuer = count < CHAIN_MAX ? issuer_of(list, last) : NULL;
        if (!issuer) {
            (void)X509_NAME_get_text_by_NID(X509_get_issuer_name(last), NID_commonName, name, sizeof name);
            return FAIL_WHY(diag, ERR_NO_ENTRY, "no certificate of %.64s that signed it", name);
        }
        chain[count++] = issuer;
    }
    memcpy(ret_chain, chain, sizeof chain);
    *ret_count = count;
    return OK;
}

Err revocation_check(const RevocationList *lists, X509 *certificate, X509 *issuer, uint64_t now, bool required, Diag *diag)
{
    char name[CERTIFICATE_NAME_MAX], by[CERTIFICATE_NAME_MAX];
    certificate_name(certificate, name);
    certificate_name(issuer, by);
    time_t at = (time_t)now;
    bool stale = false;
    for (size_t i = 0; i < lists->count; i++) {
        X509_CRL *crl = lists->items[i];
        if (X509_NAME_cmp(X509_CRL_get_issuer(crl), X509_get_subject_name(issuer)) != 0) continue;
        int signed_by = X509_CRL_verify(crl, X509_get0_pubkey(issuer));
        ERR_clear_error();
        if (signed_by != 1) return FAIL_WHY(diag, ERR_UNTRUSTED, "the revocation list of %s is not signed by it", by);
        X509_REVOKED *entry = NULL;
        if (X509_CRL_get0_by_cert(crl, &entry, certificate) == 1) return FAIL_WHY(diag, ERR_UNTRUSTED, "certificate %s is revoked by %s", name, by);
        const ASN1_TIME *next = X509_CRL_get0_nextUpdate(crl);
        if (next && X509_cmp_time(next, &at) > 0 && X509_cmp_time(X509_CRL_get0_lastUpdate(crl), &at) < 0) return OK;
        stale = true;
    }
    if (stale) return FAIL_WHY(diag, ERR_DENIED, "the revocation list of %s is stale or not valid yet at that time; get the present one", by);
    return required ? FAIL_WHY(diag, ERR_NO_ENTRY, "no revocation list of %s", by) : OK;
}

Err certificate_extension(X509 *certificate, const char *oid, View *ret_content)
{
    ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
    if (!object) return FAIL(ENOMEM);
    int at = X509_get_ext_by_OBJ(certificate, object, -1);
    ASN1_OBJECT_free(object);
    if (at < 0) return FAIL(ERR_NO_ENTRY);
    const ASN1_OCTET_STRING *content = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
    *ret_content = view_of(ASN1_STRING_get0_data(content), (size_t)ASN1_STRING_length(content));
    return OK;
}

bool key_is_on_curve(EVP_PKEY *key, const char *curve)
{
    char name[64];
    size_t length;
    return key && EVP_PKEY_get_group_name(key, name, sizeof name, &length) == 1 && strcmp(name, curve) == 0;
}

/* OpenSSL wants the numbers as a DER sequence. */
static int signature_to_der(const uint8_t *r, const uint8_t *s, size_t size, uint8_t **ret_der)
{
    ECDSA_SIG *signature = ECDSA_SIG_new();
    BIGNUM *number_r = BN_bin2bn(r, (int)size, NULL), *number_s = BN_bin2bn(s, (int)size, NULL);
    int length = -1;
    if (signature && number_r && number_s && ECDSA_SIG_set0(signature, number_r, number_s) == 1) {
        number_r = number_s = NULL; /* the signature's now */
        length = i2d_ECDSA_SIG(signature, ret_der);
    }
    BN_free(number_r);
    BN_free(number_s);
    ECDSA_SIG_free(signature);
    return length;
}

Err ecdsa_verify(EVP_PKEY *key, const EVP_MD *hash, View message, const uint8_t *r, const uint8_t *s, size_t size)
{
    uint8_t *der = NULL;
    int length = signature_to_der(r, s, size, &der);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool ok = key && length > 0 && context && EVP_DigestVerifyInit(context, NULL, hash, NULL, key) == 1 &&
              EVP_DigestVerify(context, der, (size_t)length, message.data, message.size) == 1;
    EVP_MD_CTX_free(context);
    OPENSSL_free(der);
    ERR_clear_error();
    return ok ? OK : FAIL(ERR_BAD_SIGNATURE);
}

Err ecdsa_p256_key(const uint8_t point[64], EVP_PKEY **ret_key)
{
    uint8_t encoded[65] = {POINT_CONVERSION_UNCOMPRESSED};
    char curve[] = "prime256v1";
    memcpy(encoded + 1, point, 64);
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, curve, 0),
                               OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, encoded, sizeof encoded), OSSL_PARAM_construct_end()};
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    bool ok = context && EVP_PKEY_fromdata_init(context) == 1 && EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    if (!ok) return FAIL(ERR_BAD_INPUT);
    *ret_key = key;
    return OK;
}
