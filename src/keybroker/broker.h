/**
 * The key broker: the data owner's relying party. Releases a dataset's segment keys only to SEEs whose evidence passes the
 * dataset's policy. The core knows no bus and no clock; keybroker/service.c puts it on the bus, api/ embeds it in `covey run`
 * when the caller owns the key.
 *
 *   challenge  -> nonce (single use, NONCE_LIFETIME_S)
 *   attest     evidence over it -> a session: its key and the result key, HPKE-sealed to the SEE's, bound to that evidence
 *   wrap       per micro-job: that segment's key and size under the session key; one AEAD, no signature
 *   result     at the end: the signed footer of the result file, the result key sealed to the policy's recipients
 *
 * Private tasks: a dataset whose policy has a budget opens only to a task that says what it asks for (privacy/request.h). The broker makes the
 * noise's parameters of that itself, charges the ledger for it before the first key leaves, once for each task id, and hands the request to the SEEs
 * inside their grants. It accepts the built-in image alone for every stage but a module's first; only there is the answer's key given. At the end
 * it opens one answer for each charge (keybroker/budget.c, keybroker/state.h).
 *
 * One session per (task, node, stage): every zygote of the task on the node attests by itself and is given the same one. A run
 * is counted for each task id, which stands for one image and one set-up: with others it is refused (keybroker/state.h). State
 * (runs counted, datasets pinned, sessions) is in SQLite and survives kill -9: what is counted is on the disk before a key
 * leaves. It holds no keys: those are derived from the owner's (keybroker/derived.h), so a restarted broker goes on with the
 * same sessions and a resumed task has the same keys. Everything is audited: each release and refusal with its reason
 * (keybroker/record.h).
 */
#pragma once
#include "attest/appraise.h"
#include "crypto/keyring.h"
#include "dataset/footer.h"
#include "keybroker/ledger.h"
#include "keybroker/nonces.h"
#include "see/session_payload.h"

enum { SESSION_LIFETIME_S = 24 * 3600, ATTESTS_PER_MINUTE_MAX = 6000, RESULTS_PER_MINUTE_MAX = 600, WRAP_BATCH_MAX = 1024 };

typedef struct Broker Broker;
typedef struct {
    const char *state_dir;               /* broker.db, audit.log */
    const SecretKey *signing; const PublicKey *owner;      /* the owner's: signs result footers, and signed datasets' */
    const SealSecretKey *sealing; const SealPublicKey *sealing_public;
    const TrustedKeys *earlier;          /* signing keys that the owner had before: what they signed is the owner's too; NULL: none */
    /* The secret of a sealing key that the owner had before, for datasets that are sealed to it; NULL: none. errors: ERR_NO_ENTRY */
    Err (*find_sealing)(void *sealing_context, const SealPublicKey *wanted, SealSecretKey *ret_secret, Diag *diag);
    void *sealing_context;
    const TrustedKeys *nodes;            /* node keys accepted where the policy names none; NULL: none */
    const RevokedKeys *revoked;          /* of nodes, image signers, recipients and the owner; NULL: none */
    const char *collateral_dir;          /* NULL: none, then only node-key evidence can pass */
    /* Reads `nodes`, `revoked` and `earlier` anew if they have changed where they come from; asked before every decision. When
     * it fails nothing is released; after a change every zygote attests again. NULL: they never change. */
    Err (*refresh)(void *refresh_context, bool *ret_changed, Diag *diag);
    void *refresh_context;
    const Sha256 *aggregate;             /* measurement of the built-in image of private tasks; NULL: those are refused */
} BrokerConfig;
/** Everything that config points to is borrowed until broker_free.
 *  errors: ERR_BUSY (another broker has the state), ERR_DENIED (the owner's key is revoked), ERR_CORRUPT */
MUST_USE Err broker_new(const BrokerConfig *config, uint64_t now_s, Broker **ret_broker, Diag *diag);
void broker_free(Broker **broker);
/** Forgets sessions that have expired, and wipes their keys; to be called now and then. */
MUST_USE Err broker_sweep(Broker *b, uint64_t now_s);

MUST_USE Err broker_challenge(Broker *b, uint64_t now_s, uint8_t ret_nonce[EVIDENCE_NONCE_BYTES], Diag *diag);

