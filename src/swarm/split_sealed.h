/** Sealed inputs: the file says how it is cut, and its segments are handed out as ranges of ciphertext. */
#pragma once
#include "dataset/sealed.h"
#include "swarm/split.h"

/** Sets *ret_file when the task's input is a sealed dataset; leaves it NULL when not. Anybody may have signed it: whoever releases the
 *  keys judges that.
 *  errors: those of sealed_open; ERR_BAD_INPUT (a result file; settings that would cut it again) */
MUST_USE Err split_sealed_open(const TaskSpec *task, SealedFile **ret_file, Diag *diag);
/** Segment `index`; *ret_more false behind the last. */
MUST_USE Err split_sealed_next(SealedFile *file, const char *path, uint64_t index, Segment *ret_segment, bool *ret_more, Diag *diag);
/** The signed footer tells one dataset and version from every other. */
MUST_USE Err split_sealed_identity(const SealedFile *file, Buffer *ret_identity);
