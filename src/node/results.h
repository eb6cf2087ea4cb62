/** Results of one task on their way to the manager: gathered into one message per turn of the loop, or of several turns (results_due). */
#pragma once
#include "bus/message.h"
#include "node/outbox.h"

enum {
    RESULTS_BYTES_TARGET = 4 << 20, /* a message that is larger goes out at once */
    RESULTS_HOLD_COUNT = 128,       /* of a node elsewhere */
    RESULTS_HOLD_BYTES = 256 << 10, /* worth a message, however few they are */
    RESULTS_HOLD_MS = 20,           /* no result waits longer for others, */
    RESULTS_SOON = 8,               /* nor at all where fewer come in that time */
};

typedef struct {
    Outbox *outbox;
    BatchHead head;
    const uint8_t *digest_key;
    Buffer message;
    uint32_t count;
    uint64_t sees_started;      /* not yet told */
    size_t last_size;
    uint32_t hold_count;        /* fewer results wait for others, for a moment; 0: none do */
    uint64_t since_ns;          /* the first of the message has waited since; 0: not looked at yet */
} Results;

Results results_new(Outbox *outbox, const BatchHead *head, const uint8_t digest_key[32]);
void results_free(Results *r);
/**
 * Adds one result. item->output may be memory that a SEE still writes to: it is copied once, and the digest is of the copy. An output too
 * large for the bus becomes OUTPUT_LIMIT.
 */
MUST_USE Err results_add(Results *r, const ResultItem *item);
/**
 * Whether what was gathered is worth a message. Over a bus a message costs more than a micro-job, so that results wait for others while these come
 * soon.
 *
 * each_ns  how long another result takes
 * last     nothing else is under way here, or nothing may wait any more
 */
bool results_due(Results *r, uint64_t each_ns, bool last, uint64_t now_ns);
/** Sends what was gathered. */
MUST_USE Err results_flush(Results *r);
