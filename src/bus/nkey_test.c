/* Are NKeys those of NATS, and is what is no user's key refused? The pair is the one of the NATS documentation ("nk" and NKey authentication). */
#include "bus/nkey.h"

#include <sodium.h>

#include "base/test.h"

#define DOCUMENTED "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"

static const uint8_t SEED[32] = {0x29, 0x49, 0x7b, 0xa0, 0x0f, 0x41, 0xdd, 0x45, 0x93, 0x6b, 0x4c, 0xc4, 0xbd, 0xa1, 0xde, 0xcb,
                                  0x67, 0xc1, 0x28, 0xe6, 0x9f, 0xb3, 0xd4, 0x90, 0xee, 0x82, 0x0d, 0xaf, 0x7c, 0x31, 0x8c, 0x0a};

static void documented(SecretKey *secret, PublicKey *key)
{
    ck_assert_int_ge(sodium_init(), 0);
    crypto_sign_seed_keypair(key->bytes, secret->bytes, SEED);
}

START_TEST(the_key_of_the_documentation_is_printed_and_read_as_there)
{
    SecretKey secret;
    PublicKey key, read;
    char text[NKEY_TEXT_MAX];
    documented(&secret, &key);
    nkey_print(&key, text);
    ck_assert_str_eq(text, DOCUMENTED);
    ck_assert_ok(nkey_parse(text, &read));
    ck_assert_mem_eq(&read, &key, sizeof key);
}
END_TEST

START_TEST(a_mistyped_key_is_refused_wherever_the_mistake_is)
{
    PublicKey untouched = {{7}};
    char text[NKEY_TEXT_MAX];
    for (size_t i = 0; i < NKEY_TEXT_BYTES; i++) {
        strcpy(text, DOCUMENTED);
        text[i] = text[i] == 'A' ? 'B' : 'A';
        ck_assert_err(nkey_parse(text, &untouched), ERR_BAD_INPUT);
    }
    static const char *const WRONG[] = {"", "U", (DOCUMENTED "A"), "uDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4",
                                        "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) ck_assert_err(nkey_parse(WRONG[i], &untouched), ERR_BAD_INPUT);
    ck_assert_uint_eq(untouched.bytes[0], 7);
}
END_TEST

START_TEST(a_nonce_is_signed_as_it_is)
{
    SecretKey secret;
    PublicKey key;
    uint8_t signature[SIGNATURE_BYTES];
    documented(&secret, &key);
    nkey_sign(&secret, VIEW("PXoWU7zWAMt75FY"), signature);
    ck_assert_int_eq(crypto_sign_verify_detached(signature, (const uint8_t *)"PXoWU7zWAMt75FY", 15, key.bytes), 0);
}
END_TEST

TEST_MAIN("bus/nkey", the_key_of_the_documentation_is_printed_and_read_as_there, a_mistyped_key_is_refused_wherever_the_mistake_is,
          a_nonce_is_signed_as_it_is)
