/* Does the real quote verify up to Intel's root, and does it stop verifying with any byte changed that is signed anywhere along the way? */
#include <openssl/bio.h>
#include <openssl/pem.h>

#include "attest/fixture.h"
#include "attest/tdx.h"

static const uint64_t IN_2026 = 1790000000, IN_JUNE_2023 = 1687100000; /* the quote is of 2026, the statements and revocation lists of June 2023 */

/* The claims that rest on the quote and Intel's root alone. */
static const char *const OWN_CLAIMS[] = {"tdx-format", "tdx-signature", "tdx-attestation-key", "tdx-qe-signature", "tdx-pck-chain"};
enum { OWN_CLAIM_COUNT = sizeof OWN_CLAIMS / sizeof OWN_CLAIMS[0] };

typedef struct { Folder folder; Buffer quote; size_t chain_at; CertificateList chain; } World;

static void put_certificate(const World *w, const char *name, X509 *certificate)
{
    uint8_t *der = NULL;
    int size = i2d_X509(certificate, &der);
    ck_assert_int_gt(size, 0);
    folder_put(&w->folder, name, view_of(der, (size_t)size));
    OPENSSL_free(der);
}

static bool world_open(World *w)
{
    *w = (World){0};
    if (!data_read("attestation/tdx/quote_v5_sample.dat", &w->quote)) return false;
    TdxQuote q;
    Diag why;
    ck_assert_ok(tdx_quote_parse(view_buffer(&w->quote), &q, &why));
    w->chain_at = (size_t)(q.pck_chain.data - w->quote.data);
    ck_assert_ok(certificates_add(q.pck_chain, &w->chain, &why));
    ck_assert_uint_eq(w->chain.count, 3);
    w->folder = folder_new();
    put_certificate(w, "intel/root.der", w->chain.items[2]);
    folder_copy(&w->folder, "attestation/tdx/pckcrl", "intel/pckcrl.der");
    folder_copy(&w->folder, "attestation/tdx/rootcrl.der", "intel/rootcrl.der");
    folder_copy(&w->folder, "attestation/tdx/sample_tcbInfo_response", "intel/tcb.json");
    folder_copy(&w->folder, "attestation/tdx/sample_qeIdentity_response", "intel/qe.json");
    return true;
}

static void world_close(World *w)
{
    certificates_free(&w->chain);
    buffer_free(&w->quote);
    folder_free(&w->folder);
}

static Verdict appraised(const World *w, const Collateral *c, uint64_t now)
{
    Verdict v = {0};
    appraise_tdx(view_buffer(&w->quote), NULL, c, now, &v);
    return v;
}

static bool own_claims_pass(const Verdict *v)
{
    for (size_t i = 0; i < OWN_CLAIM_COUNT; i++) {
        const VerdictClaim *c = claim_of(v, OWN_CLAIMS[i]);
        if (!c || !c->passed) return false;
    }
    return true;
}

START_TEST(the_real_quote_verifies_to_intels_root)
{
    World w;
    if (!world_open(&w)) return;
    Collateral *c = folder_load(&w.folder);
    Verdict v = appraised(&w, c, IN_2026);
    verdict_print(&v);
    ck_assert(own_claims_pass(&v));
    ck_assert_claim(&v, "tdx-pck-chain", true, "Intel SGX Root CA");
    ck_assert_claim(&v, "tdx-attributes", true, "no debugging");
    collateral_free(&c);
    world_close(&w);
}
END_TEST

START_TEST(what_the_samples_cannot_show_is_refused_and_named)
{
    World w;
    if (!world_open(&w)) return;
    Collateral *c = folder_load(&w.folder);
    Verdict v = appraised(&w, c, IN_2026);
    ck_assert(!v.accepted);
    ck_assert_claim(&v, "tdx-tcb-info", false, "none for platforms 90c06f000000 in intel/; get https://");
    ck_assert_claim(&v, "tdx-revocation", false, "the revocation list of Intel SGX PCK Platform CA is stale");
    ck_assert_claim(&v, "tdx-qe-identity", false, "no certificate 'Intel SGX TCB Signing' in intel/");
    ck_assert_claim(&v, "tdx-qe", true, "UpToDate");
    ck_assert_claim(&v, "tdx-mrtd", false, "7348651a34b2d2d3462822e3a750ec6110125f36757c78480bbfc69cc0d21fb001a1ced3ee19747dda8f750c3bc8f876 is not in");
    collateral_free(&c);
    world_close(&w);
}
END_TEST

