/* Does every message come back as it was written, and is everything else refused? */
#include "bus/message.h"

#include <errno.h>

#include "base/test.h"

static Buffer message;

static void fresh(void)
{
    buffer_free(&message);
    message = buffer_limited(BUS_MESSAGE_BYTES_MAX);
}

static TaskOpen open_example(void)
{
    TaskOpen m = {.id = {{1, 2, 3}}, .stage = 2, .node = 9, .manager = {"0123456789abcdef"}, .image_path = VIEW("/images/x.see"),
                  .level = LEVEL_PROCESS, .zygotes = 4, .lifetime_ns = NS_PER_S,
                  .memory_max = 64 * MIB, .output_max = MIB, .real_random = 1, .args = VIEW("t\0--column\0\0"), .arg_count = 3,
                  .env = VIEW("A=b\0"), .env_count = 1, .header = VIEW("a,b\n")};
    memset(m.measurement, 7, sizeof m.measurement);
    memset(m.seed, 8, sizeof m.seed);
    memset(m.digest_key, 9, sizeof m.digest_key);
    return m;
}

START_TEST(a_task_comes_back)
{
    TaskOpen in = open_example(), out;
    fresh();
    ck_assert_ok(message_put_task_open(&message, &in));
    ck_assert_ok(message_get_task_open(view_buffer(&message), &out));
    ck_assert(view_equal(in.image_path, out.image_path) && view_equal(in.args, out.args) && view_equal(in.env, out.env) &&
              view_equal(in.header, out.header));
    ck_assert_mem_eq(in.measurement, out.measurement, 32);
    ck_assert_mem_eq(in.seed, out.seed, 32);
    ck_assert_mem_eq(in.digest_key, out.digest_key, 32);
    ck_assert_mem_eq(&in.id, &out.id, sizeof in.id);
    ck_assert(in.stage == out.stage && in.node == out.node && in.level == out.level && in.zygotes == out.zygotes &&
              in.lifetime_ns == out.lifetime_ns);
    ck_assert(in.memory_max == out.memory_max && in.output_max == out.output_max && in.real_random == out.real_random);
    ck_assert(in.arg_count == out.arg_count && in.env_count == out.env_count);
}
END_TEST

START_TEST(a_task_whose_image_is_an_object_comes_back)
{
    TaskOpen in = open_example(), out;
    in.image_path = (View){0};
    in.image_size = 12345;
    memset(in.image_object.bytes, 6, sizeof in.image_object.bytes);
    fresh();
    ck_assert_ok(message_put_task_open(&message, &in));
    ck_assert_ok(message_get_task_open(view_buffer(&message), &out));
    ck_assert(out.image_path.size == 0 && out.image_size == 12345);
    ck_assert_mem_eq(&in.image_object, &out.image_object, sizeof in.image_object);
    ck_assert_str_eq(in.manager.text, out.manager.text);
}
END_TEST

static TaskOpen sealed_example(ChannelSealed sealed)
{
    TaskOpen m = open_example();
    m.header = (View){0};
    m.sealed = sealed;
    m.footer = VIEW("a signed footer");
    m.staging = VIEW("score");
    m.ahead = 1;
    return m;
}

START_TEST(a_task_over_sealed_data_comes_back)
{
    static const ChannelSealed KINDS[] = {SEALED_SEGMENTS, SEALED_RESULTS};
    for (size_t i = 0; i < 2; i++) {
        TaskOpen in = sealed_example(KINDS[i]), out;
        fresh();
        ck_assert_ok(message_put_task_open(&message, &in));
        ck_assert_ok(message_get_task_open(view_buffer(&message), &out));
        ck_assert_uint_eq(out.sealed, KINDS[i]);
        ck_assert(view_equal(in.footer, out.footer) && out.header.size == 0);
        ck_assert(view_equal(out.staging, VIEW("score")) && out.ahead == 1);
    }
}
END_TEST

#define REFUSED(change) \
    do { TaskOpen m = open_example(); change; fresh(); ck_assert_err(message_put_task_open(&message, &m), ERR_PROTOCOL); } while (0)

