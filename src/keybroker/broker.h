/**
 * The key broker: the data owner's relying party. Releases a dataset's segment keys only to SEEs whose evidence passes the dataset's policy.
 * The core knows no bus and no clock; keybroker/service.c puts it on the bus, api/ embeds it in `covey run` when the caller owns the key.
 *
 *   challenge  -> nonce (single use, NONCE_LIFETIME_S)
 *   attest     evidence over that nonce -> a session: session key and result key, HPKE-sealed to the SEE's key, bound to that evidence
 *   wrap       per micro-job: that segment's key and size under the session key; one AEAD, no signature
 *
 * One session key per (task, node): every zygote of the task on the node attests by itself and is given the same one.
 * State (runs counted, versions pinned, nonces, sessions' tasks) is in SQLite and survives kill -9: what is counted is durable before a key leaves.
 * Everything is audited: each release and refusal with its reason.
 */
#pragma once
#include "attest/appraise.h"
#include "audit/audit.h"
#include "dataset/sealed.h"
#include "see/session_payload.h"

enum { NONCE_LIFETIME_S = 60, NONCES_MAX = 65536, SESSIONS_MAX = 4096, SESSION_LIFETIME_S = 24 * 3600, ATTESTS_PER_MINUTE_MAX = 6000, WRAP_BATCH_MAX = 1024 };

typedef struct Broker Broker;
typedef struct {
    const char *state_dir;               /* broker.db, audit.log */
    const SecretKey *signing; const PublicKey *owner;      /* the owner's: footers must be signed by it, result footers are */
    const SealSecretKey *sealing; const SealPublicKey *sealing_public;
    const TrustedKeys *nodes;            /* node keys trusted by default; a policy can narrow them */
    const char *collateral_dir;          /* NULL: none, then only node-key evidence can pass */
} BrokerConfig;
MUST_USE Err broker_new(const BrokerConfig *config, uint64_t now_s, Broker **ret_broker, Diag *diag);
void broker_free(Broker **broker);

MUST_USE Err broker_challenge(Broker *b, uint64_t now_s, uint8_t ret_nonce[EVIDENCE_NONCE_BYTES], Diag *diag);

/** What the task wants: names what the evidence's task_policy hash must have been made over. */
typedef struct {
    uint8_t task_id[16];
    uint32_t stage;                      /* 0, or a combining stage: then only results of this very task are opened */
    char node_id[64];
    View footer;                         /* the dataset's signed footer (COSE), as it stands in the file */
    View evidence;
} AttestRequest;

typedef struct { uint64_t session_id; uint8_t encapsulated[HPKE_PUBLIC_BYTES], sealed[sizeof(SessionPayload) + HPKE_TAG_BYTES]; } SessionGrant;
#define SESSION_INFO "covey session v1" /* HPKE info = this | SHA-256 of the evidence; aad = task id (16) */

/** errors: ERR_DENIED with the claim that failed (also in *ret_verdict), ERR_BUSY (rate), ERR_UNTRUSTED (not this owner's dataset), ERR_BAD_INPUT */
MUST_USE Err broker_attest(Broker *b, uint64_t now_s, const AttestRequest *request, SessionGrant *ret_grant, Verdict *ret_verdict, Diag *diag);

/** The wrap of segment `job` for micro-job `job` of stage 0. plain = segment key | plain size u64 le; key = expand(session key, "covey wrap v1");
 *  nonce = stage_and_job u64 le | plain size u32 le; aad = task id | stage_and_job u64 le. sizes come from the caller's index, which the segment key's AEAD holds it to. */
MUST_USE Err broker_wrap(Broker *b, uint64_t now_s, uint64_t session_id, const uint64_t *jobs, const uint64_t *plain_sizes, size_t count,
                         uint8_t (*ret_wraps)[WRAP_BYTES], Diag *diag);
/** The signed footer of a result file: the result key of the task sealed to each of the policy's recipients. */
MUST_USE Err broker_result_footer(Broker *b, uint64_t now_s, uint64_t session_id, View index_hash_claims, Buffer *ret_cose, Diag *diag);
