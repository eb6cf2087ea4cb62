/**
 * The naive splitter, which the fast one is compared with: the whole input in memory, one byte after the other, no state carried over.
 * For split_test.c, split_scan_test.c and split_fuzz.c.
 */
#pragma once
#include "swarm/split.h"

/** One past the record that begins at `at`; *ret_open when the input ends inside quotes or inside a fixed record. */
static inline size_t oracle_csv_record(View in, size_t at, bool *ret_open)
{
    if (at == 0 && in.size >= 3 && memcmp(in.data, "\xef\xbb\xbf", 3) == 0) at = 3;
    for (;;) {
        if (at < in.size && in.data[at] == '"') {
            for (at++;; at++) {
                if (at >= in.size) {
                    *ret_open = true;
                    return in.size;
                }
                if (in.data[at] != '"') continue;
                if (at + 1 < in.size && in.data[at + 1] == '"') at++;
                else break;
            }
            at++;
        }
        while (at < in.size && in.data[at] != ',' && in.data[at] != '\n') at++;
        if (at == in.size) return at;
        if (in.data[at++] == '\n') return at;
    }
}

static inline size_t oracle_record(const SplitSpec *spec, View in, size_t at, bool *ret_open)
{
    *ret_open = false;
    if (spec->by == SPLIT_CSV) return oracle_csv_record(in, at, ret_open);
    if (spec->by == SPLIT_FIXED) {
        *ret_open = in.size - at < spec->record_bytes;
        return *ret_open ? in.size : at + (size_t)spec->record_bytes;
    }
    while (at < in.size && in.data[at] != '\n') at++;
    return at < in.size ? at + 1 : at;
}

/** Where the next segment ends; `at` is where it begins, before the end of the input. */
static inline size_t oracle_segment(const SplitSpec *spec, View in, size_t at, bool *ret_open)
{
    size_t begin = at;
    for (uint64_t records = 1;; records++) {
        at = oracle_record(spec, in, at, ret_open);
        bool full = spec->records ? records >= spec->records : at - begin >= spec->target_bytes;
        if (full || at >= in.size) return at;
    }
}
