/* The splitter: walks an input once, feeding the record scanner, and hands out segments. It may stop anywhere when a pipe is dry. */
#include "swarm/split.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "swarm/split_files.h"
#include "swarm/split_sealed.h"
#include "swarm/split_source.h"
#include "swarm/split_where.h"
#include "sys/fault.h"

enum { SKIP_READ = 4 << 10 }; /* first read behind a skip: most records end within it */

struct Splitter {
    SplitSpec spec;
    char *path;             /* NULL with SPLIT_COUNT */
    Source source;
    FileList files;         /* SPLIT_FILE */
    SealedFile *sealed;     /* a sealed dataset; then nothing is scanned */
    PrivacyRequest *privacy; /* which may ask for blocks of its segments; or NULL */
    Buffer header;
    Scan scan;
    uint64_t index;         /* of the next segment */
    uint64_t start;         /* where it begins */
    uint64_t position;      /* how far it has been scanned; start when not begun */
    uint64_t records_left;  /* ends to pass until it is complete */
    size_t want;            /* worth reading next */
    uint64_t lines;         /* newlines before `start`, counted for pipes only: a file can be read again */
    uint64_t done, total;   /* bytes */
};

static bool by_records(const Splitter *s)
{
    return s->spec.by == SPLIT_LINES || s->spec.by == SPLIT_JSONL || s->spec.by == SPLIT_CSV || s->spec.by == SPLIT_FIXED;
}

void splitter_free(Splitter **splitter)
{
    Splitter *s = *splitter;
    if (!s) return;
    if (by_records(s)) source_close(&s->source);
    file_list_free(&s->files);
    sealed_close(&s->sealed);
    free(s->privacy);
    buffer_free(&s->header);
    free(s->path);
    free(s);
    *splitter = NULL;
}

static Err fail_at(const Splitter *s, uint64_t offset, const char *what, Diag *diag)
{
    return where_fail(&s->source, s->path, s->start, s->lines, offset, what, diag);
}

/** The input ended although a quote or a fixed record is open. */
static Err fail_open(const Splitter *s, Diag *diag)
{
    if (s->spec.by == SPLIT_FIXED)
        return FAIL_WHY(diag, ERR_BAD_INPUT,
            "%s: the last record, at byte %" PRIu64 ", has %" PRIu64 " of %" PRIu64 " bytes; is 'size' right?",
            s->path, s->position - s->scan.fill, s->scan.fill, s->spec.record_bytes);
    uint64_t quote = where_quote(&s->source, &s->spec, s->start, s->position);
    return fail_at(s, quote, "a quote is opened and never closed; double it (\"\") if it is data in a quoted field", diag);
}

/** Scans on until `records_left` records have ended at or after `least`; *ret_found false at the end of the input. */
static Err scan_on(Splitter *s, uint64_t least, uint64_t size_max, bool *ret_found, Diag *diag)
{
    for (;;) {
        View piece;
        Err e = source_peek(&s->source, s->start, s->position, s->want, &piece);
        if (e.code == ERR_CHANGED) return FAIL_WHY(diag, ERR_CHANGED, "%s: became shorter while it was read", s->path);
        if (e.code == ERR_BUSY) return e;
        if (e.code) return FAIL_WHY(diag, e.code, "%s: can't be read: %s", s->path, err_text(e.code));
        *ret_found = false;
        if (piece.size == 0) return OK;

        size_t end = piece.size, ahead = least > s->position ? (size_t)(least - s->position) : 0;
        *ret_found = scan_records(&s->scan, piece, ahead, &s->records_left, &end);
        if (s->position + end - s->start > size_max)
            return fail_at(s, s->start, size_max == HEADER_BYTES_MAX
                ? "the header is longer than 64KiB; say 'header: false' if there is none, or look for an open quote"
                : "what begins here does not end within 1GiB; look for an open quote, or lower 'records'", diag);
        s->position += end;
        if (*ret_found) return OK;
        if (s->want < SOURCE_WINDOW) s->want *= 2;
    }
}

