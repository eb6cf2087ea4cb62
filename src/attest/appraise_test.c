/* Is evidence accepted for what it is, and refused with the right claim for everything that it is not? */
#include <sodium.h>

#include "attest/collect.h"
#include "attest/fixture.h"

static const uint64_t NOW = 1800000100;

typedef struct {
    SecretKey secret;
    Evidence evidence;
    uint8_t nonce[EVIDENCE_NONCE_BYTES], task_id[16];
    Sha256 task_policy, image;
    PublicKey signer;
    TrustedKeys nodes;
    AppraisalPolicy policy;
} World;

/* A world in which the evidence is accepted; each test then spoils one thing. */
static void world_make(World *w)
{
    *w = (World){0};
    uint8_t seed[crypto_sign_SEEDBYTES] = {1};
    Evidence *e = &w->evidence;
    *e = (Evidence){.level = LEVEL_PROCESS, .issued = NOW - 100, .expires = NOW + 200, .kind = EVIDENCE_NODE_KEY};
    crypto_sign_seed_keypair(e->node.bytes, w->secret.bytes, seed);
    memset(e->nonce, 0xa0, sizeof e->nonce);
    memset(e->measurement.bytes, 0xa1, 32);
    memset(e->image_signer.bytes, 0xa2, 32);
    memset(e->task_policy.bytes, 0xa3, 32);
    memset(e->task_id, 0xa4, 16);
    memcpy(w->nonce, e->nonce, sizeof w->nonce);
    memcpy(w->task_id, e->task_id, sizeof w->task_id);
    w->task_policy = e->task_policy;
    w->image = e->measurement;
    w->signer = e->image_signer;
    w->nodes.keys[w->nodes.count++] = e->node;
    w->policy = (AppraisalPolicy){.nonce = w->nonce,
                                  .task_id = w->task_id,
                                  .task_policy = &w->task_policy,
                                  .kinds = EVIDENCE_NODE_KEY,
                                  .level = LEVEL_PROCESS,
                                  .nodes = &w->nodes,
                                  .images = &w->image,
                                  .image_count = 1,
                                  .now = NOW};
}

static Verdict appraised(const World *w, const Collateral *c)
{
    AUTO_BUFFER cose = buffer_limited(EVIDENCE_BYTES_MAX);
    Verdict v;
    Evidence ignored;
    ck_assert_ok(evidence_encode(&w->evidence, &w->secret, &cose));
    appraise(view_buffer(&cose), &w->policy, c, &v, &ignored);
    return v;
}

static size_t failed_claims(const Verdict *v)
{
    size_t n = 0;
    for (size_t i = 0; i < v->count; i++) n += !v->claims[i].passed;
    return n;
}

#define ck_assert_only_failure(v, name, text) \
    do { ck_assert(!(v)->accepted); ck_assert_uint_eq(failed_claims(v), 1); ck_assert_claim((v), (name), false, (text)); } while (0)

START_TEST(evidence_of_a_trusted_node_is_accepted)
{
    World w;
    world_make(&w);
    Verdict v = appraised(&w, NULL);
    verdict_print(&v);
    ck_assert(v.accepted);
    w.policy = (AppraisalPolicy){.kinds = EVIDENCE_NODE_KEY, .level = LEVEL_SHARED, .nodes = &w.nodes, .any_image = true, .now = NOW};
    v = appraised(&w, NULL);
    ck_assert(v.accepted);
}
END_TEST

START_TEST(every_claim_is_judged_and_only_the_wrong_one_fails)
{
    World w;
    Verdict v;
    world_make(&w);
    w.nonce[31] ^= 1;
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "nonce", "replayed");
    world_make(&w);
    w.task_id[0] ^= 1;
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "task", "another task");
    world_make(&w);
    w.task_policy.bytes[0] ^= 1;
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "task-policy", "set up otherwise");
    world_make(&w);
    w.policy.level = LEVEL_MICROVM;
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "level", "process is lower than is asked for");
    world_make(&w);
    w.policy.kinds = EVIDENCE_TPM2 | EVIDENCE_SEV_SNP | EVIDENCE_TDX;
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "evidence-kind", "node-key is not among the accepted kinds");
    world_make(&w);
    w.nodes.count = 0;
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "node", "nobody trusts this node");
    world_make(&w);
    w.policy.nodes = NULL;
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "node", "nobody trusts this node");
}
END_TEST

START_TEST(an_image_is_accepted_by_measurement_or_by_signer_and_not_by_default)
{
    World w;
    Verdict v;
    world_make(&w);
    w.image.bytes[0] ^= 1;
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "image", "neither its measurement nor its signer is accepted");
    w.policy.signers = &w.signer;
    w.policy.signer_count = 1;
    v = appraised(&w, NULL);
    ck_assert(v.accepted);
    ck_assert_claim(&v, "image", true, "signer accepted");
    w.policy.image_count = w.policy.signer_count = 0;
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "image", "neither");
}
END_TEST

