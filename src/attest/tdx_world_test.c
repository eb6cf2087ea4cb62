/*
 * On a platform where everything is in order, is a quote accepted, and is it refused, with the claim that says so, when any one thing is not? The
 * real sample (tdx_test.c) cannot show that: its revocation lists and statements are of another year and another platform.
 */
#include "attest/tdx_world.h"

static Verdict of_quote(const TdxWorld *w, uint64_t now)
{
    AUTO_BUFFER quote = {0};
    tdx_world_quote(w, &quote);
    return tdx_world_appraised(w, view_buffer(&quote), now);
}

static void check_accepted(const TdxWorld *w)
{
    Verdict v = of_quote(w, PKI_NOW);
    if (!v.accepted) verdict_print(&v);
    ck_assert(v.accepted);
}

/* Refused, and for nothing but that. */
static void check_refused(const TdxWorld *w, uint64_t now, const char *claim, const char *reason)
{
    Verdict v = of_quote(w, now);
    size_t failed = 0;
    for (size_t i = 0; i < v.count; i++) failed += !v.claims[i].passed;
    if (failed != 1) verdict_print(&v);
    ck_assert(!v.accepted);
    ck_assert_uint_eq(failed, 1);
    ck_assert_claim(&v, claim, false, reason);
}

START_TEST(quotes_of_both_versions_and_bodies_are_accepted)
{
    TdxWorld w;
    tdx_world_open(&w);
    check_accepted(&w);
    w.version = 5;
    check_accepted(&w);
    w.module_1_5 = true;
    check_accepted(&w);
    tdx_world_close(&w);
}
END_TEST

START_TEST(no_byte_of_an_accepted_quote_can_be_changed)
{
    TdxWorld w;
    tdx_world_open(&w);
    AUTO_BUFFER quote = {0};
    tdx_world_quote(&w, &quote);
    Collateral *c = folder_load(&w.folder);
    size_t chain = (size_t)((uint8_t *)memmem(quote.data, quote.size, "-----BEGIN", 10) - quote.data);
    for (size_t i = 0; i < chain; i += TEST_STEP) {
        quote.data[i] ^= (uint8_t)(1u << i % 8);
        Verdict v = {0};
        appraise_tdx(view_buffer(&quote), w.report_data, c, PKI_NOW, &v);
        ck_assert_msg(!v.accepted, "byte %#zx", i);
        quote.data[i] ^= (uint8_t)(1u << i % 8);
    }
    for (size_t cut = 0; cut < quote.size; cut += 7) {
        Verdict v = {0};
        appraise_tdx(view_of(quote.data, cut), w.report_data, c, PKI_NOW, &v);
        ck_assert_msg(!v.accepted, "cut at %zu", cut);
    }
    collateral_free(&c);
    tdx_world_close(&w);
}
END_TEST

START_TEST(zeros_may_follow_a_quote_and_nothing_else)
{
    TdxWorld w;
    tdx_world_open(&w);
    AUTO_BUFFER quote = {0};
    tdx_world_quote(&w, &quote);
    for (size_t i = 0; i < 100; i++) ck_assert_ok(buffer_put_u8(&quote, 0));
    Verdict v = tdx_world_appraised(&w, view_buffer(&quote), PKI_NOW);
    ck_assert(v.accepted);
    quote.data[quote.size - 1] = 1;
    v = tdx_world_appraised(&w, view_buffer(&quote), PKI_NOW);
    ck_assert_claim(&v, "tdx-format", false, "something follows the quote");
    tdx_world_close(&w);
}
END_TEST

START_TEST(a_platform_below_every_good_level_is_refused)
{
    TdxWorld w;
    tdx_world_open(&w);
    w.tee_tcb_svn[2] = 2; /* reaches only the old level */
    check_refused(&w, PKI_NOW, "tdx-tcb", "platform: OutOfDate");
    w.tee_tcb_svn[2] = 3;
    tdx_world_put_tcb_info(&w, "2027-01-15T00:00:00Z", "2027-01-16T00:00:00Z", "SWHardeningNeeded");
    check_refused(&w, PKI_NOW, "tdx-tcb", "platform: SWHardeningNeeded; accepted is what reference/*.yaml names");
    folder_put(&w.folder, "reference/status.yaml", VIEW("tdx: {tcb_status: [UpToDate, SWHardeningNeeded]}\n"));
    check_accepted(&w);
    tdx_world_close(&w);
}
END_TEST

