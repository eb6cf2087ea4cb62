/* Does a block of sealed segments come back as what it is made of, and is one that does not add up refused? */
#include "base/test.h"
#include "bus/message.h"
#include "crypto/stream.h"

enum { FIRST = 6, PIECES = 3 };
static const uint64_t PLAIN[PIECES] = {100, 0, 20000};
static const BatchHead HEAD = {.id = {{1}}, .node = 2, .manager = {"0123456789abcdef"}};

static Err put(Buffer *message, const JobItem *item)
{
    message->size = 0;
    ck_assert_ok(message_begin_jobs(message, &HEAD));
    return message_add_job(message, item);
}

static Buffer pieces_of(uint64_t first, const uint64_t *plain, uint32_t count)
{
    Buffer b = buffer_limited(8 * (2 + JOB_PIECES_MAX));
    ck_assert_ok(buffer_put_u64(&b, first));
    for (uint32_t i = 0; i < count; i++) ck_assert_ok(buffer_put_u64(&b, plain[i]));
    return b;
}

static JobItem block(const Buffer *pieces)
{
    JobItem item = {.job = 2, .attempt = 1, .kind = SEGMENT_RANGE, .offset = 36, .path = VIEW("/s"), .pieces = view_buffer(pieces)};
    for (int i = 0; i < PIECES; i++) {
        item.plain_size += PLAIN[i];
        item.size += stream_sealed_size(PLAIN[i]);
    }
    return item;
}

START_TEST(a_block_comes_back_with_its_segments)
{
    AUTO_BUFFER pieces = pieces_of(FIRST, PLAIN, PIECES);
    AUTO_BUFFER message = buffer_limited(4096);
    const JobItem item = block(&pieces);
    JobItem back;
    BatchReader r;
    bool more;
    ck_assert_ok(put(&message, &item));
    ck_assert_ok(message_add_job(&message, &(JobItem){.job = 3, .attempt = 1, .kind = SEGMENT_RANGE, .size = 116, .plain_size = 100}));
    ck_assert_ok(message_open_batch(view_buffer(&message), MESSAGE_JOBS, &r));
    ck_assert_ok(message_next_job(&r, &back, &more));
    ck_assert(more && back.size == item.size && back.plain_size == item.plain_size && job_pieces(&back) == PIECES);
    for (uint32_t i = 0; i < PIECES; i++) {
        uint64_t segment, size;
        job_piece(&back, i, &segment, &size);
        ck_assert_uint_eq(segment, FIRST + i);
        ck_assert_uint_eq(size, PLAIN[i]);
    }
    uint64_t segment, size;
    ck_assert_ok(message_next_job(&r, &back, &more)); /* what is no block is one segment: its own */
    job_piece(&back, 0, &segment, &size);
    ck_assert(more && job_pieces(&back) == 1 && segment == 3 && size == 100);
}
END_TEST

START_TEST(a_block_that_does_not_add_up_is_refused)
{
    static const uint64_t MANY[JOB_PIECES_MAX + 1];
    AUTO_BUFFER message = buffer_limited(16 << 10);
    AUTO_BUFFER right = pieces_of(FIRST, PLAIN, PIECES);
    AUTO_BUFFER fewer = pieces_of(FIRST, PLAIN, PIECES - 1);
    AUTO_BUFFER none = pieces_of(FIRST, PLAIN, 0);
    AUTO_BUFFER huge = pieces_of(FIRST, (const uint64_t[]){UINT64_MAX - 20, 100, 20021}, PIECES);
    AUTO_BUFFER far = pieces_of(JOB_INDEX_MAX + 1, PLAIN, PIECES);
    AUTO_BUFFER many = pieces_of(FIRST, MANY, JOB_PIECES_MAX + 1);
    const Buffer *const wrong[] = {&fewer, &none, &huge, &far};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        JobItem item = block(&right);
        item.pieces = view_buffer(wrong[i]);
        ck_assert_err(put(&message, &item), ERR_PROTOCOL);
    }
    JobItem item = {.attempt = 1, .kind = SEGMENT_RANGE, .size = (JOB_PIECES_MAX + 1) * stream_sealed_size(0), .path = VIEW("/s")};
    item.pieces = view_buffer(&many);
    ck_assert_err(put(&message, &item), ERR_PROTOCOL);
    item = block(&right);
    item.pieces.size -= 4;
    ck_assert_err(put(&message, &item), ERR_PROTOCOL);
}
END_TEST

START_TEST(a_block_that_was_cut_short_is_refused)
{
    AUTO_BUFFER pieces = pieces_of(FIRST, PLAIN, PIECES);
    AUTO_BUFFER message = buffer_limited(4096);
    const JobItem item = block(&pieces);
    ck_assert_ok(put(&message, &item));
    for (size_t less = 1; less <= 2 + 8 * (1 + PIECES); less++) {
        JobItem back;
        BatchReader r;
        bool more;
        ck_assert_ok(message_open_batch(view_of(message.data, message.size - less), MESSAGE_JOBS, &r));
        ck_assert_err(message_next_job(&r, &back, &more), ERR_PROTOCOL);
    }
}
END_TEST

TEST_MAIN("bus/message_pieces", a_block_comes_back_with_its_segments, a_block_that_does_not_add_up_is_refused, a_block_that_was_cut_short_is_refused)
