/* Do the messages about nodes and objects come back as they were written, and is everything else refused? */
#include "base/test.h"
#include "base/test_document.h"
#include "bus/message_subject.h"

static Buffer message;

static View fresh(void)
{
    buffer_free(&message);
    message = buffer_limited(BUS_MESSAGE_BYTES_MAX);
    return view_buffer(&message);
}

static NodeMessage example(Buffer *data)
{
    NodeDataset hand[] = {{.id = {{0xaa}}, .size = 1ull << 40}, {.id = {{0xbb}}, .size = 7}};
    for (int i = 0; i < 2; i++) ck_assert_ok(node_dataset_put(data, &hand[i]));
    return (NodeMessage){.node_id = "node-1_A", .incarnation = 5, .level_mask = 6, .cores = 32, .memory_free = 1ull << 40, .zone = "eu-1.a", .owner = "acme",
                         .price_micro = 31000, .notice_s = 120, .is_spot = true, .draining = true, .link_bytes_s = 125000000, .link_latency_us = 800,
                         .images = VIEW("12345678abcdefgh"), .data = view_buffer(data)};
}

static NodeMessage read_node(void)
{
    NodeMessage out;
    ck_assert_ok(message_get_node(view_buffer(&message), &out));
    return out;
}

START_TEST(a_node_comes_back)
{
    AUTO_BUFFER data = buffer_limited(KIB);
    NodeMessage in = example(&data);
    fresh();
    ck_assert_ok(message_put_node(&message, &in));
    ck_assert_uint_eq(message_type(view_buffer(&message)), MESSAGE_NODE);
    NodeMessage out = read_node();
    ck_assert_str_eq(out.node_id, in.node_id);
    ck_assert_str_eq(out.zone, in.zone);
    ck_assert_str_eq(out.owner, in.owner);
    ck_assert(out.incarnation == 5 && out.level_mask == 6 && out.cores == 32 && out.memory_free == in.memory_free);
    ck_assert(out.price_micro == 31000 && out.notice_s == 120 && out.link_bytes_s == 125000000 && out.link_latency_us == 800);
    ck_assert(out.is_spot && out.draining && !out.leaving && !out.link_measured);
    ck_assert(view_equal(in.images, out.images) && node_dataset_count(&out) == 2);
    ck_assert(node_dataset_at(&out, 0).size == 1ull << 40 && node_dataset_at(&out, 1).size == 7 && node_dataset_at(&out, 1).id.bytes[0] == 0xbb);
}
END_TEST

#define REFUSED(change) \
    do { AUTO_BUFFER data = buffer_limited(KIB); NodeMessage m = example(&data); change; fresh(); \
         ck_assert_err(message_put_node(&message, &m), ERR_PROTOCOL); ck_assert_uint_eq(message.size, 0); } while (0)

START_TEST(a_node_that_could_be_another_subject_or_breaks_a_limit_is_refused)
{
    static const char *const IDS[] = {"", "a.b", "*", ">", "a b", "a\n", "\xc3\xa9"};
    static uint8_t many[NODE_DATASET_BYTES * (NODE_DATASETS_MAX + 1)];
    for (size_t i = 0; i < sizeof IDS / sizeof IDS[0]; i++) REFUSED(strcpy(m.node_id, IDS[i]));
    REFUSED(memset(m.node_id, 'a', sizeof m.node_id)); /* not terminated */
    REFUSED(memset(m.zone, 'a', sizeof m.zone));
    REFUSED(strcpy(m.owner, "a b"));
    REFUSED(m.incarnation = 0);
    REFUSED(m.images.size--);
    REFUSED(m.images = view_of(many, (NODE_IMAGES_MAX + 1) * NODE_IMAGE_PREFIX_BYTES));
    REFUSED(m.data.size--);
    REFUSED(m.data = view_of(many, sizeof many));
}
END_TEST

