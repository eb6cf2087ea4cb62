/**
 * The manager's side of objects: images and segments that nodes ask for by content (bus/message.h: OBJECT_GET). Answers members only, in the order
 * of their requests, a bounded number of which may wait; a member that asks for more at once is told ERR_BUSY and asks again.
 * Serves what was registered and nothing else; bytes come from ranges of files, or from memory.
 */
#pragma once
#include "bus/bus.h"
#include "bus/message.h"

enum {
    OBJECT_REQUESTS_MAX = 4096,       /* waiting, of all members; */
    OBJECT_REQUESTS_EACH_MAX = 256,   /* and of one */
    OBJECT_CHUNKS_PER_TURN = 16,      /* answered before the loop gets its turn: 8 MiB */
    OBJECTS_REGISTERED_MAX = 1 << 20,
};

typedef struct ObjectServer ObjectServer;

typedef struct {
    Loop *loop;
    Bus *bus;
    ManagerId manager;
    void *context;
    bool (*is_member)(void *context, const char *node_id);
} ObjectServerConfig;

typedef struct { uint64_t bytes_sent, chunks, refused, busy, damaged; } ObjectServerStats;

MUST_USE Err object_server_new(const ObjectServerConfig *config, ObjectServer **ret_server);
void object_server_free(ObjectServer **server);

/** Registers a range of a file, which stays where it is and is read when it is asked for; its hash is computed here unless the range is known
 *  already. Each add wants its drop. errors: errno, ERR_CORRUPT (the file ends before), ERR_LIMIT, ENOMEM */
MUST_USE Err object_server_add_range(ObjectServer *s, const char *path, uint64_t offset, uint64_t size, ObjectId *ret_id);
/** A whole file, such as an image. *ret_size: its size. */
MUST_USE Err object_server_add_file(ObjectServer *s, const char *path, ObjectId *ret_id, uint64_t *ret_size);
/** Copies the bytes. */
MUST_USE Err object_server_add_bytes(ObjectServer *s, View bytes, ObjectId *ret_id);
/** Nobody needs it any more (as often as it was added). */
void object_server_drop(ObjectServer *s, const ObjectId *id);
ObjectServerStats object_server_stats(const ObjectServer *s);
