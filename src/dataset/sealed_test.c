/* Does a sealed file give back what went in, and is every kind of damage found and called by its own name? */
#include "dataset/sealed_sample.h"

static void check_round_trip(const Sample *s, const size_t *sizes, size_t count, size_t piece)
{
    SealRequest request = sample_request(s, 1);
    AUTO_BUFFER plain = buffer_limited(64 << 20);
    Diag diag = {{0}};
    sample_seal(&request, "a.sealed", sizes, count, piece);
    Err e = sample_unseal(s, "a.sealed", &plain, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    size_t at = 0;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < sizes[i]; k++) ck_assert_uint_eq(plain.data[at++], sample_byte(i, k));
    ck_assert_uint_eq(plain.size, at);
}

START_TEST(what_goes_in_comes_out_whatever_the_sizes_and_pieces)
{
    static const size_t SIZES[] = {0,
                                   1,
                                   STREAM_CHUNK_BYTES - 1,
                                   STREAM_CHUNK_BYTES,
                                   STREAM_CHUNK_BYTES + 1,
                                   16 * STREAM_CHUNK_BYTES,
                                   16 * STREAM_CHUNK_BYTES + 1,
                                   33 * STREAM_CHUNK_BYTES + 5,
                                   0};
    static const size_t PIECES[] = {1 << 20, STREAM_CHUNK_BYTES, STREAM_CHUNK_BYTES - 1, 40000, 7};
    Sample s;
    sample_begin(&s);
    for (size_t i = 0; i < sizeof PIECES / sizeof PIECES[0]; i++) check_round_trip(&s, SIZES, sizeof SIZES / sizeof SIZES[0], PIECES[i]);
    check_round_trip(&s, SIZES, 0, 1);
    sample_end(&s);
}
END_TEST

START_TEST(the_index_of_many_segments_lies_in_a_file_and_nothing_stays_behind)
{
    enum { COUNT = 5000 };
    static size_t sizes[COUNT];
    Sample s;
    sample_begin(&s);
    for (size_t i = 0; i < COUNT; i++) sizes[i] = i % 11;
    check_round_trip(&s, sizes, COUNT, 4);
    ck_assert_int_eq(system("test \"$(ls -A)\" = a.sealed"), 0);
    sample_end(&s);
}
END_TEST

START_TEST(a_writer_that_is_not_finished_leaves_the_old_file_and_nothing_else)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 1);
    SealedWriter *w = NULL;
    sample_write("a.sealed", VIEW("old"));
    ck_assert_ok(sealed_writer_open("a.sealed", &request, &w, NULL));
    ck_assert_ok(sealed_writer_begin(w));
    ck_assert_ok(sealed_writer_feed(w, VIEW("new")));
    sealed_writer_free(&w);
    AUTO_BUFFER b = sample_file("a.sealed");
    ck_assert(view_equal(view_buffer(&b), VIEW("old")));
    ck_assert_int_eq(system("test \"$(ls -A)\" = a.sealed"), 0);
    sample_end(&s);
}
END_TEST

static const size_t SMALL[] = {40, 40, 3};
enum { SMALL_COUNT = 3, FIRST_SEGMENT = 36, SMALL_SEALED = 40 + AEAD_TAG_BYTES };

START_TEST(every_single_flipped_bit_is_found)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 1);
    sample_seal(&request, "a.sealed", SMALL, SMALL_COUNT, 64);
    AUTO_BUFFER b = sample_file("a.sealed");
    AUTO_BUFFER plain = buffer_limited(1 << 20);
    for (size_t bit = 0; bit < 8 * b.size; bit += TEST_STEP) {
        Diag diag = {{0}};
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        sample_write("b.sealed", view_buffer(&b));
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        int code = sample_unseal(&s, "b.sealed", &plain, &diag).code;
        bool named = code == ERR_BAD_INPUT || code == ERR_TRUNCATED || code == ERR_CORRUPT || code == ERR_BAD_SIGNATURE ||
                     code == ERR_UNTRUSTED || code == ERR_FOREIGN;
        ck_assert_msg(named && strncmp(diag.text, "b.sealed: ", 10) == 0, "bit %zu: %d %s", bit, code, diag.text);
    }
    sample_end(&s);
}
END_TEST

