/* Statements about resources: what is written is read again, and nothing else. */
#include "bus/resource.h"

#include <fcntl.h>

#include "bus/resource_fixture.h"
#include "bus/stage_wire.h"
#include "crypto/cose.h"
#include "sys/fd.h"

static PtoKey key; /* of the orchestrator */

/* The one of docs/formats/resource.md. */
static Resource example(void)
{
    key = fixture_pto(7);
    Resource r = fixture_resource(&key, "score/model", VIEW("weights\n"), 42);
    r.expires_ms = UINT64_C(1800000000000);
    memset(r.stage.bytes, 0xa0, sizeof r.stage.bytes);
    r.image_count = 1;
    memset(r.images[0].bytes, 0xa1, SHA256_BYTES);
    return r;
}

static Resource example_image(void)
{
    Resource r = example();
    snprintf(r.name, sizeof r.name, "score");
    r.kind = RESOURCE_IMAGE;
    r.shape = (ResourceShape){LEVEL_PROCESS, 64 * MIB, MIB, 2};
    return r;
}

static void require_same(const Resource *a, const Resource *b)
{
    ck_assert_int_eq(a->kind, b->kind);
    ck_assert_str_eq(a->name, b->name);
    ck_assert_mem_eq(a->hash.bytes, b->hash.bytes, SHA256_BYTES);
    ck_assert_uint_eq(a->task_count, b->task_count);
    ck_assert_str_eq(a->tasks[0].text, b->tasks[0].text);
    ck_assert_uint_eq(a->image_count, b->image_count);
    ck_assert_mem_eq(a->images, b->images, sizeof a->images[0] * a->image_count);
    ck_assert(a->size == b->size && a->expires_ms == b->expires_ms && a->sequence == b->sequence && a->value == b->value);
    ck_assert_mem_eq(a->stage.bytes, b->stage.bytes, STAGE_ID_BYTES);
    ck_assert_mem_eq(&a->shape, &b->shape, sizeof a->shape);
    ck_assert_mem_eq(a->pto.bytes, b->pto.bytes, SIGN_PUBLIC_BYTES);
}

START_TEST(what_is_written_is_read_again)
{
    const Resource both[] = {example(), example_image()};
    for (int i = 0; i < 2; i++) {
        AUTO_BUFFER cose = buffer_limited(RESOURCE_BYTES_MAX);
        Resource back;
        ck_assert_ok(resource_encode(&both[i], &key.secret, &cose));
        ck_assert_ok(resource_decode(view_buffer(&cose), &back, NULL));
        require_same(&both[i], &back);
    }
}
END_TEST

START_TEST(the_longest_statement_is_read_again)
{
    Resource r = example_image(), back;
    AUTO_BUFFER cose = buffer_limited(RESOURCE_BYTES_MAX);
    r.task_count = r.image_count = RESOURCE_ACCESS_MAX;
    for (uint32_t i = 0; i < RESOURCE_ACCESS_MAX; i++) {
        memset(r.tasks[i].text, 'a' + (int)i % 26, RESOURCE_TASK_MAX);
        memset(r.images[i].bytes, (int)i, SHA256_BYTES);
    }
    memset(r.name, 'n', RESOURCE_TASK_MAX);
    r.name[RESOURCE_TASK_MAX] = '/';
    memset(r.name + RESOURCE_TASK_MAX + 1, 'x', RESOURCE_NAME_MAX - RESOURCE_TASK_MAX - 1);
    ck_assert_ok(resource_encode(&r, &key.secret, &cose));
    ck_assert_ok(resource_decode(view_buffer(&cose), &back, NULL));
    require_same(&r, &back);
}
END_TEST

START_TEST(no_byte_can_be_changed_and_none_cut_off_or_added)
{
    const Resource r = example();
    AUTO_BUFFER cose = buffer_limited(RESOURCE_BYTES_MAX);
    Resource back;
    ck_assert_ok(resource_encode(&r, &key.secret, &cose));
    for (size_t i = 0; i < cose.size; i++)
        for (int bit = 0; bit < 8; bit++) {
            cose.data[i] ^= (uint8_t)(1 << bit);
            Err e = resource_decode(view_buffer(&cose), &back, NULL);
            ck_assert(e.code == ERR_BAD_INPUT || e.code == ERR_BAD_SIGNATURE);
            cose.data[i] ^= (uint8_t)(1 << bit);
        }
    for (size_t size = 0; size < cose.size; size++) ck_assert_err(resource_decode(view_of(cose.data, size), &back, NULL), ERR_BAD_INPUT);
    ck_assert_ok(buffer_put_u8(&cose, 0));
    ck_assert_err(resource_decode(view_buffer(&cose), &back, NULL), ERR_BAD_INPUT);
}
END_TEST

