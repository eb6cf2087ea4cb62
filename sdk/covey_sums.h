/**
 * Sums by key inside one micro-job: SELECT key, SUM(value) GROUP BY key. Header-only; goes with `combine: sum-by-key`.
 *
 *   JobSums sums = {0};
 *   while (...) job_sums_add(&sums, key, key_size, value);
 *   job_sums_emit(&sums);
 */
#pragma once
#include "covey_job.h"

typedef struct { char *key; size_t size; uint64_t hash; int64_t sum; } JobSum;
/** Open addressing, at most half full; `room` is 0 or a power of two. Zero it before the first use. */
typedef struct { JobSum *entries; size_t room, count; } JobSums;

/** FNV-1a (RFC 9923 names it; not for hostile keys, which could only slow this one micro-job down). */
JOB_FUNCTION uint64_t job_sums_hash(const char *key, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < size; i++) hash = (hash ^ (uint8_t)key[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/** The entry of a key, or the free one where it belongs. */
JOB_FUNCTION JobSum *job_sums_find(JobSum *entries, size_t room, uint64_t hash, const char *key, size_t size)
{
    size_t at = (size_t)hash & (room - 1);
    while (entries[at].key &&
           (entries[at].hash != hash || entries[at].size != size || memcmp(entries[at].key, key, size) != 0)) {
        at = (at + 1) & (room - 1);
    }
    return &entries[at];
}

JOB_FUNCTION void job_sums_grow(JobSums *s)
{
    size_t room = s->room ? s->room * 2 : 256;
    JobSum *entries = (JobSum *)calloc(room, sizeof *entries);
    if (!entries) job_fail("no memory for %zu keys", room / 2);
    for (size_t i = 0; i < s->room; i++) {
        JobSum *old = &s->entries[i];
        if (old->key) *job_sums_find(entries, room, old->hash, old->key, old->size) = *old;
    }
    free(s->entries);
    s->entries = entries;
    s->room = room;
}

/** Adds to the sum of a key, which is copied when it is new. A sum beyond 64 bits ends the micro-job. */
JOB_FUNCTION void job_sums_add(JobSums *s, const char *key, size_t size, int64_t value)
{
    if (2 * (s->count + 1) > s->room) job_sums_grow(s);
    uint64_t hash = job_sums_hash(key, size);
    JobSum *entry = job_sums_find(s->entries, s->room, hash, key, size);
    if (!entry->key) {
        entry->key = (char *)malloc(size + 1);
        if (!entry->key) job_fail("no memory for a key of %zu bytes", size);
        memcpy(entry->key, key, size);
        entry->key[size] = 0;
        entry->size = size;
        entry->hash = hash;
        s->count++;
    }
    if (__builtin_add_overflow(entry->sum, value, &entry->sum)) job_fail("the sum of '%s' does not fit 64 bits", entry->key);
}

JOB_FUNCTION int job_sums_order(const void *a, const void *b)
{
    const JobSum *x = (const JobSum *)a, *y = (const JobSum *)b;
    int order = memcmp(x->key, y->key, x->size < y->size ? x->size : y->size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

/** Writes a line `key,sum` for every key, sorted bytewise; the table is used up. */
JOB_FUNCTION void job_sums_emit(JobSums *s)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->room; i++) {
        if (s->entries[i].key) s->entries[kept++] = s->entries[i];
    }
    if (kept > 0) qsort(s->entries, kept, sizeof *s->entries, job_sums_order);
    for (size_t i = 0; i < kept; i++) {
        job_emit_pair(s->entries[i].key, s->entries[i].size, s->entries[i].sum);
        free(s->entries[i].key);
    }
    free(s->entries);
    JobSums none = {NULL, 0, 0};
    *s = none;
}
