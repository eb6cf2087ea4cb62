/* Does a signature hold for exactly one key, one context and one message? Do keys survive being text? */
#include <sodium.h>
#include <string.h>

#include "base/test.h"
#include "crypto/sign.h"

static void key_pair(uint8_t first_seed_byte, SecretKey *ret_secret, PublicKey *ret_public)
{
    uint8_t seed[crypto_sign_SEEDBYTES] = {first_seed_byte};
    crypto_sign_seed_keypair(ret_public->bytes, ret_secret->bytes, seed);
}

START_TEST(sha256_of_abc_is_that_of_fips_180)
{
    Sha256 hash;
    char text[65];
    sha256_of(VIEW("abc"), &hash);
    sha256_hex(&hash, text);
    ck_assert_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
END_TEST

START_TEST(a_signature_verifies_for_its_own_key_context_and_message)
{
    SecretKey secret;
    PublicKey public_key;
    uint8_t signature[SIGNATURE_BYTES];
    key_pair(1, &secret, &public_key);
    sign_message(&secret, "context", VIEW("message"), signature);
    ck_assert_ok(sign_verify(&public_key, "context", VIEW("message"), signature));
}
END_TEST

START_TEST(it_does_not_verify_for_another_key_context_or_message)
{
    SecretKey secret, other_secret;
    PublicKey public_key, other_key;
    uint8_t signature[SIGNATURE_BYTES];
    key_pair(1, &secret, &public_key);
    key_pair(2, &other_secret, &other_key);
    sign_message(&secret, "context", VIEW("message"), signature);
    ck_assert_err(sign_verify(&other_key, "context", VIEW("message"), signature), ERR_BAD_SIGNATURE);
    ck_assert_err(sign_verify(&public_key, "context2", VIEW("message"), signature), ERR_BAD_SIGNATURE);
    ck_assert_err(sign_verify(&public_key, "contex", VIEW("tmessage"), signature), ERR_BAD_SIGNATURE);
    ck_assert_err(sign_verify(&public_key, "context", VIEW("messagf"), signature), ERR_BAD_SIGNATURE);
    ck_assert_err(sign_verify(&public_key, "context", VIEW("message "), signature), ERR_BAD_SIGNATURE);
}
END_TEST

START_TEST(no_bit_of_a_signature_can_be_flipped)
{
    SecretKey secret;
    PublicKey public_key;
    uint8_t signature[SIGNATURE_BYTES];
    key_pair(1, &secret, &public_key);
    sign_message(&secret, "context", VIEW("message"), signature);
    for (size_t bit = 0; bit < sizeof signature * 8; bit++) {
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_err(sign_verify(&public_key, "context", VIEW("message"), signature), ERR_BAD_SIGNATURE);
        signature[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

START_TEST(a_public_key_is_one_line_of_text_and_back)
{
    SecretKey secret;
    PublicKey key, again;
    char text[PUBLIC_KEY_TEXT_MAX];
    key_pair(3, &secret, &key);
    public_key_print(&key, text);
    ck_assert_uint_eq(strlen(text), strlen("covey-ed25519:") + 43);
    ck_assert_ok(public_key_parse(text, &again));
    ck_assert_mem_eq(key.bytes, again.bytes, sizeof key.bytes);
}
END_TEST

START_TEST(what_is_not_a_public_key_is_refused_and_the_output_untouched)
{
    static const char *const BAD[] = {
        "", "covey-ed25519:", "covey-ed25519", "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "covey-ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",    /* 31 bytes */
        "covey-ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",  /* 33 bytes */
        "covey-ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",  /* padded */
        "covey-ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ",  /* a space behind */
        "covey-ed25519:AAAAAAAAAAAAAAAAAAAAA!AAAAAAAAAAAAAAAAAAAAA",
    };
    PublicKey key, untouched;
    memset(&key, 7, sizeof key);
    untouched = key;
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        ck_assert_msg(public_key_parse(BAD[i], &key).code == ERR_BAD_INPUT, "accepted: %s", BAD[i]);
        ck_assert_mem_eq(&key, &untouched, sizeof key);
    }
}
END_TEST

START_TEST(a_wiped_key_is_zeros)
{
    SecretKey secret;
    PublicKey key;
    key_pair(3, &secret, &key);
    secret_key_wipe(&secret);
    ck_assert(sodium_is_zero(secret.bytes, sizeof secret.bytes));
}
END_TEST

TEST_MAIN("crypto/sign", sha256_of_abc_is_that_of_fips_180, a_signature_verifies_for_its_own_key_context_and_message,
          it_does_not_verify_for_another_key_context_or_message, no_bit_of_a_signature_can_be_flipped,
          a_public_key_is_one_line_of_text_and_back, what_is_not_a_public_key_is_refused_and_the_output_untouched,
          a_wiped_key_is_zeros)
