/* Figure appraise: verdicts on evidence, by kind. The reports are recorded real ones; a kind whose recording is not on this
 * machine is left out with a line. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "attest/appraise.h"
#include "attest/tpm_sample.h"
#include "base/limits.h"
#include "bench/runner/figure.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { ROUNDS = 9, PER_ROUND = 100 };
static const uint64_t NOW = 1790000000; /* the recordings are of before */

typedef struct { View evidence; const Collateral *collateral; const AppraisalPolicy *policy; } Subject;
typedef void (*Appraiser)(const Subject *s, Verdict *v);

static void appraise_whole(const Subject *s, Verdict *v)
{
    Evidence ignored;
    appraise(s->evidence, s->policy, s->collateral, v, &ignored);
}
static void appraise_a_tpm(const Subject *s, Verdict *v) { appraise_tpm(s->evidence, TPM_SAMPLE_REPORT_DATA, s->collateral, NOW, v); }
static void appraise_a_report(const Subject *s, Verdict *v) { appraise_snp(s->evidence, NULL, s->collateral, NOW, v); }
static void appraise_a_quote(const Subject *s, Verdict *v) { appraise_tdx(s->evidence, NULL, s->collateral, NOW, v); }

/* A verdict that fails early would be fast: `passed` says how many claims must pass. */
static Err measure_kind(const char *who, Appraiser appraiser, const Subject *s, size_t passed, Figure *f, Diag *diag)
{
    Samples rate = {0};
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t start = clock_monotonic_ns();
        for (int i = 0; i < PER_ROUND; i++) {
            Verdict v = {0};
            size_t good = 0;
            appraiser(s, &v);
            for (size_t k = 0; k < v.count; k++) good += v.claims[k].passed;
            if (good < passed) return FAIL_WHY(diag, ERR_CORRUPT, "%s: %zu claims passed, not %zu: what is refused early has no speed", who, good, passed);
        }
        samples_add(&rate, PER_ROUND / ((double)(clock_monotonic_ns() - start) / 1e9));
    }
    figure_add(f, who, "verdicts/s", samples_spread(&rate), 0);
    return OK;
}

static Err measure_node_key(Figure *f, Diag *diag)
{
    SecretKey secret;
    TrustedKeys nodes = {.count = 1};
    AUTO_BUFFER cose = buffer_limited(EVIDENCE_BYTES_MAX);
    crypto_sign_keypair(nodes.keys[0].bytes, secret.bytes);
    const Evidence e = {.level = LEVEL_PROCESS, .issued = NOW, .expires = NOW + 300, .node = nodes.keys[0], .kind = EVIDENCE_NODE_KEY};
    const AppraisalPolicy policy = {.kinds = EVIDENCE_NODE_KEY, .level = LEVEL_PROCESS, .nodes = &nodes, .any_image = true, .now = NOW};
    TRY(evidence_encode(&e, &secret, &cose));
    Verdict v;
    Evidence ignored;
    appraise(view_buffer(&cose), &policy, NULL, &v, &ignored);
    if (!v.accepted) return FAIL_WHY(diag, ERR_CORRUPT, "evidence of kind node-key is refused");
    const Subject s = {.evidence = view_buffer(&cose), .policy = &policy};
    return measure_kind("node-key: COSE, claims, the node's signature", appraise_whole, &s, v.count, f, diag);
}

/* bench/run lays the recorded evidence beside its collateral. */
static bool recorded(const Bench *b, const char *name, Buffer *ret_content)
{
    char path[PATH_BYTES_MAX];
    snprintf(path, sizeof path, "%s/attestation/%s", b->folder, name);
    *ret_content = buffer_limited(MIB);
    return file_read(AT_FDCWD, path, ret_content).code == 0;
}

static Err measure_recorded(const Bench *b, const Collateral *c, Figure *f, Diag *diag)
{
    AUTO_BUFFER report = {0}, quote = {0};
    Subject s = {.collateral = c, .evidence = view_of(TPM_SAMPLE, sizeof TPM_SAMPLE)};
    TRY(measure_kind("tpm2: quote, enrolled key, PCRs", appraise_a_tpm, &s, 5, f, diag));
    if (recorded(b, "snp.report", &report)) {
        s.evidence = view_buffer(&report);
        TRY(measure_kind("sev-snp: report, VCEK, ASK, ARK, TCB", appraise_a_report, &s, 11, f, diag));
    } else {
        figure_note(f, "sev-snp: no recorded report on this machine, left out. ");
    }
    if (!recorded(b, "tdx.quote", &quote)) {
        figure_note(f, "tdx: no recorded quote on this machine, left out. ");
        return OK;
    }
    s.evidence = view_buffer(&quote);
    return measure_kind("tdx: quote, QE report, PCK chain, collateral", appraise_a_quote, &s, 5, f, diag);
}

/* Enrols the TPM of the sample and accepts its registers. */
static Err put_tpm_collateral(const char *folder, Diag *diag)
{
    char path[PATH_BYTES_MAX + 32], pcr0[65], pcr7[65];
    AUTO_BUFFER yaml = buffer_limited(4096);
    snprintf(path, sizeof path, "%s/tpm/ak-sample.pub", folder);
    TRY_WHY(diag, file_replace(AT_FDCWD, path, view_of(TPM_SAMPLE, TPM_SAMPLE_KEY_BYTES), 0600), "%s", path);
    sodium_bin2hex(pcr0, sizeof pcr0, TPM_SAMPLE + TPM_SAMPLE_PCR0, 32);
    sodium_bin2hex(pcr7, sizeof pcr7, TPM_SAMPLE + TPM_SAMPLE_PCR7, 32);
    TRY(buffer_format(&yaml, "tpm:\n  pcr0: [%s]\n  pcr7: [%s]\n", pcr0, pcr7));
    snprintf(path, sizeof path, "%s/reference/tpm.yaml", folder);
    TRY_WHY(diag, file_replace(AT_FDCWD, path, view_buffer(&yaml), 0600), "%s", path);
    return OK;
}

Err measure_appraise(const Bench *b, Figure *f, Diag *diag)
{
    Collateral *c;
    char folder[PATH_BYTES_MAX];
    snprintf(folder, sizeof folder, "%s/attestation/collateral", b->folder);
    if (sodium_init() < 0) return FAIL(ERR_TOOL);
    TRY(measure_node_key(f, diag));
    TRY(put_tpm_collateral(folder, diag));
    TRY(collateral_load(folder, &c, diag));
    Err e = measure_recorded(b, c, f, diag);
    collateral_free(&c);
    figure_note(f, "One core. The recordings are a Milan report, a TDX quote whose collateral is of 2023 (its statements are checked, and stale), and a software TPM's quote.");
    return e;
}