START_TEST(a_flipped_bit_in_a_segment_names_the_segment)
{
    Sample s;
    sample_begin(&s);
    const size_t sizes[] = {5, 3 * STREAM_CHUNK_BYTES};
    SealRequest request = sample_request(&s, 1);
    sample_seal(&request, "a.sealed", sizes, 2, 1 << 20);
    AUTO_BUFFER b = sample_file("a.sealed");
    AUTO_BUFFER plain = buffer_limited(1 << 20);
    size_t second = FIRST_SEGMENT + 5 + AEAD_TAG_BYTES, chunk = STREAM_CHUNK_BYTES + AEAD_TAG_BYTES;
    Diag diag = {{0}};
    b.data[second + chunk + 100] ^= 4;                    /* text of the second chunk */
    sample_write("b.sealed", view_buffer(&b));
    ck_assert_err(sample_unseal(&s, "b.sealed", &plain, &diag), ERR_CORRUPT);
    char expected[160];
    snprintf(expected, sizeof expected,
             "b.sealed: segment 1 was changed, at byte %zu of the file or up to 16 KiB behind it; get the file again",
             second + chunk);
    ck_assert_str_eq(diag.text, expected);
    b.data[second + chunk + 100] ^= 4;
    b.data[second + chunk - 1] ^= 1;                      /* tag of its first chunk */
    sample_write("b.sealed", view_buffer(&b));
    ck_assert_err(sample_unseal(&s, "b.sealed", &plain, &diag), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(diag.text, "segment 1 was changed"));
    sample_end(&s);
}
END_TEST

START_TEST(every_cut_is_called_a_cut)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 1);
    sample_seal(&request, "a.sealed", SMALL, SMALL_COUNT, 64);
    AUTO_BUFFER b = sample_file("a.sealed");
    AUTO_BUFFER plain = buffer_limited(1 << 20);
    for (size_t size = 0; size < b.size; size += TEST_STEP) {
        Diag diag = {{0}};
        sample_write("b.sealed", view_of(b.data, size));
        ck_assert_err(sample_unseal(&s, "b.sealed", &plain, &diag), size < 8 ? ERR_BAD_INPUT : ERR_TRUNCATED);
    }
    sample_end(&s);
}
END_TEST

START_TEST(bytes_that_are_missing_inside_are_found)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 1);
    sample_seal(&request, "a.sealed", SMALL, SMALL_COUNT, 64);
    AUTO_BUFFER b = sample_file("a.sealed");
    AUTO_BUFFER plain = buffer_limited(1 << 20);
    Diag diag = {{0}};
    memmove(b.data + FIRST_SEGMENT, b.data + FIRST_SEGMENT + SMALL_SEALED, b.size - FIRST_SEGMENT - SMALL_SEALED);
    sample_write("b.sealed", view_of(b.data, b.size - SMALL_SEALED));
    ck_assert_err(sample_unseal(&s, "b.sealed", &plain, &diag), ERR_CORRUPT);
    ck_assert_str_eq(diag.text, "b.sealed: its end does not fit its length: bytes in it were changed, removed or added; get it again");
    sample_end(&s);
}
END_TEST

START_TEST(reordered_segments_are_called_reordered)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 1);
    sample_seal(&request, "a.sealed", SMALL, SMALL_COUNT, 64);
    AUTO_BUFFER b = sample_file("a.sealed");
    AUTO_BUFFER plain = buffer_limited(1 << 20);
    uint8_t first[SMALL_SEALED];
    Diag diag = {{0}};
    memcpy(first, b.data + FIRST_SEGMENT, SMALL_SEALED);
    memmove(b.data + FIRST_SEGMENT, b.data + FIRST_SEGMENT + SMALL_SEALED, SMALL_SEALED);
    memcpy(b.data + FIRST_SEGMENT + SMALL_SEALED, first, SMALL_SEALED);
    sample_write("b.sealed", view_buffer(&b));
    ck_assert_err(sample_unseal(&s, "b.sealed", &plain, &diag), ERR_MISPLACED);
    ck_assert_str_eq(diag.text, "b.sealed: segment 1 is in the place of segment 0: segments were reordered; get the file again");
    ck_assert_uint_eq(plain.size, 0);
    sample_end(&s);
}
END_TEST