typedef struct {
    uint8_t task_id[16];
    uint32_t stage;                      /* 0, or a combining stage: no segment is wrapped for it */
    char node_id[64];                    /* for the audit log; what counts is the node's key */
    View footer;                         /* the dataset's signed footer (COSE), as it stands in the file */
    View evidence;
    View privacy;                        /* a private task's PrivacyRequest; otherwise empty */
} AttestRequest;

typedef struct {
    uint64_t session_id;
    uint8_t encapsulated[HPKE_PUBLIC_BYTES], sealed[sizeof(SessionPayload) + HPKE_TAG_BYTES];
} SessionGrant;
#define SESSION_INFO "covey session v1" /* HPKE info = this | SHA-256 of the evidence; aad = task id (16) */

/** The verdict alone, for evidence that waits: nothing is counted, no key leaves, the nonce stays good, and whoever attests with it later is judged
 *  again, as things are then. errors: those of broker_attest; ERR_DENIED also for a private task */
MUST_USE Err broker_appraise(Broker *b, uint64_t now_s, const AttestRequest *request, Verdict *ret_verdict, Diag *diag);
/** errors: ERR_DENIED (a claim that failed, also in *ret_verdict; a replay; no run left; an older version), ERR_BUSY (a stale
 *  nonce; too many at once: try again from the challenge on), ERR_UNTRUSTED, ERR_BAD_SIGNATURE (not this owner's dataset),
 *  ERR_BAD_INPUT */
MUST_USE Err broker_attest(Broker *b, uint64_t now_s, const AttestRequest *request, SessionGrant *ret_grant, Verdict *ret_verdict,
                           Diag *diag);

/** The wrap of segment `job` for micro-job `job` of stage 0. plain = segment key | plain size u64 le;
 *  key = expand(session key, "covey wrap v1"); aad = task id | stage_and_job u64 le; nonce = stage_and_job u64 le | plain size
 *  u32 le, so that no key and nonce ever see two plaintexts. Sizes come from the caller's index, which the segment key's AEAD
 *  holds it to. All or none. errors: ERR_NO_ENTRY (no such session any more: attest again), ERR_DENIED (a session of a combining
 *  stage), ERR_BAD_INPUT (no such segment) */
MUST_USE Err broker_wrap(Broker *b, uint64_t now_s, uint64_t session_id, const uint64_t *jobs, const uint64_t *plain_sizes,
                         size_t count, uint8_t (*ret_wraps)[WRAP_BYTES], Diag *diag);
/** The signed footer of a task's result file: its result key sealed to each of the policy's recipients. `claims`:
 *  result_claims_encode (dataset/footer.h); a false one only makes the file fail to open.
 *  errors: ERR_NO_ENTRY (no such task), ERR_DENIED (a recipient is revoked), ERR_BAD_INPUT, ERR_BUSY */
MUST_USE Err broker_result_footer(Broker *b, uint64_t now_s, const uint8_t task_id[16], View claims, Buffer *ret_cose,
                                  Diag *diag);

/* --- the privacy budget: keybroker/budget.c --- */

typedef struct {
    uint8_t dataset[16];
    uint64_t version;                    /* the newest that was seen */
    const char *name, *person;           /* of the policy; person "": the unit is a record */
    Account account;
    bool is_set;                         /* by the owner, in place of the policy's */
} BudgetFacts;
typedef Err (*BudgetVisit)(void *context, const BudgetFacts *facts);
/** Each dataset with a budget that was seen. errors: ERR_CORRUPT (the ledger was put back or changed) */
MUST_USE Err broker_budgets(Broker *b, BudgetVisit visit, void *context, Diag *diag);
/** What was charged to one dataset, and set, in order. */
MUST_USE Err broker_charges(Broker *b, const uint8_t dataset[16], Err (*visit)(void *context, const LedgerEntry *entry), void *context, Diag *diag);
/** In place of the policy's budget from now on; what was spent stays spent. errors: ERR_NO_ENTRY (never seen, or without a budget), ERR_BAD_INPUT */
MUST_USE Err broker_set_budget(Broker *b, uint64_t now_s, const uint8_t dataset[16], const PolicyBudget *budget, Diag *diag);
/** What holds for a dataset that may not have been seen yet, by its signed footer. errors: those of the footer, ERR_DENIED (no budget) */
MUST_USE Err broker_account(Broker *b, View footer, Account *ret_account, Diag *diag);
/** Remembers a dataset by its signed footer, as an attestation would. */
MUST_USE Err broker_see_dataset(Broker *b, View footer, uint8_t ret_dataset[16], Diag *diag);