START_TEST(what_is_revoked_counts_for_nothing)
{
    World w;
    uint64_t since = 0;
    world_make(&w);
    RevokedKeys revoked = {.keys = &w.evidence.node.bytes, .since = &since, .count = 1};
    w.policy.revoked = &revoked;
    Verdict v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "node", "is revoked");
    revoked.keys = &w.evidence.image_signer.bytes;
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "image", "its signer is revoked");
    since = NOW + 1;
    v = appraised(&w, NULL);
    ck_assert(v.accepted);
}
END_TEST

START_TEST(it_counts_from_issue_to_expiry_with_a_minute_for_clocks)
{
    static const struct { int64_t shift; bool ok; const char *reason; } CASES[] = {
        {-160, true, "valid now"}, {-161, false, "made in the future"}, {199, true, "valid now"}, {200, false, "expired"}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        World w;
        world_make(&w);
        w.policy.now = (uint64_t)((int64_t)NOW + CASES[i].shift);
        Verdict v = appraised(&w, NULL);
        ck_assert_claim(&v, "fresh", CASES[i].ok, CASES[i].reason);
        ck_assert(v.accepted == CASES[i].ok);
    }
}
END_TEST

START_TEST(confidential_is_what_a_processor_says_and_nobody_else)
{
    World w;
    world_make(&w);
    w.evidence.level = LEVEL_CONFIDENTIAL;
    Verdict v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "level", "confidential without evidence by the processor");
}
END_TEST

START_TEST(malformed_evidence_is_a_verdict)
{
    World w;
    world_make(&w);
    Verdict v;
    Evidence e;
    appraise(VIEW("no CBOR at all"), &w.policy, NULL, &v, &e);
    ck_assert_uint_eq(v.count, 1);
    ck_assert_only_failure(&v, "evidence", "not a COSE_Sign1");
    ck_assert_uint_eq(e.kind, 0);
}
END_TEST

/* A sound report of a real processor, but made for somebody else's node key. */
START_TEST(somebody_elses_report_is_sound_and_refused)
{
    World w;
    AUTO_BUFFER hex = {0};
    if (!data_read("attestation/snp/report_milan.hex", &hex)) return;
    uint8_t report[1184];
    char reference[256];
    ck_assert_int_eq(sodium_hex2bin(report, sizeof report, (char *)hex.data, hex.size, "\n", NULL, NULL), 0);
    Folder f = folder_new();
    folder_copy(&f, "attestation/snp/vcek_milan.der", "amd/vcek.der");
    folder_copy(&f, "attestation/snp/cert_chain_milan.pem", "amd/chain.pem");
    size_t at = (size_t)snprintf(reference, sizeof reference, "snp: {measurements: [");
    sodium_bin2hex(reference + at, sizeof reference - at, report + 0x90, 48);
    strcat(reference, "]}\n");
    folder_put(&f, "reference/guest.yaml", view_text(reference));

    world_make(&w);
    w.evidence.level = w.policy.level = LEVEL_CONFIDENTIAL;
    w.evidence.kind = w.policy.kinds = EVIDENCE_SEV_SNP;
    w.evidence.node_evidence = view_of(report, sizeof report);
    Collateral *c = folder_load(&f);
    Verdict v = appraised(&w, c);
    ck_assert_only_failure(&v, "snp-report-data", "made for another node key or another nonce");
    ck_assert_claim(&v, "node", true, "the processor vouches for it");
    v = appraised(&w, NULL);
    ck_assert_only_failure(&v, "collateral", "no collateral folder");
    collateral_free(&c);
    folder_free(&f);
}
END_TEST

START_TEST(report_data_is_what_the_format_says)
{
    PublicKey node;
    uint8_t nonce[EVIDENCE_NONCE_BYTES], got[64], expected[64], input[13 + 32 + 32] = "covey node v1";
    memset(node.bytes, 1, sizeof node.bytes);
    memset(nonce, 2, sizeof nonce);
    memset(input + 13, 1, 32);
    memset(input + 45, 2, 32);
    crypto_hash_sha512(expected, input, sizeof input);
    node_report_data(&node, nonce, got);
    ck_assert_mem_eq(got, expected, 64);
}
END_TEST

TEST_MAIN("attest/appraise", evidence_of_a_trusted_node_is_accepted, every_claim_is_judged_and_only_the_wrong_one_fails,
          an_image_is_accepted_by_measurement_or_by_signer_and_not_by_default, what_is_revoked_counts_for_nothing,
          it_counts_from_issue_to_expiry_with_a_minute_for_clocks, confidential_is_what_a_processor_says_and_nobody_else,
          malformed_evidence_is_a_verdict, somebody_elses_report_is_sound_and_refused, report_data_is_what_the_format_says)