START_TEST(a_segment_of_another_dataset_or_version_is_foreign)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 1);
    sample_seal(&request, "a.sealed", SMALL, SMALL_COUNT, 64);
    sample_seal(&request, "other.sealed", SMALL, SMALL_COUNT, 64);
    AUTO_BUFFER a = sample_file("a.sealed"), other = sample_file("other.sealed"), plain = buffer_limited(1 << 20);
    Diag diag = {{0}};
    memcpy(a.data + FIRST_SEGMENT + SMALL_SEALED, other.data + FIRST_SEGMENT + SMALL_SEALED, SMALL_SEALED);
    sample_write("b.sealed", view_buffer(&a));
    ck_assert_err(sample_unseal(&s, "b.sealed", &plain, &diag), ERR_FOREIGN);
    ck_assert_str_eq(diag.text, "b.sealed: what is in the place of segment 1 is none of this dataset's segments: it is from "
                                "another dataset or version, or overwritten; get the file again");
    sample_end(&s);
}
END_TEST

START_TEST(an_old_version_and_another_dataset_are_not_what_was_pinned)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 4);
    sample_seal(&request, "a.sealed", SMALL, SMALL_COUNT, 64);
    SealedFile *f = NULL;
    SealedFacts facts;
    Diag diag = {{0}};
    ck_assert_ok(sealed_open("a.sealed", &s.trusted, &f, &diag));
    sealed_facts(f, &facts);
    ck_assert_uint_eq(facts.version, 4);
    ck_assert_uint_eq(facts.segments, SMALL_COUNT);
    ck_assert_uint_eq(facts.plain_bytes, 83);
    ck_assert(!facts.is_result);
    ck_assert_ok(sealed_expect(f, facts.id, 4, &diag));
    ck_assert_err(sealed_expect(f, facts.id, 5, &diag), ERR_STALE);
    ck_assert_str_eq(diag.text, "a.sealed: is version 4 of the dataset, and 5 or later is expected: an old version was put in its place");
    facts.id[3] ^= 1;
    ck_assert_err(sealed_expect(f, facts.id, 1, &diag), ERR_FOREIGN);
    sealed_close(&f);
    sample_end(&s);
}
END_TEST

START_TEST(only_trusted_owners_and_only_recipients)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 1);
    sample_seal(&request, "a.sealed", SMALL, SMALL_COUNT, 64);
    SealedFile *f = NULL;
    AeadKey key;
    Diag diag = {{0}};
    TrustedKeys none = {.count = 0};
    ck_assert_err(sealed_open("a.sealed", &none, &f, &diag), ERR_UNTRUSTED);
    ck_assert_ptr_nonnull(strstr(diag.text, "which is not trusted here"));
    ck_assert_ok(sealed_open("a.sealed", NULL, &f, &diag));
    SealSecretKey stranger;
    hpke_derive_secret(VIEW("a stranger's key, thirty-two bytes"), &stranger);
    ck_assert_err(sealed_key(f, &stranger, &key, &diag), ERR_DENIED);
    ck_assert_str_eq(diag.text, "a.sealed: is sealed for others: your sealing key is not among its 1 recipient");
    sealed_close(&f);
    sample_end(&s);
}
END_TEST

