/**
 * Objects on this machine's disk, by content: a folder of files named by their SHA-256. Bounded: what was used longest ago makes room for what comes.
 * The folder is this user's alone (0700, files 0600); a file is written beside and gets its name when it has been checked.
 *
 * What lies here may be damaged later, by the disk or by a person: who reads an object checks it again (store_open_checked, or the hash of what
 * was read) and evicts it when it is wrong.
 */
#pragma once
#include "bus/message.h"

enum { STORE_OBJECTS_MAX = 1 << 16 };
#define STORE_BYTES_DEFAULT (2 * GIB)

typedef struct Store Store;

/** Makes the folder, takes over what is in it, removes what was left half-written. errors: ERR_DENIED (others may use the folder), errno */
MUST_USE Err store_new(const char *folder, uint64_t bytes_max, Store **ret_store, Diag *diag);
void store_free(Store **store);

bool store_has(Store *s, const ObjectId *id, uint64_t size);
/** Counts as used now. errors: ERR_NO_ENTRY (also when the file has gone, or is not the size), errno */
MUST_USE Err store_open(Store *s, const ObjectId *id, uint64_t size, int *ret_fd);
/** The same, and its hash is right; if not it is evicted. errors: ERR_CORRUPT */
MUST_USE Err store_open_checked(Store *s, const ObjectId *id, uint64_t size, int *ret_fd);
void store_evict(Store *s, const ObjectId *id);
/** An object that is pinned is not evicted to make room. Each pin wants its unpin. */
void store_pin(Store *s, const ObjectId *id);
void store_unpin(Store *s, const ObjectId *id);

/** A file that becomes an object. {.fd = -1}: none. */
typedef struct { int fd; ObjectId id; uint64_t size; char name[80]; } StorePart;
/** errors: ERR_LIMIT (larger than all of the store), ERR_BUSY (there is room, but what holds it is pinned), ENOSPC, errno */
MUST_USE Err store_begin(Store *s, const ObjectId *id, uint64_t size, StorePart *ret_part);
/** It is complete. errors: ERR_CORRUPT (the hash is another; the part is gone), errno */
MUST_USE Err store_finish(Store *s, StorePart *part);
void store_give_up(Store *s, StorePart *part);
/** The disk is full though the store is not: lets go of everything that is not pinned. *ret_some: something was. */
void store_shrink(Store *s, bool *ret_some);
const char *store_folder(const Store *s);
uint64_t store_bytes_max(const Store *s);