START_TEST(a_task_beyond_a_limit_is_refused)
{
    REFUSED(m.stage = STAGE_MAX + 1);
    REFUSED(m.node = 0);
    REFUSED(m.image_path = VIEW(""));
    REFUSED(m.image_size = 1);
    REFUSED(m.image_object.bytes[31] = 1);
    REFUSED((m.image_path = VIEW(""), m.image_size = IMAGE_BYTES_MAX + 1));
    REFUSED(m.manager.text[0] = 'A');
    REFUSED(m.manager.text[15] = '\0');
    REFUSED(m.image_path = VIEW("a\0b"));
    REFUSED(m.level = 0);
    REFUSED(m.level = LEVEL_CONFIDENTIAL + 1);
    REFUSED(m.zygotes = ZYGOTES_MAX + 1);
    REFUSED(m.lifetime_ns = 0);
    REFUSED(m.lifetime_ns = SEE_LIFETIME_MAX_NS + 1);
    REFUSED(m.memory_max = SEE_MEMORY_MAX + 1);
    REFUSED(m.output_max = SEE_OUTPUT_MAX + 1);
    REFUSED(m.real_random = 2);
    REFUSED(m.arg_count = 2);
    REFUSED(m.arg_count = 4);
    REFUSED(m.args = VIEW("not terminated"));
    REFUSED(m.env_count = 0);
    REFUSED(m.footer = VIEW("a footer of nothing sealed"));
    REFUSED(m.staging = VIEW("score/model"));
    REFUSED(m.staging = VIEW("a\nb"));
    REFUSED(m.ahead = 2);
}
END_TEST

#define SEALED_REFUSED(change) \
    do { TaskOpen m = sealed_example(SEALED_SEGMENTS); change; fresh(); ck_assert_err(message_put_task_open(&message, &m), ERR_PROTOCOL); } while (0)

START_TEST(a_sealed_task_without_footer_or_with_a_header_is_refused)
{
    static uint8_t footer[BROKER_FOOTER_MAX + 1];
    SEALED_REFUSED(m.sealed = SEALED_RESULTS + 1);
    SEALED_REFUSED(m.footer = (View){0});
    SEALED_REFUSED(m.footer = view_of(footer, sizeof footer));
    SEALED_REFUSED(m.header = VIEW("a,b\n"));
}
END_TEST

START_TEST(a_reader_refuses_what_a_writer_would)
{
    TaskOpen m = open_example(), out = {.stage = 77};
    fresh();
    ck_assert_ok(message_put_task_open(&message, &m));
    size_t level = 2 + TASK_ID_BYTES + 8 + 16 + 4 + m.image_path.size + 32 + 8 + 32;
    message.data[level] = 0;
    ck_assert_err(message_get_task_open(view_buffer(&message), &out), ERR_PROTOCOL);
    ck_assert_uint_eq(out.stage, 77); /* untouched on failure */
}
END_TEST

START_TEST(ready_refused_alive_and_close_come_back)
{
    TaskReady ready = {.id = {{5}}, .stage = 1, .node = 3, .window = 128, .batch = 64, .start_ns = 7, .attest_ns = UINT64_MAX}, ready_out;
    fresh();
    ck_assert_ok(message_put_task_ready(&message, &ready));
    ck_assert_ok(message_get_task_ready(view_buffer(&message), &ready_out));
    ck_assert_mem_eq(&ready, &ready_out, sizeof ready);

    TaskRefused refused = {.id = {{5}}, .node = 3, .code = ERR_LEVEL, .text = VIEW("why")}, refused_out;
    fresh();
    ck_assert_ok(message_put_task_refused(&message, &refused));
    ck_assert_ok(message_get_task_refused(view_buffer(&message), &refused_out));
    ck_assert(refused_out.code == ERR_LEVEL && view_equal(refused.text, refused_out.text));

    TaskAlive alive = {.id = {{5}}, .stage = 1, .node = 3, .manager = {"0123456789abcdef"}}, alive_out;
    fresh();
    ck_assert_ok(message_put_task_alive(&message, &alive));
    ck_assert_ok(message_get_task_alive(view_buffer(&message), &alive_out));
    ck_assert(alive_out.node == 3 && alive_out.stage == 1);
    ck_assert_str_eq(alive.manager.text, alive_out.manager.text);

    TaskClose close = {.id = {{5}}, .stage = 1, .node = 3}, close_out;
    fresh();
    ck_assert_ok(message_put_task_close(&message, &close));
    ck_assert_ok(message_get_task_close(view_buffer(&message), &close_out));
    ck_assert_mem_eq(&close, &close_out, sizeof close);
}
END_TEST

