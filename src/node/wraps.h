/**
 * The micro-jobs of a sealed task between their arrival and their key: each waits until the key broker has wrapped its segment's key for
 * it, and goes into the queue then. Keys are asked for in batches; what arrives under way goes into the next one. The keys of a block's segments are
 * asked for together.
 */
#pragma once
#include "node/broker_link.h"
#include "node/jobs.h"
#include "node/slots.h"

enum { WRAP_BATCHES_MAX = 4 }; /* asked for at the same time */

/* jobs: for each wrap its place in the table; of a block one behind another. */
typedef struct { BrokerAsk ask; uint32_t count, jobs[BROKER_WRAP_JOBS_MAX]; } WrapBatch;

typedef struct {
    uint8_t (*keys)[BROKER_WRAP_BYTES];  /* of each place in the job table, once it has one: of its first segment */
    SlotKey **blocks;                    /* of each place that had a block: the keys of all its segments; NULL: none had one */
    uint32_t *waiting;                   /* a ring of places: not asked for yet */
    uint32_t window, first, count;
    WrapBatch batches[WRAP_BATCHES_MAX];
} Wraps;

MUST_USE Err wraps_new(uint32_t window, Wraps **ret_wraps);
void wraps_free(Wraps **wraps);

/** A micro-job that holds a place in the table and is not queued yet. */
void wraps_add(Wraps *w, uint32_t job);
/** Asks for as many as may be under way. */
MUST_USE Err wraps_ask(Wraps *w, const JobTable *jobs, BrokerLink *broker, uint64_t session_id, uint64_t now_ns);
/** The batch that an answer belongs to, or NULL. */
WrapBatch *wraps_batch(Wraps *w, uint64_t token);
/** The keys of a batch: its micro-jobs are queued. errors: ERR_PROTOCOL (not as many as were asked for; the batch waits on) */
MUST_USE Err wraps_take(Wraps *w, WrapBatch *b, const BrokerWraps *answer, JobTable *jobs);
/** Asks again; *ret_lost: the broker does not answer. *ret_put_off: it is too busy. */
MUST_USE Err wraps_watch(Wraps *w, BrokerLink *broker, uint64_t now_ns, bool *ret_lost, bool *ret_put_off);
/** What was asked for waits anew: under another session. */
void wraps_restart(Wraps *w);
/** Takes back a micro-job that has no key yet, or JOB_NONE when there is none left. */
uint32_t wraps_give_up(Wraps *w);
/** The micro-job's keys go into the slot that it was just added to. */
void wraps_put(const Wraps *w, const JobTable *jobs, uint32_t job, Slot *slot);
