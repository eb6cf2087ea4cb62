/**
 * The SEE's own calls, beside WASI: resources that were predicted, signed and put into the SEE's staging area before the micro-job asked.
 * Import module `see`. A micro-job must get along without: outside a SEE, and where nothing was staged, the answer is no.
 */
#pragma once
#include <stdint.h>
#include <string.h>

#ifdef __wasm__

/** 1 when a resource for this task is staged and may be claimed by this micro-job, otherwise 0. `id` need not end with a NUL. */
__attribute__((import_module("see"), import_name("SEE_Prefetch_Available"))) int32_t SEE_Prefetch_Available(const char *id, uint32_t id_size);

/** Takes the resource. Negative when there is none by that name for this task. */
__attribute__((import_module("see"), import_name("SEE_Claim_Prefetch"))) int32_t SEE_Claim_Prefetch(const char *id, uint32_t id_size);

#else /* a native trial run: nothing is ever staged */

static inline int32_t SEE_Prefetch_Available(const char *id, uint32_t id_size) { return (void)id, (void)id_size, 0; }
static inline int32_t SEE_Claim_Prefetch(const char *id, uint32_t id_size) { return (void)id, (void)id_size, -1; }

#endif

static inline int32_t see_prefetch_available(const char *id) { return SEE_Prefetch_Available(id, (uint32_t)strlen(id)); }
static inline int32_t see_claim_prefetch(const char *id) { return SEE_Claim_Prefetch(id, (uint32_t)strlen(id)); }
