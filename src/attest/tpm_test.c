/* Does a real quote verify, and is every other one refused by the claim that it breaks? The TPM is swtpm, which speaks the real protocol. */
#include <sodium.h>

#include "attest/fixture.h"
#include "attest/tpm.h"
#include "attest/tpm_fixture.h"

typedef struct { TestTpm tpm; Folder folder; uint8_t report_data[64]; Buffer evidence; } World;

static Buffer collected(const World *w)
{
    Buffer evidence = buffer_limited(TPM_EVIDENCE_BYTES_MAX);
    Diag why = {0};
    Err e = collect_tpm(w->report_data, &evidence, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    return evidence;
}

static void enrol(const World *w, const char *file)
{
    AUTO_BUFFER key = buffer_limited(256);
    Diag why = {0};
    Err e = collect_tpm_key(&key, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    folder_put(&w->folder, file, view_buffer(&key));
}

/* Accepts the PCRs as they are in the evidence. */
static void accept_pcrs(const World *w)
{
    TpmEvidence e;
    ck_assert_ok(tpm_evidence_parse(view_buffer(&w->evidence), &e, NULL));
    AUTO_BUFFER yaml = buffer_limited(1 << 16);
    ck_assert_ok(buffer_format(&yaml, "tpm:\n"));
    for (unsigned i = 0; i < TPM_PCRS; i++) {
        char hex[2 * TPM_PCR_BYTES + 1];
        sodium_bin2hex(hex, sizeof hex, e.values[i], TPM_PCR_BYTES);
        if (e.pcrs & 1u << i) ck_assert_ok(buffer_format(&yaml, "  pcr%u: [%s]\n", i, hex));
    }
    folder_put(&w->folder, "reference/boot.yaml", view_buffer(&yaml));
}

/* A boot: every register has another value. */
static void boot(const TestTpm *t)
{
    for (unsigned i = 0; i < 8; i++) test_tpm_extend(t, ESYS_TR_PCR0 + i, (uint8_t)(i + 1));
}

static World world_open(void)
{
    World w = {.tpm = test_tpm_start(), .folder = folder_new()};
    boot(&w.tpm);
    for (size_t i = 0; i < sizeof w.report_data; i++) w.report_data[i] = (uint8_t)i;
    w.evidence = collected(&w);
    enrol(&w, "tpm/ak-node.pub");
    accept_pcrs(&w);
    return w;
}

static void world_close(World *w)
{
    buffer_free(&w->evidence);
    folder_free(&w->folder);
    test_tpm_end(&w->tpm);
}

static Verdict appraised(const World *w, View evidence, const uint8_t *report_data)
{
    Verdict v = {0};
    Collateral *c = folder_load(&w->folder);
    appraise_tpm(evidence, report_data, c, 1, &v);
    collateral_free(&c);
    return v;
}

/* Refused, and by that claim alone. */
static void assert_refused_by(const Verdict *v, const char *claim, const char *text)
{
    ck_assert(!v->accepted);
    ck_assert_claim(v, claim, false, text);
    for (size_t i = 0; i < v->count; i++)
        ck_assert_msg(v->claims[i].passed || strcmp(v->claims[i].claim, claim) == 0, "%s: %s", v->claims[i].claim, v->claims[i].reason);
}

START_TEST(a_quote_of_an_enrolled_key_verifies)
{
    World w = world_open();
    Verdict v = appraised(&w, view_buffer(&w.evidence), w.report_data);
    ck_assert(v.accepted);
    ck_assert_claim(&v, "tpm-key", true, "ak-node.pub");
    ck_assert_claim(&v, "tpm-report-data", true, "bound to the node key and the nonce");
    ck_assert_claim(&v, "tpm-pcr7", true, "");
    world_close(&w);
}
END_TEST

START_TEST(a_quote_on_its_own_says_that_it_is_bound_to_nothing)
{
    World w = world_open();
    Verdict v = appraised(&w, view_buffer(&w.evidence), NULL);
    ck_assert_claim(&v, "tpm-report-data", true, "bound to no node key and no nonce");
    world_close(&w);
}
END_TEST

START_TEST(another_nonce_or_node_key_is_refused)
{
    World w = world_open();
    for (size_t i = 0; i < sizeof w.report_data; i++) { /* report data is a digest of both */
        w.report_data[i] ^= 1;
        Verdict v = appraised(&w, view_buffer(&w.evidence), w.report_data);
        assert_refused_by(&v, "tpm-report-data", "made for another node key or another nonce");
        w.report_data[i] ^= 1;
    }
    world_close(&w);
}
END_TEST

START_TEST(other_software_is_refused)
{
    World w = world_open();
    test_tpm_extend(&w.tpm, ESYS_TR_PCR4, 0x5a);
    AUTO_BUFFER after = collected(&w);
    Verdict v = appraised(&w, view_buffer(&after), w.report_data);
    assert_refused_by(&v, "tpm-pcr4", "is not in reference/*.yaml (tpm: pcr4)");
    v = appraised(&w, view_buffer(&w.evidence), w.report_data);
    ck_assert(v.accepted); /* the old quote holds for the old nonce: freshness is the nonce's business */
    world_close(&w);
}
END_TEST

START_TEST(values_that_were_not_quoted_are_refused)
{
    World w = world_open();
    AUTO_BUFFER changed = buffer_limited(TPM_EVIDENCE_BYTES_MAX);
    test_tpm_extend(&w.tpm, ESYS_TR_PCR0, 0x5a);
    AUTO_BUFFER after = collected(&w);
    size_t values = TPM_PCR_BYTES * 8; /* the quote of now, with the accepted values of then */
    ck_assert_ok(buffer_append(&changed, view_of(after.data, after.size - values)));
    ck_assert_ok(buffer_append(&changed, view_of(w.evidence.data + w.evidence.size - values, values)));
    Verdict v = appraised(&w, view_buffer(&changed), w.report_data);
    assert_refused_by(&v, "tpm-pcr-digest", "not those that the TPM signed");
    world_close(&w);
}
END_TEST

START_TEST(another_tpm_is_refused)
{
    World w = world_open();
    TestTpm other = test_tpm_start();
    boot(&other);
    AUTO_BUFFER evidence = collected(&w); /* the same PCRs, the same report data */
    Verdict v = appraised(&w, view_buffer(&evidence), w.report_data);
    assert_refused_by(&v, "tpm-key", "is not enrolled: put that node's key into tpm/ak-NAME.pub");
    enrol(&w, "tpm/ak-other.pub");
    v = appraised(&w, view_buffer(&evidence), w.report_data);
    ck_assert_claim(&v, "tpm-key", true, "ak-other.pub");
    ck_assert(v.accepted);
    test_tpm_end(&other);
    world_close(&w);
}
END_TEST

/* The enrolled key's public area before a quote that another TPM signed. */
START_TEST(a_quote_under_anothers_key_is_refused)
{
    World w = world_open();
    TestTpm other = test_tpm_start();
    boot(&other);
    AUTO_BUFFER evidence = collected(&w);
    size_t key = 2u + w.evidence.data[1];
    ck_assert_uint_eq(evidence.data[1], w.evidence.data[1]);
    memcpy(evidence.data, w.evidence.data, key);
    Verdict v = appraised(&w, view_buffer(&evidence), w.report_data);
    ck_assert(!v.accepted);
    ck_assert_claim(&v, "tpm-key", true, "ak-node.pub");
    ck_assert_claim(&v, "tpm-signer", false, "names another signer");
    ck_assert_claim(&v, "tpm-signature", false, "not signed by the key");
    test_tpm_end(&other);
    world_close(&w);
}
END_TEST

START_TEST(no_bit_can_be_changed)
{
    World w = world_open();
    TpmEvidence whole;
    ck_assert_ok(tpm_evidence_parse(view_buffer(&w.evidence), &whole, NULL));
    size_t quoted = (size_t)(whole.quoted.data - w.evidence.data);
    Collateral *c = folder_load(&w.folder);
    for (size_t bit = 0; bit < 8 * w.evidence.size; bit++) {
        size_t at = bit / 8;
        w.evidence.data[at] ^= (uint8_t)(1u << bit % 8);
        Verdict v = {0};
        appraise_tpm(view_buffer(&w.evidence), w.report_data, c, 1, &v);
        ck_assert_msg(!v.accepted, "byte %zu bit %zu", at, bit % 8);
        const VerdictClaim *format = claim_of(&v, "tpm-format"), *signature = claim_of(&v, "tpm-signature");
        bool is_quoted = at >= quoted && at < quoted + whole.quoted.size;
        ck_assert_msg(!is_quoted || !format->passed || !signature->passed, "byte %zu is not under the signature", at);
        w.evidence.data[at] ^= (uint8_t)(1u << bit % 8);
    }
    collateral_free(&c);
    world_close(&w);
}
END_TEST

START_TEST(evidence_that_is_cut_or_longer_is_malformed)
{
    World w = world_open();
    for (size_t size = 0; size < w.evidence.size; size++) {
        Verdict v = appraised(&w, view_of(w.evidence.data, size), w.report_data);
        assert_refused_by(&v, "tpm-format", "");
    }
    ck_assert_ok(buffer_put_u8(&w.evidence, 0));
    Verdict v = appraised(&w, view_buffer(&w.evidence), w.report_data);
    assert_refused_by(&v, "tpm-format", "exactly the values of the PCRs");
    world_close(&w);
}
END_TEST

START_TEST(without_reference_values_nothing_is_accepted)
{
    World w = world_open();
    folder_put(&w.folder, "reference/boot.yaml", VIEW("tpm:\n  pcr0: []\n"));
    Verdict v = appraised(&w, view_buffer(&w.evidence), w.report_data);
    assert_refused_by(&v, "tpm-pcrs", "no accepted PCR values in reference/*.yaml");
    world_close(&w);
}
END_TEST

START_TEST(what_is_quoted_can_be_chosen_and_asked_for)
{
    World w = world_open();
    ck_assert_int_eq(setenv("COVEY_TPM_PCRS", "0,1,2,3,4,5,6,7,9,10,11,14,23", 1), 0); /* more than a TPM reads at once */
    AUTO_BUFFER more = collected(&w);
    ck_assert(appraised(&w, view_buffer(&more), w.report_data).accepted);
    ck_assert_int_eq(setenv("COVEY_TPM_PCRS", "0,1,2,3,4,5,6", 1), 0);
    AUTO_BUFFER fewer = collected(&w);
    Verdict v = appraised(&w, view_buffer(&fewer), w.report_data);
    assert_refused_by(&v, "tpm-pcr7", "not quoted; that node sets COVEY_TPM_PCRS");
    world_close(&w);
}
END_TEST

START_TEST(a_wrong_choice_of_registers_is_a_wrong_use)
{
    static const char *const WRONG[] = {"24", "0-7", "1,", ",1", "1,,2", " 1", "-1", "x", "99999999999999999999"};
    const uint8_t report_data[64] = {0};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        AUTO_BUFFER evidence = buffer_limited(TPM_EVIDENCE_BYTES_MAX);
        Diag why = {0};
        ck_assert_int_eq(setenv("COVEY_TPM_PCRS", WRONG[i], 1), 0);
        ck_assert_err(collect_tpm(report_data, &evidence, &why), ERR_USAGE);
        ck_assert_ptr_nonnull(strstr(why.text, "takes PCR numbers from 0 to 23"));
        ck_assert_uint_eq(evidence.size, 0);
    }
}
END_TEST

START_TEST(a_key_is_the_same_after_every_start)
{
    World w = world_open();
    test_tpm_stop(&w.tpm);
    test_tpm_power_on(&w.tpm);
    AUTO_BUFFER early = collected(&w);
    Verdict v = appraised(&w, view_buffer(&early), w.report_data);
    ck_assert_claim(&v, "tpm-key", true, "ak-node.pub");
    ck_assert_claim(&v, "tpm-pcr0", false, "0000000000000000");
    boot(&w.tpm);
    AUTO_BUFFER booted = collected(&w);
    ck_assert(appraised(&w, view_buffer(&booted), w.report_data).accepted);
    world_close(&w);
}
END_TEST

START_TEST(collecting_leaves_nothing_in_the_tpm)
{
    World w = world_open();
    for (int i = 0; i < 5; i++) { /* a TPM has room for three keys */
        AUTO_BUFFER evidence = collected(&w);
        ck_assert(appraised(&w, view_buffer(&evidence), w.report_data).accepted);
    }
    world_close(&w);
}
END_TEST

START_TEST(no_tpm_is_said_and_leaves_the_output_alone)
{
    const uint8_t report_data[64] = {0};
    AUTO_BUFFER evidence = buffer_limited(TPM_EVIDENCE_BYTES_MAX);
    Diag why = {0};
    ck_assert_int_eq(setenv("TSS2_LOG", "all+NONE", 1), 0);
    ck_assert_int_eq(setenv("COVEY_TCTI", "device:/nowhere/tpm", 1), 0);
    ck_assert(tpm_present()); /* somebody named one */
    ck_assert_err(collect_tpm(report_data, &evidence, &why), ERR_LEVEL);
    ck_assert_ptr_nonnull(strstr(why.text, "device:/nowhere/tpm: can't be reached; set COVEY_TCTI"));
    ck_assert_err(collect_tpm_key(&evidence, &why), ERR_LEVEL);
    ck_assert_uint_eq(evidence.size, 0);
    unsetenv("COVEY_TCTI");
    ck_assert(tpm_present() == (access("/dev/tpmrm0", R_OK | W_OK) == 0));
}
END_TEST

TEST_MAIN("attest/tpm", a_quote_of_an_enrolled_key_verifies, a_quote_on_its_own_says_that_it_is_bound_to_nothing, another_nonce_or_node_key_is_refused,
          other_software_is_refused, values_that_were_not_quoted_are_refused, another_tpm_is_refused, a_quote_under_anothers_key_is_refused,
          no_bit_can_be_changed, evidence_that_is_cut_or_longer_is_malformed, without_reference_values_nothing_is_accepted,
          what_is_quoted_can_be_chosen_and_asked_for, a_wrong_choice_of_registers_is_a_wrong_use,
          a_key_is_the_same_after_every_start, collecting_leaves_nothing_in_the_tpm, no_tpm_is_said_and_leaves_the_output_alone)
