/**
 * What the broker writes into its audit log: every appraisal, release and refusal. A flood of refusals does not fill the disk:
 * beyond REFUSAL_LINES_PER_MINUTE_MAX they are counted, and the next line that is written says how many there were.
 */
#pragma once
#include "attest/appraise.h"
#include "audit/audit.h"
#include "keybroker/ledger.h"

enum { REFUSAL_LINES_PER_MINUTE_MAX = 600 };

typedef struct { Audit *log; uint64_t minute, lines, unsaid; } Record;

typedef struct {
    uint64_t session_id, dataset_version, runs;
    uint8_t task_id[16], dataset_id[16];
    uint32_t stage;
    PublicKey node;
    const char *node_id;
    Sha256 evidence, measurement;
} Release;

/** Durable when it returns. */
MUST_USE Err record_grant(Record *r, uint64_t now_s, const Release *release);
MUST_USE Err record_wraps(Record *r, uint64_t now_s, uint64_t session_id, const uint8_t task_id[16], const PublicKey *node,
                          const uint64_t *jobs, size_t count);
MUST_USE Err record_result(Record *r, uint64_t now_s, const uint8_t task_id[16], uint64_t results);
/** An entry of the privacy ledger; durable. by: "task", or "owner" who set a budget. */
MUST_USE Err record_budget(Record *r, uint64_t now_s, const LedgerEntry *entry, const Sha256 *hash);
/** Those that failed, and how many claims there were. */
void record_verdict(Record *r, uint64_t now_s, const uint8_t task_id[16], const char *node_id, const Verdict *v);
/** what: "attest", "wrap", "result". The refusal stands, whether it could be written down or not. */
void record_refusal(Record *r, uint64_t now_s, const char *what, const uint8_t *task_id, Err e, const Diag *diag);
