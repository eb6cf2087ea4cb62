/* Is a key file what its document says, and does everything that was changed in one, or is another's, fail with the exact error? */
#include <sodium.h>

#include "base/test.h"
#include "base/test_document.h"
#include "crypto/key_parts.h"

static const KeyKind KINDS[] = {KEY_SIGNING, KEY_SEALING};

/* The seed of RFC 8032 section 7.1, test 1. */
static void test_seed(uint8_t ret_seed[KEY_BYTES])
{
    static const char HEX[] = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    size_t size;
    ck_assert_int_eq(sodium_hex2bin(ret_seed, KEY_BYTES, HEX, sizeof HEX - 1, NULL, &size, NULL), 0);
}

/* The document's costs, or the least, for tests that open many. */
static KeyFile protected_file(KeyKind kind, bool cheap)
{
    uint8_t seed[KEY_BYTES];
    KeyFile f = {.kind = kind, .passes = cheap ? 1 : KEY_PASSES, .memory_kib = cheap ? KEY_MEMORY_KIB_MIN : KEY_MEMORY_KIB};
    test_seed(seed);
    for (size_t i = 0; i < sizeof f.salt; i++) f.salt[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof f.nonce; i++) f.nonce[i] = (uint8_t)i;
    ck_assert_ok(key_file_protect(&f, seed, "correct horse"));
    return f;
}

START_TEST(the_examples_of_the_document_are_our_files)
{
    AUTO_BUFFER document = test_document_block("keys.md", "keys", 1), box = test_document_hex("keys.md", 1);
    char *line = (char *)document.data, text[KEY_FILE_TEXT_MAX];
    uint8_t seed[KEY_BYTES], opened[KEY_BYTES];
    test_seed(seed);
    for (size_t i = 0; i < 2; i++)
        for (int is_protected = 0; is_protected < 2; is_protected++) {
            size_t size = strcspn(line, "\n") + 1;
            KeyFile file, parsed;
            if (is_protected) file = protected_file(KINDS[i], false);
            else key_file_plain(KINDS[i], seed, &file);
            ck_assert_uint_eq(key_file_print(&file, text), size);
            ck_assert_mem_eq(text, line, size);
            ck_assert_ok(key_file_parse(view_of(line, size), KINDS[i], &parsed));
            ck_assert_ok(key_file_open(&parsed, "correct horse", opened));
            ck_assert_mem_eq(opened, seed, sizeof seed);
            ck_assert_mem_eq(parsed.public_key, file.public_key, KEY_BYTES);
            line += size;
        }
    KeyFile signing = protected_file(KEY_SIGNING, false);
    ck_assert_uint_eq(box.size, 128);
    ck_assert_mem_eq(box.data, signing.public_key, KEY_BYTES);
    ck_assert_mem_eq(box.data + 40, signing.salt, KEY_SALT_BYTES);
    ck_assert_mem_eq(box.data + 56, signing.nonce, KEY_NONCE_BYTES);
    ck_assert_mem_eq(box.data + 80, signing.box, KEY_BOX_BYTES);
}
END_TEST

START_TEST(the_rotation_of_the_document_is_ours)
{
    AUTO_BUFFER document = test_document_block("keys.md", "keys", 2), signature = test_document_hex("keys.md", 2);
    uint8_t old_seed[KEY_BYTES], new_seed[KEY_BYTES] = {1};
    SecretKey secret, other;
    PublicKey old, by;
    Rotation r;
    char text[ROTATION_TEXT_MAX];
    test_seed(old_seed);
    crypto_sign_seed_keypair(old.bytes, secret.bytes, old_seed);
    crypto_sign_seed_keypair(by.bytes, other.bytes, new_seed);
    rotation_make(&secret, &old, &by, &r);
    rotation_print(&r, text);
    document.data[strcspn((char *)document.data, "\n")] = '\0';
    ck_assert_str_eq(text, (char *)document.data);
    ck_assert_mem_eq(r.signature, signature.data, SIGNATURE_BYTES);
    ck_assert_ok(rotation_verify(&r));
}
END_TEST

