/* Do AEAD, streams and derived keys give the published bytes, the same bytes on the host and in a SEE, and find every change? */
#include <inttypes.h>
#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include "base/test.h"
#include "crypto/aead_parts.h"
#include "crypto/derive.h"
#include "crypto/stream.h"

static void unhex(const char *text, void *ret_bytes, size_t size)
{
    ck_assert_int_eq(sodium_hex2bin(ret_bytes, size, text, strlen(text), NULL, NULL, NULL), 0);
}

/* McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16 (AES-256, with additional data). */
START_TEST(aes_gcm_gives_the_published_test_case)
{
    AeadKey key;
    uint8_t nonce[12], aad[20], plain[60], expected[60], expected_tag[16], out[60], tag[16];
    unhex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", key.bytes, 32);
    unhex("cafebabefacedbaddecaf888", nonce, 12);
    unhex("feedfacedeadbeeffeedfacedeadbeefabaddad2", aad, 20);
    unhex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39", plain, 60);
    unhex("522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662", expected, 60);
    unhex("76fc6ece0f4e1768cddf8853bb2d551b", expected_tag, 16);
    ck_assert_ok(aead_seal(&key, nonce, view_of(aad, 20), view_of(plain, 60), out, tag));
    ck_assert_mem_eq(out, expected, 60);
    ck_assert_mem_eq(tag, expected_tag, 16);
    ck_assert_ok(aead_open(&key, nonce, view_of(aad, 20), view_of(out, 60), tag, out));
    ck_assert_mem_eq(out, plain, 60);
    tag[0] ^= 1;
    ck_assert_err(aead_open(&key, nonce, view_of(aad, 20), view_of(expected, 60), tag, out), ERR_CORRUPT);
    for (int i = 0; i < 60; i++) ck_assert_uint_eq(out[i], 0);
}
END_TEST

/* Of all sizes where code for many blocks at once begins, ends, or has a rest; host and SEE use other code and must give the same bytes. */
START_TEST(one_key_made_ready_seals_and_opens_chunks_of_every_size)
{
    static uint8_t plain[STREAM_CHUNK_BYTES], sealed[STREAM_CHUNK_BYTES], opened[STREAM_CHUNK_BYTES];
    const size_t sizes[] = {0, 1, 15, 16, 17, 95, 96, 97, 287, 288, 289, 383, 384, 385, 4096, STREAM_CHUNK_BYTES - 1, STREAM_CHUNK_BYTES};
    uint8_t tag[AEAD_TAG_BYTES], hash[32], expected[32];
    crypto_hash_sha256_state all;
    AeadCipher cipher;
    for (size_t i = 0; i < sizeof plain; i++) plain[i] = (uint8_t)(i * 7 + i / 251);
    crypto_hash_sha256_init(&all);
    ck_assert_ok(aead_begin(&(AeadKey){{1, 2, 3}}, &cipher));
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        const uint8_t nonce[AEAD_NONCE_BYTES] = {(uint8_t)i};
        const View aad = view_of("more", i % 5), text = view_of(plain, sizes[i]);
        ck_assert_ok(aead_seal_with(&cipher, nonce, aad, text, sealed, tag));
        crypto_hash_sha256_update(&all, sealed, sizes[i]);
        crypto_hash_sha256_update(&all, tag, sizeof tag);
        ck_assert_ok(aead_open_with(&cipher, nonce, aad, view_of(sealed, sizes[i]), tag, opened));
        ck_assert_mem_eq(opened, plain, sizes[i]);
        if (sizes[i] == 0) continue;
        sealed[sizes[i] / 2] ^= 1;
        ck_assert_err(aead_open_with(&cipher, nonce, aad, view_of(sealed, sizes[i]), tag, opened), ERR_CORRUPT);
        for (size_t k = 0; k < sizes[i]; k++) ck_assert_uint_eq(opened[k], 0);
    }
    aead_end(&cipher);
    aead_end(&cipher);
    crypto_hash_sha256_final(&all, hash);
    unhex("2352e5cd0d90bd8d52555541628e948c56be277cbbfa901631653fa5231df111", expected, 32);
    ck_assert_mem_eq(hash, expected, 32);
}
END_TEST

