/** What the two writers share: of datasets (writer.c) and of result files (result_writer.c). */
#pragma once
#include "dataset/container.h"

struct WriterSecrets;

struct SealedWriter {
    Container container;
    SealRequest request;           /* of a dataset */
    Buffer policy;
    uint64_t prefix_bytes, records_about;
    bool has_columns;
    View columns;
    struct WriterSecrets *secrets; /* NULL for results, which come sealed */
    SealedSegment segment;         /* being written */
    Sha256 last_head;              /* of the result added last */
    bool in_segment;
    uint32_t chunk;
    size_t fill;                   /* of the held chunk */
    crypto_hash_sha256_state tags;
};
