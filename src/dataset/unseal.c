/*
 * Unsealing: a batch of chunks is read, each is opened, and what is genuine is handed on. When something is not, the tags in the index tell
 * what happened: changed bytes, another segment of this dataset in its place, or one that never belonged to it.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>

#include "crypto/derive.h"
#include "dataset/reader.h"
#include "see/slot.h"
#include "sys/fd.h"

typedef struct {
    SealedFile *file;
    uint64_t index;
    uint64_t *next;       /* of all results in order: the source's segment that must come next; NULL: not checked */
    SealedSegment segment;
    AeadCipher cipher;
    SealedSink sink;
    void *context;
    crypto_hash_sha256_state tags;
    uint64_t skip;        /* bytes of plaintext that are not handed on */
    uint64_t zeros;       /* at the end of an answer so far: handed on when something else follows */
    bool opened;          /* some chunk did: the segment belongs here */
    bool broken;          /* some chunk did not: only the tags are gathered from here on */
    uint32_t broken_chunk;
} Unsealing;

static Err make_batches(SealedFile *f)
{
    if (!f->sealed) f->sealed = malloc(SEALED_BATCH_BYTES);
    if (!f->plain) f->plain = malloc(PLAIN_BATCH_BYTES);
    return f->sealed && f->plain ? OK : FAIL(ENOMEM);
}

static Err read_sealed(const Unsealing *u, void *data, size_t size, uint64_t offset, Diag *diag)
{
    Err e = fd_pread_all(u->file->fd, data, size, offset);
    if (e.code == ERR_CORRUPT) return FAIL_WHY(diag, ERR_TRUNCATED, "%s: became shorter while it was read", u->file->path);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: can't be read: %s", u->file->path, err_text(e.code));
    return OK;
}

static Err open_chunk(Unsealing *u, uint32_t number, View sealed, bool last, uint8_t *plain)
{
    crypto_hash_sha256_update(&u->tags, sealed.data + sealed.size - AEAD_TAG_BYTES, AEAD_TAG_BYTES);
    Err e = stream_open_chunk(&u->cipher, number, last, sealed, plain);
    if (e.code && e.code != ERR_CORRUPT) return e;
    if (e.code && !u->broken) {
        u->broken = true;
        u->broken_chunk = number;
    }
    u->opened |= e.code == 0;
    return OK;
}

/** The chunks that lie in `sealed`, from chunk `number` on. */
static Err open_batch(Unsealing *u, View sealed, uint32_t number, bool ends, size_t *ret_plain)
{
    size_t plain = 0;
    while (sealed.size > 0) {
        size_t chunk = sealed.size < SEALED_CHUNK_BYTES ? sealed.size : SEALED_CHUNK_BYTES;
        TRY(open_chunk(u, number++, view_of(sealed.data, chunk), ends && chunk == sealed.size, u->file->plain + plain));
        plain += chunk - AEAD_TAG_BYTES;
        sealed = view_of(sealed.data + chunk, sealed.size - chunk);
    }
    *ret_plain = plain;
    return OK;
}

/* An answer's text ends with a newline; the zeros behind it make all answers to a question equally long. */
static Err hand_on_answer(Unsealing *u, View plain)
{
    static const uint8_t ZEROS[256];
    size_t text = plain.size;
    while (text > 0 && plain.data[text - 1] == 0) text--;
    while (text > 0 && u->zeros > 0) {
        const size_t step = u->zeros < sizeof ZEROS ? (size_t)u->zeros : sizeof ZEROS;
        TRY(u->sink(u->context, view_of(ZEROS, step)));
        u->zeros -= step;
    }
    u->zeros += plain.size - text;
    return text > 0 ? u->sink(u->context, view_of(plain.data, text)) : OK;
}

static Err hand_on(Unsealing *u, View plain)
{
    if (u->file->footer.is_answer) return hand_on_answer(u, plain);
    size_t skip = u->skip < plain.size ? (size_t)u->skip : plain.size;
    u->skip -= skip;
    return plain.size > skip ? u->sink(u->context, view_of(plain.data + skip, plain.size - skip)) : OK;
}

