/** What a SEE offers for import, with signatures: WASI preview 1 and the module `see`. */
#pragma once
#include "base/bytes.h"

/** Types as letters: i is i32, I is i64. */
typedef struct { const char *module, *function, *params, *results; } Offer;

/** The offered function of that name, or NULL. */
const Offer *offer_find(View module, View function);
/** Whether the module is one of ours at all. */
bool offer_has_module(View module);
#define OFFER_MODULE_SEE "see"
#define OFFER_MODULE_WASI "wasi_snapshot_preview1"
