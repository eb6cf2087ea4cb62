/* What this node can say about itself: the best that its hardware gives, found by asking it. */
#include "attest/collect.h"

#include <sodium.h>
#include <stdio.h>

#include "attest/tpm.h"
#include "attest/tsm.h"

void node_report_data(const PublicKey *node, const uint8_t nonce[EVIDENCE_NONCE_BYTES], uint8_t ret_report_data[64])
{
    static const char CONTEXT[] = "covey node v1";
    crypto_hash_sha512_state state;
    crypto_hash_sha512_init(&state);
    crypto_hash_sha512_update(&state, (const uint8_t *)CONTEXT, sizeof CONTEXT - 1);
    crypto_hash_sha512_update(&state, node->bytes, sizeof node->bytes);
    crypto_hash_sha512_update(&state, nonce, EVIDENCE_NONCE_BYTES);
    crypto_hash_sha512_final(&state, ret_report_data);
}

static Err collect_processor(uint32_t wanted, const uint8_t report_data[64], uint32_t *ret_kind, Buffer *ret_evidence, Diag *diag)
{
    uint32_t kind = 0;
    AUTO_BUFFER evidence = buffer_limited(NODE_EVIDENCE_BYTES_MAX);
    TRY(tsm_collect(TSM_FOLDER, report_data, &kind, &evidence, diag));
    if (!(kind & wanted)) return FAIL_WHY(diag, ERR_LEVEL, "this machine gives %s", kind == EVIDENCE_TDX ? "tdx" : "sev-snp");
    TRY(buffer_append(ret_evidence, view_buffer(&evidence)));
    *ret_kind = kind;
    return OK;
}

Err collect_node_evidence(uint32_t wish, const uint8_t report_data[64], uint32_t *ret_kind, Buffer *ret_evidence, Diag *diag)
{
    uint32_t wanted = wish ? wish : EVIDENCE_NODE_KEY | EVIDENCE_TPM2 | EVIDENCE_SEV_SNP | EVIDENCE_TDX;
    Diag processor = {"not asked for"}, tpm = {"not asked for"};
    if ((wanted & (EVIDENCE_SEV_SNP | EVIDENCE_TDX)) &&
        collect_processor(wanted, report_data, ret_kind, ret_evidence, &processor).code == 0)
        return OK;
    if (wanted & EVIDENCE_TPM2) {
        Err e = tpm_present() ? collect_tpm(report_data, ret_evidence, &tpm) : FAIL_WHY(&tpm, ERR_LEVEL, "this machine has none");
        if (e.code == 0) {
            *ret_kind = EVIDENCE_TPM2;
            return OK;
        }
    }
    if (wanted & EVIDENCE_NODE_KEY) {
        *ret_kind = EVIDENCE_NODE_KEY;
        return OK;
    }
    return FAIL_WHY(diag, ERR_LEVEL, "this machine has no such evidence: processor: %.300s; TPM: %.300s", processor.text, tpm.text);
}
