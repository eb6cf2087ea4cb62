/**
 * What placement decides on: what is known of a node, what a task asks of nodes, what one micro-job asks beside that.
 *
 * Names (owners, zones, images, node ids in lists) stand here as 64-bit hashes, 0 for "not said"; fact_hash makes them. Times are seconds,
 * sizes bytes, speeds relative to the reference core (1.0), prices in the unit of money of the deployment. Numbers from outside are checked
 * by placement_put_node and placement_add_task, never asserted on. All pointers are borrowed for the call; placement keeps copies.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FACT_NODE_ID_MAX = 63,
    FACT_WARM_MAX = 64,      /* warm images kept per node; more are ignored, the first count */
    FACT_DATA_MAX = 4096,    /* pieces of data at hand kept per node */
    FACT_LIST_MAX = 256,     /* zones or nodes in a list of a task */
    FACT_CORES_MAX = 65536,
};

/** What a name is called here; never 0. Not keyed: nothing may rest on it that a chosen collision would break (see quorum.h). */
uint64_t fact_hash(const char *name);

typedef struct { uint64_t content, bytes; } NodeData; /* a hash of the content, and how much of it there is */

typedef struct {
    char node_id[FACT_NODE_ID_MAX + 1];
    uint64_t owner, zone;
    uint32_t level_mask;        /* bit SecurityLevel: what its APPRAISED evidence reaches, never what it claims */
    uint32_t evidence_mask;     /* kinds of evidence that were appraised: EvidenceKind bits (crypto/evidence_kind.h) */
    uint32_t cores;
    uint64_t memory_free;       /* for one more micro-job */
    double speed;               /* of one core, reference core = 1; placement corrects it by what it measures */
    double bandwidth, latency_s;/* bytes/s towards the data; 0 bandwidth: not said, transfers are taken as free */
    double start_s;             /* starting a zygote for an image that is not warm */
    double price;               /* per core and hour */
    bool spot;                  /* may be taken away */
    double notice_s;            /* with spot: how long before it is told; for reports, no term of the score: a notice drains the node */
    double reliability;         /* 0..1: part of its micro-jobs that come back right; 0: not said, taken as 1 */
    const uint64_t *warm; size_t warm_count;   /* hashes of images with a zygote waiting */
    const NodeData *data; size_t data_count;
    bool draining;              /* gets nothing new */
} NodeFacts;

/** Weights of the score (placement.h says the formula); the task file's `placement:`. Not negative. */
typedef struct { double locality, availability, cost; } PlacementWeights;

typedef struct {
    /* hard limits */
    uint32_t level;             /* a SecurityLevel */
    uint32_t evidence_mask;     /* a node needs one of these kinds; 0: any node */
    uint64_t memory_max;
    const uint64_t *zones_allowed; size_t zones_allowed_count;     /* none: everywhere */
    const uint64_t *zones_excluded; size_t zones_excluded_count;
    const uint64_t *nodes_excluded; size_t nodes_excluded_count;   /* fact_hash of node ids */
    bool spot_allowed;
    /* score */
    PlacementWeights weights;
    uint64_t image, image_bytes;  /* 0 bytes: not known or nothing to move */
    double run_s;               /* one micro-job on the reference core, first guess; placement corrects it by what it measures. 0: 1 ms */
    double deadline_s;          /* on placement's clock; finishing earlier than this earns nothing. 0: as soon as possible */
    /* share */
    uint64_t tenant;            /* tenants share evenly, then the tasks of a tenant by share */
    double share;               /* 0: 1.0 */
} TaskNeed;

/** Of one micro-job. content 0: the data is nowhere at hand but with the manager; `bytes` must travel to every node. */
typedef struct { uint64_t content, bytes; } JobNeed;