START_TEST(a_module_is_judged_by_its_own_versions)
{
    TdxWorld w;
    tdx_world_open(&w);
    w.tee_tcb_svn[1] = 1;
    w.tee_tcb_svn[0] = 6;
    check_accepted(&w);
    w.tee_tcb_svn[0] = 5;
    check_refused(&w, PKI_NOW, "tdx-module", "TDX module: OutOfDate");
    w.tee_tcb_svn[0] = 1;
    check_refused(&w, PKI_NOW, "tdx-module", "nothing that Intel's statement knows");
    w.tee_tcb_svn[1] = 2;
    check_refused(&w, PKI_NOW, "tdx-module", "nothing that Intel's statement knows");
    w.tee_tcb_svn[0] = 5;
    w.tee_tcb_svn[1] = 0;
    w.module_signer[0] = 1;
    check_refused(&w, PKI_NOW, "tdx-module", "nothing that Intel's statement knows");
    tdx_world_close(&w);
}
END_TEST

START_TEST(another_or_an_old_quoting_enclave_is_refused)
{
    TdxWorld w;
    tdx_world_open(&w);
    w.enclave_svn = 7;
    check_refused(&w, PKI_NOW, "tdx-qe", "quoting enclave: OutOfDate");
    w.enclave_svn = 8;
    w.enclave_product = 1;
    check_refused(&w, PKI_NOW, "tdx-qe", "nothing that Intel's statement knows");
    w.enclave_product = 2;
    tdx_world_put_identity(&w, "Revoked");
    check_refused(&w, PKI_NOW, "tdx-qe", "quoting enclave: Revoked");
    tdx_world_close(&w);
}
END_TEST

START_TEST(a_guest_that_the_host_may_debug_or_that_nobody_knows_is_refused)
{
    TdxWorld w;
    tdx_world_open(&w);
    w.td_attributes[0] = 1;
    check_refused(&w, PKI_NOW, "tdx-attributes", "the host may debug");
    w.td_attributes[0] = 0;
    w.td_attributes[3] = 0x20;
    check_refused(&w, PKI_NOW, "tdx-attributes", "a migration TD of the host's choice");
    w.td_attributes[3] = 0x10; /* SEPT_VE_DISABLE, as real guests have it */
    check_accepted(&w);
    folder_put(&w.folder, "reference/registers.yaml",
               VIEW("tdx: {rtmr1: ['919191919191919191919191919191919191919191919191919191919191919191919191919191919191919191919191']}\n"));
    check_accepted(&w);
    folder_put(&w.folder, "reference/registers.yaml",
               VIEW("tdx: {rtmr1: ['929191919191919191919191919191919191919191919191919191919191919191919191919191919191919191919191']}\n"));
    check_refused(&w, PKI_NOW, "tdx-rtmr1", "is not in reference/*.yaml");
    tdx_world_close(&w);
}
END_TEST

START_TEST(what_is_revoked_is_refused)
{
    TdxWorld w;
    tdx_world_open(&w);
    pki_put_list(&w.folder, "intel/pck.crl", w.authority, w.authority_key, PKI_NOW - 3600, w.pck);
    check_refused(&w, PKI_NOW, "tdx-revocation", "certificate Test PCK is revoked by Test Platform CA");
    pki_put_list(&w.folder, "intel/pck.crl", w.authority, w.authority_key, PKI_NOW - 3600, NULL);
    pki_put_list(&w.folder, "intel/root.crl", w.root, w.root_key, PKI_NOW - 3600, w.authority);
    check_refused(&w, PKI_NOW, "tdx-revocation", "certificate Test Platform CA is revoked by Test Root CA");
    pki_put_list(&w.folder, "intel/root.crl", w.root, w.root_key, PKI_NOW - 3600, w.signing);
    Verdict v = of_quote(&w, PKI_NOW);
    ck_assert_claim(&v, "tdx-tcb-info", false, "certificate Intel SGX TCB Signing is revoked");
    ck_assert_claim(&v, "tdx-qe-identity", false, "certificate Intel SGX TCB Signing is revoked");
    tdx_world_close(&w);
}
END_TEST

