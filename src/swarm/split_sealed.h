/** Sealed inputs: the file says how it is cut, and its segments are handed out as ranges of ciphertext. */
#pragma once
#include "dataset/sealed.h"
#include "swarm/split.h"

/** Sets *ret_file when the task's input is a sealed dataset; leaves it NULL when not. Anybody may have signed it: whoever releases the
 *  keys judges that.
 *  errors: those of sealed_open; ERR_BAD_INPUT (a result file; settings that would cut it again) */
MUST_USE Err split_sealed_open(const TaskSpec *task, SealedFile **ret_file, Diag *diag);
/** What micro-job `index` is given: one segment, or (privacy: its `blocks`; NULL: none) a block of consecutive ones. *ret_more false behind the last.
 *  errors: ERR_CHANGED, ERR_BAD_INPUT (a block's segments do not lie one behind another, or are more than one micro-job may be given) */
MUST_USE Err split_sealed_next(SealedFile *file, const char *path, const PrivacyRequest *privacy, uint64_t index, Segment *ret_segment,
                               bool *ret_more, Diag *diag);
/** As JobItem.pieces: number of the block's first segment and the plaintext's sizes, u64 each; nothing where there are no blocks. */
MUST_USE Err split_sealed_pieces(SealedFile *file, const PrivacyRequest *privacy, uint64_t index, Buffer *ret_pieces);
/** The signed footer tells one dataset and version from every other. */
MUST_USE Err split_sealed_identity(const SealedFile *file, Buffer *ret_identity);
