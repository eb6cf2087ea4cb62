/* Does every byte of a segment get to its own place, in one read or in many? */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "node/input.h"
#include "sys/test.h"

enum { FILE_BYTES = 1000, ROOM = 300 };

typedef struct {
    TestFolder folder;
    View paths[2];
    FileCache files;
    uint8_t places[8][ROOM];
} Fixture;

static uint8_t byte_at(int file, uint64_t offset) { return (uint8_t)(offset * 7 + offset / 256 + (uint64_t)file * 100); }

static Fixture *fixture(void)
{
    static char names[2][PATH_MAX];
    Fixture *f = calloc(1, sizeof *f);
    ck_assert_ptr_nonnull(f);
    f->folder = test_folder();
    for (int i = 0; i < 2; i++) {
        snprintf(names[i], sizeof names[i], "%s", test_path(&f->folder, i ? "one" : "two"));
        f->paths[i] = view_text(names[i]);
        FILE *out = fopen(names[i], "w");
        for (uint64_t at = 0; at < FILE_BYTES; at++) fputc(byte_at(i, at), out);
        fclose(out);
    }
    return f;
}

static void fixture_free(Fixture *f)
{
    files_close(&f->files);
    test_folder_remove(&f->folder);
    free(f);
}

static JobItem range(const Fixture *f, int file, uint64_t offset, uint64_t size)
{
    return (JobItem){.kind = SEGMENT_RANGE, .path = f->paths[file], .offset = offset, .size = size};
}

static void expect(const uint8_t *place, int file, uint64_t offset, uint64_t size)
{
    for (uint64_t i = 0; i < size; i++) ck_assert_msg(place[i] == byte_at(file, offset + i), "byte %d from %d on", (int)i, (int)offset);
    ck_assert_uint_eq(place[size], 0); /* and nothing behind it */
}

START_TEST(ranges_come_to_their_places_whether_neighbours_or_not)
{
    static const struct { int file; uint64_t offset, size; } RANGES[] = {
        {0, 0, 100}, {0, 100, 1}, {0, 101, 200}, {0, 500, 100}, {0, 400, 100}, {1, 500, 10}, {1, 510, 0}, {1, 510, 290}};
    for (int with_run = 0; with_run < 2; with_run++) {
        Fixture *f = fixture();
        InputRun run = {.count = 0};
        for (int i = 0; i < 8; i++) {
            JobItem item = range(f, RANGES[i].file, RANGES[i].offset, RANGES[i].size);
            ck_assert_ok(input_place(&f->files, with_run ? &run : NULL, &item, (View){0}, f->places[i]));
        }
        ck_assert_ok(input_read(&f->files, &run));
        ck_assert_int_eq(run.count, 0);
        for (int i = 0; i < 8; i++) expect(f->places[i], RANGES[i].file, RANGES[i].offset, RANGES[i].size);
        fixture_free(f);
    }
}
END_TEST

START_TEST(a_header_comes_first_only_where_it_was_asked_for)
{
    Fixture *f = fixture();
    InputRun run = {.count = 0};
    JobItem with = range(f, 0, 0, 50), without = range(f, 0, 50, 50);
    with.with_header = true;
    ck_assert_uint_eq(input_size(&with, VIEW("a,b\n")), 54);
    ck_assert_uint_eq(input_size(&without, VIEW("a,b\n")), 50);
    ck_assert_ok(input_place(&f->files, &run, &with, VIEW("a,b\n"), f->places[0]));
    ck_assert_ok(input_place(&f->files, &run, &without, VIEW("a,b\n"), f->places[1]));
    ck_assert_ok(input_read(&f->files, &run));
    ck_assert_mem_eq(f->places[0], "a,b\n", 4);
    expect(f->places[0] + 4, 0, 0, 50);
    expect(f->places[1], 0, 50, 50);
    fixture_free(f);
}
END_TEST

START_TEST(a_segment_in_the_message_is_copied_at_once)
{
    Fixture *f = fixture();
    JobItem item = {.kind = SEGMENT_INLINE, .size = 7, .data = VIEW("segment")};
    InputRun run = {.count = 0};
    ck_assert_ok(input_place(&f->files, &run, &item, (View){0}, f->places[0]));
    ck_assert_mem_eq(f->places[0], "segment", 7);
    ck_assert_int_eq(run.count, 0);
    fixture_free(f);
}
END_TEST

START_TEST(a_file_that_ends_before_its_range_is_an_error)
{
    Fixture *f = fixture();
    InputRun run = {.count = 0};
    JobItem in = range(f, 0, FILE_BYTES - 20, 10), over = range(f, 0, FILE_BYTES - 10, 11), missing = range(f, 0, 0, 1);
    ck_assert_err(input_place(&f->files, NULL, &over, (View){0}, f->places[0]), ERR_CORRUPT);
    ck_assert_ok(input_place(&f->files, &run, &in, (View){0}, f->places[0]));
    ck_assert_ok(input_place(&f->files, &run, &over, (View){0}, f->places[1]));
    ck_assert_err(input_read(&f->files, &run), ERR_CORRUPT);
    missing.path = VIEW("/no/such/file");
    ck_assert_err(input_place(&f->files, NULL, &missing, (View){0}, f->places[0]), ENOENT);
    fixture_free(f);
}
END_TEST

TEST_MAIN("node/input", ranges_come_to_their_places_whether_neighbours_or_not, a_header_comes_first_only_where_it_was_asked_for,
          a_segment_in_the_message_is_copied_at_once, a_file_that_ends_before_its_range_is_an_error)