static Err read_header(Splitter *s, Diag *diag)
{
    bool found;
    s->records_left = 1;
    s->want = SOURCE_WINDOW;
    TRY(scan_on(s, 0, HEADER_BYTES_MAX, &found, diag));
    if (!found && scan_open(&s->scan)) return fail_open(s, diag);
    size_t size = (size_t)s->position;
    if (size == 0) return OK;

    View piece;
    TRY(source_peek(&s->source, 0, 0, SOURCE_WINDOW, &piece));
    if (piece.size < size) return FAIL_WHY(diag, ERR_CHANGED, "%s: became shorter while it was read", s->path);
    TRY(buffer_append(&s->header, view_of(piece.data, size)));
    if (!found) TRY(buffer_append(&s->header, VIEW("\n")));
    s->lines = count_newlines(view_of(piece.data, size));
    s->start = s->done = s->position;
    return OK;
}

static Err open_input(Splitter *s, Diag *diag)
{
    if (s->sealed) {
        SealedFacts facts;
        sealed_facts(s->sealed, &facts);
        s->total = facts.plain_bytes;
        return OK;
    }
    switch (s->spec.by) {
    case SPLIT_COUNT: return OK;
    case SPLIT_FILE:
        TRY(file_list_open(s->path, &s->files, diag));
        s->total = s->files.total;
        return OK;
    case SPLIT_LINES:
    case SPLIT_JSONL:
    case SPLIT_CSV:
    case SPLIT_FIXED: break;
    }
    TRY(source_open(s->path, &s->source, diag));
    s->total = s->source.size;
    scan_begin(&s->spec, &s->scan);
    if (s->spec.by == SPLIT_FIXED && s->total % s->spec.record_bytes) { /* said now rather than hours later */
        s->position = s->total;
        s->scan.fill = s->total % s->spec.record_bytes;
        return fail_open(s, diag);
    }
    if (s->spec.by == SPLIT_CSV && s->spec.header) TRY(read_header(s, diag));
    return OK;
}

static Err keep_privacy(Splitter *s, const TaskSpec *task)
{
    if (!s->sealed || !task->privacy) return OK;
    s->privacy = malloc(sizeof *s->privacy);
    if (!s->privacy) return FAIL(ENOMEM);
    *s->privacy = *task->privacy;
    return OK;
}

Err splitter_open(const TaskSpec *task, Splitter **ret_splitter, Diag *diag)
{
    assert(task && ret_splitter);

    Splitter *s = calloc(1, sizeof *s);
    if (!s) return FAIL(ENOMEM);
    s->spec = task->split;
    s->source.fd = -1;
    s->header = buffer_limited(HEADER_BYTES_MAX + 1);
    s->path = task->input_path && task->split.by != SPLIT_COUNT ? strdup(task->input_path) : NULL;
    Err e = s->path || task->split.by == SPLIT_COUNT ? split_sealed_open(task, &s->sealed, diag) : FAIL(task->input_path ? ENOMEM : ERR_USAGE);
    if (e.code == 0) e = keep_privacy(s, task);
    if (e.code == 0) e = open_input(s, diag);
    if (e.code) {
        splitter_free(&s);
        return e;
    }
    *ret_splitter = s;
    return OK;
}

const SealedFile *splitter_sealed(const Splitter *s) { return s->sealed; }

View splitter_header(const Splitter *s) { return view_buffer(&s->header); }

static Err next_count(Splitter *s, Segment *ret_segment, bool *ret_more)
{
    *ret_more = s->index < s->spec.count;
    if (*ret_more) *ret_segment = (Segment){.index = s->index++};
    return OK;
}

static Err next_file(Splitter *s, Segment *ret_segment, bool *ret_more)
{
    *ret_more = s->index < s->files.count;
    if (!*ret_more) return OK;
    size_t i = (size_t)s->index++;
    *ret_segment = (Segment){.index = i, .path = s->files.names.gl_pathv[i], .size = s->files.facts[i].size};
    s->done += s->files.facts[i].size;
    return OK;
}

/** Where nothing but the neighbourhood of the target decides, the bytes before it are not even read. */
static void begin_segment(Splitter *s)
{
    const SplitSpec *spec = &s->spec;
    s->position = s->start;
    s->records_left = spec->records ? spec->records : 1;
    s->want = SOURCE_WINDOW;
    bool skips = !s->source.pipe && spec->by != SPLIT_CSV && (spec->by == SPLIT_FIXED || !spec->records);
    if (!skips) return;
    uint64_t target = spec->target_bytes;
    if (spec->by == SPLIT_FIXED) {
        uint64_t records = spec->records ? spec->records : (target - 1) / spec->record_bytes + 1;
        target = records * spec->record_bytes;
    }
    uint64_t rest = s->source.size - s->start, skip = spec->by == SPLIT_FIXED ? target : target - 1;
    s->position += skip < rest ? skip : rest;
    if (skip >= SOURCE_WINDOW / 4) s->want = SKIP_READ;
}