START_TEST(a_window_or_code_that_makes_no_sense_is_refused)
{
    static const TaskReady BAD[] = {{.node = 1, .window = 0, .batch = 1}, {.node = 1, .window = 1, .batch = 0}, {.node = 1, .window = 4, .batch = 5},
                                    {.node = 1, .window = WINDOW_JOBS_MAX + 1, .batch = 1},
                                    {.node = 1, .window = 4096, .batch = BUS_BATCH_JOBS_MAX + 1}};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        fresh();
        ck_assert_err(message_put_task_ready(&message, &BAD[i]), ERR_PROTOCOL);
    }
    static const int32_t CODES[] = {0, -1, 5000, ERR_LAST, INT32_MAX};
    for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++) {
        TaskRefused m = {.node = 1, .code = CODES[i]};
        fresh();
        ck_assert_err(message_put_task_refused(&message, &m), ERR_PROTOCOL);
    }
}
END_TEST

/* Reads a whole message of whatever type it says it is. */
static Err read_any(View v)
{
    union { TaskOpen open; TaskReady ready; TaskRefused refused; TaskClose close; JobCancel cancel; BatchReader batch; } m;
    JobItem job;
    ResultItem result;
    bool more = true;
    switch (message_type(v)) {
    case MESSAGE_TASK_OPEN: return message_get_task_open(v, &m.open);
    case MESSAGE_TASK_READY: return message_get_task_ready(v, &m.ready);
    case MESSAGE_TASK_REFUSED: return message_get_task_refused(v, &m.refused);
    case MESSAGE_TASK_CLOSE: return message_get_task_close(v, &m.close);
    case MESSAGE_JOB_CANCEL: return message_get_job_cancel(v, &m.cancel);
    case MESSAGE_JOBS:
        TRY(message_open_batch(v, MESSAGE_JOBS, &m.batch));
        while (more) TRY(message_next_job(&m.batch, &job, &more));
        return OK;
    case MESSAGE_RESULTS:
        TRY(message_open_batch(v, MESSAGE_RESULTS, &m.batch));
        while (more) TRY(message_next_result(&m.batch, &result, &more));
        return OK;
    default: return FAIL(ERR_PROTOCOL);
    }
}

/* A batch may end behind any item, so there a shorter message is another message. */
static bool is_item_end(size_t size, const size_t *ends, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (ends[i] == size) return true;
    return false;
}

static void refuse_every_cut(const size_t *ends, size_t count)
{
    for (size_t size = 0; size < message.size; size++) {
        if (is_item_end(size, ends, count)) continue;
        Err e = read_any(view_of(message.data, size));
        ck_assert_msg(e.code == ERR_PROTOCOL, "type %d cut to %zu of %zu bytes: %s", message.data[0], size, message.size, err_text(e.code));
    }
    ck_assert_ok(read_any(view_buffer(&message)));
}

static const BatchHead HEAD = {.id = {{1}}, .stage = 3, .node = 2, .manager = {"0123456789abcdef"}};

static void put_jobs(void)
{
    fresh();
    JobItem none = {.job = 1, .attempt = 1, .kind = SEGMENT_NONE};
    JobItem range = {.job = JOB_INDEX_MAX, .attempt = 2, .kind = SEGMENT_RANGE, .with_header = true,
                     .offset = 1ull << 40, .size = 4096, .path = VIEW("/in")};
    JobItem same = {.job = 3, .attempt = 1, .kind = SEGMENT_RANGE, .offset = 5, .size = 0};
    JobItem bytes = {.job = 4, .attempt = 1, .kind = SEGMENT_INLINE, .size = 3, .data = VIEW("abc")};
    JobItem sealed = {.job = 5, .attempt = 1, .kind = SEGMENT_RANGE, .offset = 9, .size = 116, .plain_size = 100, .path = VIEW("/s")};
    ck_assert_ok(message_begin_jobs(&message, &HEAD));
    ck_assert_ok(message_add_job(&message, &none));
    ck_assert_ok(message_add_job(&message, &range));
    ck_assert_ok(message_add_job(&message, &same));
    ck_assert_ok(message_add_job(&message, &bytes));
    ck_assert_ok(message_add_job(&message, &sealed));
}

static JobItem next_job(BatchReader *r)
{
    JobItem item;
    bool more = false;
    ck_assert_ok(message_next_job(r, &item, &more));
    ck_assert(more);
    return item;
}

