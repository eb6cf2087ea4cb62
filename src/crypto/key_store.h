/**
 * Key files in their folder: private to one user, made and replaced so that a crash leaves the old key or the new one, and never none.
 */
#pragma once
#include "crypto/key_file.h"

/** Makes the folder (0700) if need be and refuses one that others can enter. errors: ERR_DENIED with the remedy */
MUST_USE Err key_store_prepare(const char *directory, Diag *diag);
/** For changes of several files: held until the descriptor is closed. */
MUST_USE Err key_store_lock(const char *directory, int *ret_fd, Diag *diag);

/** Quietly ENOENT when there is none. errors: ERR_DENIED (others can use it), ERR_CORRUPT (it is left as it is) */
MUST_USE Err key_store_read(const char *directory, KeyKind kind, KeyFile *ret_file, Diag *diag);
/** The same of a file under another name, for keys that were kept. */
MUST_USE Err key_store_read_named(const char *directory, const char *name, KeyKind kind, KeyFile *ret_file, Diag *diag);
/** Of several processes that come at the same time one wins, and all have success: read what is there afterwards. */
MUST_USE Err key_store_create(const char *directory, const KeyFile *file, Diag *diag);
/** The key that was there is kept beside, as NAME.<time>, and its name is given (empty: there was none). */
enum { KEPT_NAME_MAX = 64 };
MUST_USE Err key_store_replace(const char *directory, const KeyFile *file, uint64_t now_s, char ret_kept[KEPT_NAME_MAX], Diag *diag);

/** errors: ENAMETOOLONG */
MUST_USE Err key_store_path(const char *directory, const char *name, char *ret_path, size_t room);
