/** Results of one task on their way to the manager: gathered into one message per turn of the loop. */
#pragma once
#include "bus/message.h"
#include "node/outbox.h"

enum { RESULTS_BYTES_TARGET = 4 << 20 }; /* a message that is larger goes out at once */

typedef struct {
    Outbox *outbox;
    BatchHead head;
    const uint8_t *digest_key;
    Buffer message;
    uint32_t count;
    uint64_t sees_started;      /* not yet told */
    size_t last_size;
} Results;

Results results_new(Outbox *outbox, const BatchHead *head, const uint8_t digest_key[32]);
void results_free(Results *r);
/**
 * Adds one result. item->output may be memory that a SEE still writes to: it is copied once, and the digest is of the copy. An output too
 * large for the bus becomes OUTPUT_LIMIT.
 */
MUST_USE Err results_add(Results *r, const ResultItem *item);
/** Sends what was gathered. */
MUST_USE Err results_flush(Results *r);