START_TEST(a_statement_by_another_key_or_for_another_use_is_a_bad_signature)
{
    const Resource r = example();
    const PtoKey other = fixture_pto(8);
    AUTO_BUFFER cose = buffer_limited(RESOURCE_BYTES_MAX), evidence = buffer_limited(RESOURCE_BYTES_MAX);
    Resource back;
    View payload;
    ck_assert_ok(resource_encode(&r, &other.secret, &cose)); /* signed by another than r.pto */
    ck_assert_err(resource_decode(view_buffer(&cose), &back, NULL), ERR_BAD_SIGNATURE);
    cose.size = 0;
    ck_assert_ok(resource_encode(&r, &key.secret, &cose));
    ck_assert_ok(cose_sign1_verify(&key.public_key, VIEW(RESOURCE_CONTEXT), view_buffer(&cose), &payload));
    ck_assert_ok(cose_sign1(&key.secret, &key.public_key, VIEW("covey-evidence-v1"), payload, &evidence));
    ck_assert_err(resource_decode(view_buffer(&evidence), &back, NULL), ERR_BAD_SIGNATURE);
}
END_TEST

START_TEST(what_no_node_accepts_is_not_signed)
{
    static const char *const NAMES[] = {"", "/", "a/", "/b", "a/b/c", "a b", "a\n", "\xc3\xa4"};
    AUTO_BUFFER cose = buffer_limited(RESOURCE_BYTES_MAX);
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        Resource r = example();
        snprintf(r.name, sizeof r.name, "%s", NAMES[i]);
        ck_assert_err(resource_encode(&r, &key.secret, &cose), ERR_BAD_INPUT);
    }
    Resource r = example();
    r.task_count = 0;
    ck_assert_err(resource_encode(&r, &key.secret, &cose), ERR_BAD_INPUT);
    r = example();
    r.size = RESOURCE_SIZE_MAX + 1;
    ck_assert_err(resource_encode(&r, &key.secret, &cose), ERR_BAD_INPUT);
    r = example();
    r.shape.zygotes = 1; /* data has no zygotes */
    ck_assert_err(resource_encode(&r, &key.secret, &cose), ERR_BAD_INPUT);
    r = example_image();
    r.shape.level = LEVEL_MICROVM;
    ck_assert_err(resource_encode(&r, &key.secret, &cose), ERR_BAD_INPUT);
}
END_TEST

START_TEST(the_access_list_is_of_tasks_and_of_their_images)
{
    Resource r = example();
    const uint8_t *listed = r.images[0].bytes, other[SHA256_BYTES] = {0};
    ck_assert(resource_allows(&r, VIEW("score"), listed));
    ck_assert(!resource_allows(&r, VIEW("score"), other));
    ck_assert(!resource_allows(&r, VIEW("scor"), listed));
    ck_assert(!resource_allows(&r, VIEW("score/model"), listed));
    r.image_count = 0;
    ck_assert(resource_allows(&r, VIEW("score"), other));
    ck_assert(view_equal(resource_task_of(&r), VIEW("score")));
}
END_TEST

/* Hexadecimal digits of the page; what stands behind # is for people. */
static Buffer page_bytes(void)
{
    char path[4096];
    const char *source = getenv("COVEY_SOURCE");
    Buffer text = buffer_limited(MIB), bytes = buffer_limited(MIB);
    snprintf(path, sizeof path, "%s/docs/formats/resource.md", source ? source : ".");
    ck_assert_ok(file_read(AT_FDCWD, path, &text));
    ck_assert_ok(buffer_put_u8(&text, 0));
    const char *at = strstr((const char *)text.data, "```hex\n");
    ck_assert_ptr_nonnull(at);
    unsigned value;
    for (at += 7; strncmp(at, "```", 3) != 0; at++) {
        if (*at == '#') at = strchr(at, '\n');
        if (*at == '\n' || *at == ' ') continue;
        ck_assert_int_eq(sscanf(at, "%2x", &value), 1);
        ck_assert_ok(buffer_put_u8(&bytes, (uint8_t)value));
        at++;
    }
    buffer_free(&text);
    return bytes;
}

START_TEST(the_example_of_the_document_has_these_bytes)
{
    const Resource r = example();
    AUTO_BUFFER expected = page_bytes(), cose = buffer_limited(RESOURCE_BYTES_MAX);
    ck_assert_ok(resource_encode(&r, &key.secret, &cose));
    ck_assert_uint_eq(cose.size, expected.size);
    ck_assert_mem_eq(cose.data, expected.data, cose.size);
}
END_TEST

TEST_MAIN("bus/resource", what_is_written_is_read_again, the_longest_statement_is_read_again,
          no_byte_can_be_changed_and_none_cut_off_or_added, a_statement_by_another_key_or_for_another_use_is_a_bad_signature,
          what_no_node_accepts_is_not_signed, the_access_list_is_of_tasks_and_of_their_images, the_example_of_the_document_has_these_bytes)
