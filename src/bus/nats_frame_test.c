/* Are frames read back as they were written, lies in them refused, and fragments put together within bounds whatever arrives? */
#include "bus/nats_assembly.h"

#include <stdio.h>

#include "base/test.h"

static const uint8_t ID[FRAME_ID_BYTES] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static uint8_t message[10000];

static Buffer frame_of(const char *subject, const uint8_t id[FRAME_ID_BYTES], size_t size, uint32_t chunk, uint32_t index)
{
    Buffer b = buffer_limited(MIB);
    for (size_t i = 0; i < size; i++) message[i] = (uint8_t)(i * 31);
    ck_assert_ok(nats_frame_put(&b, subject, id, view_of(message, size), chunk, index));
    return b;
}

static void get(const Buffer *b, const char *subject, NatsFrame *f) { ck_assert_ok(nats_frame_get(view_buffer(b), subject, f)); }

/* docs/formats/bus.md shows these bytes. */
START_TEST(a_small_message_is_the_frame_of_the_documentation)
{
    static const uint8_t EXPECTED[] = {1, 12, 0, 0xfc, 0x0f, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
                                       'c', 'o', 'v', 'e', 'y', '.', 'n', 'o', 'd', 'e', '.', 'a', 'h', 'i'};
    AUTO_BUFFER b = buffer_limited(KIB);
    ck_assert_ok(nats_frame_put(&b, "covey.node.a", ID, VIEW("hi"), 1047552, 0));
    ck_assert_uint_eq(b.size, sizeof EXPECTED);
    ck_assert_mem_eq(b.data, EXPECTED, sizeof EXPECTED);
    NatsFrame f;
    get(&b, "covey.node.a", &f);
    ck_assert(view_equal(f.bytes, VIEW("hi")));
}
END_TEST

START_TEST(a_frame_that_lies_is_refused)
{
    AUTO_BUFFER b = frame_of("s", ID, 10000, 4096, 2);
    NatsFrame f = {.total = 77};
    static const struct { size_t at; uint8_t byte; } LIES[] = {
        {0, 0}, {0, 2}, {1, 0}, {1, 2}, {1, 255}, {2, 1}, {3, 0x0f}, {3, 0x20}, {5, 1}, {6, 0}, {7, 0}, {9, 0xff}, {10, 1}, {10, 3}, {13, 1}};
    for (size_t i = 0; i < sizeof LIES / sizeof *LIES; i++) {
        AUTO_BUFFER copy = buffer_limited(MIB);
        ck_assert_ok(buffer_append(&copy, view_buffer(&b)));
        copy.data[LIES[i].at] = LIES[i].byte;
        Err e = nats_frame_get(view_buffer(&copy), "s", &f);
        ck_assert_msg(e.code == ERR_PROTOCOL || e.code == ERR_FOREIGN, "byte %zu", LIES[i].at);
    }
    for (size_t size = 0; size < b.size; size++) ck_assert_err(nats_frame_get(view_of(b.data, size), "s", &f), ERR_PROTOCOL);
    ck_assert_err(nats_frame_get(view_buffer(&b), "another", &f), ERR_FOREIGN);
    ck_assert_uint_eq(f.total, 77);
}
END_TEST

static Err add(NatsAssembly *a, const Buffer *b, const char *subject, const char *reply, uint64_t now_ns, Assembled **ret, bool *ret_done)
{
    NatsFrame f;
    get(b, subject, &f);
    return nats_assembly_add(a, &f, reply, now_ns, ret, ret_done);
}

START_TEST(fragments_in_any_order_and_twice_become_the_message)
{
    NatsAssembly *a;
    Assembled *m = NULL;
    bool done;
    static const uint32_t ORDER[] = {2, 0, 2, 0, 1};
    ck_assert_ok(nats_assembly_new(MIB, &a));
    for (size_t i = 0; i < 5; i++) {
        AUTO_BUFFER b = frame_of("s", ID, 10000, 4096, ORDER[i]);
        ck_assert_ptr_null(m);
        ck_assert_ok(add(a, &b, "s", i < 2 ? "first" : "second", 0, &m, &done));
        ck_assert(!done);
    }
    ck_assert_ptr_nonnull(m);
    ck_assert_uint_eq(m->total, 10000);
    ck_assert_mem_eq(m->bytes, message, 10000);
    for (int i = 0; i < 3; i++) ck_assert_str_eq(m->replies[i], "second");
    assembled_free(&m);
    AUTO_BUFFER late = frame_of("s", ID, 10000, 4096, 1);
    ck_assert_ok(add(a, &late, "s", "again", 0, &m, &done));
    ck_assert(done);
    ck_assert_ptr_null(m);
    ck_assert_uint_eq(nats_assembly_count(a), 0);
    nats_assembly_free(&a);
}
END_TEST

