/**
 * Records put apart into many parts in one pass and bounded memory: what does not fit into memory goes to a file without a name, sealed under a
 * key that lives as long as the call, so that no plaintext reaches a disk.
 */
#pragma once
#include "base/bytes.h"

enum { SPILL_PARTS_MAX = 16384, SPILL_MEMORY = 64 << 20 };

typedef struct Spill Spill;

/** folder: where the file without a name is. errors: ERR_LIMIT (too many parts) */
MUST_USE Err spill_open(const char *folder, size_t parts, Spill **ret_spill);
MUST_USE Err spill_add(Spill *s, size_t part, View bytes);
/** What was added to a part, in order, in pieces. */
MUST_USE Err spill_read(Spill *s, size_t part, Err (*sink)(void *context, View bytes), void *context);
void spill_free(Spill **spill);
