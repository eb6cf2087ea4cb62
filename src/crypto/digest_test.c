/* Does a result's digest name the result, the task, and nothing shorter? Known answer from RFC 7693's function with a key. */
#include "base/test.h"
#include "base/test_document.h"
#include "crypto/digest.h"

START_TEST(a_digest_is_keyed_blake2b_of_16_bytes)
{
    /* python3: hashlib.blake2b(b"abc", digest_size=16, key=bytes(range(32))).hexdigest() */
    static const uint8_t EXPECTED[] = {0x1a, 0x64, 0xbe, 0x47, 0xe4, 0x72, 0x9d, 0x95,
                                       0x1c, 0x30, 0x2e, 0xe5, 0x43, 0xf9, 0x7c, 0xf3};
    uint8_t key[32];
    for (size_t i = 0; i < sizeof key; i++) key[i] = (uint8_t)i;
    ResultDigest digest;
    result_digest(key, VIEW("abc"), &digest);
    ck_assert_mem_eq(digest.bytes, EXPECTED, sizeof EXPECTED);
    AUTO_BUFFER written = test_document_hex("journal.md", 1);
    ck_assert_uint_eq(written.size, sizeof EXPECTED + 8);
    ck_assert_mem_eq(written.data, EXPECTED, sizeof EXPECTED);
}
END_TEST

START_TEST(another_result_or_another_task_gives_another_digest)
{
    uint8_t key[32] = {1}, other_key[32] = {2};
    ResultDigest first, other_result, other_task;
    result_digest(key, VIEW("abc"), &first);
    result_digest(key, VIEW("abd"), &other_result);
    result_digest(other_key, VIEW("abc"), &other_task);
    ck_assert_mem_ne(first.bytes, other_result.bytes, sizeof first.bytes);
    ck_assert_mem_ne(first.bytes, other_task.bytes, sizeof first.bytes);
}
END_TEST

START_TEST(an_empty_result_has_a_digest)
{
    uint8_t key[32] = {1};
    ResultDigest empty, zero_byte;
    result_digest(key, (View){NULL, 0}, &empty);
    result_digest(key, view_of("", 1), &zero_byte);
    ck_assert_mem_ne(empty.bytes, zero_byte.bytes, sizeof empty.bytes);
}
END_TEST

TEST_MAIN("crypto/digest", a_digest_is_keyed_blake2b_of_16_bytes, another_result_or_another_task_gives_another_digest,
          an_empty_result_has_a_digest)