START_TEST(jobs_come_back_and_a_path_is_written_once)
{
    put_jobs();
    BatchReader r;
    bool more = true;
    ck_assert_ok(message_open_batch(view_buffer(&message), MESSAGE_JOBS, &r));
    ck_assert_mem_eq(&r.head, &HEAD, sizeof HEAD);
    JobItem i = next_job(&r);
    ck_assert(i.job == 1 && i.kind == SEGMENT_NONE && !i.with_header);
    i = next_job(&r);
    ck_assert(i.job == JOB_INDEX_MAX && i.attempt == 2 && i.with_header && i.offset == 1ull << 40 && i.size == 4096 && view_equal(i.path, VIEW("/in")));
    i = next_job(&r);
    ck_assert(i.offset == 5 && i.size == 0 && view_equal(i.path, VIEW("/in")));
    i = next_job(&r);
    ck_assert(i.kind == SEGMENT_INLINE && view_equal(i.data, VIEW("abc")) && i.plain_size == 0);
    i = next_job(&r);
    ck_assert(i.kind == SEGMENT_RANGE && i.size == 116 && i.plain_size == 100 && view_equal(i.path, VIEW("/s")));
    ck_assert_ok(message_next_job(&r, &i, &more));
    ck_assert(!more);
}
END_TEST

START_TEST(the_bytes_are_those_of_the_document)
{
    static const uint8_t EXAMPLE[] = {
        0x05, 0x03, 0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f,
        0x00, 0x00, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00,
        0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66,
        0x05, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x01, 0x00,
        0x00, 0x00, 0x01, 0x00, 0x02, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x74, 0x00, 0x00, 0x00,
        0x00, 0x00, 0x00, 0x00, 0x64, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x2f, 0x73};
    BatchHead head = {.id = {{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}}, .node = 7, .manager = {"0123456789abcdef"}};
    JobItem item = {.job = 5, .attempt = 1, .kind = SEGMENT_RANGE, .offset = 64, .size = 116, .plain_size = 100, .path = VIEW("/s")};
    fresh();
    ck_assert_ok(message_begin_jobs(&message, &head));
    ck_assert_ok(message_add_job(&message, &item));
    ck_assert(view_equal(view_buffer(&message), view_of(EXAMPLE, sizeof EXAMPLE)));
}
END_TEST

START_TEST(objects_come_back_and_an_id_is_written_once)
{
    uint8_t id[2][OBJECT_ID_BYTES];
    memset(id[0], 1, sizeof id[0]);
    memset(id[1], 2, sizeof id[1]);
    JobItem first = {.job = 1, .attempt = 1, .kind = SEGMENT_OBJECT, .offset = 1ull << 40, .size = 10, .object = {id[0], 32},
                     .object_size = 2ull << 40};
    JobItem same = {.job = 2, .attempt = 1, .kind = SEGMENT_OBJECT, .with_header = true, .offset = 5, .size = 0, .object_size = 2ull << 40};
    JobItem other = {.job = 3, .attempt = 1, .kind = SEGMENT_OBJECT, .size = 116, .plain_size = 100, .object = {id[1], 32}, .object_size = 116};
    const JobItem *const in[] = {&first, &same, &other};
    fresh();
    ck_assert_ok(message_begin_jobs(&message, &HEAD));
    size_t size = message.size;
    for (int i = 0; i < 3; i++) ck_assert_ok(message_add_job(&message, in[i]));
    ck_assert_uint_eq(message.size, size + 3 * 40 + 2 * 40); /* three items, two of them with id and size */
    BatchReader r;
    ck_assert_ok(message_open_batch(view_buffer(&message), MESSAGE_JOBS, &r));
    for (int i = 0; i < 3; i++) {
        JobItem out = next_job(&r);
        ck_assert(out.kind == SEGMENT_OBJECT && out.job == in[i]->job && out.offset == in[i]->offset && out.size == in[i]->size);
        ck_assert(out.with_header == in[i]->with_header && out.plain_size == in[i]->plain_size && out.object_size == in[i]->object_size);
        ck_assert(view_equal(out.object, view_of(id[i == 2], OBJECT_ID_BYTES)));
    }
    refuse_every_cut((size_t[]){size, size + 80, size + 120}, 3);
}
END_TEST

