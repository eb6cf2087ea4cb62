/*
 * With an AMD of the test's own: are reports of every version and both kinds of key accepted when all is in order, and refused
 * with the claim that says
 * so when one thing is not? The real sample (snp_test.c) is one version, one key and one policy.
 */
#include <sodium.h>

#include "attest/pki_fixture.h"
#include "attest/snp.h"

#define TCB "1.3.6.1.4.1.3704.1.3."

typedef struct { uint8_t bootloader, tee, snp, microcode, fmc; } Tcb;

typedef struct {
    Folder folder;
    EVP_PKEY *ark_key, *ask_key, *leaf_key;
    X509 *ark, *ask, *leaf;
    Tcb key_tcb;
    uint8_t report[SNP_REPORT_BYTES], report_data[64];
} World;

static void put_tcb(World *w, size_t at, bool turin, Tcb t)
{
    uint8_t *b = w->report + at;
    memset(b, 0, 8);
    if (turin) b[0] = t.fmc, b[1] = t.bootloader, b[2] = t.tee, b[3] = t.snp, b[7] = t.microcode;
    else b[0] = t.bootloader, b[1] = t.tee, b[6] = t.snp, b[7] = t.microcode;
}

static void put_tcbs(World *w, bool turin, Tcb t)
{
    static const size_t PLACES[] = {0x38, 0x180, 0x1e0, 0x1f0};
    for (size_t i = 0; i < 4; i++) put_tcb(w, PLACES[i], turin, t);
}

/* Signs the report as it stands now. */
static void sign_report(World *w)
{
    uint8_t numbers[96];
    pki_ecdsa(w->leaf_key, EVP_sha384(), view_of(w->report, SNP_SIGNED_BYTES), numbers, 48);
    memset(w->report + 0x2a0, 0, SNP_REPORT_BYTES - 0x2a0);
    for (size_t i = 0; i < 48; i++) {
        w->report[0x2a0 + i] = numbers[47 - i];
        w->report[0x2e8 + i] = numbers[95 - i];
    }
}

static void make_leaf(World *w, bool vlek, bool turin)
{
    static const char *const OIDS[] = {TCB "1", TCB "2", TCB "3", TCB "8", TCB "9"};
    const uint8_t svns[] = {w->key_tcb.bootloader, w->key_tcb.tee, w->key_tcb.snp, w->key_tcb.microcode, w->key_tcb.fmc};
    uint8_t numbers[5][4];
    PkiExtension extensions[6];
    size_t count = 0;
    for (; count < (turin ? 5 : 4); count++) {
        bool high = svns[count] >= 0x80;
        const uint8_t der[4] = {2, high ? 2 : 1, high ? 0 : svns[count], svns[count]};
        memcpy(numbers[count], der, 4);
        extensions[count] = (PkiExtension){OIDS[count], view_of(numbers[count], high ? 4 : 3)};
    }
    if (!vlek) extensions[count++] = (PkiExtension){"1.3.6.1.4.1.3704.1.4", view_of(w->report + 0x1a0, turin ? 8 : 64)};
    X509_free(w->leaf);
    w->leaf = pki_certificate(&(PkiRequest){.name = vlek ? "SEV-VLEK" : "SEV-VCEK", .key = w->leaf_key, .issuer = w->ask, .issuer_key = w->ask_key, .pss = true,
                                            .serial = 0, .extensions = extensions, .extension_count = count});
    pki_put(&w->folder, "amd/leaf.der", w->leaf);
}

