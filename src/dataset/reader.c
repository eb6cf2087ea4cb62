/* Opening a sealed file: every part is held against the signature, in constant memory. */
#include "dataset/reader.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>

#include "sys/fault.h"
#include "sys/fd.h"

static Err read_part(const SealedFile *f, void *data, size_t size, uint64_t offset, Diag *diag)
{
    Err e = fd_pread_all(f->fd, data, size, offset);
    if (e.code == ERR_CORRUPT) return FAIL_WHY(diag, ERR_TRUNCATED, "%s: became shorter while it was read", f->path);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: can't be read: %s", f->path, err_text(e.code));
    return OK;
}

static Err read_header(SealedFile *f, DatasetName *ret_name, Diag *diag)
{
    uint8_t bytes[HEADER_BYTES] = {0};
    Diag why = {{0}};
    TRY(read_part(f, bytes, f->size < HEADER_BYTES ? (size_t)f->size : HEADER_BYTES, 0, diag));
    if (header_has_magic(bytes) && f->size < HEADER_BYTES + END_BYTES)
        return FAIL_WHY(diag, ERR_TRUNCATED, "%s: is cut short; get it again", f->path);
    Err e = header_read(bytes, ret_name, &why);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: %s", f->path, why.text);
    return OK;
}

/** Where index and footer are: the end says it, and the file's length must agree. */
static Err read_end(SealedFile *f, SealedEnd *ret_end, Diag *diag)
{
    uint8_t bytes[END_BYTES];
    SealedEnd end;
    TRY(read_part(f, bytes, sizeof bytes, f->size - END_BYTES, diag));
    if (!end_read(bytes, &end))
        return FAIL_WHY(diag, ERR_TRUNCATED,
                        "%s: does not end like a sealed dataset: it is cut short, or something was added; get it again", f->path);
    uint64_t room = f->size - HEADER_BYTES - END_BYTES;
    bool fits = end.footer_size <= FOOTER_BYTES_MAX && end.footer_size <= room &&
                end.footer_offset <= HEADER_BYTES + room - end.footer_size &&
                end.footer_offset + end.footer_size == f->size - END_BYTES && end.index_offset >= HEADER_BYTES &&
                end.index_offset <= end.footer_offset;
    if (!fits)
        return FAIL_WHY(diag, ERR_CORRUPT,
                        "%s: its end does not fit its length: bytes in it were changed, removed or added; get it again", f->path);
    *ret_end = end;
    return OK;
}

static Err read_footer(SealedFile *f, const SealedEnd *end, const TrustedKeys *trusted, Diag *diag)
{
    Diag why = {{0}};
    TRY(buffer_reserve(&f->cose, end->footer_size));
    TRY(read_part(f, f->cose.data, end->footer_size, end->footer_offset, diag));
    f->cose.size = end->footer_size;
    Err e = footer_open(view_buffer(&f->cose), trusted, &f->footer, &f->signer, &why);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: %s", f->path, why.text);
    return OK;
}

typedef struct { uint64_t next, plain_bytes; bool in_order; } Walk;

/** Segments lie one after another, without a gap, and are as long as their plaintext says. */
static void walk_entry(const SealedFile *f, const SealedSegment *s, Walk *w)
{
    uint64_t around = f->footer.is_result ? SEALED_RESULT_AROUND_BYTES : 0;
    bool sound = s->plain_size <= SEGMENT_BYTES_MAX && s->offset == w->next && s->sealed_size == around + stream_sealed_size(s->plain_size);
    w->in_order &= sound;
    w->next += sound ? s->sealed_size : 0;
    w->plain_bytes += sound ? s->plain_size : 0;
}

static Err walk_index(SealedFile *f, Walk *w, Sha256 *ret_hash, Diag *diag)
{
    enum { BATCH = 512 };
    uint8_t entries[BATCH * ENTRY_BYTES];
    crypto_hash_sha256_state hash;
    crypto_hash_sha256_init(&hash);
    for (uint64_t i = 0; i < f->footer.segments; i += BATCH) {
        uint64_t left = f->footer.segments - i;
        size_t count = left < BATCH ? (size_t)left : BATCH;
        TRY(read_part(f, entries, count * ENTRY_BYTES, f->index_offset + i * ENTRY_BYTES, diag));
        crypto_hash_sha256_update(&hash, entries, count * ENTRY_BYTES);
        for (size_t k = 0; k < count; k++) {
            SealedSegment s;
            entry_read(entries + k * ENTRY_BYTES, &s);
            walk_entry(f, &s, w);
        }
    }
    crypto_hash_sha256_final(&hash, ret_hash->bytes);
    return OK;
}

static Err check_index(SealedFile *f, const SealedEnd *end, Diag *diag)
{
    Sha256 hash;
    Walk w = {.next = HEADER_BYTES, .in_order = true};
    if (f->footer.segments > SEALED_SEGMENTS_MAX || (end->footer_offset - end->index_offset) != f->footer.segments * ENTRY_BYTES)
        return FAIL_WHY(diag, ERR_CORRUPT, "%s: its end and its signed footer disagree about the index: the end was changed; get it again", f->path);
    f->index_offset = end->index_offset;
    TRY(walk_index(f, &w, &hash, diag));
    if (memcmp(hash.bytes, f->footer.index_hash.bytes, sizeof hash.bytes) != 0)
        return FAIL_WHY(diag, ERR_CORRUPT, "%s: its index was changed after it was signed; get it again", f->path);
    if (!w.in_order || w.next != end->index_offset || w.plain_bytes != f->footer.plain_bytes)
        return FAIL_WHY(diag, ERR_CORRUPT,
                        "%s: its segments do not lie where its signed index says: bytes were removed or added; get it again",
                        f->path);
    return OK;
}

