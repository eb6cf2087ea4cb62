/* Do buffers keep their limits, and does the reader ever give bytes that are not there? */
#include "base/bytes.h"
#include "base/test.h"

START_TEST(views_are_equal_when_their_bytes_are)
{
    ck_assert(view_equal(VIEW("ab"), view_text("ab")));
    ck_assert(!view_equal(VIEW("ab"), VIEW("ac")));
    ck_assert(!view_equal(VIEW("ab"), VIEW("abc")));
    ck_assert(view_equal((View){0}, VIEW("")));
}
END_TEST

START_TEST(a_buffer_grows_up_to_its_limit_and_no_further)
{
    AUTO_BUFFER b = buffer_limited(100);
    for (int i = 0; i < 100; i++) ck_assert_ok(buffer_put_u8(&b, (uint8_t)i));
    ck_assert_err(buffer_put_u8(&b, 100), ERR_LIMIT);
    ck_assert_uint_eq(b.size, 100);
    ck_assert_uint_le(b.capacity, 100);
    for (int i = 0; i < 100; i++) ck_assert_uint_eq(b.data[i], i);
}
END_TEST

START_TEST(a_small_buffer_takes_no_more_memory_than_its_limit)
{
    AUTO_BUFFER b = buffer_limited(10);
    ck_assert_ok(buffer_put_u8(&b, 1));
    ck_assert_uint_le(b.capacity, 10);
    AUTO_BUFFER none = buffer_limited(0);
    ck_assert_ok(buffer_append(&none, VIEW("")));
    ck_assert_err(buffer_put_u8(&none, 1), ERR_LIMIT);
}
END_TEST

START_TEST(a_request_that_would_overflow_is_refused)
{
    AUTO_BUFFER b = buffer_limited(SIZE_MAX);
    ck_assert_ok(buffer_append(&b, VIEW("x")));
    ck_assert_err(buffer_reserve(&b, SIZE_MAX), ERR_LIMIT);
    ck_assert_uint_eq(b.size, 1);
}
END_TEST

START_TEST(a_failed_call_leaves_the_buffer_as_it_was)
{
    AUTO_BUFFER b = buffer_limited(8);
    ck_assert_ok(buffer_append(&b, VIEW("abc")));
    ck_assert_err(buffer_put_bytes(&b, VIEW("xy")), ERR_LIMIT); /* 4 + 2 do not fit: not even the length may be written */
    ck_assert_err(buffer_append(&b, VIEW("123456")), ERR_LIMIT);
    ck_assert_err(buffer_format(&b, "%s", "12345678"), ERR_LIMIT);
    ck_assert(view_equal(view_buffer(&b), VIEW("abc")));
}
END_TEST

START_TEST(a_freed_buffer_can_be_used_again)
{
    AUTO_BUFFER b = buffer_limited(4);
    ck_assert_ok(buffer_append(&b, VIEW("abcd")));
    buffer_free(&b);
    ck_assert_uint_eq(b.size, 0);
    ck_assert_ok(buffer_append(&b, VIEW("efgh")));
    ck_assert(view_equal(view_buffer(&b), VIEW("efgh")));
}
END_TEST

START_TEST(format_appends_without_the_terminator)
{
    AUTO_BUFFER b = buffer_limited(100);
    ck_assert_ok(buffer_format(&b, "%d-%s", 7, "x"));
    ck_assert_ok(buffer_format(&b, "!"));
    ck_assert(view_equal(view_buffer(&b), VIEW("7-x!")));
}
END_TEST

START_TEST(numbers_are_little_endian)
{
    AUTO_BUFFER b = buffer_limited(100);
    ck_assert_ok(buffer_put_u32(&b, 0x04030201));
    ck_assert_ok(buffer_put_u64(&b, UINT64_C(0x0c0b0a0908070605)));
    for (size_t i = 0; i < b.size; i++) ck_assert_uint_eq(b.data[i], i + 1);
    ck_assert_uint_eq(b.size, 12);
}
END_TEST

START_TEST(what_was_written_is_read_back)
{
    AUTO_BUFFER b = buffer_limited(1000);
    ck_assert_ok(buffer_put_u8(&b, 200));
    ck_assert_ok(buffer_put_u32(&b, UINT32_MAX));
    ck_assert_ok(buffer_put_u64(&b, UINT64_MAX - 1));
    ck_assert_ok(buffer_put_bytes(&b, VIEW("hello")));
    ck_assert_ok(buffer_put_bytes(&b, VIEW("")));
    ck_assert_ok(buffer_append(&b, VIEW("raw")));

    Reader r = reader_of(view_buffer(&b));
    ck_assert_uint_eq(read_u8(&r), 200);
    ck_assert_uint_eq(read_u32(&r), UINT32_MAX);
    ck_assert(read_u64(&r) == UINT64_MAX - 1);
    ck_assert(view_equal(read_bytes(&r, 5), VIEW("hello")));
    ck_assert_uint_eq(read_bytes(&r, 0).size, 0);
    ck_assert(!reader_done(&r));
    ck_assert(view_equal(read_raw(&r, 3), VIEW("raw")));
    ck_assert(reader_done(&r));
}
END_TEST

START_TEST(a_reader_gives_zeros_for_ever_after_the_first_missing_byte)
{
    const uint8_t bytes[] = {1, 2, 3, 4, 5, 6};
    Reader r = reader_of(view_of(bytes, sizeof bytes));
    ck_assert_uint_eq(read_u8(&r), 1);
    ck_assert(read_u64(&r) == 0);
    ck_assert(r.bad);
    ck_assert_uint_eq(read_u8(&r), 0);
    ck_assert_ptr_null(read_raw(&r, 0).data);
    ck_assert(!reader_done(&r));
}
END_TEST

START_TEST(a_length_above_the_callers_limit_is_bad_even_when_the_bytes_are_there)
{
    AUTO_BUFFER b = buffer_limited(100);
    ck_assert_ok(buffer_put_bytes(&b, VIEW("hello")));
    Reader r = reader_of(view_buffer(&b));
    View v = read_bytes(&r, 4);
    ck_assert_uint_eq(v.size, 0);
    ck_assert(r.bad);
}
END_TEST

START_TEST(a_length_that_points_past_the_end_is_bad)
{
    const uint8_t bytes[] = {255, 255, 255, 255, 'x'};
    Reader r = reader_of(view_of(bytes, sizeof bytes));
    ck_assert_uint_eq(read_bytes(&r, SIZE_MAX).size, 0);
    ck_assert(r.bad);
}
END_TEST

TEST_MAIN("base/bytes", views_are_equal_when_their_bytes_are, a_buffer_grows_up_to_its_limit_and_no_further,
          a_small_buffer_takes_no_more_memory_than_its_limit, a_request_that_would_overflow_is_refused,
          a_failed_call_leaves_the_buffer_as_it_was, a_freed_buffer_can_be_used_again,
          format_appends_without_the_terminator, numbers_are_little_endian, what_was_written_is_read_back,
          a_reader_gives_zeros_for_ever_after_the_first_missing_byte,
          a_length_above_the_callers_limit_is_bad_even_when_the_bytes_are_there, a_length_that_points_past_the_end_is_bad)