START_TEST(every_changed_byte_of_a_protected_file_is_refused)
{
    for (size_t i = 0; i < 2; i++) {
        const KeyFile good = protected_file(KINDS[i], true);
        for (size_t bit = 0; bit < 8 * (KEY_BYTES + KEY_SALT_BYTES + KEY_NONCE_BYTES + KEY_BOX_BYTES); bit++) {
            KeyFile f = good;
            size_t at = bit / 8;
            uint8_t secret[KEY_BYTES] = {7}, flip = (uint8_t)(1 << bit % 8);
            if (at < KEY_BYTES) f.public_key[at] ^= flip;
            else if ((at -= KEY_BYTES) < KEY_SALT_BYTES) f.salt[at] ^= flip;
            else if ((at -= KEY_SALT_BYTES) < KEY_NONCE_BYTES) f.nonce[at] ^= flip;
            else f.box[at - KEY_NONCE_BYTES] ^= flip;
            ck_assert_err(key_file_open(&f, "correct horse", secret), ERR_DENIED);
            ck_assert_uint_eq(secret[0], 7);
        }
        KeyFile f = good;
        uint8_t secret[KEY_BYTES];
        f.passes++;
        ck_assert_err(key_file_open(&f, "correct horse", secret), ERR_DENIED);
        f = good;
        f.memory_kib++;
        ck_assert_err(key_file_open(&f, "correct horse", secret), ERR_DENIED);
        f = good;
        f.kind = KINDS[1 - i]; /* a signing key is no sealing key */
        ck_assert_err(key_file_open(&f, "correct horse", secret), ERR_DENIED);
        ck_assert_err(key_file_open(&good, "Correct horse", secret), ERR_DENIED);
        ck_assert_err(key_file_open(&good, "", secret), ERR_DENIED);
        ck_assert_ok(key_file_open(&good, "correct horse", secret));
    }
}
END_TEST

START_TEST(a_line_that_is_changed_in_any_way_is_no_key_file_or_another_key)
{
    char text[KEY_FILE_TEXT_MAX];
    const KeyFile good = protected_file(KEY_SIGNING, true);
    size_t size = key_file_print(&good, text);
    KeyFile f;
    ck_assert_ok(key_file_parse(view_of(text, size), KEY_SIGNING, &f));
    ck_assert_err(key_file_parse(view_of(text, size), KEY_SEALING, &f), ERR_CORRUPT);
    for (size_t cut = 0; cut < size; cut++) ck_assert_err(key_file_parse(view_of(text, cut), KEY_SIGNING, &f), ERR_CORRUPT);
    text[size] = '\n';
    ck_assert_err(key_file_parse(view_of(text, size + 1), KEY_SIGNING, &f), ERR_CORRUPT);
    for (size_t i = 0; i < size; i++)
        for (int other = 0; other < 256; other++) {
            char changed[KEY_FILE_TEXT_MAX], again[KEY_FILE_TEXT_MAX];
            memcpy(changed, text, size);
            changed[i] = (char)other;
            if (key_file_parse(view_of(changed, size), KEY_SIGNING, &f).code != 0) continue;
            ck_assert_uint_eq(key_file_print(&f, again), size); /* one text for one file */
            ck_assert_mem_eq(again, changed, size);
        }
}
END_TEST

START_TEST(costs_beyond_the_limits_are_refused_before_they_are_paid)
{
    static const struct { uint32_t passes, memory_kib; bool good;
    } COSTS[] = {
        {1, KEY_MEMORY_KIB_MIN, true},      {KEY_PASSES_MAX, KEY_MEMORY_KIB_MAX, true},
        {0, KEY_MEMORY_KIB_MIN, false},     {KEY_PASSES_MAX + 1, KEY_MEMORY_KIB_MIN, false},
        {1, KEY_MEMORY_KIB_MIN - 1, false}, {1, KEY_MEMORY_KIB_MAX + 1, false},
        {UINT32_MAX, UINT32_MAX, false},
    };
    for (size_t i = 0; i < sizeof COSTS / sizeof COSTS[0]; i++) {
        KeyFile f = protected_file(KEY_SEALING, true), parsed;
        char text[KEY_FILE_TEXT_MAX];
        f.passes = COSTS[i].passes;
        f.memory_kib = COSTS[i].memory_kib;
        size_t size = key_file_print(&f, text);
        ck_assert_int_eq(key_file_parse(view_of(text, size), KEY_SEALING, &parsed).code, COSTS[i].good ? 0 : ERR_CORRUPT);
    }
}
END_TEST

TEST_MAIN("crypto/key_file", the_examples_of_the_document_are_our_files, the_rotation_of_the_document_is_ours,
          every_changed_byte_of_a_protected_file_is_refused, a_line_that_is_changed_in_any_way_is_no_key_file_or_another_key,
          costs_beyond_the_limits_are_refused_before_they_are_paid)
