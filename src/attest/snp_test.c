/* Does the real report verify, and does it stop verifying with any byte changed, with any part of its chain changed or absent,
 * and at a wrong time? */
#include <sodium.h>

#include "attest/fixture.h"
#include "attest/snp.h"

static const uint64_t IN_2026 = 1767225600;

typedef struct { Folder folder; uint8_t report[SNP_REPORT_BYTES]; } World;

static void put_reference(const World *w, const char *more)
{
    char yaml[512], hex[97];
    sodium_bin2hex(hex, sizeof hex, w->report + 0x90, 48);
    snprintf(yaml, sizeof yaml, "snp:\n  measurements: [%s]\n%s", hex, more);
    folder_put(&w->folder, "reference/guest.yaml", view_text(yaml));
}

static bool world_open(World *w)
{
    AUTO_BUFFER hex = {0};
    if (!data_read("attestation/snp/report_milan.hex", &hex)) return false;
    size_t size;
    ck_assert_int_eq(sodium_hex2bin(w->report, sizeof w->report, (char *)hex.data, hex.size, "\n", &size, NULL), 0);
    ck_assert_uint_eq(size, sizeof w->report);
    w->folder = folder_new();
    folder_copy(&w->folder, "attestation/snp/vcek_milan.der", "amd/vcek.der");
    folder_copy(&w->folder, "attestation/snp/cert_chain_milan.pem", "amd/chain.pem");
    put_reference(w, "  minimum_tcb: {bootloader: 3, snp: 8, microcode: 115}\n");
    return true;
}

static void remove_file(const World *w, const char *name)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", w->folder.path, name);
    ck_assert_int_eq(unlink(path), 0);
}

static Verdict appraised(const World *w, const uint8_t *report_data, uint64_t now)
{
    Verdict v = {0};
    Collateral *c = folder_load(&w->folder);
    appraise_snp(view_of(w->report, sizeof w->report), report_data, c, now, &v);
    collateral_free(&c);
    return v;
}

START_TEST(the_real_report_verifies)
{
    World w;
    if (!world_open(&w)) return;
    Verdict v = appraised(&w, NULL, IN_2026);
    verdict_print(&v);
    ck_assert(v.accepted);
    ck_assert_claim(&v, "snp-chain", true, "ARK-Milan");
    folder_free(&w.folder);
}
END_TEST

START_TEST(no_byte_of_the_report_can_be_changed)
{
    World w;
    if (!world_open(&w)) return;
    Collateral *c = folder_load(&w.folder);
    for (size_t i = 0; i < sizeof w.report; i++) {
        w.report[i] ^= (uint8_t)(1u << i % 8);
        Verdict v = {0};
        appraise_snp(view_of(w.report, sizeof w.report), NULL, c, IN_2026, &v);
        const VerdictClaim *format = claim_of(&v, "snp-format"), *signature = claim_of(&v, "snp-signature");
        ck_assert_msg(!v.accepted, "byte %#zx", i);
        ck_assert_msg(!format->passed || !signature->passed, "byte %#zx is not under the signature", i);
        w.report[i] ^= (uint8_t)(1u << i % 8);
    }
    collateral_free(&c);
    folder_free(&w.folder);
}
END_TEST

/* With that certificate changed: it cannot be read any more, or does not convince. */
static bool still_accepted(const World *w, Collateral *c, size_t place, View changed)
{
    CertificateList list = {0};
    Diag why;
    if (certificates_add(changed, &list, &why).code) return false;
    X509 *own = c->amd.items[place];
    Verdict v = {0};
    c->amd.items[place] = list.items[0];
    appraise_snp(view_of(w->report, sizeof w->report), NULL, c, IN_2026, &v);
    c->amd.items[place] = own;
    certificates_free(&list);
    return v.accepted;
}