static void world_open(World *w, uint8_t version)
{
    *w = (World){.folder = folder_new(), .key_tcb = {4, 1, 10, 0xd2, 0}};
    w->ark_key = EVP_RSA_gen(1024); /* short, because many are made; AMD's have 4096 bits */
    w->ask_key = EVP_RSA_gen(1024);
    w->leaf_key = pki_ec("P-384");
    w->ark = pki_certificate(&(PkiRequest){.name = "ARK-Test", .key = w->ark_key, .is_ca = true, .pss = true, .serial = 1});
    w->ask = pki_certificate(&(PkiRequest){.name = "SEV-Test",
                                           .key = w->ask_key,
                                           .issuer = w->ark,
                                           .issuer_key = w->ark_key,
                                           .is_ca = true,
                                           .pss = true,
                                           .serial = 2});
    pki_put(&w->folder, "amd/ark.der", w->ark);
    pki_put(&w->folder, "amd/ask.der", w->ask);
    folder_put(&w->folder, "reference/guest.yaml",
               VIEW("snp: {measurements: ['757575757575757575757575757575757575757575757575757575757575757575757575757575757575757575757575']}\n"));
    w->report[0] = version;
    w->report[0x0a] = 0x03; /* policy: SMT allowed, the bit that is always 1 */
    w->report[0x34] = 1;
    memset(w->report + 0x90, 0x75, 48);
    memset(w->report + 0x1a0, 0xc1, 64);
    if (version >= 3) w->report[0x188] = 0x19, w->report[0x189] = 0x11; /* Genoa */
    if (version >= 5) w->report[0x1f8] = 1;
    put_tcbs(w, false, w->key_tcb);
    make_leaf(w, false, false);
    sign_report(w);
}

static void world_close(World *w)
{
    EVP_PKEY_free(w->ark_key);
    EVP_PKEY_free(w->ask_key);
    EVP_PKEY_free(w->leaf_key);
    X509_free(w->ark);
    X509_free(w->ask);
    X509_free(w->leaf);
    folder_free(&w->folder);
}

static Verdict appraised(const World *w)
{
    Verdict v = {0};
    Collateral *c = folder_load(&w->folder);
    appraise_snp(view_of(w->report, sizeof w->report), w->report_data, c, PKI_NOW, &v);
    collateral_free(&c);
    return v;
}

static void check_accepted(World *w)
{
    sign_report(w);
    Verdict v = appraised(w);
    if (!v.accepted) verdict_print(&v);
    ck_assert(v.accepted);
}

static void check_refused(World *w, const char *claim, const char *reason)
{
    sign_report(w);
    Verdict v = appraised(w);
    size_t failed = 0;
    for (size_t i = 0; i < v.count; i++) failed += !v.claims[i].passed;
    if (failed != 1) verdict_print(&v);
    ck_assert(!v.accepted);
    ck_assert_uint_eq(failed, 1);
    ck_assert_claim(&v, claim, false, reason);
}

START_TEST(every_known_version_is_accepted_and_no_other)
{
    static const uint8_t VERSIONS[] = {2, 3, 5};
    for (size_t i = 0; i < 3; i++) {
        World w;
        world_open(&w, VERSIONS[i]);
        check_accepted(&w);
        w.report[0] = i == 0 ? 1 : i == 1 ? 4 : 6;
        check_refused(&w, "snp-format", "; known are 2, 3 and 5");
        world_close(&w);
    }
}
END_TEST

START_TEST(fields_that_a_version_does_not_have_must_be_0)
{
    static const struct { uint8_t version; size_t at; } CASES[] = {{2, 0x188}, {2, 0x1f8}, {3, 0x1f8}, {3, 0x18b}, {5, 0x208}, {5, 0x29f}, {2, 0x4c}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        World w;
        world_open(&w, CASES[i].version);
        w.report[CASES[i].at] = 1;
        check_refused(&w, "snp-format", "a reserved field is not 0");
        world_close(&w);
    }
}
END_TEST

START_TEST(turin_orders_its_tcb_otherwise_and_has_short_chip_names)
{
    World w;
    world_open(&w, 3);
    w.report[0x188] = 0x1a;
    w.report[0x189] = 0x02;
    w.key_tcb.fmc = 3;
    memset(w.report + 0x1a8, 0, 56);
    put_tcbs(&w, true, w.key_tcb);
    make_leaf(&w, false, true);
    check_accepted(&w);
    folder_put(&w.folder, "reference/tcb.yaml", VIEW("snp: {minimum_tcb: {fmc: 4}}\n"));
    check_refused(&w, "snp-tcb", "below the minimum of reference/: fmc 4");
    world_close(&w);
}
END_TEST

