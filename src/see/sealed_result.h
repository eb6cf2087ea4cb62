/**
 * A sealed result as it leaves a SEE: this head, then a sealed stream (crypto/stream.h) under derive_result_key(result key of the task,
 * SHA-256 of this head), so that nothing in the head can be changed; then a SealedResultEnd. docs/formats/result.md
 *
 * first and end say which segments of the dataset went into it: one at stage 0; at a combining stage the SEE checks that its inputs follow each other
 * without gap or overlap, and joins them. Whoever unseals the output checks that it covers all segments once: a manager cannot leave out,
 * repeat or swap anything unnoticed.
 */
#pragma once
#include <stdint.h>

#define SEALED_RESULT_MAGIC UINT32_C(0x53455243) /* "CRES" */
enum { SEALED_RESULT_FORMAT = 2 };

typedef struct {
    uint32_t magic, format;  /* format SEALED_RESULT_FORMAT */
    uint8_t task_id[16];
    uint64_t stage_and_job;
    uint64_t first, end;     /* segments [first, end) */
    uint8_t salt[16];        /* fresh in every SEE */
} SealedResultHead;          /* 64 bytes */

_Static_assert(sizeof(SealedResultHead) == 64, "the layout is a format");

/** What copies are compared by (crypto/sealed_digest.h), and its tag under the stream's key (stream_seal_note): only a SEE can have made it. */
typedef struct { uint8_t digest[16], tag[16]; } SealedResultEnd;

enum { SEALED_RESULT_AROUND_BYTES = sizeof(SealedResultHead) + sizeof(SealedResultEnd) }; /* around the stream */

/** The input of a combining micro-job: for each result its size (u32 little-endian), then the result; in input order, at most COMBINE_FANIN_MAX. */
typedef uint32_t SealedResultFrame;
