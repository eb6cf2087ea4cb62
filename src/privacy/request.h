/**
 * What a private task asks for, as one structure of fixed size: the task file says it, the key broker charges for it and hands it to the SEEs
 * inside their grant, and the built-in image computes it. Nobody else has a say: not the arguments of a zygote, not the manager.
 * docs/formats/privacy.md says the same in words. Little-endian, no padding. Numbers that decide about noise stand as text, and are read exactly
 * (privacy/rational.h); privacy/request_query.h makes a Query of it.
 */
#pragma once
#include <stdint.h>

enum { PRIVACY_REQUEST_FORMAT = 1, PRIVACY_REQUEST_BYTES = 4096, PRIVACY_TEXT_BYTES = 4000, PRIVACY_PAD_MS_MAX = 3600 * 1000,
       PRIVACY_BLOCKS_MAX = 1 << 24, PRIVACY_BLOCK_SEGMENTS_MAX = 256 };

/** Strings in `text`, each ended by NUL, one after another; empty: not said. Then the quantiles, then the keys. */
typedef enum {
    PRIVACY_EPSILON, PRIVACY_DELTA, PRIVACY_RHO, PRIVACY_LOWER, PRIVACY_UPPER, PRIVACY_STEP, PRIVACY_CONFIDENCE,
    PRIVACY_COLUMN, PRIVACY_PERSON, PRIVACY_BY, PRIVACY_WHERE, PRIVACY_EQUALS,
    PRIVACY_STRINGS
} PrivacyString;

typedef struct {
    uint32_t format, kind;             /* PRIVACY_REQUEST_FORMAT; a QueryKind and 1 */
    uint32_t records, keys, per_key;   /* contribution bounds of a person; 1 each where the unit is a record */
    uint32_t bins, top, outputs;       /* 0 where they mean nothing */
    uint32_t flags;                    /* PRIVACY_* bits */
    uint32_t pad_ms;                   /* durations of micro-jobs are whole multiples of this; 0: as they are */
    uint32_t quantile_count, key_count;
    uint32_t text_size;                /* with every NUL; zeros behind it */
    uint32_t blocks;                   /* sample-and-aggregate: of consecutive segments each; 0: each segment is one */
    uint32_t reserved[10];
    char text[PRIVACY_TEXT_BYTES];
} PrivacyRequest;

enum { PRIVACY_CHECK_BOUNDS = 1, PRIVACY_OF_VALUES = 2, PRIVACY_OPEN_KEYS = 4, PRIVACY_CSV = 8, PRIVACY_NOT_TRUNCATED = 16, PRIVACY_FLAGS_ALL = 31 };

_Static_assert(sizeof(PrivacyRequest) == PRIVACY_REQUEST_BYTES, "the layout is a format");

/** The first segment of a block, which ends where the next one begins: as even as whole segments allow. block <= blocks, segments below 2^32. */
static inline uint64_t privacy_block_first(const PrivacyRequest *r, uint64_t segments, uint64_t block)
{
    return r->blocks ? block * segments / r->blocks : block;
}
/** How many blocks there are: micro-jobs of the first stage. */
static inline uint64_t privacy_blocks(const PrivacyRequest *r, uint64_t segments) { return r->blocks ? r->blocks : segments; }
