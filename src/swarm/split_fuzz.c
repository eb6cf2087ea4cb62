/* The record scanners against the naive splitter. The first bytes choose how to split and where the input is cut into pieces. */
#include <stdlib.h>

#include "swarm/split_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

/** One past the segment that begins at `from`, by the scanner, in pieces; 0 when it finds no end. */
static size_t scan_segment(Scan *scan, const SplitSpec *spec, View in, size_t from, size_t piece_size)
{
    uint64_t count = spec->records ? spec->records : 1;
    for (size_t at = from; at < in.size;) {
        size_t piece = piece_size < in.size - at ? piece_size : in.size - at, end;
        size_t least = spec->records || from + spec->target_bytes <= at ? 0 : (size_t)(from + spec->target_bytes - at);
        if (scan_records(scan, view_of(in.data + at, piece), least, &count, &end)) return at + end;
        at += piece;
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const SplitBy SCANNED[] = {SPLIT_LINES, SPLIT_CSV, SPLIT_JSONL, SPLIT_FIXED};
    enum { CHOICES = 4 };
    if (size < CHOICES) return 0;
    SplitSpec spec = {.by = SCANNED[data[0] % 4], .target_bytes = 1 + data[1],
        .records = data[0] & 0x80 ? 1 + data[1] % 16 : 0, .record_bytes = 1 + data[2]};
    size_t piece = 1 + data[3] * (size_t)3;
    View in = view_of(data + CHOICES, size - CHOICES);
    Scan scan;
    scan_begin(&spec, &scan);
    for (size_t at = 0; at < in.size;) {
        bool open;
        size_t expected = oracle_segment(&spec, in, at, &open), found = scan_segment(&scan, &spec, in, at, piece);
        if (found == 0) { /* the scanner ran into the end of the input: so must the oracle */
            require(expected == in.size && scan_open(&scan) == open);
            return 0;
        }
        require(found == expected && !open);
        at = found;
    }
    return 0;
}