START_TEST(no_byte_of_a_certificate_can_be_changed)
{
    World w;
    if (!world_open(&w)) return;
    Collateral *c = folder_load(&w.folder);
    ck_assert_uint_eq(c->amd.count, 3); /* ASK, ARK, VCEK */
    for (size_t i = 0; i < c->amd.count; i++) {
        uint8_t *der = NULL;
        size_t size = (size_t)i2d_X509(c->amd.items[i], &der);
        ck_assert(still_accepted(&w, c, i, view_of(der, size)));
        for (size_t at = 0; at < size; at++) {
            der[at] ^= (uint8_t)(1u << at % 8);
            ck_assert_msg(!still_accepted(&w, c, i, view_of(der, size)), "certificate %zu, byte %zu", i, at);
            der[at] ^= (uint8_t)(1u << at % 8);
        }
        OPENSSL_free(der);
    }
    collateral_free(&c);
    folder_free(&w.folder);
}
END_TEST

START_TEST(it_counts_only_while_its_certificates_are_valid)
{
    World w;
    if (!world_open(&w)) return;
    Verdict early = appraised(&w, NULL, 1600000000), late = appraised(&w, NULL, 1949000000);
    ck_assert(!early.accepted);
    ck_assert_claim(&early, "snp-chain", false, "not valid yet");
    ck_assert(!late.accepted);
    ck_assert_claim(&late, "snp-chain", false, "SEV-VCEK has expired");
    folder_free(&w.folder);
}
END_TEST

START_TEST(report_data_binds_it_to_a_node_and_a_nonce)
{
    World w;
    if (!world_open(&w)) return;
    uint8_t data[64];
    memcpy(data, w.report + 0x50, sizeof data);
    Verdict bound = appraised(&w, data, IN_2026);
    ck_assert(bound.accepted);
    data[63] ^= 1;
    Verdict other = appraised(&w, data, IN_2026);
    ck_assert(!other.accepted);
    ck_assert_claim(&other, "snp-report-data", false, "another node key or another nonce");
    folder_free(&w.folder);
}
END_TEST

START_TEST(what_is_missing_is_named_with_the_place_to_get_it)
{
    World w;
    if (!world_open(&w)) return;
    remove_file(&w, "amd/chain.pem");
    Verdict v = appraised(&w, NULL, IN_2026);
    ck_assert_claim(&v, "snp-signature", true, "SEV-VCEK");
    ck_assert_claim(&v, "snp-chain", false, "no certificate of SEV-Milan that signed it; put ARK and ASK (https://kdsintf.amd.com/vcek/v1/Milan/cert_chain)");
    remove_file(&w, "amd/vcek.der");
    v = appraised(&w, NULL, IN_2026);
    ck_assert_claim(&v, "snp-signature", false, "?blSPL=3&teeSPL=0&snpSPL=8&ucodeSPL=115");
    remove_file(&w, "reference/guest.yaml");
    v = appraised(&w, NULL, IN_2026);
    ck_assert_claim(&v, "snp-measurement", false, "is not in reference/*.yaml");
    folder_free(&w.folder);
}
END_TEST

START_TEST(a_minimum_above_the_machine_is_not_met)
{
    World w;
    if (!world_open(&w)) return;
    put_reference(&w, "  minimum_tcb: {microcode: 116}\n");
    Verdict v = appraised(&w, NULL, IN_2026);
    ck_assert(!v.accepted);
    ck_assert_claim(&v, "snp-tcb", false, "below the minimum of reference/: fmc 0 bootloader 0 tee 0 snp 0 microcode 116");
    folder_free(&w.folder);
}
END_TEST

TEST_MAIN("attest/snp", the_real_report_verifies, no_byte_of_the_report_can_be_changed, no_byte_of_a_certificate_can_be_changed,
          it_counts_only_while_its_certificates_are_valid, report_data_binds_it_to_a_node_and_a_nonce,
          what_is_missing_is_named_with_the_place_to_get_it, a_minimum_above_the_machine_is_not_met)