static Err open_stream(Unsealing *u, uint64_t offset, uint64_t size, Diag *diag)
{
    SealedFile *f = u->file;
    uint32_t number = 0;
    for (uint64_t done = 0; done < size; number += BATCH_CHUNKS) {
        size_t step = size - done < SEALED_BATCH_BYTES ? (size_t)(size - done) : SEALED_BATCH_BYTES, plain;
        TRY(read_sealed(u, f->sealed, step, offset + done, diag));
        done += step;
        TRY(open_batch(u, view_of(f->sealed, step), number, done == size, &plain));
        if (!u->broken) TRY(hand_on(u, view_of(f->plain, plain)));
    }
    return OK;
}

/** Which segment of this dataset has these tags? false: none. */
static bool find_by_digest(SealedFile *f, const Sha256 *digest, uint64_t *ret_index)
{
    for (uint64_t i = 0; i < f->footer.segments; i++) {
        SealedSegment s;
        if (sealed_segment(f, i, &s).code || memcmp(s.digest.bytes, digest->bytes, sizeof digest->bytes) != 0) continue;
        *ret_index = i;
        return true;
    }
    return false;
}

static Err explain(const Unsealing *u, const Sha256 *digest, Diag *diag)
{
    const char *path = u->file->path;
    uint64_t other;
    bool same_tags = memcmp(digest->bytes, u->segment.digest.bytes, sizeof digest->bytes) == 0;
    if (!same_tags && find_by_digest(u->file, digest, &other))
        return FAIL_WHY(diag, ERR_MISPLACED,
                        "%s: segment %" PRIu64 " is in the place of segment %" PRIu64
                        ": segments were reordered; get the file again",
                        path, other, u->index);
    if (!same_tags && !u->opened)
        return FAIL_WHY(diag, ERR_FOREIGN,
                        "%s: what is in the place of segment %" PRIu64
                        " is none of this dataset's segments: it is from another dataset or version,"
                        " or overwritten; get the file again",
                        path, u->index);
    if (same_tags && !u->opened && u->segment.sealed_size > SEALED_CHUNK_BYTES)
        return FAIL_WHY(diag, ERR_CORRUPT, "%s: segment %" PRIu64 " does not open with this key, or all of it was changed", path, u->index);
    return FAIL_WHY(diag, ERR_CORRUPT,
                    "%s: segment %" PRIu64 " was changed, at byte %" PRIu64
                    " of the file or up to 16 KiB behind it; get the file again",
                    path, u->index, u->segment.offset + (uint64_t)u->broken_chunk * SEALED_CHUNK_BYTES);
}

/** The results of a task follow each other without gap or overlap: nobody left one out, repeated it, or put another's in. What combines has
 *  combined all: half-combined results side by side, or beside raw ones, are none of the task's results. */
static Err check_head(const Unsealing *u, const SealedResultHead *head, Diag *diag)
{
    const SealedFile *f = u->file;
    if (head->magic != SEALED_RESULT_MAGIC || head->format != SEALED_RESULT_FORMAT)
        return FAIL_WHY(diag, ERR_CORRUPT, "%s: segment %" PRIu64 " is not a sealed result", f->path, u->index);
    if (memcmp(head->task_id, f->footer.name.id, sizeof head->task_id) != 0)
        return FAIL_WHY(diag, ERR_FOREIGN, "%s: result %" PRIu64 " is another task's", f->path, u->index);
    if (!u->next) return OK;
    if (head->first != *u->next || head->end <= head->first || head->end > f->footer.source_segments)
        return FAIL_WHY(diag, ERR_MISPLACED, "%s: result %" PRIu64 " is of segments %" PRIu64 " to %" PRIu64 ", and %" PRIu64
                        " should come next: results were left out, repeated or reordered", f->path, u->index, head->first, head->end, *u->next);
    const bool whole = head->first == 0 && head->end == f->footer.source_segments;
    if (head->stage_and_job >> STAGE_SHIFT > 0 && !whole)
        return FAIL_WHY(diag, ERR_MISPLACED, "%s: result %" PRIu64 " combines segments %" PRIu64 " to %" PRIu64
                        " only: the task was not combined to its end", f->path, u->index, head->first, head->end);
    *u->next = head->end;
    return OK;
}