static Err open_file(SealedFile *f, const TrustedKeys *trusted, Diag *diag)
{
    DatasetName name;
    SealedEnd end;
    Err e = fd_open(AT_FDCWD, f->path, O_RDONLY | O_NOCTTY, 0, &f->fd);
    if (e.code)
        return FAIL_WHY(diag, e.code == ENOENT || e.code == ENOTDIR ? ERR_NO_ENTRY : e.code, "%s: can't be read: %s", f->path,
                        err_text(e.code));
    TRY_WHY(diag, fd_stat_size(f->fd, &f->size), "%s", f->path);
    TRY(read_header(f, &name, diag));
    TRY(read_end(f, &end, diag));
    TRY(read_footer(f, &end, trusted, diag));
    if (memcmp(name.id, f->footer.name.id, sizeof name.id) != 0 || name.version != f->footer.name.version)
        return FAIL_WHY(diag, ERR_CORRUPT,
                        "%s: its header names another dataset or version than its signed footer: it was changed; get it again",
                        f->path);
    return check_index(f, &end, diag);
}

Err sealed_open(const char *path, const TrustedKeys *trusted, SealedFile **ret_file, Diag *diag)
{
    assert(path && ret_file);

    SealedFile *f = calloc(1, sizeof *f);
    if (!f) return FAIL(ENOMEM);
    f->fd = -1;
    f->cose = buffer_limited(FOOTER_BYTES_MAX);
    f->path = strdup(path);
    Err e = f->path ? open_file(f, trusted, diag) : FAIL(ENOMEM);
    if (e.code) {
        sealed_close(&f);
        return e;
    }
    *ret_file = f;
    return OK;
}

void sealed_close(SealedFile **file)
{
    SealedFile *f = *file;
    if (!f) return;
    fd_close(&f->fd);
    buffer_free(&f->cose);
    if (f->plain) sodium_memzero(f->plain, PLAIN_BATCH_BYTES);
    free(f->plain);
    free(f->sealed);
    free(f->path);
    free(f);
    *file = NULL;
}

void sealed_facts(const SealedFile *f, SealedFacts *ret_facts)
{
    *ret_facts = (SealedFacts){
        .version = f->footer.name.version,
        .segments = f->footer.segments,
        .plain_bytes = f->footer.plain_bytes,
        .columns = f->footer.columns,
        .records_about = f->footer.records_about,
        .signer = f->signer,
        .is_result = f->footer.is_result,
        .policy_cbor = f->footer.policy,
        .source = f->footer.source,
        .source_segments = f->footer.source_segments,
    };
    memcpy(ret_facts->id, f->footer.name.id, sizeof ret_facts->id);
    sha256_of(view_buffer(&f->cose), &ret_facts->footer_hash);
}

View sealed_footer(const SealedFile *f) { return view_buffer(&f->cose); }

bool sealed_recipient(const SealedFile *f, size_t index, SealPublicKey *ret_recipient)
{
    if (index >= f->footer.key_count) return false;
    *ret_recipient = f->footer.keys[index].recipient;
    return true;
}

Err sealed_expect(const SealedFile *f, const uint8_t id[DATASET_ID_BYTES], uint64_t version_min, Diag *diag)
{
    const DatasetName *name = &f->footer.name;
    if (memcmp(name->id, id, sizeof name->id) != 0)
        return FAIL_WHY(diag, ERR_FOREIGN, "%s: is another dataset than the one that is expected here", f->path);
    if (name->version < version_min)
        return FAIL_WHY(diag, ERR_STALE,
                        "%s: is version %" PRIu64 " of the dataset, and %" PRIu64
                        " or later is expected: an old version was put in its place",
                        f->path, name->version, version_min);
    return OK;
}

Err sealed_segment(SealedFile *f, uint64_t index, SealedSegment *ret_segment)
{
    uint8_t bytes[ENTRY_BYTES];
    Walk w;
    if (index >= f->footer.segments) return FAIL(ERR_NO_ENTRY);
    TRY(fd_pread_all(f->fd, bytes, sizeof bytes, f->index_offset + index * ENTRY_BYTES));
    entry_read(bytes, ret_segment);
    w = (Walk){.next = ret_segment->offset, .in_order = true};
    walk_entry(f, ret_segment, &w);
    bool inside = ret_segment->offset >= HEADER_BYTES && ret_segment->offset <= f->index_offset &&
                  ret_segment->sealed_size <= f->index_offset - ret_segment->offset;
    return w.in_order && inside ? OK : FAIL(ERR_CORRUPT); /* it was sound when the file was opened */
}

Err sealed_key(const SealedFile *f, const SealSecretKey *secret, AeadKey *ret_key, Diag *diag)
{
    Diag why = {{0}};
    Err e = footer_key(&f->footer, secret, ret_key, &why);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: %s", f->path, why.text);
    return OK;
}

Err sealed_recognise(const char *path, bool *ret_sealed)
{
    AUTO_FD fd = -1;
    uint8_t bytes[8];
    struct stat st;
    *ret_sealed = false;
    if (FAULTABLE("stat", stat(path, &st)) < 0) return errno == ENOENT || errno == ENOTDIR ? OK : FAIL(errno);
    if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size < sizeof bytes) return OK; /* a pipe must not lose its first bytes */
    TRY(fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &fd));
    TRY(fd_pread_all(fd, bytes, sizeof bytes, 0));
    *ret_sealed = header_has_magic(bytes);
    return OK;
}

bool sealed_probe(const char *path)
{
    bool sealed;
    return sealed_recognise(path, &sealed).code == 0 && sealed;
}
