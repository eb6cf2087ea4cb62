/* Sealing segment by segment. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/seal.h"
#include "sys/fd.h"

enum { PIECE_BYTES = 256 << 10 };

Err segment_bytes_open(SegmentBytes *ret_bytes)
{
    *ret_bytes = (SegmentBytes){.fd = -1, .piece = malloc(PIECE_BYTES)};
    return ret_bytes->piece ? OK : FAIL(ENOMEM);
}

void segment_bytes_close(SegmentBytes *b)
{
    fd_close(&b->fd);
    if (b->piece) sodium_memzero(b->piece, PIECE_BYTES);
    free(b->piece);
}

static Err open_segment_file(SegmentBytes *b, const char *path)
{
    if (b->fd >= 0 && strcmp(b->path, path) == 0) return OK;
    fd_close(&b->fd);
    TRY(path_format(b->path, "%s", path));
    return fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, &b->fd);
}

Err segment_bytes_read(SegmentBytes *b, const Segment *s, Err (*sink)(void *context, View bytes), void *context, Diag *diag)
{
    if (!s->path) return sink(context, s->data);
    TRY_WHY(diag, open_segment_file(b, s->path), "%s: can't be read", s->path);
    for (uint64_t done = 0; done < s->size;) {
        size_t step = s->size - done < PIECE_BYTES ? (size_t)(s->size - done) : PIECE_BYTES;
        Err e = fd_pread_all(b->fd, b->piece, step, s->offset + done);
        if (e.code == ERR_CORRUPT) return FAIL_WHY(diag, ERR_CHANGED, "%s: became shorter while it was read", s->path);
        if (e.code) return FAIL_WHY(diag, e.code, "%s: can't be read: %s", s->path, err_text(e.code));
        TRY(sink(context, view_of(b->piece, step)));
        done += step;
    }
    return OK;
}

static Err feed(void *context, View bytes) { return sealed_writer_feed(context, bytes); }

static Err seal_one(SegmentBytes *bytes, const Segment *s, View header, SealedWriter *output, Diag *diag)
{
    TRY(sealed_writer_begin(output));
    if (s->with_header) TRY(sealed_writer_feed(output, header));
    TRY(segment_bytes_read(bytes, s, feed, output, diag));
    return sealed_writer_end(output);
}

static Err seal_all(Splitter *input, SegmentBytes *bytes, SealedWriter *output, Diag *diag)
{
    for (;;) {
        Segment s;
        bool more;
        TRY(splitter_next(input, &s, &more, diag));
        if (!more) return OK;
        TRY_WHY(diag, seal_one(bytes, &s, splitter_header(input), output, diag), "segment %" PRIu64, s.index);
    }
}

Err seal_segments(Splitter *input, SealedWriter *output, Diag *diag)
{
    SegmentBytes bytes;
    TRY(segment_bytes_open(&bytes));
    Err e = seal_all(input, &bytes, output, diag);
    segment_bytes_close(&bytes);
    return e;
}
