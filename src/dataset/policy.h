/**
 * What a dataset's owner allows: written as YAML, kept as deterministic CBOR inside the signed footer of the sealed file. docs/formats/policy.md
 *
 *   policy: flights-2026
 *   images: [sha256:..., ...]            # measurements; and/or
 *   signers: [covey-ed25519:..., ...]    # who may have signed the image
 *   level: process                       # the lowest
 *   evidence: [node-key, tpm2, sev-snp, tdx]
 *   nodes: [covey-ed25519:..., ...]      # node keys accepted with evidence node-key or tpm2; empty: any that the appraiser trusts
 *   recipients: [covey-x25519:..., ...]  # to whom results are sealed
 *   expires: 2027-01-01T00:00:00Z
 *   runs: 10                             # how many tasks may open it; 0 or absent: any number
 *   budget: {epsilon: 3}                 # only tasks with `privacy:` may open it, and their answers may cost that much together; or
 *                                        # {epsilon: 3, delta: 1e-9, accounting: zcdp}, {rho: 0.5}, and with any `person: COLUMN`
 */
#pragma once
#include "base/level.h"
#include "crypto/evidence_kind.h"
#include "crypto/hpke.h"
#include "crypto/sign.h"

enum {
    POLICY_IMAGES_MAX = 256, POLICY_SIGNERS_MAX = 64, POLICY_NODES_MAX = 1024, POLICY_RECIPIENTS_MAX = 64,
    POLICY_NAME_MAX = 128, POLICY_NUMBER_MAX = 63, POLICY_BYTES_MAX = 1 << 20
};

/** What all answers together may cost. Numbers as they were written (privacy/rational.h reads them); empty: not said. */
typedef struct {
    bool is_set;                               /* otherwise all of it is empty, and any task that the rest allows may open the data */
    bool zcdp;                                 /* epsilon and delta are accounted in zCDP, which many small answers make better use of */
    char epsilon[POLICY_NUMBER_MAX + 1], delta[POLICY_NUMBER_MAX + 1], rho[POLICY_NUMBER_MAX + 1];
    char person[POLICY_NAME_MAX + 1];          /* the column that says whose a record is: the unit is a person; empty: a record */
} PolicyBudget;

typedef struct {
    char name[POLICY_NAME_MAX + 1];
    Sha256 *images; size_t image_count;
    PublicKey *signers; size_t signer_count;
    PublicKey *nodes; size_t node_count;
    SealPublicKey *recipients; size_t recipient_count;
    SecurityLevel level;
    uint32_t evidence;      /* EvidenceKind bits */
    uint64_t expires;       /* unix seconds; 0: never */
    uint64_t runs_max;      /* 0: any number */
    PolicyBudget budget;
} Policy;

MUST_USE Err policy_parse_yaml(View yaml, const char *name, Policy *ret_policy, Diag *diag);
MUST_USE Err policy_encode(const Policy *p, Buffer *ret_cbor);
MUST_USE Err policy_decode(View cbor, Policy *ret_policy, Diag *diag);
/** Whether the numbers are numbers, and go together. errors: ERR_BAD_INPUT */
MUST_USE Err policy_budget_check(const PolicyBudget *b, Diag *diag);
/** What every policy must say. errors: ERR_BAD_INPUT */
MUST_USE Err policy_check(const Policy *p, Diag *diag);
MUST_USE Err policy_print_yaml(const Policy *p, Buffer *ret_text);
void policy_free(Policy *p);
