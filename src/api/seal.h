/** Sealing an input: cut by the same splitter that cuts a task's input, so that a sealed dataset has the segments that the task would have had. */
#pragma once
#include "api/internal.h"
#include "dataset/sealed.h"
#include "swarm/split.h"

/** Cut by records: each segment of the splitter, its header in front, is one of the dataset. */
MUST_USE Err seal_segments(Splitter *input, SealedWriter *output, Diag *diag);
/** Put apart by a column's keyed hash, so that all records with the same value are in one segment. folder: for what does not fit into memory.
 *  ret_records: how many there were */
MUST_USE Err seal_groups(Splitter *input, const char *column, size_t segments, const char *folder, SealedWriter *output, uint64_t *ret_records,
                         Diag *diag);

/** The bytes of a segment, in pieces; the file stays open from one segment to the next. */
typedef struct { int fd; char path[PATH_BYTES_MAX]; uint8_t *piece; } SegmentBytes;
MUST_USE Err segment_bytes_open(SegmentBytes *ret_bytes);
MUST_USE Err segment_bytes_read(SegmentBytes *b, const Segment *s, Err (*sink)(void *context, View bytes), void *context, Diag *diag);
void segment_bytes_close(SegmentBytes *b);
