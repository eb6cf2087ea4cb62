/**
 * A sealed result as it leaves a SEE: this head, then a sealed stream (crypto/stream.h) under derive_result_key(result key of the task,
 * SHA-256 of this head), so that nothing in the head can be changed. docs/formats/result.md
 *
 * first and end say which segments of the dataset went into it: one at stage 0; at a combining stage the SEE checks that its inputs follow each other
 * without gap or overlap, and joins them. Whoever unseals the output checks that it covers all segments once: a manager cannot leave out,
 * repeat or swap anything unnoticed.
 */
#pragma once
#include <stdint.h>

#define SEALED_RESULT_MAGIC UINT32_C(0x53455243) /* "CRES" */

typedef struct {
    uint32_t magic, format;  /* format 1 */
    uint8_t task_id[16];
    uint64_t stage_and_job;
    uint64_t first, end;     /* segments [first, end) */
    uint8_t salt[16];        /* fresh in every SEE */
} SealedResultHead;          /* 64 bytes */

_Static_assert(sizeof(SealedResultHead) == 64, "the layout is a format");

/** The input of a combining micro-job: for each result its size (u32 little-endian), then the result; in input order, at most COMBINE_FANIN_MAX. */
typedef uint32_t SealedResultFrame;
