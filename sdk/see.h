/**
 * The SEE's own calls, beside WASI: data that was predicted, signed and staged before the micro-job asked for it. Import module `see`.
 *
 *     int32_t fd = see_claim_prefetch("score/model");
 *     if (fd >= 0) mapped = SEE_Map_Prefetch(fd, place, size);  place: aligned to SEE_MAP_ALIGN, whole pages are replaced
 *     else load_from_input();                                   the slow way, which must lead to the same result
 *
 * A micro-job must get along without: outside a SEE, and where nothing was staged, the answer is no. Whether something was staged must not
 * change the result (docs/prefetch.md).
 */
#pragma once
#include <stdint.h>
#include <string.h>

/** Why there is nothing; in each case the micro-job goes on with its ordinary input. */
enum {
    SEE_PREFETCH_NONE = -1,    /* nothing by that name is staged for this task */
    SEE_PREFETCH_CLAIMED = -2, /* it was claimed before: a resource is claimed once, by one micro-job */
    SEE_PREFETCH_EVICTED = -3, /* it was taken away meanwhile */
    SEE_PREFETCH_EXPIRED = -4,
    SEE_PREFETCH_DENIED = -5,  /* it is for this task, but this image is not on its access list */
    SEE_PREFETCH_FOREIGN = -6, /* by its name it is another task's */
    SEE_PREFETCH_INVALID = -7, /* a name, address, size or descriptor that cannot be; more than 8 claims */
    SEE_MAP_ALIGN = 4096
};

#ifdef __wasm__

/** 1 when a resource of this name ("TASK" or "TASK/WHAT") is staged and may be claimed by this micro-job, otherwise 0. `id` need not end with a
 *  NUL. */
__attribute__((import_module("see"), import_name("SEE_Prefetch_Available"))) int32_t SEE_Prefetch_Available(const char *id, uint32_t id_size);

/** Takes the resource: a descriptor for read, pread, lseek, fstat and close, or one of the errors above. */
__attribute__((import_module("see"), import_name("SEE_Claim_Prefetch"))) int32_t SEE_Claim_Prefetch(const char *id, uint32_t id_size);

/** Puts the first `size` bytes of a claimed resource (all of it, if it has fewer) in the place of what is in memory at `place`, without copying
 *  them, and returns how many they are. `place` is aligned to SEE_MAP_ALIGN and the last page is replaced whole: what it has beyond the
 *  resource's end reads as zeros. What is written there afterwards is this micro-job's alone. SEE_PREFETCH_INVALID: nothing was changed. */
__attribute__((import_module("see"), import_name("SEE_Map_Prefetch"))) int32_t SEE_Map_Prefetch(int32_t fd, void *place, uint32_t size);

#else /* a native trial run: nothing is ever staged */

static inline int32_t SEE_Prefetch_Available(const char *id, uint32_t id_size) { return (void)id, (void)id_size, 0; }
static inline int32_t SEE_Claim_Prefetch(const char *id, uint32_t id_size) { return (void)id, (void)id_size, SEE_PREFETCH_NONE; }
static inline int32_t SEE_Map_Prefetch(int32_t fd, void *place, uint32_t size) { return (void)fd, (void)place, (void)size, SEE_PREFETCH_INVALID; }

#endif

static inline int32_t see_prefetch_available(const char *id) { return SEE_Prefetch_Available(id, (uint32_t)strlen(id)); }
static inline int32_t see_claim_prefetch(const char *id) { return SEE_Claim_Prefetch(id, (uint32_t)strlen(id)); }
