/**
 * A micro-job's input on its way into a slot: header, then the segment, from the message or from a file. Neighbouring ranges of one file,
 * which is what a split leaves, are read in one call straight into their places.
 */
#pragma once
#include <sys/uio.h>

#include "bus/message.h"
#include "node/files.h"
#include "node/slots.h"

/** Ranges of one file, each beginning where the one before it ended. {0} is empty. */
typedef struct {
    View path;
    uint64_t begin, end;
    struct iovec places[SLOT_JOBS_MAX];
    int count;
} InputRun;

static inline uint64_t input_size(const JobItem *item, View header) { return item->size + (item->with_header ? header.size : 0); }
/**
 * Writes what is at hand to `place` (input_size bytes). A range of a file is put off until the run is read, and what does not continue the
 * run reads it first; without a run (NULL) it is read at once.
 * errors: errno, ERR_BAD_INPUT (not a regular file), ERR_CORRUPT (the file ends before)
 */
MUST_USE Err input_place(FileCache *files, InputRun *run, const JobItem *item, View header, uint8_t *place);
/** Reads what was put off. After an error the places of the whole run hold anything. */
MUST_USE Err input_read(FileCache *files, InputRun *run);
