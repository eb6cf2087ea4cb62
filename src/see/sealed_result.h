/**
 * A sealed result as it leaves a SEE: this head, then a sealed stream (crypto/stream.h) under derive_result_key(result key, task, stage_and_job, salt)
 * with the SHA-256 of the head as salt in the derivation, so that nothing in the head can be changed. docs/formats/result.md
 *
 * first and end say which segments of the dataset went into it: one at stage 0; at a combining stage the SEE checks that its inputs follow each other
 * without gap or overlap, and joins them. Whoever unseals the output checks that it covers all segments once: a manager cannot leave out,
 * repeat or swap anything unnoticed.
 */
#pragma once
#include <stdint.h>

#define SEALED_RESULT_MAGIC UINT32_C(0x53455243) /* "CRES" */

typedef struct {
    uint32_t magic, format;
    uint8_t task_id[16];
    uint64_t stage_and_job;
    uint64_t first, end;     /* segments [first, end) */
    uint64_t plain_size;
    uint8_t salt[16];        /* fresh in every SEE */
} SealedResultHead;          /* 72 bytes */

_Static_assert(sizeof(SealedResultHead) == 72, "the layout is a format");
