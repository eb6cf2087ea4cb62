/*
 * Record scanners: pure functions from bytes and a small state to the ends of records.
 *
 * Lines need no state. Fixed records are arithmetic. CSV has four states, and which one a byte is in depends on every byte before it:
 *
 *     field start --'"'--> in quotes --'"'--> quote pending --'"'--> in quotes (a doubled quote)
 *     ',' and newline outside quotes lead to field start, anything else to inside an unquoted field, where a quote is data
 *
 * The CSV scanner takes 64 bytes at a time. If every quote either opens at a field start or belongs to a quoted field, then "in quotes" is
 * the parity of the quotes so far (Langdale, Lemire 2019, "Parsing gigabytes of JSON per second", section 3.1.1), a few shifts for 64
 * bytes. A block in which that does not hold is walked byte by byte, so the result is always that of the state machine.
 */
#include "swarm/split.h"

#include "swarm/split_mask.h"

static const uint8_t BOM[] = {0xef, 0xbb, 0xbf};

void scan_begin(const SplitSpec *spec, Scan *ret_scan)
{
    *ret_scan = (Scan){.by = spec->by, .record_bytes = spec->record_bytes, .at_field_start = true};
    if (spec->by == SPLIT_CSV) ret_scan->bom_left = sizeof BOM;
}

bool scan_open(const Scan *s) { return s->in_quotes || s->fill != 0; }

/** Of the record ends in `ends`, passes *count; true when the last of them is here. */
static bool pass_ends(uint64_t ends, size_t at, uint64_t *count, size_t *ret_end)
{
    uint64_t here = (uint64_t)__builtin_popcountll(ends);
    if (here < *count) {
        *count -= here;
        return false;
    }
    *ret_end = at + mask_nth(ends, *count) + 1;
    *count = 0;
    return true;
}

static bool next_newline(View piece, size_t from, size_t *ret_end)
{
    const uint8_t *found = from < piece.size ? memchr(piece.data + from, '\n', piece.size - from) : NULL;
    if (!found) return false;
    *ret_end = (size_t)(found - piece.data) + 1;
    return true;
}

static bool lines_end(View piece, size_t least, uint64_t *count, size_t *ret_end)
{
    size_t at = least ? least - 1 : 0;
    while (*count > 1 && at + MASK_BYTES <= piece.size) {
        if (pass_ends(mask_of(piece.data + at, '\n'), at, count, ret_end)) return true;
        at += MASK_BYTES;
    }
    while (next_newline(piece, at, ret_end)) {
        if (--*count == 0) return true;
        at = *ret_end;
    }
    return false;
}

static bool fixed_end(Scan *s, View piece, size_t least, uint64_t *count, size_t *ret_end)
{
    uint64_t size = s->record_bytes, from = least ? least : 1;
    uint64_t past = (s->fill + from) % size;
    uint64_t first = past ? from + (size - past) : from;
    uint64_t here = first <= piece.size ? (piece.size - first) / size + 1 : 0;
    if (here < *count) {
        *count -= here;
        s->fill = (s->fill + piece.size) % size;
        return false;
    }
    *ret_end = (size_t)(first + (*count - 1) * size);
    *count = 0;
    s->fill = 0;
    return true;
}

/** The state machine itself, one byte. true: this byte ends a record. */
static bool csv_step(Scan *s, uint8_t byte)
{
    if (s->in_quotes) {
        s->quote_pending = byte == '"';
        s->in_quotes = !s->quote_pending;
        return false;
    }
    s->in_quotes = byte == '"' && (s->at_field_start || s->quote_pending);
    s->quote_pending = false;
    s->at_field_start = byte == ',' || byte == '\n';
    return byte == '\n';
}

static uint64_t csv_walk(Scan *s, const uint8_t *bytes)
{
    uint64_t ends = 0;
    for (unsigned i = 0; i < MASK_BYTES; i++) ends |= (uint64_t)csv_step(s, bytes[i]) << i;
    return ends;
}