START_TEST(another_file_with_the_footer_of_this_one_does_not_open)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 1);
    sample_seal(&request, "a.sealed", SMALL, SMALL_COUNT, 64);
    sample_seal(&request, "other.sealed", SMALL, SMALL_COUNT, 64);
    AUTO_BUFFER a = sample_file("a.sealed"), other = sample_file("other.sealed"), plain = buffer_limited(1 << 20);
    Diag diag = {{0}};
    size_t segments_end = FIRST_SEGMENT + 2 * SMALL_SEALED + 3 + AEAD_TAG_BYTES;
    ck_assert_uint_eq(a.size, other.size);
    memcpy(a.data, other.data, segments_end); /* header and segments of the other, index and footer of this one */
    sample_write("b.sealed", view_buffer(&a));
    ck_assert_err(sample_unseal(&s, "b.sealed", &plain, &diag), ERR_CORRUPT);
    ck_assert_str_eq(diag.text, "b.sealed: its header names another dataset or version than its signed footer: it was changed; get it again");
    sample_end(&s);
}
END_TEST

START_TEST(only_sealed_files_are_taken_for_sealed_files)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 1);
    sample_seal(&request, "a.sealed", SMALL, SMALL_COUNT, 64);
    sample_write("plain", VIEW("a,b\n1,2\n"));
    sample_write("short", VIEW("COVEY"));
    ck_assert(sealed_probe("a.sealed"));
    ck_assert(!sealed_probe("plain"));
    ck_assert(!sealed_probe("short"));
    ck_assert(!sealed_probe("."));
    ck_assert(!sealed_probe("absent"));
    SealedFile *f = NULL;
    Diag diag = {{0}};
    ck_assert_err(sealed_open("plain", NULL, &f, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, "plain: is not a sealed dataset; covey seal makes one");
    ck_assert_err(sealed_open("absent", NULL, &f, &diag), ERR_NO_ENTRY);
    sample_end(&s);
}
END_TEST

/* Not more exactly than to a power of two: the nearer one. */
START_TEST(what_is_disclosed_of_the_columns_is_signed_and_the_number_of_records_is_coarse)
{
    static const uint64_t COUNTS[][2] = {{0, 0}, {1, 1}, {3, 2}, {1000, 1024}, {10000, 8192}, {12288, 8192}, {12289, 16384}, {16384, 16384}};
    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) {
        Sample s;
        SealedWriter *w = NULL;
        SealedFile *f = NULL;
        SealedFacts facts;
        Diag diag = {{0}};
        sample_begin(&s);
        const SealRequest request = sample_request(&s, 1);
        ck_assert_ok(sealed_writer_open("c.sealed", &request, &w, &diag));
        sealed_writer_set_columns(w, i % 2 ? VIEW("a,b\n") : (View){0}, COUNTS[i][0]);
        ck_assert_ok(sealed_writer_finish(w, &diag));
        sealed_writer_free(&w);
        ck_assert_ok(sealed_open("c.sealed", &s.trusted, &f, &diag));
        sealed_facts(f, &facts);
        ck_assert_uint_eq(facts.records_about, COUNTS[i][1]);
        ck_assert(view_equal(facts.columns, i % 2 ? VIEW("a,b\n") : (View){0}));
        sealed_close(&f);
        sample_end(&s);
    }
}
END_TEST

TEST_MAIN("dataset/sealed", what_is_disclosed_of_the_columns_is_signed_and_the_number_of_records_is_coarse, what_goes_in_comes_out_whatever_the_sizes_and_pieces,
          the_index_of_many_segments_lies_in_a_file_and_nothing_stays_behind,
          a_writer_that_is_not_finished_leaves_the_old_file_and_nothing_else, every_single_flipped_bit_is_found,
          a_flipped_bit_in_a_segment_names_the_segment, every_cut_is_called_a_cut, bytes_that_are_missing_inside_are_found,
          reordered_segments_are_called_reordered, a_segment_of_another_dataset_or_version_is_foreign,
          an_old_version_and_another_dataset_are_not_what_was_pinned, only_trusted_owners_and_only_recipients,
          another_file_with_the_footer_of_this_one_does_not_open, only_sealed_files_are_taken_for_sealed_files)
