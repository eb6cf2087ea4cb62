/**
 * Data at hand: files in this machine's own folders, known by content, so that a node can be given ranges of a dataset that it has already.
 *
 * Folders are looked through again and again; what is new or has changed is hashed piece by piece beside the other work. Hashes are kept in a
 * file between runs, by path, size, time of modification and inode, so that terabytes are hashed once.
 *
 * What it gives: a file is read only while device, inode, size, mtime and ctime are those of when it was hashed, before and after the read, so
 * whoever writes to it or replaces it in the ordinary way makes reads fail rather than wrong. What it does not give: protection against one who
 * may set the clock or write to the disk below the file system, or against a mapping that is written and not yet synced. docs/operations.md
 */
#pragma once
#include "bus/message.h"
#include "sys/loop.h"

enum { HAND_FILES_MAX = 4096, HAND_DEPTH_MAX = 8, HAND_FOLDERS_MAX = 16, HAND_RESCAN_S = 30 };

typedef struct DataAtHand DataAtHand;

typedef struct { uint64_t files, files_hashed, bytes, bytes_hashed; bool complete; /* every file that was found is hashed */ } HandProgress;

/** hashes: the file that keeps them; NULL: none. Both borrowed for the call. errors: ERR_LIMIT (too many folders), errno with the folder's name */
MUST_USE Err data_at_hand_new(const char *const *folders, uint32_t count, const char *hashes, DataAtHand **ret_hand, Diag *diag);
void data_at_hand_free(DataAtHand **hand);

/** Looks the folders through again. A folder that cannot be read any more has no files. errors: ENOMEM */
MUST_USE Err data_at_hand_scan(DataAtHand *h);
/** Hashes at most about `bytes` more; *ret_more: something is left. errors: ENOMEM */
MUST_USE Err data_at_hand_hash(DataAtHand *h, uint64_t bytes, bool *ret_more);
HandProgress data_at_hand_progress(const DataAtHand *h);
/** Grows when what is at hand changes. */
uint64_t data_at_hand_version(const DataAtHand *h);

bool data_at_hand_has(const DataAtHand *h, const ObjectId *id, uint64_t size);
/** Where it lies, or NULL; borrowed until the next scan. `size` 0: any. */
const char *data_at_hand_path(const DataAtHand *h, const ObjectId *id, uint64_t size);
/** The hash of a file that is known and unchanged. errors: ERR_NO_ENTRY */
MUST_USE Err data_at_hand_id(DataAtHand *h, const char *path, ObjectId *ret_id, uint64_t *ret_size);
/** `size` bytes at `offset`. errors: ERR_NO_ENTRY (not at hand), ERR_CORRUPT (it has changed: it is not at hand any more, and `place` holds
 *  anything), errno */
MUST_USE Err data_at_hand_read(DataAtHand *h, const ObjectId *id, uint64_t object_size, uint64_t offset, uint8_t *place, uint64_t size);
/** The largest NODE_DATASETS_MAX of them, for NODE. errors: ENOMEM */
MUST_USE Err data_at_hand_list(const DataAtHand *h, Buffer *b);
