/* Sealed inputs for the splitter. */
#include "swarm/split_sealed.h"

#include <inttypes.h>

static Err check(const TaskSpec *task, const SealedFile *file, Diag *diag)
{
    SealedFacts facts;
    sealed_facts(file, &facts);
    if (facts.is_result)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: is a sealed result, not a dataset; unseal it (covey unseal), or name the dataset", task->input_path);
    if (task->split_given)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: is sealed, and was cut when it was sealed; remove 'split' (covey seal cuts with --by and --target)", task->input_path);
    return OK;
}

Err split_sealed_open(const TaskSpec *task, SealedFile **ret_file, Diag *diag)
{
    SealedFile *file = NULL;
    bool sealed;
    if (task->split.by == SPLIT_COUNT || !task->input_path || strcmp(task->input_path, "-") == 0) return OK;
    Err probed = sealed_recognise(task->input_path, &sealed);
    if (probed.code) return FAIL_WHY(diag, probed.code, "%s: can't be read: %s", task->input_path, err_text(probed.code));
    if (!sealed) return OK;
    TRY(sealed_open(task->input_path, NULL, &file, diag));
    Err e = check(task, file, diag);
    if (e.code) {
        sealed_close(&file);
        return e;
    }
    *ret_file = file;
    return OK;
}

static Err read_one(SealedFile *file, const char *path, uint64_t number, SealedSegment *ret, bool *ret_more, Diag *diag)
{
    Err e = sealed_segment(file, number, ret);
    *ret_more = e.code == 0;
    if (e.code == ERR_NO_ENTRY) return OK;
    if (e.code == ERR_CORRUPT) return FAIL_WHY(diag, ERR_CHANGED, "%s: its index changed while it was read", path);
    return e.code ? FAIL_WHY(diag, e.code, "%s: can't be read: %s", path, err_text(e.code)) : OK;
}

typedef struct { uint64_t first, end; } Range;

static Range block_of(const SealedFile *file, const PrivacyRequest *privacy, uint64_t index)
{
    SealedFacts facts;
    sealed_facts(file, &facts);
    if (!privacy) return (Range){index, index + 1};
    if (index >= privacy_blocks(privacy, facts.segments)) return (Range){facts.segments, facts.segments};
    return (Range){privacy_block_first(privacy, facts.segments, index), privacy_block_first(privacy, facts.segments, index + 1)};
}

Err split_sealed_next(SealedFile *file, const char *path, const PrivacyRequest *privacy, uint64_t index, Segment *ret_segment,
                      bool *ret_more, Diag *diag)
{
    const Range block = block_of(file, privacy, index);
    SealedSegment s;
    TRY(read_one(file, path, block.first, &s, ret_more, diag));
    if (!*ret_more) return OK;
    Segment made = {.index = index, .path = path, .offset = s.offset, .size = s.sealed_size, .sealed = true, .plain_size = s.plain_size};
    for (uint64_t i = block.first + 1; i < block.end; i++) {
        bool there;
        TRY(read_one(file, path, i, &s, &there, diag));
        if (!there || s.offset != made.offset + made.size)
            return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: segment %" PRIu64 " does not lie behind the one before it, so that they make no block", path, i);
        made.size += s.sealed_size;
        made.plain_size += s.plain_size;
    }
    *ret_segment = made;
    return OK;
}

Err split_sealed_pieces(SealedFile *file, const PrivacyRequest *privacy, uint64_t index, Buffer *ret_pieces)
{
    ret_pieces->size = 0;
    if (!privacy || !privacy->blocks) return OK;
    const Range block = block_of(file, privacy, index);
    TRY(buffer_put_u64(ret_pieces, block.first));
    for (uint64_t i = block.first; i < block.end; i++) {
        SealedSegment s;
        TRY(sealed_segment(file, i, &s));
        TRY(buffer_put_u64(ret_pieces, s.plain_size));
    }
    return OK;
}

Err split_sealed_identity(const SealedFile *file, Buffer *ret_identity)
{
    SealedFacts facts;
    sealed_facts(file, &facts);
    TRY(buffer_put_bytes(ret_identity, VIEW("sealed")));
    return buffer_append(ret_identity, view_of(facts.footer_hash.bytes, sizeof facts.footer_hash.bytes));
}
