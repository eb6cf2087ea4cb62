/* Sealing: plaintext in pieces of any size becomes chunks; the newest full chunk waits until it is known whether it is the last. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "crypto/derive.h"
#include "dataset/container.h"
#include "dataset/writer.h"
#include "sys/entropy.h"

/* In locked memory that is not in core files; wiped when freed. */
struct WriterSecrets { AeadKey dataset; AeadCipher segment; uint8_t held[STREAM_CHUNK_BYTES]; };

static bool all_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i]) return false;
    return true;
}

static Err prepare(SealedWriter *w, const SealRequest *r, DatasetName *ret_name)
{
    ret_name->version = r->version;
    memcpy(ret_name->id, r->id, sizeof ret_name->id);
    if (all_zero(r->id, sizeof r->id)) TRY(random_bytes(ret_name->id, sizeof ret_name->id));
    w->request = *r;
    w->secrets = sodium_malloc(sizeof *w->secrets);
    if (!w->secrets) return FAIL(ENOMEM);
    w->secrets->segment = (AeadCipher){0};
    TRY(random_bytes(w->secrets->dataset.bytes, sizeof w->secrets->dataset.bytes));
    return policy_encode(r->policy, &w->policy);
}

static Err open_writer(SealedWriter *w, const char *path, const SealRequest *r, Diag *diag)
{
    DatasetName name;
    w->container.fd = w->container.spool_fd = -1;
    TRY_WHY(diag, prepare(w, r, &name), "%s", path);
    return container_open(path, &name, &w->container, diag);
}

Err sealed_writer_open(const char *path, const SealRequest *request, SealedWriter **ret_writer, Diag *diag)
{
    assert(path && request && request->policy && request->owner && request->owner_secret && request->owner_sealing && ret_writer);

    if (sodium_init() < 0) return FAIL(ENOMEM);
    SealedWriter *w = calloc(1, sizeof *w);
    if (!w) return FAIL(ENOMEM);
    w->policy = buffer_limited(POLICY_BYTES_MAX);
    Err e = open_writer(w, path, request, diag);
    if (e.code) {
        sealed_writer_free(&w);
        return e;
    }
    *ret_writer = w;
    return OK;
}

void sealed_writer_free(SealedWriter **writer)
{
    SealedWriter *w = *writer;
    if (!w) return;
    container_close(&w->container);
    buffer_free(&w->policy);
    if (w->secrets) aead_end(&w->secrets->segment);
    sodium_free(w->secrets);
    free(w);
    *writer = NULL;
}

void sealed_writer_set_prefix(SealedWriter *w, uint64_t bytes) { w->prefix_bytes = bytes; }

void sealed_writer_set_columns(SealedWriter *w, View header, uint64_t records)
{
    w->has_columns = true;
    w->columns = header;
    w->records_about = records ? 1 : 0;
    while (w->records_about && w->records_about < records - records / 3) w->records_about *= 2; /* the next one, but from two thirds of it on */
}

static Err begin_key(SealedWriter *w, uint64_t segment)
{
    AeadKey key;
    derive_segment_key(&w->secrets->dataset, w->container.name.id, w->container.name.version, segment, &key);
    aead_end(&w->secrets->segment);
    Err e = aead_begin(&key, &w->secrets->segment);
    sodium_memzero(&key, sizeof key);
    return e;
}

Err sealed_writer_begin(SealedWriter *w)
{
    assert(!w->in_segment && w->secrets);

    const Container *c = &w->container;
    TRY(begin_key(w, c->segments));
    crypto_hash_sha256_init(&w->tags);
    w->chunk = 0;
    w->fill = 0;
    w->segment = (SealedSegment){.offset = container_offset(c)};
    w->in_segment = true;
    return OK;
}

static Err seal_chunk(SealedWriter *w, View plain, bool last)
{
    uint8_t *room;
    TRY(container_room(&w->container, plain.size + AEAD_TAG_BYTES, &room));
    TRY(stream_seal_chunk(&w->secrets->segment, w->chunk++, last, plain, room));
    crypto_hash_sha256_update(&w->tags, room + plain.size, AEAD_TAG_BYTES);
    w->container.batch_size += plain.size + AEAD_TAG_BYTES;
    w->segment.sealed_size += plain.size + AEAD_TAG_BYTES;
    return OK;
}

Err sealed_writer_feed(SealedWriter *w, View plain)
{
    assert(w->in_segment);

    if (plain.size > SEGMENT_BYTES_MAX - w->segment.plain_size) return FAIL(ERR_LIMIT);
    w->segment.plain_size += plain.size;
    while (plain.size > 0) {
        size_t step = STREAM_CHUNK_BYTES - w->fill;
        if (step == 0) {
            TRY(seal_chunk(w, view_of(w->secrets->held, STREAM_CHUNK_BYTES), false));
            w->fill = 0;
            continue;
        }
        if (w->fill == 0 && plain.size > STREAM_CHUNK_BYTES) { /* more follows: from where it lies */
            TRY(seal_chunk(w, view_of(plain.data, STREAM_CHUNK_BYTES), false));
        } else {
            if (step > plain.size) step = plain.size;
            memcpy(w->secrets->held + w->fill, plain.data, step);
            w->fill += step;
        }
        plain = view_of(plain.data + step, plain.size - step);
    }
    return OK;
}

Err sealed_writer_end(SealedWriter *w)
{
    assert(w->in_segment);

    TRY(seal_chunk(w, view_of(w->secrets->held, w->fill), true));
    crypto_hash_sha256_final(&w->tags, w->segment.digest.bytes);
    w->in_segment = false;
    return container_add(&w->container, &w->segment);
}

uint64_t sealed_writer_segments(const SealedWriter *w) { return w->container.segments; }

static Err make_footer(SealedWriter *w, Buffer *ret_cose)
{
    Footer f = {.name = w->container.name,
                .segments = w->container.segments,
                .plain_bytes = w->container.plain_bytes,
                .policy = view_buffer(&w->policy),
                .prefix_bytes = w->prefix_bytes,
                .has_columns = w->has_columns, .columns = w->columns, .records_about = w->records_about};
    container_index_hash(&w->container, &f.index_hash);
    TRY(footer_add_key(&f, w->request.owner_sealing, &w->secrets->dataset));
    return footer_sign(&f, w->request.owner_secret, w->request.owner, ret_cose);
}

Err sealed_writer_finish(SealedWriter *w, Diag *diag)
{
    assert(!w->in_segment && w->secrets);

    AUTO_BUFFER footer = buffer_limited(FOOTER_BYTES_MAX);
    TRY_WHY(diag, make_footer(w, &footer), "%s: can't be signed", w->container.path);
    TRY_WHY(diag, container_finish(&w->container, view_buffer(&footer)), "%s: can't be written", w->container.path);
    return OK;
}