START_TEST(an_object_that_makes_no_sense_is_refused)
{
    static const uint8_t ID[OBJECT_ID_BYTES];
    const View id = {ID, sizeof ID}, none = {0};
    const JobItem BAD[] = {{.attempt = 1, .kind = SEGMENT_OBJECT, .size = 2, .object = id, .object_size = 1},
                           {.attempt = 1, .kind = SEGMENT_OBJECT, .offset = 1, .size = 1, .object = id, .object_size = 1},
                           {.attempt = 1, .kind = SEGMENT_OBJECT, .offset = UINT64_MAX, .size = 1, .object = id, .object_size = 1},
                           {.attempt = 1, .kind = SEGMENT_OBJECT, .size = 1, .object = id, .object_size = UINT64_MAX},
                           {.attempt = 1, .kind = SEGMENT_OBJECT, .size = SEGMENT_BYTES_MAX + 1, .object = id,
                            .object_size = 2 * SEGMENT_BYTES_MAX},
                           {.attempt = 1, .kind = SEGMENT_OBJECT, .size = 1, .object = {ID, 31}, .object_size = 1},
                           {.attempt = 1, .object = id}, {.attempt = 1, .kind = SEGMENT_RANGE, .path = {ID, 1}, .object_size = 1}};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        fresh();
        ck_assert_ok(message_begin_jobs(&message, &HEAD));
        ck_assert_err(message_add_job(&message, &BAD[i]), ERR_PROTOCOL);
    }
    JobItem unnamed = {.attempt = 1, .kind = SEGMENT_OBJECT, .size = 1, .object = none, .object_size = 1};
    BatchReader r;
    bool more;
    fresh();
    ck_assert_ok(message_begin_jobs(&message, &HEAD));
    ck_assert_ok(message_add_job(&message, &unnamed)); /* a writer cannot know what came before */
    ck_assert_ok(message_open_batch(view_buffer(&message), MESSAGE_JOBS, &r));
    ck_assert_err(message_next_job(&r, &unnamed, &more), ERR_PROTOCOL);
}
END_TEST

START_TEST(a_job_that_makes_no_sense_is_refused)
{
    static const JobItem BAD[] = {{.job = JOB_INDEX_MAX + 1, .attempt = 1},
                                  {.job = 1, .attempt = 0},
                                  {.attempt = 1, .kind = 4},
                                  {.attempt = 1, .size = 1},
                                  {.attempt = 1, .kind = SEGMENT_RANGE, .size = SEGMENT_BYTES_MAX + 1},
                                  {.attempt = 1, .kind = SEGMENT_RANGE, .offset = UINT64_MAX, .size = 1},
                                  {.attempt = 1, .kind = SEGMENT_RANGE, .size = 116, .plain_size = 99},
                                  {.attempt = 1, .kind = SEGMENT_RANGE, .size = 116, .plain_size = UINT64_MAX},
                                  {.attempt = 1, .plain_size = 1},
                                  {.attempt = 1, .kind = SEGMENT_INLINE, .size = 1},
                                  {.attempt = 1, .kind = SEGMENT_INLINE, .path = {(const uint8_t *)"x", 1}}};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        fresh();
        ck_assert_ok(message_begin_jobs(&message, &HEAD));
        size_t size = message.size;
        ck_assert_err(message_add_job(&message, &BAD[i]), ERR_PROTOCOL);
        ck_assert_uint_eq(message.size, size);
    }
}
END_TEST

START_TEST(a_range_without_any_path_is_refused)
{
    JobItem range = {.attempt = 1, .kind = SEGMENT_RANGE, .size = 1};
    BatchReader r;
    bool more;
    fresh();
    ck_assert_ok(message_begin_jobs(&message, &HEAD));
    ck_assert_ok(message_add_job(&message, &range)); /* a writer cannot know what came before */
    ck_assert_ok(message_open_batch(view_buffer(&message), MESSAGE_JOBS, &r));
    ck_assert_err(message_next_job(&r, &range, &more), ERR_PROTOCOL);
}
END_TEST

static void put_results(uint32_t count)
{
    fresh();
    ck_assert_ok(message_begin_results(&message, &HEAD, 77));
    for (uint32_t i = 0; i < count; i++) {
        ResultItem item = {.job = i, .attempt = 1, .outcome = OUTCOME_EXIT_CODE, .exit_code = 4, .log_truncated = 1, .memory_peak = 5, .run_ns = 6,
                           .digest = {{9, 8}}, .output = VIEW("out"), .log = VIEW("log!")};
        ck_assert_ok(message_add_result(&message, &item));
    }
}

