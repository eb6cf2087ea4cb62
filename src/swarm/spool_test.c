/* Does the spool give back what was appended, wherever it lies: in the ring, around its edge, in the file? */
#include "swarm/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>

#include "sys/fd.h"
#include "sys/test.h"

enum { PIECES = 4000 };

/* A byte that depends on the piece and its place, so that a mixed-up offset shows. */
static uint8_t byte_of(uint64_t piece, uint64_t at) { return (uint8_t)(piece * 131 + at * 7 + (at >> 8)); }

static void append(Spool *s, uint64_t piece, size_t size, uint64_t *ret_offset)
{
    uint8_t *bytes = malloc(size ? size : 1);
    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i++) bytes[i] = byte_of(piece, i);
    ck_assert_ok(spool_append(s, view_of(bytes, size), ret_offset));
    free(bytes);
}

static void expect(Spool *s, uint64_t piece, uint64_t offset, size_t size)
{
    View v;
    ck_assert_ok(spool_read(s, offset, size, &v));
    ck_assert_uint_eq(v.size, size);
    size_t same = 0; /* one assertion a piece: each is a message to the runner */
    while (same < size && v.data[same] == byte_of(piece, same)) same++;
    ck_assert_msg(same == size, "piece %d differs at %zu", (int)piece, same);
}

START_TEST(pieces_of_all_sizes_come_back_from_anywhere)
{
    Spool s;
    ck_assert_ok(spool_open_temporary(&s));
    static uint64_t offsets[PIECES];
    static size_t sizes[PIECES];
    uint64_t random = 99;
    for (uint64_t i = 0; i < PIECES; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        sizes[i] = i % 500 == 499 ? SPOOL_WRITE_BYTES + 1 + (random >> 50) : (random >> 33) % 10000;
        append(&s, i, sizes[i], &offsets[i]);
        expect(&s, i, offsets[i], sizes[i]);
        uint64_t earlier = (random >> 20) % (i + 1);
        expect(&s, earlier, offsets[earlier], sizes[earlier]);
    }
    ck_assert_uint_gt(s.end, 3 * SPOOL_RING_BYTES);
    spool_close(&s);
}
END_TEST

START_TEST(a_spool_goes_on_where_it_ended)
{
    TestFolder folder = test_folder();
    AUTO_FD dir = -1;
    ck_assert_ok(fd_open(AT_FDCWD, folder.path, O_RDONLY | O_DIRECTORY, 0, &dir));
    Spool s;
    uint64_t first, second;
    ck_assert_ok(spool_open(dir, "spool", &s));
    append(&s, 1, 1000, &first);
    ck_assert_ok(spool_flush(&s));
    append(&s, 2, 1000, &second); /* not flushed: lost */
    spool_close(&s);
    ck_assert_ok(spool_open(dir, "spool", &s));
    ck_assert_uint_eq(s.end, 1000);
    append(&s, 3, 10, &second);
    ck_assert_uint_eq(second, 1000);
    expect(&s, 1, first, 1000);
    expect(&s, 3, second, 10);
    spool_close(&s);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(reading_beyond_the_end_is_damage)
{
    Spool s;
    uint64_t offset;
    View v;
    ck_assert_ok(spool_open_temporary(&s));
    append(&s, 0, 100, &offset);
    ck_assert_err(spool_read(&s, 1, 100, &v), ERR_CORRUPT);
    ck_assert_err(spool_read(&s, UINT64_MAX, 2, &v), ERR_CORRUPT);
    ck_assert_err(spool_read(&s, 2, UINT64_MAX, &v), ERR_CORRUPT);
    ck_assert_ok(spool_read(&s, 100, 0, &v));
    spool_close(&s);
}
END_TEST

START_TEST(a_failed_append_leaves_nothing_and_may_be_repeated)
{
    TestFolder folder = test_folder();
    AUTO_FD dir = -1;
    ck_assert_ok(fd_open(AT_FDCWD, folder.path, O_RDONLY | O_DIRECTORY, 0, &dir));
    signal(SIGXFSZ, SIG_IGN);
    Spool s;
    ck_assert_ok(spool_open(dir, "spool", &s));
    struct rlimit limit = {.rlim_cur = 100000, .rlim_max = RLIM_INFINITY}, all = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    static const uint8_t ZEROS[50000];
    uint64_t offset = 77, good = 0;
    Err e = OK;
    for (; good < 100; good++) {
        e = spool_append(&s, view_of(ZEROS, sizeof ZEROS), &offset);
        if (e.code) break;
    }
    ck_assert_int_eq(e.code, EFBIG);
    ck_assert_uint_eq(s.end, good * sizeof ZEROS);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    ck_assert_ok(spool_append(&s, view_of(ZEROS, sizeof ZEROS), &offset));
    ck_assert_uint_eq(offset, good * sizeof ZEROS);
    ck_assert_ok(spool_flush(&s));
    uint64_t size;
    ck_assert_ok(fd_stat_size(s.fd, &size));
    ck_assert_uint_eq(size, s.end);
    spool_close(&s);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_reset_spool_is_empty)
{
    Spool s;
    uint64_t offset;
    ck_assert_ok(spool_open_temporary(&s));
    append(&s, 0, 3000000, &offset);
    ck_assert_ok(spool_reset(&s));
    append(&s, 5, 100, &offset);
    ck_assert_uint_eq(offset, 0);
    expect(&s, 5, 0, 100);
    spool_close(&s);
}
END_TEST

TEST_MAIN("swarm/spool", pieces_of_all_sizes_come_back_from_anywhere, a_spool_goes_on_where_it_ended, reading_beyond_the_end_is_damage,
          a_failed_append_leaves_nothing_and_may_be_repeated, a_reset_spool_is_empty)