START_TEST(in_june_2023_the_revocation_lists_were_fresh_and_the_certificate_not_made_yet)
{
    World w;
    if (!world_open(&w)) return;
    Collateral *c = folder_load(&w.folder);
    Verdict v = appraised(&w, c, IN_JUNE_2023);
    ck_assert_claim(&v, "tdx-revocation", true, "neither");
    ck_assert_claim(&v, "tdx-pck-chain", false, "Intel SGX PCK Certificate is not valid yet");
    collateral_free(&c);
    world_close(&w);
}
END_TEST

START_TEST(no_byte_before_the_certificates_can_be_changed)
{
    World w;
    if (!world_open(&w)) return;
    Collateral *c = folder_load(&w.folder);
    for (size_t i = 0; i < w.chain_at; i += TEST_STEP) {
        w.quote.data[i] ^= (uint8_t)(1u << i % 8);
        Verdict v = appraised(&w, c, IN_2026);
        ck_assert_msg(!own_claims_pass(&v), "byte %#zx", i);
        w.quote.data[i] ^= (uint8_t)(1u << i % 8);
    }
    collateral_free(&c);
    world_close(&w);
}
END_TEST

/* Puts the DER certificates as PEM where the quote has its chain. */
static void put_chain(World *w, View der[3])
{
    BIO *bio = BIO_new(BIO_s_mem());
    for (size_t i = 0; i < 3; i++) ck_assert_int_gt(PEM_write_bio(bio, PEM_STRING_X509, "", der[i].data, (long)der[i].size), 0);
    char *text;
    long size = BIO_get_mem_data(bio, &text);
    ck_assert_uint_le((size_t)size, w->quote.size - w->chain_at);
    memset(w->quote.data + w->chain_at, '\n', w->quote.size - w->chain_at);
    memcpy(w->quote.data + w->chain_at, text, (size_t)size);
    BIO_free(bio);
}

START_TEST(no_byte_of_its_certificates_can_be_changed)
{
    World w;
    if (!world_open(&w)) return;
    Collateral *c = folder_load(&w.folder);
    View der[3];
    uint8_t *bytes[3] = {NULL, NULL, NULL};
    for (size_t i = 0; i < 3; i++) der[i] = view_of(NULL, (size_t)i2d_X509(w.chain.items[i], &bytes[i])), der[i].data = bytes[i];
    put_chain(&w, der);
    Verdict sound = appraised(&w, c, IN_2026);
    ck_assert(own_claims_pass(&sound));

    for (size_t i = 0; i < 3; i++) {
        for (size_t at = 0; at < der[i].size; at += TEST_STEP) {
            bytes[i][at] ^= (uint8_t)(1u << at % 8);
            put_chain(&w, der);
            Verdict v = appraised(&w, c, IN_2026);
            ck_assert_msg(!own_claims_pass(&v), "certificate %zu, byte %zu", i, at);
            bytes[i][at] ^= (uint8_t)(1u << at % 8);
        }
    }
    for (size_t i = 0; i < 3; i++) OPENSSL_free(bytes[i]);
    collateral_free(&c);
    world_close(&w);
}
END_TEST

/* At a time when the list was fresh, no version of it with a byte changed passes. */
static void check_list(const World *w, const char *name, const char *data)
{
    AUTO_BUFFER list = {0};
    ck_assert(data_read(data, &list));
    Collateral *sound = folder_load(&w->folder);
    for (size_t i = 0; i < list.size; i += TEST_STEP) {
        list.data[i] ^= (uint8_t)(1u << i % 8);
        RevocationList changed = {0}, kept = sound->intel_revoked;
        Diag why;
        if (revocations_add(view_buffer(&list), &changed, &why).code == 0) {
            size_t place = strcmp(name, "pck") == 0 ? 0 : 1; /* in the order of the files' names */
            sound->intel_revoked.items[place] = changed.items[0];
            Verdict v = appraised(w, sound, IN_JUNE_2023);
            ck_assert_msg(!claim_of(&v, "tdx-revocation")->passed, "%s: byte %zu", name, i);
            sound->intel_revoked = kept;
            revocations_free(&changed);
        }
        list.data[i] ^= (uint8_t)(1u << i % 8);
    }
    collateral_free(&sound);
}

START_TEST(no_byte_of_a_revocation_list_can_be_changed)
{
    World w;
    if (!world_open(&w)) return;
    check_list(&w, "pck", "attestation/tdx/pckcrl");
    check_list(&w, "root", "attestation/tdx/rootcrl.der");
    world_close(&w);
}
END_TEST

TEST_MAIN("attest/tdx", the_real_quote_verifies_to_intels_root, what_the_samples_cannot_show_is_refused_and_named,
          in_june_2023_the_revocation_lists_were_fresh_and_the_certificate_not_made_yet, no_byte_before_the_certificates_can_be_changed,
          no_byte_of_its_certificates_can_be_changed, no_byte_of_a_revocation_list_can_be_changed)
