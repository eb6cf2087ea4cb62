/* Do the stream's packets mean what docs/formats/stream.md says, and is everything else refused? */
#include "base/test_document.h"
#include "pto/stream_wire.h"

static StreamMessage example(StreamType type)
{
    StreamMessage m = {.type = type, .task = 3, .value = 1000, .missed = 2};
    if (type == STREAM_HELLO) m.hello = (StreamHello){.task_count = 5, .staged_max = 4, .staged_bytes_max = 1 << 20, .identity = 0x1122334455667788};
    if (type == STREAM_PLACE) m.place = (StreamPlace){.task = 3, .state = PLACE_IS_STAGED,
                                                          .bytes = 4096, .fetch_ns = 20, .verify_ns = 30, .start_ns = 40, .attest_ns = 50,
                                                          .attest_waits = 1};
    if (type == STREAM_EVENT) {
        m.event = (RequestEvent){.wall_ns = 1700000000000000000, .task = 3, .status = 200, .start = START_STAGED, .bytes_in = 5, .bytes_out = 6,
                                 .latency_ns = 700000, .waited_ns = 100, .client = 9};
        memcpy(m.event.session, "s1", 3);
        memcpy(m.event.attributes, "shop=7", 7);
    }
    return m;
}

START_TEST(packets_are_those_of_the_document)
{
    static const StreamType TYPES[] = {STREAM_EVENT, STREAM_PLACE, STREAM_WANT};
    for (int i = 0; i < 3; i++) {
        AUTO_BUFFER b = buffer_limited(STREAM_PACKET_MAX);
        StreamMessage m = example(TYPES[i]);
        ck_assert_ok(stream_put(&b, &m));
        Buffer hex = test_document_hex("stream.md", i + 1);
        ck_assert_msg(view_equal(view_buffer(&b), view_buffer(&hex)), "block %d of stream.md", i + 1);
        buffer_free(&hex);
    }
}
END_TEST

START_TEST(every_packet_comes_back_as_it_was_and_every_cut_and_longer_one_is_refused)
{
    for (StreamType type = STREAM_HELLO; type <= STREAM_DROP; type++) {
        AUTO_BUFFER b = buffer_limited(STREAM_PACKET_MAX);
        StreamMessage m = example(type), back;
        ck_assert_ok(stream_put(&b, &m));
        ck_assert_ok(stream_get(view_buffer(&b), &back));
        ck_assert_int_eq(back.type, type);
        if (type == STREAM_HELLO) ck_assert_uint_eq(back.hello.identity, m.hello.identity);
        if (type == STREAM_PLACE) ck_assert(back.place.start_ns == 40 && back.place.attest_ns == 50 && back.place.attest_waits == 1);
        if (type == STREAM_EVENT) ck_assert_str_eq(back.event.attributes, "shop=7");
        if (type >= STREAM_WANT) ck_assert_uint_eq(back.task, 3);
        for (size_t size = 0; size < b.size; size++) ck_assert_err(stream_get(view_of(b.data, size), &back), ERR_PROTOCOL);
        ck_assert_ok(buffer_put_u8(&b, 0));
        ck_assert_err(stream_get(view_buffer(&b), &back), ERR_PROTOCOL);
    }
}
END_TEST

START_TEST(fields_that_cannot_be_are_refused)
{
    StreamMessage place = example(STREAM_PLACE), event = example(STREAM_EVENT), back;
    AUTO_BUFFER b = buffer_limited(STREAM_PACKET_MAX);
    place.place.state = PLACE_IS_COUNT;
    ck_assert_ok(stream_put(&b, &place));
    ck_assert_err(stream_get(view_buffer(&b), &back), ERR_PROTOCOL);
    b.size = 0;
    event.event.start = START_COUNT;
    ck_assert_ok(stream_put(&b, &event));
    ck_assert_err(stream_get(view_buffer(&b), &back), ERR_PROTOCOL);
    b.size = 0;
    event.event.start = START_WARM;
    event.event.session[0] = '\n';
    ck_assert_ok(stream_put(&b, &event));
    ck_assert_err(stream_get(view_buffer(&b), &back), ERR_PROTOCOL);
    ck_assert_err(stream_get(VIEW("\6\0\0\0\1\0\0\0"), &back), ERR_PROTOCOL);
    ck_assert_err(stream_get(VIEW("\4\0\0\0\2\0\0\0"), &back), ERR_PROTOCOL);
}
END_TEST

TEST_MAIN("pto/stream_wire", packets_are_those_of_the_document, every_packet_comes_back_as_it_was_and_every_cut_and_longer_one_is_refused,
          fields_that_cannot_be_are_refused)
