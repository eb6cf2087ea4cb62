/**
 * Spot traces: how many machines of a group there were, sampled at even distances. JSON as skypilot-org/spot-traces publishes it (Wu et al., "Can't
 * Be Late", NSDI 2024): {"metadata": {"gap_seconds": 600}, "data": [1, 0, 16, ...]}. At its end a trace begins anew.
 */
#pragma once
#include "base/bytes.h"

enum { TRACE_SAMPLES_MAX = 1 << 20, TRACE_BYTES_MAX = 16 << 20, TRACE_UP_MAX = 1 << 17 };

typedef struct {
    uint64_t gap_ns;
    uint32_t *up;     /* machines that there were */
    uint32_t most;    /* the largest of them: the size of the group; at least 1 */
    size_t count;     /* at least 1 */
} Trace;

/** errors: ERR_BAD_INPUT with "name: what" or "name:line: what", ENOMEM */
MUST_USE Err trace_parse(View json, const char *name, Trace *ret_trace, Diag *diag);
void trace_free(Trace *t);

/** Whether machine `member` (below most) of a group is there in a sample; samples count on past the end. */
static inline bool trace_up(const Trace *t, uint64_t sample, uint32_t member) { return member < t->up[sample % t->count]; }