/** A result's key is bound to its head; so is everything that the head says. */
static Err begin_result(Unsealing *u, const AeadKey *key, AeadKey *ret_key, Diag *diag)
{
    SealedResultHead head;
    Sha256 hash;
    TRY(read_sealed(u, &head, sizeof head, u->segment.offset, diag));
    TRY(check_head(u, &head, diag));
    crypto_hash_sha256_update(&u->tags, (const uint8_t *)&head, sizeof head);
    sha256_of(view_of(&head, sizeof head), &hash);
    if (u->file->footer.is_answer) *ret_key = *key;
    else derive_result_key(key, hash.bytes, ret_key);
    return OK;
}

/** The digest behind the stream decided which copies agreed: it must be this result's. */
static Err end_result(Unsealing *u, Diag *diag)
{
    SealedResultEnd end;
    uint64_t at = u->segment.sealed_size - sizeof end;
    TRY(read_sealed(u, &end, sizeof end, u->segment.offset + at, diag));
    crypto_hash_sha256_update(&u->tags, (const uint8_t *)&end, sizeof end);
    Err e = stream_check_note(&u->cipher, view_of(end.digest, sizeof end.digest), end.tag);
    if (e.code && e.code != ERR_CORRUPT) return e;
    if (e.code && !u->broken) {
        u->broken = true;
        u->broken_chunk = (uint32_t)(at / SEALED_CHUNK_BYTES);
    }
    return OK;
}

static Err begin_segment(Unsealing *u, const AeadKey *key, Diag *diag)
{
    const DatasetName *name = &u->file->footer.name;
    AeadKey own;
    if (u->file->footer.is_result) TRY(begin_result(u, key, &own, diag));
    else derive_segment_key(key, name->id, name->version, u->index, &own);
    Err e = aead_begin(&own, &u->cipher);
    sodium_memzero(&own, sizeof own);
    return e;
}

static Err unseal(Unsealing *u, const AeadKey *key, Diag *diag)
{
    SealedFile *f = u->file;
    uint64_t head = f->footer.is_result ? sizeof(SealedResultHead) : 0, end = f->footer.is_result ? sizeof(SealedResultEnd) : 0;
    Sha256 digest;
    TRY(make_batches(f));
    Err e = sealed_segment(f, u->index, &u->segment);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: segment %" PRIu64 ": %s", f->path, u->index, err_text(e.code));
    crypto_hash_sha256_init(&u->tags);
    TRY(begin_segment(u, key, diag));
    TRY(open_stream(u, u->segment.offset + head, u->segment.sealed_size - head - end, diag));
    if (end) TRY(end_result(u, diag));
    crypto_hash_sha256_final(&u->tags, digest.bytes);
    bool whole = !u->broken && memcmp(digest.bytes, u->segment.digest.bytes, sizeof digest.bytes) == 0;
    return whole ? OK : explain(u, &digest, diag);
}

static Err unseal_one(Unsealing u, const AeadKey *key, Diag *diag)
{
    Err e = unseal(&u, key, diag);
    aead_end(&u.cipher);
    return e;
}

Err sealed_unseal(SealedFile *f, const AeadKey *key, uint64_t index, SealedSink sink, void *context, Diag *diag)
{
    assert(f && key && sink);

    return unseal_one((Unsealing){.file = f, .index = index, .sink = sink, .context = context}, key, diag);
}

Err sealed_unseal_all(SealedFile *f, const AeadKey *key, SealedSink sink, void *context, Diag *diag)
{
    uint64_t next = 0;
    for (uint64_t i = 0; i < f->footer.segments; i++)
        TRY(unseal_one(
            (Unsealing){
                .file = f, .index = i, .next = &next, .sink = sink, .context = context, .skip = i ? f->footer.prefix_bytes : 0},
            key, diag));
    if (f->footer.is_result && next != f->footer.source_segments)
        return FAIL_WHY(diag, ERR_TRUNCATED,
                        "%s: the results end before segment %" PRIu64 " of %" PRIu64 ": the last are missing", f->path, next,
                        f->footer.source_segments);
    return OK;
}
