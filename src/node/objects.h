/**
 * Fetching objects from managers into the store: images and segments. Asks for pieces, several at once, as many as the way there carries
 * (additive increase, multiplicative decrease); asks again for what does not come; believes nothing before the whole has the hash.
 * A manager that is silent, lies or trickles costs one of a bounded number of places and is given up; memory is a bit for each piece.
 */
#pragma once
#include "bus/bus.h"
#include "node/store.h"

enum {
    OBJECTS_ACTIVE_MAX = 16,          /* fetched at the same time, */
    OBJECTS_ACTIVE_EACH_MAX = 8,      /* from one manager */
    OBJECTS_PIECES_MAX = 16,          /* of one object asked for at the same time */
    OBJECTS_CORRUPT_MAX = 3,          /* wholes with another hash, until the object is given up */
    OBJECTS_PATIENCE_S = 30,          /* without a piece, or without room on the disk */
};

typedef struct Objects Objects;
typedef struct ObjectFetch ObjectFetch;

/** Somebody who waits for an object; {0} does not. Lies with its owner and must not move while it waits. */
typedef struct ObjectWant {
    struct ObjectWant *next;
    ObjectFetch *fetch;               /* NULL: does not wait */
    ManagerId from;
    /** Once: it is in the store (OK), or cannot be had, and `why` says so in a line. Not called inside objects_want; may not unwant others. */
    void (*done)(struct ObjectWant *want, Err result, const char *why);
} ObjectWant;

typedef struct {
    Loop *loop;
    Bus *bus;
    const char *node_id;              /* borrowed */
    Store *store;                     /* borrowed */
    uint64_t patience_ns;             /* 0: OBJECTS_PATIENCE_S */
} ObjectsConfig;

MUST_USE Err objects_new(const ObjectsConfig *config, Objects **ret_objects);
/** Nobody may be waiting any more. */
void objects_free(Objects **objects);

/** want->done and want->from are set by the caller. errors: ERR_LIMIT (larger than an object may be, or than the store), ENOMEM */
MUST_USE Err objects_want(Objects *o, const ObjectId *id, uint64_t size, ObjectWant *want);
/** It does not wait any more; does nothing for one that does not. */
void objects_unwant(Objects *o, ObjectWant *want);
/** Fetched so far, bytes; and the speed of the last larger ones, 0 when there were none. */
typedef struct { uint64_t bytes, bytes_s; uint32_t latency_us; uint64_t asked_again, corrupt; } ObjectsStats;
ObjectsStats objects_stats(const Objects *o);
