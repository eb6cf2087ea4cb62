/**
 * The agent's side of a slot (see/slot.h, docs/formats/slot.md): where the areas lie, filling it, reading the answers, wiping it.
 *
 * What the agent asked for is kept here and never read back from the slot: the SEE may have written anywhere in it.
 *
 *   level process   one micro-job; the output lies right behind the input, so that a small micro-job is one run of pages to wipe
 *   level shared    inputs packed from SLOT_DATA on, outputs and logs at fixed places, so that the same pages serve every round
 */
#pragma once
#include "base/bytes.h"
#include "base/level.h"
#include "see/slot.h"

enum {
    SLOT_INPUT_TARGET = 1 << 20, /* no further micro-job goes into a slot whose inputs are this large */
    SLOT_EXTENTS_KEPT = 8,       /* runs of pages that are wiped one by one; more are given back in one call */
};

/* Memory that all slots of a task keep between rounds, and what one slot keeps at least and at most; the rest goes back to the system. */
#define SLOTS_KEEP_BYTES (128 * MIB)
#define SLOT_KEEP_BYTES_MIN (256 * KIB)
#define SLOT_KEEP_BYTES_MAX (8 * MIB)

typedef struct {
    bool is_process;         /* one micro-job, wiped between micro-jobs */
    uint32_t jobs_max;
    uint32_t log_max;
    uint64_t input_max, output_max;
    uint64_t keep_bytes;     /* of one slot, between rounds */
    uint64_t output_stride;  /* shared: from one micro-job's output area to the next one's */
    uint64_t size;           /* of the memfd; almost all of it never holds a page */
} SlotPlan;

typedef struct {
    uint32_t job;            /* the agent's own number for it */
    uint64_t input_offset, output_offset, log_offset;
} SlotPlace;

typedef struct {
    int fd;
    uint8_t *map;
    uint32_t job_count;
    uint64_t input_end;
    SlotPlace places[SLOT_JOBS_MAX];
} Slot;

/** slot_count: how many there will be of this plan. */
SlotPlan slot_plan(SecurityLevel level, uint64_t output_max, uint32_t slot_count);
/** Bytes that well-behaved SEEs may write into one slot. */
uint64_t slot_bytes_max(const SlotPlan *plan);

MUST_USE Err slot_open(const SlotPlan *plan, Slot *ret_slot);
void slot_close(Slot *s, const SlotPlan *plan);

/** Forgets the micro-jobs of the last round. */
void slot_begin(Slot *s);
bool slot_has_room(const Slot *s, const SlotPlan *plan, uint64_t input_size);
/** Adds a micro-job and returns the place for its input: input_size bytes, to be written by the caller. Only with slot_has_room. */
uint8_t *slot_add(Slot *s, const SlotPlan *plan, uint32_t job, uint64_t stage_and_job, uint32_t attempt, uint64_t input_size);
/** The wrapped keys of the micro-job that was added last; more than one only where a slot holds one micro-job, at most SLOT_KEYS_MAX. */
void slot_set_keys(Slot *s, const SlotKey *keys, uint32_t count);
/** The input of the micro-job that was added last (with input_size 0) lies in this place of the shelf. */
void slot_set_staged(Slot *s, uint32_t place, uint64_t size);
/** Takes the micro-job that was added last out again. What was written for it is still there: see slot_recycle. */
void slot_drop_last(Slot *s);
/** The slot is complete: it may be run. */
void slot_finish(Slot *s);

/** One copy of what the SEE wrote; not yet validated (node/answer.h). */
void slot_copy_answer(const Slot *s, uint32_t place, SlotAnswer *ret_answer);
/** How many micro-jobs claim to have been answered; a sign of life, not to be believed. */
uint32_t slot_count_answered(const Slot *s);
/** Borrowed from the slot, for sizes that were validated. At `shared` the SEE still lives: copy first, then look. */
View slot_output(const Slot *s, uint32_t place, uint64_t size);
View slot_log(const Slot *s, uint32_t place, uint32_t size);

/**
 * After a round. `process`: everything that anybody wrote anywhere in the slot reads as zeros afterwards. Both levels: a slot that holds
 * more than keep_bytes gives the rest of its memory back. On failure the slot must not be used again.
 */
MUST_USE Err slot_recycle(Slot *s, const SlotPlan *plan);