START_TEST(an_operators_key_signs_for_any_of_its_chips)
{
    World w;
    world_open(&w, 3);
    make_leaf(&w, true, false);
    w.report[0x48] = 1 << 2;
    check_accepted(&w);
    w.report[0x48] = 0; /* says VCEK, and there is none */
    sign_report(&w);
    Verdict v = appraised(&w);
    ck_assert_claim(&v, "snp-signature", false, "no VCEK in amd/; get https://kdsintf.amd.com/vcek/v1/Genoa/c1c1c1");
    w.report[0x48] = 7 << 2;
    check_refused(&w, "snp-format", "signed by no VCEK and no VLEK");
    world_close(&w);
}
END_TEST

START_TEST(a_key_of_another_chip_or_another_tcb_does_not_count)
{
    World w;
    world_open(&w, 2);
    w.report[0x1a0] ^= 1;
    check_refused(&w, "snp-chip", "the key is another chip's");
    w.report[0x1a0] ^= 1;
    w.report[0x48] = 1 << 1;
    check_refused(&w, "snp-chip", "the report hides its chip");
    w.report[0x48] = 0;
    put_tcb(&w, 0x180, false, (Tcb){4, 1, 10, 0xd1, 0});
    check_refused(&w, "snp-key-tcb", "the key is for another TCB: fmc 0 bootloader 4 tee 1 snp 10 microcode 210");
    world_close(&w);
}
END_TEST

START_TEST(firmware_that_contradicts_itself_is_refused)
{
    World w;
    world_open(&w, 2);
    put_tcb(&w, 0x38, false, (Tcb){4, 1, 9, 0xd2, 0});
    check_refused(&w, "snp-tcb", "firmware reports more than it runs");
    world_close(&w);
}
END_TEST

START_TEST(a_guest_that_others_may_open_is_refused)
{
    World w;
    world_open(&w, 5);
    w.report[0x0a] |= 1 << 3;
    check_refused(&w, "snp-policy", "the host may debug");
    w.report[0x0a] = 0x03 | 1 << 2;
    check_refused(&w, "snp-policy", "a migration agent may move the guest");
    w.report[0x0a] = 0x01;
    check_refused(&w, "snp-policy", "not a policy");
    w.report[0x0a] = 0x03;
    memset(w.report + 0x30, 0xff, 4);
    check_refused(&w, "snp-vmpl", "asked for by the host");
    memset(w.report + 0x30, 0, 4);
    w.report[0x90] ^= 1;
    check_refused(&w, "snp-measurement", "is not in reference/*.yaml");
    world_close(&w);
}
END_TEST

START_TEST(revoked_keys_and_stale_lists_do_not_count)
{
    World w;
    world_open(&w, 2);
    pki_put_list(&w.folder, "amd/ark.crl", w.ark, w.ark_key, PKI_NOW - 3600, NULL);
    check_accepted(&w);
    pki_put_list(&w.folder, "amd/ark.crl", w.ark, w.ark_key, PKI_NOW - 3600, w.ask);
    check_refused(&w, "snp-revocation", "certificate SEV-Test is revoked by ARK-Test");
    pki_put_list(&w.folder, "amd/ark.crl", w.ark, w.ark_key, PKI_NOW - 2 * PKI_VALID_S, NULL);
    check_refused(&w, "snp-revocation", "the revocation list of ARK-Test is stale");
    world_close(&w);
}
END_TEST

START_TEST(a_chain_that_ends_elsewhere_is_refused)
{
    World w;
    world_open(&w, 2);
    X509 *other = pki_certificate(&(PkiRequest){.name = "ARK-Test", .key = w.ask_key, .is_ca = true, .pss = true, .serial = 1});
    pki_put(&w.folder, "amd/ark.der", other);
    check_refused(&w, "snp-chain", "no certificate of ARK-Test that signed it; put ARK and ASK");
    X509_free(other);
    world_close(&w);
}
END_TEST

TEST_MAIN("attest/snp_world", every_known_version_is_accepted_and_no_other, fields_that_a_version_does_not_have_must_be_0,
          turin_orders_its_tcb_otherwise_and_has_short_chip_names, an_operators_key_signs_for_any_of_its_chips,
          a_key_of_another_chip_or_another_tcb_does_not_count, firmware_that_contradicts_itself_is_refused, a_guest_that_others_may_open_is_refused,
          revoked_keys_and_stale_lists_do_not_count, a_chain_that_ends_elsewhere_is_refused)
