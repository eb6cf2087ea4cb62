/** What objects.c (who wants what, and in which order) and objects_fetch.c (the pieces of one object) share. */
#pragma once
#include "node/objects.h"

typedef struct { uint32_t piece; bool used, lost; uint64_t sent_ns; } PieceAsk;

struct ObjectFetch {
    ObjectFetch *next_here;           /* hash table */
    ObjectFetch *before, *after;      /* in order of arrival */
    ObjectId id;
    uint64_t size;
    ObjectWant *wants;                /* never empty; the first one's manager is asked */
    bool active;
    StorePart part;
    uint32_t piece_count, next_piece, got_count;
    uint8_t *got;                     /* a bit for each piece */
    PieceAsk asks[OBJECTS_PIECES_MAX];
    uint32_t window, arrived;         /* pieces on their way; that came since the window last grew */
    uint64_t rtt_ns;                  /* smoothed; 0: none yet */
    uint64_t began_ns, heard_ns;      /* the fetch; the last piece */
    uint64_t pause_ns;                /* nothing is done before */
    uint64_t no_room_ns;              /* since when; 0: there was always room */
    uint32_t corrupt;
};

enum { OBJECTS_BUCKETS = 1 << 10 };

struct Objects {
    ObjectsConfig config;
    BusSubscription *subscription;
    LoopSource *timer;
    ObjectFetch *first, *last;
    ObjectFetch *buckets[OBJECTS_BUCKETS];
    uint32_t active_count;
    ObjectsStats stats;
};

/** objects.c. The fetch is over: everybody who waits hears of it, and it is freed. */
void fetch_end(Objects *o, ObjectFetch *f, Err result, const char *why);

/** objects_fetch.c. errors of both: ENOMEM. They may end the fetch: *ret_ended. */
MUST_USE Err fetch_turn(Objects *o, ObjectFetch *f, uint64_t now_ns, bool *ret_ended);
MUST_USE Err fetch_take(Objects *o, ObjectFetch *f, const ObjectChunk *chunk, uint64_t now_ns);
void fetch_none(Objects *o, ObjectFetch *f, int32_t code, uint64_t now_ns);
/** Forgets what was got, and gives its place and room up. */
void fetch_stop(Objects *o, ObjectFetch *f);