/* xorshift64: the seed is all there is to know. */
static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    return *state ^= *state << 17;
}

/* On a processor without VAES the first is the second, and this says nothing new. */
START_TEST(the_code_for_wide_processors_and_that_for_all_give_the_same_bytes_and_open_each_other)
{
    enum { RUNS = 400, ROOM = 3 * STREAM_CHUNK_BYTES + 64 };
    static uint8_t plain[ROOM], aad[ROOM], a[ROOM], b[ROOM];
    static _Alignas(64) uint8_t room[sizeof(AeadCipher) + 128];
    const char *given = getenv("COVEY_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 2654435761U | 1;
    printf("# COVEY_SEED=%" PRIu64 ", %s\n", seed, aead_processor_is_wide() ? "wide" : "not wide");
    for (size_t i = 0; i < ROOM; i++) plain[i] = aad[ROOM - 1 - i] = (uint8_t)next_random(&seed);
    for (int run = 0; run < RUNS; run++) {
        AeadKey key;
        AeadCipher narrow, *any = (AeadCipher *)(void *)(room + 16 * (next_random(&seed) % 8)); /* nothing asks for more than 16 */
        uint8_t nonce[AEAD_NONCE_BYTES], tags[2][AEAD_TAG_BYTES];
        const size_t shift = next_random(&seed) % 64, size = next_random(&seed) % (run % 2 ? 600 : ROOM - 64);
        const View text = view_of(plain + shift, size), more = view_of(aad, next_random(&seed) % (run % 3 ? 40 : ROOM));
        for (size_t i = 0; i < sizeof key.bytes; i++) key.bytes[i] = (uint8_t)next_random(&seed);
        for (size_t i = 0; i < sizeof nonce; i++) nonce[i] = (uint8_t)next_random(&seed);
        ck_assert_ok(aead_begin(&key, any));
        ck_assert_ok(aead_narrow_begin(&key, &narrow));
        ck_assert_ok(aead_seal_with(any, nonce, more, text, a, tags[0]));
        ck_assert_ok(aead_seal_with(&narrow, nonce, more, text, b, tags[1]));
        ck_assert_mem_eq(tags[0], tags[1], AEAD_TAG_BYTES);
        if (size) ck_assert_mem_eq(a, b, size);
        ck_assert_ok(aead_open_with(any, nonce, more, view_of(b, size), tags[1], b)); /* in place */
        ck_assert_ok(aead_open_with(&narrow, nonce, more, view_of(a, size), tags[0], a));
        if (size) ck_assert_mem_eq(b, text.data, size);
        if (size) ck_assert_mem_eq(a, text.data, size);
        aead_end(any);
        aead_end(&narrow);
        for (size_t i = 0; i < sizeof *any; i++) ck_assert_uint_eq(((const uint8_t *)any)[i], 0); /* nothing of the key stays */
    }
}
END_TEST

/* RFC 5869, appendix A.1. */
START_TEST(hkdf_gives_the_published_test_case)
{
    uint8_t secret[22], salt[13], info[10], prk[32], expected_prk[32], key[42], expected[42];
    memset(secret, 0x0b, sizeof secret);
    unhex("000102030405060708090a0b0c", salt, 13);
    unhex("f0f1f2f3f4f5f6f7f8f9", info, 10);
    unhex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5", expected_prk, 32);
    unhex("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865", expected, 42);
    hkdf_extract(view_of(salt, 13), view_of(secret, 22), prk);
    ck_assert_mem_eq(prk, expected_prk, 32);
    hkdf_expand(prk, view_of(info, 10), key, 42);
    ck_assert_mem_eq(key, expected, 42);
}
END_TEST

START_TEST(sizes_of_streams_go_both_ways_and_others_are_refused)
{
    const uint64_t plain[] = {0, 1, STREAM_CHUNK_BYTES - 1, STREAM_CHUNK_BYTES, STREAM_CHUNK_BYTES + 1, 10 * STREAM_CHUNK_BYTES, 1000000007};
    for (size_t i = 0; i < sizeof plain / sizeof plain[0]; i++) {
        uint64_t back;
        ck_assert(stream_plain_size(stream_sealed_size(plain[i]), &back));
        ck_assert_uint_eq(back, plain[i]);
    }
    uint64_t none;
    ck_assert(!stream_plain_size(0, &none));
    ck_assert(!stream_plain_size(AEAD_TAG_BYTES - 1, &none));
    ck_assert(!stream_plain_size(STREAM_CHUNK_BYTES + AEAD_TAG_BYTES + 1, &none)); /* a second chunk needs a tag and, to be there, a byte */
    ck_assert(!stream_plain_size(STREAM_CHUNK_BYTES + 2 * AEAD_TAG_BYTES, &none));
}
END_TEST

START_TEST(a_chunk_opens_only_in_its_own_place)
{
    AeadCipher key, other;
    uint8_t sealed[4 + AEAD_TAG_BYTES], plain[4];
    ck_assert_ok(aead_begin(&(AeadKey){{5}}, &key));
    ck_assert_ok(aead_begin(&(AeadKey){{6}}, &other));
    ck_assert_ok(stream_seal_chunk(&key, 3, true, VIEW("data"), sealed));
    ck_assert_ok(stream_open_chunk(&key, 3, true, view_of(sealed, sizeof sealed), plain));
    ck_assert_mem_eq(plain, "data", 4);
    ck_assert_err(stream_open_chunk(&key, 2, true, view_of(sealed, sizeof sealed), plain), ERR_CORRUPT);
    ck_assert_err(stream_open_chunk(&key, 3, false, view_of(sealed, sizeof sealed), plain), ERR_CORRUPT);
    ck_assert_err(stream_open_chunk(&other, 3, true, view_of(sealed, sizeof sealed), plain), ERR_CORRUPT);
    ck_assert_err(stream_seal_chunk(&key, 0, false, VIEW("short"), sealed), ERR_LIMIT);
    for (size_t bit = 0; bit < 8 * sizeof sealed; bit++) {
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_err(stream_open_chunk(&key, 3, true, view_of(sealed, sizeof sealed), plain), ERR_CORRUPT);
        sealed[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert_ok(stream_open_chunk(&key, 3, true, view_of(sealed, sizeof sealed), plain)); /* what was refused leaves the key as it was */
    aead_end(&key);
    aead_end(&other);
}
END_TEST

START_TEST(every_segment_version_and_dataset_has_a_key_of_its_own)
{
    const AeadKey dataset = {{1}};
    const uint8_t id[16] = {2}, other[16] = {3};
    AeadKey keys[4];
    derive_segment_key(&dataset, id, 1, 0, &keys[0]);
    derive_segment_key(&dataset, id, 1, 1, &keys[1]);
    derive_segment_key(&dataset, id, 2, 0, &keys[2]);
    derive_segment_key(&dataset, other, 1, 0, &keys[3]);
    for (int i = 0; i < 4; i++)
        for (int k = 0; k < i; k++) ck_assert_mem_ne(keys[i].bytes, keys[k].bytes, sizeof keys[i].bytes);
}
END_TEST

TEST_MAIN("crypto/stream", aes_gcm_gives_the_published_test_case, one_key_made_ready_seals_and_opens_chunks_of_every_size,
          the_code_for_wide_processors_and_that_for_all_give_the_same_bytes_and_open_each_other, hkdf_gives_the_published_test_case,
          sizes_of_streams_go_both_ways_and_others_are_refused, a_chunk_opens_only_in_its_own_place,
          every_segment_version_and_dataset_has_a_key_of_its_own)
