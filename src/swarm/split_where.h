/** Where in the input something went wrong. Slow paths: they run once, to say a line to a person. */
#pragma once
#include "swarm/split.h"
#include "swarm/split_source.h"

/** Offset of the quote that is open at `end`, scanning again from `start`, the beginning of a record. */
uint64_t where_quote(const Source *source, const SplitSpec *spec, uint64_t start, uint64_t end);
/** Fails with "path:line: what (byte N)". `start` has `lines` newlines before it if the input is a pipe; `offset` is not before it. */
Err where_fail(const Source *source, const char *path, uint64_t start, uint64_t lines, uint64_t offset, const char *what, Diag *diag);
