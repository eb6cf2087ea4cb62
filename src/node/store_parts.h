/** What store.c (the objects) and store_open.c (taking over a folder) share. */
#pragma once
#include "node/store.h"

enum { STORE_BUCKETS = 1 << 12 };
#define STORE_PART_PREFIX "part."

typedef struct StoreEntry {
    struct StoreEntry *next_here, *older, *newer;
    ObjectId id;
    uint64_t size;
    uint32_t pins;
    bool missing;            /* pinned, and its file is gone */
} StoreEntry;

struct Store {
    int dir_fd;
    char *folder;
    uint64_t bytes_max;
    uint64_t bytes, coming;  /* of objects; of parts */
    uint32_t count;
    StoreEntry *oldest, *newest;
    StoreEntry *buckets[STORE_BUCKETS];
};

/** As the most recently used one. errors: ENOMEM */
MUST_USE Err store_add_entry(Store *s, const ObjectId *id, uint64_t size);
/** Hex digits. */
void store_name(const ObjectId *id, char ret_name[65]);