static void csv_settle(Scan *s, bool in_quotes, uint8_t last)
{
    s->in_quotes = in_quotes;
    s->quote_pending = !in_quotes && last == '"';
    s->at_field_start = !in_quotes && (last == ',' || last == '\n');
}

/** The record ends among 64 bytes; `wanted` false: nobody asks for them, only for the state behind. */
static uint64_t csv_block(Scan *s, const uint8_t *bytes, bool wanted)
{
    uint64_t quotes = mask_of(bytes, '"');
    uint8_t last = bytes[MASK_BYTES - 1];
    if (!quotes) {
        if (s->in_quotes) return 0;
        csv_settle(s, false, last);
        return wanted ? mask_of(bytes, '\n') : 0;
    }
    uint64_t newlines = mask_of(bytes, '\n'), commas = mask_of(bytes, ',');
    uint64_t inside = mask_prefix_parity(quotes) ^ (s->in_quotes ? UINT64_MAX : 0);
    uint64_t opening = quotes & inside, closing = quotes & ~inside;
    uint64_t may_open = (newlines | commas | closing) << 1 | (s->at_field_start || s->quote_pending);
    if (opening & ~may_open) return csv_walk(s, bytes);
    csv_settle(s, inside >> 63, last);
    return newlines & ~inside;
}

/** A byte order mark before the first field is no part of it, so a quote after it opens. */
static size_t csv_skip_bom(Scan *s, View piece)
{
    size_t at = 0;
    while (s->bom_left && at < piece.size) {
        if (piece.data[at] != BOM[sizeof BOM - s->bom_left]) {
            s->at_field_start = s->bom_left == sizeof BOM;
            s->bom_left = 0;
            break;
        }
        s->bom_left--;
        at++;
    }
    return at;
}

static bool csv_end(Scan *s, View piece, size_t least, uint64_t *count, size_t *ret_end)
{
    size_t at = csv_skip_bom(s, piece);
    for (; at + MASK_BYTES <= piece.size; at += MASK_BYTES) {
        bool wanted = at + MASK_BYTES >= least;
        uint64_t ends = csv_block(s, piece.data + at, wanted);
        if (!wanted) continue;
        if (least > at + 1) ends &= UINT64_MAX << (least - at - 1);
        if (!pass_ends(ends, at, count, ret_end)) continue;
        csv_settle(s, false, '\n');
        return true;
    }
    for (; at < piece.size; at++) {
        if (!csv_step(s, piece.data[at]) || at + 1 < least || --*count) continue;
        *ret_end = at + 1;
        return true;
    }
    return false;
}

bool scan_records(Scan *s, View piece, size_t least, uint64_t *count, size_t *ret_end)
{
    switch (s->by) {
    case SPLIT_CSV: return csv_end(s, piece, least, count, ret_end);
    case SPLIT_FIXED: return fixed_end(s, piece, least, count, ret_end);
    case SPLIT_LINES:
    case SPLIT_JSONL: return lines_end(piece, least, count, ret_end);
    case SPLIT_FILE:
    case SPLIT_COUNT: break;
    }
    return false;
}

bool scan_record_end(Scan *s, View piece, size_t least, size_t *ret_end)
{
    uint64_t count = 1;
    return scan_records(s, piece, least, &count, ret_end);
}

void scan_last_quote(Scan *s, View piece, uint64_t offset, uint64_t *quote)
{
    for (size_t i = csv_skip_bom(s, piece); i < piece.size; i++) {
        bool was_inside = s->in_quotes || s->quote_pending;
        csv_step(s, piece.data[i]);
        if (s->in_quotes && !was_inside) *quote = offset + i;
    }
}

uint64_t count_newlines(View bytes)
{
    uint64_t lines = 0;
    size_t at = 0;
    for (; at + MASK_BYTES <= bytes.size; at += MASK_BYTES) lines += (uint64_t)__builtin_popcountll(mask_of(bytes.data + at, '\n'));
    for (; at < bytes.size; at++) lines += bytes.data[at] == '\n';
    return lines;
}
