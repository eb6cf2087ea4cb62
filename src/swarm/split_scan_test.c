/* Do the fast scanners find exactly the records that a byte-by-byte reading finds, however the input comes in pieces? */
#include "swarm/split_oracle.h"

#include "base/test.h"
#include "swarm/split_mask.h"
#include "swarm/test_random.h"

enum { INPUT_MAX = 1500 };

static const SplitBy SCANNED[] = {SPLIT_LINES, SPLIT_CSV, SPLIT_JSONL, SPLIT_FIXED};

/** Texts in which quotes, commas and newlines are anything from rare to nearly all. */
static size_t random_text(uint64_t *random, uint8_t text[INPUT_MAX])
{
    static const char ALPHABETS[][9] = {"\"", "\",\n", "ab,\n\"\"\r", "\"a\"a\"a,\n", "abcdefg\n", "abcd,,\"\n", "\"\"\"\"\"a,\n"};
    const char *alphabet = ALPHABETS[test_below(random, sizeof ALPHABETS / sizeof *ALPHABETS)];
    size_t kinds = strlen(alphabet), size = test_below(random, INPUT_MAX + 1);
    uint64_t plain = test_below(random, 100);
    for (size_t i = 0; i < size; i++)
        text[i] = test_below(random, 100) < plain ? 'x' : (uint8_t)alphabet[test_below(random, kinds)];
    if (size > 3 && test_below(random, 4) == 0) memcpy(text, "\xef\xbb\xbf", 1 + test_below(random, 3));
    return size;
}

/** One record end after another through scan_records, the input given in random pieces; returns where the count-th end is, or 0. */
static size_t scan_in_pieces(Scan *scan, View in, size_t from, size_t least, uint64_t count, uint64_t *random)
{
    size_t at = from;
    while (at < in.size) {
        size_t piece = 1 + test_below(random, test_below(random, 4) ? 100 : INPUT_MAX), end;
        if (piece > in.size - at) piece = in.size - at;
        size_t ahead = least > at ? least - at : 0;
        if (scan_records(scan, view_of(in.data + at, piece), ahead, &count, &end)) return at + end;
        at += piece;
    }
    return 0;
}

/** The same by the oracle. */
static size_t walk(const SplitSpec *spec, View in, size_t from, size_t least, uint64_t count)
{
    bool open = false;
    for (size_t at = from; at < in.size;) {
        at = oracle_record(spec, in, at, &open);
        bool ended = spec->by == SPLIT_FIXED || spec->by == SPLIT_CSV ? !open : true;
        if (spec->by != SPLIT_FIXED && in.data[at - 1] != '\n') ended = false; /* the last record, without its newline */
        if (ended && at >= least && --count == 0) return at;
    }
    return 0;
}

START_TEST(every_record_end_is_where_the_oracle_finds_it)
{
    uint64_t seed = test_seed(), random = seed;
    uint8_t text[INPUT_MAX];
    for (int round = 0; round < 60000; round++) {
        View in = view_of(text, random_text(&random, text));
        SplitSpec spec = {.by = SCANNED[round % 4], .record_bytes = 1 + test_below(&random, 70)};
        Scan scan;
        scan_begin(&spec, &scan);
        for (size_t at = 0; at < in.size;) {
            size_t least = at + test_below(&random, test_below(&random, 2) ? 10 : INPUT_MAX);
            uint64_t count = 1 + (test_below(&random, 2) ? 0 : test_below(&random, 40));
            size_t expected = walk(&spec, in, at, least, count), found = scan_in_pieces(&scan, in, at, least, count, &random);
            ck_assert_msg(found == expected, "seed %" PRIu64 " round %d: from %zu, least %zu, count %" PRIu64 ": %zu, not %zu",
                seed, round, at, least, count, found, expected);
            if (!found) break;
            at = found;
        }
    }
}
END_TEST

START_TEST(both_ways_to_make_a_mask_agree_for_every_byte)
{
    uint64_t random = test_seed();
    uint8_t bytes[MASK_BYTES];
    for (int round = 0; round < 2000; round++) {
        for (unsigned i = 0; i < MASK_BYTES; i++) bytes[i] = (uint8_t)test_below(&random, round % 2 ? 256 : 3);
        for (unsigned c = 0; c < 256; c++) {
            uint64_t expected = 0;
            for (unsigned i = 0; i < MASK_BYTES; i++) expected |= (uint64_t)(bytes[i] == c) << i;
            ck_assert_uint_eq(mask_of(bytes, (uint8_t)c), expected);
            ck_assert_uint_eq(mask_portable(bytes, (uint8_t)c), expected);
        }
    }
}
END_TEST

START_TEST(prefix_parity_and_nth_bit_are_what_they_say)
{
    uint64_t random = test_seed();
    for (int round = 0; round < 2000; round++) {
        uint64_t m = test_random(&random), parity = mask_prefix_parity(m);
        unsigned ones = 0;
        for (unsigned i = 0; i < 64; i++) {
            ones += m >> i & 1;
            ck_assert_uint_eq(parity >> i & 1, ones & 1);
            if (m >> i & 1) ck_assert_uint_eq(mask_nth(m, ones), i);
        }
    }
}
END_TEST

START_TEST(newlines_are_counted)
{
    ck_assert_uint_eq(count_newlines(VIEW("")), 0);
    ck_assert_uint_eq(count_newlines(VIEW("a\nb\n\nc")), 3);
    uint8_t many[1000];
    memset(many, '\n', sizeof many);
    ck_assert_uint_eq(count_newlines(view_of(many, sizeof many)), sizeof many);
}
END_TEST

START_TEST(the_last_opening_quote_is_found)
{
    SplitSpec spec = {.by = SPLIT_CSV};
    Scan scan;
    scan_begin(&spec, &scan);
    uint64_t quote = 0;
    scan_last_quote(&scan, VIEW("\"a\"\"b\",5\" disk,\"open"), 100, &quote);
    ck_assert_uint_eq(quote, 115);
    ck_assert(scan_open(&scan));
}
END_TEST

TEST_MAIN("swarm/split_scan", every_record_end_is_where_the_oracle_finds_it, both_ways_to_make_a_mask_agree_for_every_byte,
    prefix_parity_and_nth_bit_are_what_they_say, newlines_are_counted, the_last_opening_quote_is_found)
