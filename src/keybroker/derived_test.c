/* Are the broker's keys and wraps those of docs/formats/session.md, and different wherever they must be? */
#include "keybroker/derived.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>

#include "base/test.h"
#include "see/session_payload.h"
#include "sys/fd.h"

static const SealSecretKey OWNER = {{1, 2, 3, 4}};
static const uint8_t TASK[16] = {0xaa, 0xab};
static const PublicKey NODE = {{0xbb, 0xbc}};
static const DatasetName DATASET = {.id = {0xcc, 0xcd}, .version = 3};
static const AeadKey DATASET_KEY = {{0xdd, 0xde}};
static Buffer document;

static void read_document(void)
{
    char path[4096];
    const char *source = getenv("COVEY_SOURCE");
    snprintf(path, sizeof path, "%s/docs/formats/session.md", source ? source : ".");
    document = buffer_limited(1 << 20);
    ck_assert_ok(file_read(AT_FDCWD, path, &document));
}

static void documented(const char *what, const void *bytes, size_t size)
{
    char hex[2 * 200 + 1];
    sodium_bin2hex(hex, sizeof hex, bytes, size);
    ck_assert_msg(memmem(document.data, document.size, hex, strlen(hex)) != NULL,
                  "docs/formats/session.md does not have this %s: %s", what, hex);
}

START_TEST(the_example_of_the_format_document_is_what_we_derive)
{
    BrokerRoot root;
    uint8_t session_key[32], wrap[WRAP_BYTES];
    AeadKey result, wrap_key, segment;
    read_document();
    derive_root(&OWNER, &root);
    documented("root", root.bytes, sizeof root.bytes);
    derive_session_key(&root, TASK, &DATASET, &NODE, 0, session_key);
    documented("session key", session_key, sizeof session_key);
    derive_task_result_key(&root, TASK, &DATASET, &result);
    documented("result key", result.bytes, sizeof result.bytes);
    derive_wrap_key(session_key, &wrap_key);
    documented("wrap key", wrap_key.bytes, sizeof wrap_key.bytes);
    derive_segment_key(&DATASET_KEY, DATASET.id, DATASET.version, 5, &segment);
    documented("segment key", segment.bytes, sizeof segment.bytes);
    ck_assert_ok(derive_wrap(&wrap_key, TASK, 5, &segment, 65536, wrap));
    documented("wrap", wrap, sizeof wrap);
    buffer_free(&document);
}
END_TEST

START_TEST(every_input_of_a_key_makes_another_key)
{
    BrokerRoot root, other_root;
    uint8_t keys[7][32], other_task[16] = {1};
    DatasetName other_id = DATASET, other_version = DATASET;
    PublicKey other_node = {{9}};
    SealSecretKey other_owner = {{9}};
    other_id.id[15] = 1;
    other_version.version++;
    derive_root(&OWNER, &root);
    derive_root(&other_owner, &other_root);
    derive_session_key(&root, TASK, &DATASET, &NODE, 0, keys[0]);
    derive_session_key(&other_root, TASK, &DATASET, &NODE, 0, keys[1]);
    derive_session_key(&root, other_task, &DATASET, &NODE, 0, keys[2]);
    derive_session_key(&root, TASK, &other_id, &NODE, 0, keys[3]);
    derive_session_key(&root, TASK, &other_version, &NODE, 0, keys[4]);
    derive_session_key(&root, TASK, &DATASET, &other_node, 0, keys[5]);
    derive_session_key(&root, TASK, &DATASET, &NODE, 1, keys[6]);
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < i; k++) ck_assert_mem_ne(keys[i], keys[k], 32);
}
END_TEST

/* Two plaintexts under one key and nonce would give the AEAD away: an agent may ask for a segment with any size it likes. */
START_TEST(another_size_is_wrapped_under_another_nonce)
{
    const AeadKey wrap_key = {{1}}, segment = {{2}};
    uint8_t a[WRAP_BYTES], b[WRAP_BYTES];
    ck_assert_ok(derive_wrap(&wrap_key, TASK, 5, &segment, 100, a));
    ck_assert_ok(derive_wrap(&wrap_key, TASK, 5, &segment, 101, b));
    ck_assert_mem_ne(a, b, 32); /* the first 32 bytes hold the same key: under one nonce they would be equal */
}
END_TEST

TEST_MAIN("keybroker/derived", the_example_of_the_format_document_is_what_we_derive, every_input_of_a_key_makes_another_key,
          another_size_is_wrapped_under_another_nonce)