/** Completes the segment that begins at `start`; *ret_found false when it ends with the input. */
static Err find_end(Splitter *s, bool *ret_found, Diag *diag)
{
    if (s->position == s->start) begin_segment(s);
    if (s->spec.by == SPLIT_FIXED && !s->source.pipe) {
        s->scan.fill = (s->position - s->start) % s->spec.record_bytes;
        *ret_found = s->scan.fill == 0 && s->position > s->start;
        return OK;
    }
    uint64_t least = s->spec.records ? 0 : s->start + s->spec.target_bytes;
    return scan_on(s, least, SEGMENT_BYTES_MAX - s->header.size, ret_found, diag);
}

static Err next_range(Splitter *s, Segment *ret_segment, bool *ret_more, Diag *diag)
{
    bool found;
    TRY(find_end(s, &found, diag));
    if (!found && scan_open(&s->scan)) return fail_open(s, diag);
    *ret_more = s->position > s->start;
    if (!*ret_more) return OK;

    Segment segment = {
        .index = s->index++,
        .path = s->source.pipe ? NULL : s->path,
        .offset = s->start,
        .size = s->position - s->start,
        .with_header = s->header.size > 0,
    };
    if (s->source.pipe) {
        segment.data = source_kept(&s->source, s->start, (size_t)segment.size);
        s->lines += count_newlines(segment.data);
    }
    s->start = s->done = s->position;
    *ret_segment = segment;
    return OK;
}

Err splitter_next(Splitter *s, Segment *ret_segment, bool *ret_more, Diag *diag)
{
    assert(s && ret_segment && ret_more);

    if (s->sealed) {
        TRY(split_sealed_next(s->sealed, s->path, s->privacy, s->index, ret_segment, ret_more, diag));
        s->done += *ret_more ? ret_segment->plain_size : 0;
        s->index += *ret_more;
        return OK;
    }
    switch (s->spec.by) {
    case SPLIT_COUNT: return next_count(s, ret_segment, ret_more);
    case SPLIT_FILE: return next_file(s, ret_segment, ret_more);
    case SPLIT_LINES:
    case SPLIT_JSONL:
    case SPLIT_CSV:
    case SPLIT_FIXED: break;
    }
    return next_range(s, ret_segment, ret_more, diag);
}

Err splitter_pieces(Splitter *s, uint64_t index, Buffer *ret_pieces)
{
    ret_pieces->size = 0;
    return s->sealed ? split_sealed_pieces(s->sealed, s->privacy, index, ret_pieces) : OK;
}

int splitter_poll_fd(Splitter *s)
{
    if (s->sealed || !by_records(s) || !s->source.pipe) return -1;
    s->source.never_wait = true;
    return s->source.fd;
}

void splitter_progress(const Splitter *s, uint64_t *ret_done, uint64_t *ret_total)
{
    *ret_done = s->done;
    *ret_total = s->total;
}

static Err identify(Buffer *b, const char *path, uint64_t size, struct timespec changed)
{
    const char *slash = strrchr(path, '/');
    TRY(buffer_put_bytes(b, view_text(slash ? slash + 1 : path))); /* not the folder: it may be named from anywhere */
    TRY(buffer_put_u64(b, size));
    TRY(buffer_put_u64(b, (uint64_t)changed.tv_sec));
    return buffer_put_u64(b, (uint64_t)changed.tv_nsec);
}

Err splitter_identity(const Splitter *s, Buffer *ret_identity)
{
    if (s->sealed) return split_sealed_identity(s->sealed, ret_identity);
    if (s->spec.by == SPLIT_COUNT) return buffer_put_u64(ret_identity, s->spec.count);
    if (s->spec.by == SPLIT_FILE) {
        for (size_t i = 0; i < s->files.count; i++)
            TRY(identify(ret_identity, s->files.names.gl_pathv[i], s->files.facts[i].size, s->files.facts[i].changed));
        return OK;
    }
    if (s->source.pipe) return FAIL(ERR_NO_ENTRY);
    struct stat st;
    if (FAULTABLE("fstat", fstat(s->source.fd, &st)) < 0) return FAIL(errno);
    return identify(ret_identity, s->path, s->source.size, st.st_mtim);
}