START_TEST(stale_and_foreign_collateral_is_refused)
{
    TdxWorld w;
    tdx_world_open(&w);
    pki_put_list(&w.folder, "intel/pck.crl", w.authority, w.authority_key, PKI_NOW - 2 * PKI_VALID_S, NULL);
    check_refused(&w, PKI_NOW, "tdx-revocation", "the revocation list of Test Platform CA is stale");
    pki_put_list(&w.folder, "intel/pck.crl", w.authority, w.root_key, PKI_NOW - 3600, NULL);
    check_refused(&w, PKI_NOW, "tdx-revocation", "the revocation list of Test Platform CA is not signed by it");
    pki_put_list(&w.folder, "intel/pck.crl", w.authority, w.authority_key, PKI_NOW - 3600, NULL);
    tdx_world_put_tcb_info(&w, "2027-01-13T00:00:00Z", "2027-01-14T00:00:00Z", "UpToDate");
    check_refused(&w, PKI_NOW, "tdx-tcb-info", "tcb.json: stale or not valid yet at that time; get the present one");
    EVP_PKEY *own = w.signing_key;
    w.signing_key = w.root_key;
    tdx_world_put_tcb_info(&w, "2027-01-15T00:00:00Z", "2027-01-16T00:00:00Z", "UpToDate");
    w.signing_key = own;
    check_refused(&w, PKI_NOW, "tdx-tcb-info", "tcb.json: not signed by Intel SGX TCB Signing");
    tdx_world_close(&w);
}
END_TEST

/* Intel's statement, changed in that place: the claims that rest on it do not all pass any more. */
static void check_statement(const TdxWorld *w, Collateral *c, View quote, CollateralFile *file)
{
    for (size_t i = 0; i < file->content.size; i++) {
        file->content.data[i] ^= 1;
        Verdict v = {0};
        appraise_tdx(quote, w->report_data, c, PKI_NOW, &v);
        ck_assert_msg(!v.accepted, "%s: byte %zu", file->name, i);
        file->content.data[i] ^= 1;
    }
}

START_TEST(no_byte_of_intels_statements_can_be_changed)
{
    TdxWorld w;
    tdx_world_open(&w);
    AUTO_BUFFER quote = {0};
    tdx_world_quote(&w, &quote);
    Collateral *c = folder_load(&w.folder);
    ck_assert_uint_eq(c->intel_json.count, 2);
    for (size_t i = 0; i < 2; i++) check_statement(&w, c, view_buffer(&quote), &c->intel_json.items[i]);
    collateral_free(&c);
    check_accepted(&w);
    tdx_world_close(&w);
}
END_TEST

START_TEST(every_signature_along_the_way_is_needed)
{
    TdxWorld w;
    tdx_world_open(&w);
    EVP_PKEY *own = w.pck_key;
    w.pck_key = w.authority_key; /* the enclave's report by another key than the PCK */
    check_refused(&w, PKI_NOW, "tdx-qe-signature", "is not signed by the platform's PCK");
    w.pck_key = own;
    X509 *root = w.root; /* a root of the same name and key, which is not the trusted one */
    w.root = pki_certificate(&(PkiRequest){.name = "Test Root CA", .key = w.root_key, .is_ca = true, .serial = 99});
    check_refused(&w, PKI_NOW, "tdx-pck-chain", "its root is not in");
    X509_free(w.root);
    w.root = root;
    X509 *authority = w.authority; /* an authority that is none */
    w.authority = pki_certificate(&(PkiRequest){.name = "Test Platform CA", .key = w.authority_key, .issuer = w.root, .issuer_key = w.root_key, .serial = 2});
    check_refused(&w, PKI_NOW, "tdx-pck-chain", "certificate Test Platform CA is none of an authority");
    X509_free(w.authority);
    w.authority = authority;
    tdx_world_close(&w);
}
END_TEST

TEST_MAIN("attest/tdx_world", quotes_of_both_versions_and_bodies_are_accepted, no_byte_of_an_accepted_quote_can_be_changed, zeros_may_follow_a_quote_and_nothing_else,
          a_platform_below_every_good_level_is_refused, a_module_is_judged_by_its_own_versions, another_or_an_old_quoting_enclave_is_refused,
          a_guest_that_the_host_may_debug_or_that_nobody_knows_is_refused, what_is_revoked_is_refused, stale_and_foreign_collateral_is_refused,
          no_byte_of_intels_statements_can_be_changed, every_signature_along_the_way_is_needed)
