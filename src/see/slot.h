/**
 * The slot: the only memory that agent and SEE share, a sealed-size memfd. docs/formats/slot.md says the same in words.
 *
 *   0            SlotHeader
 *   64 + i*256   SlotJob i, i < SLOT_JOBS_MAX: what the agent asks, then what the SEE answers
 *   SLOT_DATA    input, output and log areas, wherever the SlotJobs put them, page-aligned, disjoint
 *
 * Little-endian (x86-64 and aarch64 both are), fixed-size fields. At level `process` a slot carries exactly one micro-job.
 * The agent writes `ask`, zeroes `answer`, and after the SEE has ended copies `answer` out once and validates the copy: the SEE is
 * hostile. The SEE reads `ask` once; it trusts the agent no more than it must (a wrong ask can only spoil this micro-job).
 */
#pragma once
#include <stdint.h>

#include "base/limits.h"
#include "see/staging.h"

#define SLOT_MAGIC UINT32_C(0x544f4c53) /* "SLOT" */

typedef struct {
    uint32_t magic;
    uint32_t job_count;
    uint8_t reserved[56];
} SlotHeader;

typedef struct {
    uint64_t stage_and_job;  /* stage << 56 | index of the micro-job: names its random stream and virtual clock */
    uint64_t input_offset, input_size;
    uint64_t output_offset, output_max;
    uint64_t log_offset;
    uint32_t log_max;
    uint32_t attempt;
    uint32_t staged;         /* 0: the input lies in the slot; otherwise in place staged-1 of the shelf (see/staging.h), whole */
    uint32_t reserved;
} SlotAsk; /* 64 bytes */

typedef struct {
    uint32_t outcome;        /* Outcome; 0 until the SEE has finished this micro-job */
    uint32_t exit_code;      /* with OUTCOME_EXIT_CODE */
    uint64_t output_size;    /* <= output_max */
    uint32_t log_size;       /* <= log_max */
    uint32_t log_truncated;  /* 1 when standard error was longer than log_max */
    uint64_t memory_peak;    /* bytes of linear memory at the end */
    uint8_t claim_refused[STAGING_PLACES]; /* of each place: why the last claim got nothing, -ClaimError (see/staging.h); 0: none was refused */
    uint8_t claim_foreign;   /* 1: it asked for another task's */
    uint8_t reserved[23];
} SlotAnswer; /* 64 bytes */

/** The key of a sealed segment, as the key broker wrapped it for this micro-job (docs/formats/session.md), and the plaintext's size; zeros when
 *  nothing is sealed. */
typedef struct { uint8_t wrap[56]; uint64_t plain_size; } SlotKey; /* 64 bytes */

typedef struct { SlotAsk ask; SlotKey key; SlotAnswer answer; uint8_t reserved[64]; } SlotJob;

_Static_assert(sizeof(SlotHeader) == 64 && sizeof(SlotAsk) == 64 && sizeof(SlotAnswer) == 64, "the layout is a format");

#define SLOT_JOB_OFFSET(i) (sizeof(SlotHeader) + (uint64_t)(i) * sizeof(SlotJob))
/** The keys of a block's further segments, where the records of further micro-jobs would be: a slot at `process` has one. */
enum { SLOT_KEYS_MAX = 256 };
#define SLOT_KEY_OFFSET(i) (SLOT_JOB_OFFSET(1) + ((uint64_t)(i) - 1) * sizeof(SlotKey))
#define SLOT_DATA ((SLOT_JOB_OFFSET(SLOT_JOBS_MAX) + 4095) & ~UINT64_C(4095))
#define STAGE_SHIFT 56
_Static_assert(SLOT_KEY_OFFSET(SLOT_KEYS_MAX) <= SLOT_DATA, "a block's keys fit");
