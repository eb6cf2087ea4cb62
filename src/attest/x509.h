/**
 * Certificates and revocation lists over OpenSSL: only what chains of device keys need. Everything is judged at a time that the caller gives.
 *
 * Serial numbers are not judged: AMD issues VCEKs with serial number 0, which RFC 5280 forbids and strict parsers refuse.
 */
#pragma once
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/bytes.h"

enum { CERTIFICATES_MAX = 1024, CERTIFICATE_BYTES_MAX = 64 << 10, CHAIN_MAX = 4, CERTIFICATE_NAME_MAX = 128 };

typedef struct { X509 *items[CERTIFICATES_MAX]; size_t count; } CertificateList;
typedef struct { X509_CRL *items[CERTIFICATES_MAX]; size_t count; } RevocationList;

void certificates_free(CertificateList *list);
void revocations_free(RevocationList *list);

/** Adds every certificate of a PEM text, or one DER certificate. errors: ERR_BAD_INPUT (nothing is added), ERR_LIMIT */
MUST_USE Err certificates_add(View bytes, CertificateList *list, Diag *diag);
/** Adds a DER or PEM revocation list. */
MUST_USE Err revocations_add(View bytes, RevocationList *list, Diag *diag);

/** The subject's common name, or "?"; printable. */
void certificate_name(X509 *certificate, char ret_name[CERTIFICATE_NAME_MAX]);
bool certificate_is_self_issued(X509 *certificate);
bool certificate_same(X509 *a, X509 *b);
/** Whether issuer's name and key made this certificate. */
bool certificate_issued_by(X509 *certificate, X509 *issuer);

/** chain[0] is the leaf, the last one the self-signed root, which the caller trusts. Signatures, names, validity at `now`, CA bits.
 *  errors: ERR_UNTRUSTED, the diag names the certificate */
MUST_USE Err chain_verify(X509 *const *chain, size_t count, uint64_t now, Diag *diag);
/** The chain from a leaf to a self-issued certificate, with issuers from the list, whose signatures are checked. errors: ERR_NO_ENTRY, the diag names
 *  the issuer that is missing */
MUST_USE Err chain_build(const CertificateList *list, X509 *leaf, X509 *ret_chain[CHAIN_MAX], size_t *ret_count, Diag *diag);
/** That a fresh list by `issuer` is there and does not name the certificate. required false: no list is fine, a stale one is not.
 *  errors: ERR_NO_ENTRY (no list), ERR_DENIED (stale), ERR_UNTRUSTED (revoked, or a bad signature) */
MUST_USE Err revocation_check(const RevocationList *lists, X509 *certificate, X509 *issuer, uint64_t now, bool required, Diag *diag);

/** Content of the extension with that dotted identifier, borrowed from the certificate. errors: ERR_NO_ENTRY */
MUST_USE Err certificate_extension(X509 *certificate, const char *oid, View *ret_content);

/** ECDSA with r and s as big-endian numbers of `size` bytes each. errors: ERR_BAD_SIGNATURE */
MUST_USE Err ecdsa_verify(EVP_PKEY *key, const EVP_MD *hash, View message, const uint8_t *r, const uint8_t *s, size_t size);
/** A P-256 key from its coordinates x | y. errors: ERR_BAD_INPUT (not on the curve) */
MUST_USE Err ecdsa_p256_key(const uint8_t point[64], EVP_PKEY **ret_key);
/** Whether the key is an elliptic curve key on that curve ("prime256v1", "secp384r1"). */
bool key_is_on_curve(EVP_PKEY *key, const char *curve);