START_TEST(fragments_that_contradict_each_other_are_refused)
{
    NatsAssembly *a;
    Assembled *m;
    bool done;
    ck_assert_ok(nats_assembly_new(MIB, &a));
    AUTO_BUFFER first = frame_of("s", ID, 10000, 4096, 0), other_size = frame_of("s", ID, 9000, 4096, 1),
                other_chunk = frame_of("s", ID, 10000, 5000, 1),
                other_subject = frame_of("t", ID, 10000, 4096, 1);
    ck_assert_ok(add(a, &first, "s", "", 0, &m, &done));
    ck_assert_err(add(a, &other_size, "s", "", 0, &m, &done), ERR_PROTOCOL);
    ck_assert_err(add(a, &other_chunk, "s", "", 0, &m, &done), ERR_PROTOCOL);
    ck_assert_err(add(a, &other_subject, "t", "", 0, &m, &done), ERR_PROTOCOL);
    nats_assembly_free(&a);
}
END_TEST

static Err begin_one(NatsAssembly *a, const char *subject, uint32_t number, uint64_t now_ns)
{
    Assembled *m;
    bool done;
    uint8_t id[FRAME_ID_BYTES] = {0};
    memcpy(id, &number, sizeof number);
    AUTO_BUFFER b = frame_of(subject, id, 10000, 4096, 0);
    return add(a, &b, subject, "", now_ns, &m, &done);
}

START_TEST(nobody_takes_the_room_of_others_and_what_is_old_goes)
{
    NatsAssembly *a;
    char subject[16];
    ck_assert_ok(nats_assembly_new(MIB, &a));
    for (uint32_t i = 0; i < 100; i++) ck_assert_ok(begin_one(a, "greedy", i, i));
    ck_assert_uint_eq(nats_assembly_count(a), ASSEMBLIES_SUBJECT_MAX);
    for (uint32_t i = 0; nats_assembly_count(a) < ASSEMBLIES_MAX; i++) {
        snprintf(subject, sizeof subject, "s%u", i);
        ck_assert_ok(begin_one(a, subject, 1000 + i, 1000));
    }
    ck_assert_err(begin_one(a, "late", 5000, 2000), ERR_BUSY);
    ck_assert_ok(begin_one(a, "greedy", 5001, 2000)); /* in place of its own oldest */
    ck_assert_ok(begin_one(a, "late", 5000, 2000 + ASSEMBLY_AGE_NS));
    ck_assert_uint_eq(nats_assembly_count(a), 2);
    nats_assembly_free(&a);
}
END_TEST

START_TEST(memory_is_bounded_by_what_comes_and_not_taken_by_what_is_announced)
{
    NatsAssembly *a;
    Assembled *m;
    bool done;
    Err e = OK;
    int fit = 0;
    ck_assert_ok(nats_assembly_new(8 * FRAME_CHUNK_MIN, &a));
    for (uint8_t i = 0; i < 9; i++) {
        char subject[2] = {(char)('a' + i), '\0'};
        const NatsFrame f = {.chunk = FRAME_CHUNK_MIN, .total = 64 * MIB, .id = {i}, .subject = view_text(subject),
                             .bytes = view_of(message, FRAME_CHUNK_MIN)};
        e = nats_assembly_add(a, &f, "", 0, &m, &done);
        fit += e.code == 0;
    }
    ck_assert_int_eq(fit, 8);
    ck_assert_int_eq(e.code, ERR_BUSY);
    ck_assert_uint_eq(nats_assembly_count(a), 8); /* the ninth is dropped whole */
    nats_assembly_free(&a);
}
END_TEST

TEST_MAIN("bus/nats_frame", a_small_message_is_the_frame_of_the_documentation, a_frame_that_lies_is_refused,
          fragments_in_any_order_and_twice_become_the_message, fragments_that_contradict_each_other_are_refused,
          nobody_takes_the_room_of_others_and_what_is_old_goes, memory_is_bounded_by_what_comes_and_not_taken_by_what_is_announced)