START_TEST(challenge_and_evidence_come_back)
{
    NodeChallenge challenge = {.manager = {"0123456789abcdef"}, .nonce = {1, 2}}, challenge_out;
    fresh();
    ck_assert_ok(message_put_node_challenge(&message, &challenge));
    ck_assert_ok(message_get_node_challenge(view_buffer(&message), &challenge_out));
    ck_assert_mem_eq(&challenge, &challenge_out, sizeof challenge);
    challenge.manager.text[3] = '.';
    ck_assert_err(message_put_node_challenge(&message, &challenge), ERR_PROTOCOL);

    NodeEvidence evidence = {.nonce = {1, 2}, .evidence = VIEW("COSE")}, evidence_out;
    fresh();
    ck_assert_ok(message_put_node_evidence(&message, &evidence));
    ck_assert_ok(message_get_node_evidence(view_buffer(&message), &evidence_out));
    ck_assert(view_equal(evidence.evidence, evidence_out.evidence) && evidence_out.text.size == 0);
    evidence.text = VIEW("and a reason why not");
    ck_assert_err(message_put_node_evidence(&message, &evidence), ERR_PROTOCOL);
    evidence.text = evidence.evidence = (View){0};
    ck_assert_err(message_put_node_evidence(&message, &evidence), ERR_PROTOCOL);
}
END_TEST

START_TEST(objects_come_back)
{
    ObjectGet get = {.id = {{7}}, .offset = 1ull << 40, .size = OBJECT_CHUNK_BYTES_MAX}, get_out;
    fresh();
    ck_assert_ok(message_put_object_get(&message, &get));
    ck_assert_ok(message_get_object_get(view_buffer(&message), &get_out));
    ck_assert(memcmp(&get.id, &get_out.id, 32) == 0 && get_out.offset == get.offset && get_out.size == get.size);

    ObjectChunk chunk = {.id = {{7}}, .offset = 5, .total = 8, .bytes = VIEW("abc")}, chunk_out;
    fresh();
    ck_assert_ok(message_put_object_chunk(&message, &chunk));
    ck_assert_ok(message_get_object_chunk(view_buffer(&message), &chunk_out));
    ck_assert(chunk_out.offset == 5 && chunk_out.total == 8 && view_equal(chunk_out.bytes, chunk.bytes));

    ObjectNone none = {.id = {{7}}, .code = ERR_NO_ENTRY}, none_out;
    fresh();
    ck_assert_ok(message_put_object_none(&message, &none));
    ck_assert_ok(message_get_object_none(view_buffer(&message), &none_out));
    ck_assert_int_eq(none_out.code, ERR_NO_ENTRY);
}
END_TEST

START_TEST(a_piece_that_lies_outside_its_object_is_refused)
{
    static const ObjectGet GETS[] = {{.size = 0}, {.size = OBJECT_CHUNK_BYTES_MAX + 1}, {.offset = UINT64_MAX, .size = 1}};
    const ObjectChunk CHUNKS[] = {{.total = 3}, {.total = 2, .bytes = VIEW("abc")}, {.offset = 1, .total = 3, .bytes = VIEW("abc")},
                                  {.offset = UINT64_MAX, .total = UINT64_MAX, .bytes = VIEW("abc")}};
    for (size_t i = 0; i < 3; i++) ck_assert_err(message_put_object_get(&message, &GETS[i]), ERR_PROTOCOL);
    for (size_t i = 0; i < 4; i++) ck_assert_err(message_put_object_chunk(&message, &CHUNKS[i]), ERR_PROTOCOL);
    ck_assert_err(message_put_object_none(&message, &(ObjectNone){.code = 0}), ERR_PROTOCOL);
}
END_TEST

static Err read_any(View v)
{
    union { NodeMessage node; NodeChallenge challenge; NodeEvidence evidence; ObjectGet get; ObjectChunk chunk; ObjectNone none; } m;
    switch (message_type(v)) {
    case MESSAGE_NODE: return message_get_node(v, &m.node);
    case MESSAGE_NODE_CHALLENGE: return message_get_node_challenge(v, &m.challenge);
    case MESSAGE_NODE_EVIDENCE: return message_get_node_evidence(v, &m.evidence);
    case MESSAGE_OBJECT_GET: return message_get_object_get(v, &m.get);
    case MESSAGE_OBJECT_CHUNK: return message_get_object_chunk(v, &m.chunk);
    case MESSAGE_OBJECT_NONE: return message_get_object_none(v, &m.none);
    default: return FAIL(ERR_PROTOCOL);
    }
}

