/*
 * Sealing by groups: which segment a record goes to is decided by a hash of one column under a key that nobody keeps. The splitter hands out runs
 * of whole records; each record goes to its part of the spill, and each part becomes a segment.
 */
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>

#include "api/csv_field.h"
#include "api/seal.h"
#include "api/spill.h"
#include "base/quoted.h"
#include "sys/entropy.h"

typedef struct {
    size_t column, segments;
    uint64_t records;
    uint8_t key[crypto_shorthash_KEYBYTES];
    Spill *spill;
    Buffer run, field;     /* the records of one run; the field of one record */
} Groups;

static Err find_column(View header, const char *name, size_t *ret_column, Diag *diag)
{
    bool found;
    TRY(csv_column(header, view_text(name), ret_column, &found));
    if (!found)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "no column is called '%s'; the header is: %s", quoted(view_text(name)).text, quoted(header).text);
    return OK;
}

static Err append(void *context, View bytes) { return buffer_append(context, bytes); }

static size_t group_of(const Groups *g, View value)
{
    uint8_t hash[crypto_shorthash_BYTES];
    uint64_t number;
    crypto_shorthash(hash, value.data ? value.data : hash, value.size, g->key);
    memcpy(&number, hash, sizeof number);
    return (size_t)(number % g->segments);
}

static Err place_record(Groups *g, View record, uint64_t offset, Diag *diag)
{
    bool found, empty = record.data[0] == '\n' || (record.data[0] == '\r' && record.size <= 2);
    g->field.size = 0;
    TRY(csv_field(record, g->column, &g->field, &found));
    if (!found && !empty) return FAIL_WHY(diag, ERR_BAD_INPUT, "the record at byte %" PRIu64 " has no column %zu, which is to group by", offset, g->column + 1);
    size_t group = group_of(g, view_buffer(&g->field));
    g->records += !empty;
    TRY(spill_add(g->spill, group, record));
    return record.data[record.size - 1] == '\n' ? OK : spill_add(g->spill, group, VIEW("\n")); /* the input's last may not be the output's last */
}

/** A run begins and ends with records. */
static Err place_run(Groups *g, uint64_t offset, Diag *diag)
{
    const SplitSpec csv = {.by = SPLIT_CSV};
    View rest = view_buffer(&g->run);
    Scan scan;
    scan_begin(&csv, &scan);
    scan.bom_left = 0;
    while (rest.size > 0) {
        size_t end;
        if (!scan_record_end(&scan, rest, 0, &end)) end = rest.size; /* the input's last, without a newline */
        TRY(place_record(g, view_of(rest.data, end), offset, diag));
        rest = view_of(rest.data + end, rest.size - end);
        offset += end;
    }
    return OK;
}

static Err place_all(Groups *g, Splitter *input, SegmentBytes *bytes, Diag *diag)
{
    for (;;) {
        Segment s;
        bool more;
        TRY(splitter_next(input, &s, &more, diag));
        if (!more) return OK;
        g->run.size = 0;
        TRY(segment_bytes_read(bytes, &s, append, &g->run, diag));
        TRY(place_run(g, s.offset, diag));
    }
}

static Err feed(void *context, View bytes) { return sealed_writer_feed(context, bytes); }

/** Every group becomes a segment, also one that nobody fell into: the number of segments says nothing about the people. */
static Err write_all(Groups *g, View header, SealedWriter *output)
{
    for (size_t i = 0; i < g->segments; i++) {
        TRY(sealed_writer_begin(output));
        TRY(sealed_writer_feed(output, header));
        TRY(spill_read(g->spill, i, feed, output));
        TRY(sealed_writer_end(output));
    }
    return OK;
}

static Err seal_by_group(Groups *g, Splitter *input, SegmentBytes *bytes, const char *folder, SealedWriter *output, Diag *diag)
{
    TRY_WHY(diag, spill_open(folder, g->segments, &g->spill), "%s: no temporary file there", folder);
    TRY_WHY(diag, place_all(g, input, bytes, diag), "grouping");
    Err e = write_all(g, splitter_header(input), output);
    if (e.code == ERR_LIMIT) return FAIL_WHY(diag, e.code, "a segment would be larger than 1GiB; ask for more than %zu segments", g->segments);
    return e;
}

Err seal_groups(Splitter *input, const char *column, size_t segments, const char *folder, SealedWriter *output, uint64_t *ret_records, Diag *diag)
{
    SegmentBytes bytes;
    Groups g = {.segments = segments, .run = buffer_limited(SEGMENT_BYTES_MAX), .field = buffer_limited(SEGMENT_BYTES_MAX)};
    TRY(find_column(splitter_header(input), column, &g.column, diag));
    TRY(random_bytes(g.key, sizeof g.key));
    TRY(segment_bytes_open(&bytes));
    Err e = seal_by_group(&g, input, &bytes, folder, output, diag);
    *ret_records = g.records;
    segment_bytes_close(&bytes);
    spill_free(&g.spill);
    if (g.run.data) sodium_memzero(g.run.data, g.run.capacity);
    buffer_free(&g.run);
    buffer_free(&g.field);
    sodium_memzero(&g, sizeof g);
    return e;
}
