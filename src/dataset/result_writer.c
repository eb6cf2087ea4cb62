/* Result files: sealed results are copied as they are, and only their frame is looked at. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "dataset/writer.h"
#include "see/sealed_result.h"

Err result_writer_open(const char *path, const uint8_t task_id[16], SealedWriter **ret_writer, Diag *diag)
{
    assert(path && task_id && ret_writer);

    SealedWriter *w = calloc(1, sizeof *w);
    if (!w) return FAIL(ENOMEM);
    DatasetName name = {.version = 0};
    memcpy(name.id, task_id, sizeof name.id);
    Err e = container_open(path, &name, &w->container, diag);
    if (e.code) {
        free(w);
        return e;
    }
    *ret_writer = w;
    return OK;
}

/* Of head and tags, and of what stands behind the stream. */
static void digest_of(View result, Sha256 *ret_digest)
{
    crypto_hash_sha256_state state;
    size_t end = result.size - sizeof(SealedResultEnd);
    crypto_hash_sha256_init(&state);
    crypto_hash_sha256_update(&state, result.data, sizeof(SealedResultHead));
    for (size_t at = sizeof(SealedResultHead); at < end;) {
        size_t chunk = end - at < SEALED_CHUNK_BYTES ? end - at : SEALED_CHUNK_BYTES;
        crypto_hash_sha256_update(&state, result.data + at + chunk - AEAD_TAG_BYTES, AEAD_TAG_BYTES);
        at += chunk;
    }
    crypto_hash_sha256_update(&state, result.data + end, sizeof(SealedResultEnd));
    crypto_hash_sha256_final(&state, ret_digest->bytes);
}

Err result_writer_add(SealedWriter *w, View result)
{
    assert(!w->secrets);

    SealedResultHead head;
    SealedSegment segment = {.offset = container_offset(&w->container), .sealed_size = result.size};
    if (result.size < SEALED_RESULT_AROUND_BYTES) return FAIL(ERR_PROTOCOL);
    if (!stream_plain_size(result.size - SEALED_RESULT_AROUND_BYTES, &segment.plain_size)) return FAIL(ERR_PROTOCOL);
    memcpy(&head, result.data, sizeof head);
    if (head.magic != SEALED_RESULT_MAGIC || head.format != SEALED_RESULT_FORMAT) return FAIL(ERR_PROTOCOL);
    if (memcmp(head.task_id, w->container.name.id, sizeof head.task_id) != 0) return FAIL(ERR_FOREIGN);
    digest_of(result, &segment.digest);
    sha256_of(view_of(&head, sizeof head), &w->last_head);
    TRY(container_write(&w->container, result));
    return container_add(&w->container, &segment);
}

void result_writer_claims(SealedWriter *w, ResultClaims *ret_claims)
{
    *ret_claims = (ResultClaims){.results = w->container.segments, .plain_bytes = w->container.plain_bytes};
    container_index_hash(&w->container, &ret_claims->index_hash);
    ret_claims->head = w->last_head;
}

Err result_writer_finish(SealedWriter *w, View footer, Diag *diag)
{
    TRY_WHY(diag, container_finish(&w->container, footer), "%s: can't be written", w->container.path);
    return OK;
}