static void refuse_cuts_and_more(void)
{
    ck_assert_ok(read_any(view_buffer(&message)));
    for (size_t size = 0; size < message.size; size++)
        ck_assert_msg(read_any(view_of(message.data, size)).code == ERR_PROTOCOL, "type %d cut to %zu of %zu", message.data[0], size, message.size);
    ck_assert_ok(buffer_put_u8(&message, 0));
    ck_assert_err(read_any(view_buffer(&message)), ERR_PROTOCOL);
    fresh();
}

START_TEST(a_cancelled_micro_job_comes_back_and_one_that_cannot_be_is_refused)
{
    JobCancel cancel = {.id = {{5}}, .stage = 1, .node = 3, .job = 9, .attempt = 2}, out;
    fresh();
    ck_assert_ok(message_put_job_cancel(&message, &cancel));
    ck_assert_ok(message_get_job_cancel(view_buffer(&message), &out));
    ck_assert(memcmp(&out.id, &cancel.id, sizeof out.id) == 0 && out.job == 9 && out.attempt == 2 && out.node == 3 && out.stage == 1);
    cancel.attempt = 0;
    ck_assert_err(message_put_job_cancel(&message, &cancel), ERR_PROTOCOL);
    cancel = (JobCancel){.node = 3, .attempt = 1, .job = UINT64_MAX};
    ck_assert_err(message_put_job_cancel(&message, &cancel), ERR_PROTOCOL);
}
END_TEST

START_TEST(what_is_cut_short_or_longer_is_refused)
{
    AUTO_BUFFER data = buffer_limited(KIB);
    NodeMessage node = example(&data);
    fresh();
    ck_assert_ok(message_put_node(&message, &node));
    refuse_cuts_and_more();
    ck_assert_ok(message_put_node_challenge(&message, &(NodeChallenge){.manager = {"0123456789abcdef"}}));
    refuse_cuts_and_more();
    ck_assert_ok(message_put_node_evidence(&message, &(NodeEvidence){.text = VIEW("no key")}));
    refuse_cuts_and_more();
    ck_assert_ok(message_put_object_get(&message, &(ObjectGet){.size = 1}));
    refuse_cuts_and_more();
    ck_assert_ok(message_put_object_chunk(&message, &(ObjectChunk){.total = 1, .bytes = VIEW("x")}));
    refuse_cuts_and_more();
    ck_assert_ok(message_put_object_none(&message, &(ObjectNone){.code = 5}));
    refuse_cuts_and_more();
}
END_TEST

START_TEST(subjects_are_those_of_the_document)
{
    const ManagerId m = {"0123456789abcdef"};
    ck_assert_str_eq(subject_nodes("n").text, "covey.nodes.n");
    ck_assert_str_eq(subject_node("n").text, "covey.node.n");
    ck_assert_str_eq(subject_chunk("n").text, "covey.chunk.n");
    ck_assert_str_eq(subject_manager(&m, "n").text, "covey.manager.0123456789abcdef.n");
    ck_assert_str_eq(subject_object(&m, "*").text, "covey.object.0123456789abcdef.*");
    ck_assert_str_eq(subject_speaker("covey.nodes.n1"), "n1");
    ManagerId one, two;
    ck_assert_ok(manager_id_new(&one));
    ck_assert_ok(manager_id_new(&two));
    ck_assert_str_ne(one.text, two.text);
    ck_assert_uint_eq(strlen(one.text), MANAGER_ID_CHARS);
}
END_TEST

START_TEST(the_bytes_are_those_of_the_document)
{
    ObjectGet get = {.offset = 1 << 20, .size = OBJECT_CHUNK_BYTES_MAX};
    memset(get.id.bytes, 0xab, sizeof get.id.bytes);
    AUTO_BUFFER expected = test_document_hex("bus.md", 1);
    fresh();
    ck_assert_ok(message_put_object_get(&message, &get));
    ck_assert(view_equal(view_buffer(&message), view_buffer(&expected)));
}
END_TEST

TEST_MAIN("bus/message_node", a_cancelled_micro_job_comes_back_and_one_that_cannot_be_is_refused,
          a_node_comes_back, a_node_that_could_be_another_subject_or_breaks_a_limit_is_refused, challenge_and_evidence_come_back,
          objects_come_back, a_piece_that_lies_outside_its_object_is_refused, what_is_cut_short_or_longer_is_refused,
          subjects_are_those_of_the_document, the_bytes_are_those_of_the_document)
