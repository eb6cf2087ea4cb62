/**
 * A service in simulated time, for tests of deciding: the real predictor and the real decisions over a recorded log, with places, waiting and staging
 * as the gateway has them. Fast and deterministic; what it gives are figures of a model.
 */
#pragma once
#include "predict/predict.h"
#include "pto/decide.h"
#include "pto/log.h"

typedef struct {
    DecideMode mode;
    uint64_t waiting_ns, effort_ns;   /* of a cold request, of each task; of which processor time */
    const uint64_t *waiting_of;       /* [task]: instead; NULL: none */
    uint32_t staged_max, warm_max;
    double speedup;
    size_t from, count;               /* the part that is counted; what is before teaches */
    uint64_t request_bytes, burst_bytes; /* DecideConfig */
    bool metadata;                    /* successors, as seen before the part */
} WorldConfig;

typedef struct { double waited_s; uint64_t requests, hits, late, staged, wasted, used; } WorldFigures;

/** events: in the order of their times. */
WorldFigures world_run(const EventLog *log, const LogEvent *events, size_t count, const WorldConfig *config);
