/**
 * What the built-in image does with records and partial results, apart from the SEE around it: pure, in memory that is given. docs/formats/privacy.md
 *
 * A partial result leaves a SEE as a frame of fixed size: u32 size, the bytes of aggregate_save, zeros. The size follows from the request alone.
 */
#pragma once
#include "aggregate/records.h"
#include "privacy/aggregate.h"
#include "privacy/request_query.h"

enum {
    WORK_FRAME_MAX = 1 << 20,
    WORK_OPEN_FRAME = 384 << 10,                 /* of open keys: room for all, as long as they may be */
    WORK_ANSWER_MAX = 8 << 20,
    WORK_MEMORY_BYTES = 56 << 20,                /* enough for any request and a segment of CONTRIBUTION_SEGMENT_BYTES_MAX */
};

typedef struct {
    const PrivacyRequest *request;
    RequestQuery query;
    Aggregate *aggregate;
    Contribution persons;
    Records records;
    uint32_t frame;       /* bytes of a partial result's frame */
} Work;

/** memory: aligned to 16, for the aggregate and the table of persons. segment_bytes: of the segment that will be fed, whose size alone decides how
 *  large the table is; 0: none. errors: those of request_read and aggregate_start */
MUST_USE Err work_begin(Work *w, const PrivacyRequest *request, uint64_t segments, uint64_t segment_bytes, void *memory, size_t size, Diag *diag);
/** A piece of the segment; then its end. errors: ERR_NO_ENTRY (a column is missing), ERR_LIMIT (2^48 records) */
MUST_USE Err work_feed(Work *w, View piece);
MUST_USE Err work_end(Work *w);
/** Adds a frame that another SEE made. errors: ERR_CORRUPT */
MUST_USE Err work_merge(Work *w, View frame);
/** What a module said for a segment; a failed one said nothing. */
void work_value(Work *w, View text);
/** The frame of all that was added. `out` is empty. errors: those of aggregate_save */
MUST_USE Err work_save(const Work *w, Buffer *out);
/** With noise, as the recipient reads it: once. */
MUST_USE Err work_release(Work *w, NoiseSource *source, uint64_t segments, Buffer *out);