START_TEST(results_come_back)
{
    put_results(2);
    BatchReader r;
    ResultItem i;
    bool more;
    ck_assert_ok(message_open_batch(view_buffer(&message), MESSAGE_RESULTS, &r));
    ck_assert_uint_eq(r.sees_started, 77);
    for (uint32_t n = 0; n < 2; n++) {
        ck_assert_ok(message_next_result(&r, &i, &more));
        ck_assert(more && i.job == n && i.attempt == 1 && i.outcome == OUTCOME_EXIT_CODE && i.exit_code == 4 && i.log_truncated == 1);
        ck_assert(i.memory_peak == 5 && i.run_ns == 6 && i.digest.bytes[1] == 8);
        ck_assert(view_equal(i.output, VIEW("out")) && view_equal(i.log, VIEW("log!")));
    }
    ck_assert_ok(message_next_result(&r, &i, &more));
    ck_assert(!more);
}
END_TEST

START_TEST(a_result_that_makes_no_sense_is_refused)
{
    static const uint8_t LOG[SEE_LOG_MAX + 1];
    const ResultItem BAD[] = {{.job = JOB_INDEX_MAX + 1, .attempt = 1}, {.attempt = 0}, {.attempt = 1, .outcome = OUTCOME_COUNT},
                              {.attempt = 1, .log_truncated = 2}, {.attempt = 1, .log = {LOG, sizeof LOG}}};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        put_results(0);
        ck_assert_err(message_add_result(&message, &BAD[i]), ERR_PROTOCOL);
    }
}
END_TEST

START_TEST(more_items_than_a_batch_may_hold_are_refused)
{
    put_results(BUS_BATCH_JOBS_MAX + 1);
    BatchReader r;
    ResultItem item;
    bool more;
    ck_assert_ok(message_open_batch(view_buffer(&message), MESSAGE_RESULTS, &r));
    for (int i = 0; i < BUS_BATCH_JOBS_MAX; i++) ck_assert_ok(message_next_result(&r, &item, &more));
    ck_assert_err(message_next_result(&r, &item, &more), ERR_PROTOCOL);
}
END_TEST

START_TEST(a_message_that_was_cut_short_is_refused)
{
    TaskOpen open = open_example();
    fresh();
    ck_assert_ok(message_put_task_open(&message, &open));
    refuse_every_cut(NULL, 0);
    open = sealed_example(SEALED_RESULTS);
    fresh();
    ck_assert_ok(message_put_task_open(&message, &open));
    refuse_every_cut(NULL, 0);
    put_jobs();
    size_t head = 2 + TASK_ID_BYTES + 8 + MANAGER_ID_CHARS;
    const size_t jobs[] = {head, head + 40, head + 40 + 43, head + 40 + 43 + 40, head + 40 + 43 + 40 + 43};
    refuse_every_cut(jobs, 5);
    put_results(2);
    const size_t results[] = {head + 8, head + 8 + 75};
    refuse_every_cut(results, 2);
}
END_TEST

START_TEST(bytes_behind_a_message_are_refused)
{
    TaskClose close = {.node = 1};
    fresh();
    ck_assert_ok(message_put_task_close(&message, &close));
    ck_assert_ok(buffer_put_u8(&message, 0));
    ck_assert_err(read_any(view_buffer(&message)), ERR_PROTOCOL);
}
END_TEST

START_TEST(another_version_or_type_is_refused)
{
    TaskClose close = {.node = 1};
    TaskReady ready;
    fresh();
    ck_assert_ok(message_put_task_close(&message, &close));
    ck_assert_err(message_get_task_ready(view_buffer(&message), &ready), ERR_PROTOCOL);
    message.data[1]++;
    ck_assert_err(read_any(view_buffer(&message)), ERR_PROTOCOL);
    ck_assert_uint_eq(message_type((View){0}), 0);
}
END_TEST

TEST_MAIN("bus/message", a_task_comes_back, a_task_whose_image_is_an_object_comes_back,
          a_task_over_sealed_data_comes_back, a_task_beyond_a_limit_is_refused,
          a_sealed_task_without_footer_or_with_a_header_is_refused, a_reader_refuses_what_a_writer_would,
          ready_refused_alive_and_close_come_back, a_window_or_code_that_makes_no_sense_is_refused,
          jobs_come_back_and_a_path_is_written_once, the_bytes_are_those_of_the_document, objects_come_back_and_an_id_is_written_once,
          an_object_that_makes_no_sense_is_refused, a_job_that_makes_no_sense_is_refused,
          a_range_without_any_path_is_refused, results_come_back, a_result_that_makes_no_sense_is_refused,
          more_items_than_a_batch_may_hold_are_refused, a_message_that_was_cut_short_is_refused,
          bytes_behind_a_message_are_refused, another_version_or_type_is_refused)
