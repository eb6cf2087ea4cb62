/* Do the vectors of COSE's authors verify, does every changed bit and every misuse fail, and is our own message the documented one? */
#include <jansson.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <sodium.h>

#include "base/test_data.h"
#include "base/test_document.h"
#include "crypto/cose.h"

typedef struct { uint8_t bytes[1024]; size_t size; } Hex;

static Hex hex(const char *text)
{
    Hex h;
    ck_assert_int_eq(sodium_hex2bin(h.bytes, sizeof h.bytes, text, strlen(text), " \n", &h.size, NULL), 0);
    return h;
}

static View view_hex(const Hex *h) { return view_of(h->bytes, h->size); }

/* The key of RFC 8032 section 7.1, test 1; also that of the Ed25519 vectors. */
static void test_key(SecretKey *ret_secret, PublicKey *ret_public)
{
    Hex seed = hex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60");
    crypto_sign_seed_keypair(ret_public->bytes, ret_secret->bytes, seed.bytes);
}

typedef struct { Hex message, to_be_signed, external_aad; bool fails; json_t *json; const char *x, *y; } Vector;

static bool vector_load(const char *name, Vector *ret_vector)
{
    char file[256];
    snprintf(file, sizeof file, "vectors/cose/%s.json", name);
    const char *path = test_data(file), *external = NULL, *to_be_signed = NULL, *message, *x = NULL, *y = NULL;
    if (!path) return false;
    json_error_t error;
    json_t *json = json_load_file(path, 0, &error);
    ck_assert_msg(json != NULL, "%s: %s", path, error.text);
    int fails = 0;
    ck_assert_int_eq(json_unpack(json, "{s?b, s:{s?{s?s, s:{s?s, s?s}}}, s:{s:s}}", "fail", &fails, "input", "sign0", "external", &external, "key",
                                 "x", &x, "y", &y, "output", "cbor", &message), 0);
    ck_assert_int_eq(json_unpack(json, "{s?{s?s}}", "intermediates", "ToBeSign_hex", &to_be_signed), 0);
    *ret_vector = (Vector){.message = hex(message),
                           .to_be_signed = hex(to_be_signed ? to_be_signed : ""),
                           .external_aad = hex(external ? external : ""),
                           .fails = fails,
                           .json = json,
                           .x = x,
                           .y = y};
    return true;
}

START_TEST(the_ed25519_vector_verifies_and_its_parts_are_right)
{
    Vector v;
    if (!vector_load("eddsa-examples/eddsa-sig-01", &v)) return;
    SecretKey secret;
    PublicKey key, other = {{1}};
    View payload;
    CoseSign1 parts;
    test_key(&secret, &key);
    ck_assert_ok(cose_sign1_verify(&key, VIEW(""), view_hex(&v.message), &payload));
    ck_assert(view_equal(payload, VIEW("This is the content.")));
    ck_assert_ok(cose_sign1_parse(view_hex(&v.message), &parts));
    ck_assert(view_equal(parts.kid, VIEW("11")));
    AUTO_BUFFER bytes = buffer_limited(1024);
    ck_assert_ok(cose_sign1_to_be_signed(parts.protected_header, VIEW(""), parts.payload, &bytes));
    ck_assert(view_equal(view_buffer(&bytes), view_hex(&v.to_be_signed)));

    PublicKey kid = {{9}};
    ck_assert_err(cose_sign1_kid(view_hex(&v.message), &kid), ERR_BAD_INPUT); /* "11" names no Ed25519 key */
    ck_assert_uint_eq(kid.bytes[0], 9);
    ck_assert_err(cose_sign1_verify(&other, VIEW(""), view_hex(&v.message), &payload), ERR_BAD_SIGNATURE);
    ck_assert_err(cose_sign1_verify(&key, VIEW("x"), view_hex(&v.message), &payload), ERR_BAD_SIGNATURE);
    json_decref(v.json);
}
END_TEST

START_TEST(ed448_and_messages_of_several_signers_are_refused)
{
    static const char *const NAMES[] = {"eddsa-examples/eddsa-sig-02", "eddsa-examples/eddsa-01", "eddsa-examples/eddsa-02"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char file[256];
        snprintf(file, sizeof file, "vectors/cose/%s.json", NAMES[i]);
        const char *path = test_data(file), *message;
        if (!path) return;
        json_t *json = json_load_file(path, 0, NULL);
        ck_assert_int_eq(json_unpack(json, "{s:{s:s}}", "output", "cbor", &message), 0);
        Hex h = hex(message);
        SecretKey secret;
        PublicKey key;
        View payload;
        test_key(&secret, &key);
        ck_assert_err(cose_sign1_verify(&key, VIEW(""), view_hex(&h), &payload), ERR_BAD_INPUT);
        json_decref(json);
    }
}
END_TEST

static EVP_PKEY *p256_key(const Vector *v)
{
    uint8_t point[65] = {4};
    size_t size;
    ck_assert_int_eq(sodium_base642bin(point + 1, 32, v->x, strlen(v->x), NULL, &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING), 0);
    ck_assert_int_eq(sodium_base642bin(point + 33, 32, v->y, strlen(v->y), NULL, &size, NULL, sodium_base64_VARIANT_URLSAFE_NO_PADDING), 0);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM_BLD_push_utf8_string(builder, "group", "P-256", 0);
    OSSL_PARAM_BLD_push_octet_string(builder, "pub", point, sizeof point);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *key = NULL;
    ck_assert_int_eq(EVP_PKEY_fromdata_init(context), 1);
    ck_assert_int_eq(EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    EVP_PKEY_CTX_free(context);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    return key;
}

static bool es256_verify(const Vector *v, View message, const uint8_t signature[64])
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    ck_assert_int_eq(ECDSA_SIG_set0(pair, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL)), 1);
    uint8_t *der = NULL;
    int size = i2d_ECDSA_SIG(pair, &der);
    EVP_PKEY *key = p256_key(v);
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestVerifyInit(context, NULL, EVP_sha256(), NULL, key), 1);
    bool good = EVP_DigestVerify(context, der, (size_t)size, message.data, message.size) == 1;
    EVP_MD_CTX_free(context);
    EVP_PKEY_free(key);
    OPENSSL_free(der);
    ECDSA_SIG_free(pair);
    return good;
}

/* ES256 is not ours, but taking messages apart and making Sig_structure are: OpenSSL checks the signature over what we say was signed. */
START_TEST(the_es256_vectors_pass_and_fail_as_their_authors_say)
{
    static const char *const NAMES[] = {"sign-pass-01", "sign-pass-02", "sign-pass-03", "sign-fail-01", "sign-fail-02",
                                        "sign-fail-03", "sign-fail-04", "sign-fail-06", "sign-fail-07"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        char name[64];
        Vector v;
        CoseSign1 parts;
        snprintf(name, sizeof name, "sign1-tests/%s", NAMES[i]);
        if (!vector_load(name, &v)) return;

        AUTO_BUFFER bytes = buffer_limited(1024);
        bool good = cose_sign1_parse(view_hex(&v.message), &parts).code == 0 && parts.signature.size == 64;
        if (good) {
            ck_assert_ok(cose_sign1_to_be_signed(parts.protected_header, view_hex(&v.external_aad), parts.payload, &bytes));
            good = (parts.algorithm == -7 || parts.algorithm == 0) && es256_verify(&v, view_buffer(&bytes), parts.signature.data);
        }
        ck_assert_msg(good == !v.fails, "%s", NAMES[i]);
        if (good) ck_assert(view_equal(view_buffer(&bytes), view_hex(&v.to_be_signed)));

        PublicKey key = {{1}};
        View payload;
        ck_assert_err(cose_sign1_verify(&key, view_hex(&v.external_aad), view_hex(&v.message), &payload), ERR_BAD_INPUT); /* not EdDSA */
        json_decref(v.json);
    }
}
END_TEST

START_TEST(the_example_of_the_document_is_our_message)
{
    SecretKey secret;
    PublicKey key, kid;
    CoseSign1 parts;
    View payload;
    AUTO_BUFFER expected = test_document_hex("cose.md", 1), expected_signed = test_document_hex("cose.md", 2);
    AUTO_BUFFER message = buffer_limited(1024), bytes = buffer_limited(1024);
    test_key(&secret, &key);
    ck_assert_ok(cose_sign1(&secret, &key, VIEW("covey-example-v1"), VIEW("hello"), &message));
    ck_assert(view_equal(view_buffer(&message), view_buffer(&expected)));
    ck_assert(cbor_check(view_buffer(&message)));
    ck_assert_ok(cose_sign1_parse(view_buffer(&expected), &parts));
    ck_assert_ok(cose_sign1_to_be_signed(parts.protected_header, VIEW("covey-example-v1"), parts.payload, &bytes));
    ck_assert(view_equal(view_buffer(&bytes), view_buffer(&expected_signed)));
    ck_assert_ok(cose_sign1_kid(view_buffer(&expected), &kid));
    ck_assert_mem_eq(&kid, &key, sizeof key);
    ck_assert_ok(cose_sign1_verify(&kid, VIEW("covey-example-v1"), view_buffer(&expected), &payload));
    ck_assert(view_equal(payload, VIEW("hello")));
}
END_TEST

START_TEST(every_flipped_bit_and_every_cut_is_refused)
{
    SecretKey secret;
    PublicKey key;
    View payload = VIEW("untouched");
    test_key(&secret, &key);
    AUTO_BUFFER message = buffer_limited(1024);
    ck_assert_ok(cose_sign1(&secret, &key, VIEW("a"), VIEW("hello"), &message));
    for (size_t bit = 0; bit < 8 * message.size; bit++) {
        message.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        Err error = cose_sign1_verify(&key, VIEW("a"), view_buffer(&message), &payload);
        ck_assert_msg(error.code == ERR_BAD_INPUT || error.code == ERR_BAD_SIGNATURE, "bit %zu: %d", bit, error.code);
        message.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size_t size = 0; size < message.size; size++)
        ck_assert_err(cose_sign1_verify(&key, VIEW("a"), view_of(message.data, size), &payload), ERR_BAD_INPUT);
    ck_assert(view_equal(payload, VIEW("untouched")));
    ck_assert_ok(cose_sign1_verify(&key, VIEW("a"), view_buffer(&message), &payload));
}
END_TEST

START_TEST(headers_that_could_mislead_are_refused)
{
    static const struct { const char *why, *hex; } BAD[] = {
        {"detached payload", "d2844100a0f640"},
        {"critical header", "d28444a2012702810aa0414140"},
        {"critical header, unprotected", "d28443a10127a102810a414140"},
        {"kid in both", "d28446a2012704414ba104414b414140"},
        {"algorithm in both", "d28443a10127a10127414140"},
        {"protected map with something after it", "d28444a1012700a0414140"},
        {"protected header not a map", "d2844180a0414140"},
        {"protected header unsorted", "d28446a204414b0127a0414140"},
        {"header twice", "d28445a201270127a0414140"},
        {"kid as text", "d28443a10127a104614b414140"},
        {"five parts", "d28543a10127a041414000"},
        {"three parts", "d28343a10127a04141"},
        {"tag of COSE_Mac0", "d18443a10127a0414140"},
        {"two tags", "d2d28443a10127a0414140"},
    };
    CoseSign1 parts;
    Hex good = hex("d28443a10127a0414140");
    ck_assert_ok(cose_sign1_parse(view_hex(&good), &parts));
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        Hex h = hex(BAD[i].hex);
        ck_assert_msg(cose_sign1_parse(view_hex(&h), &parts).code == ERR_BAD_INPUT, "%s", BAD[i].why);
    }
}
END_TEST

START_TEST(an_algorithm_that_is_not_signed_counts_for_nothing)
{
    PublicKey key = {{1}};
    View payload;
    AUTO_BUFFER message = buffer_limited(256);
    Hex head = hex("d28440a101274141 5840");
    ck_assert_ok(buffer_append(&message, view_hex(&head)));
    for (int i = 0; i < SIGNATURE_BYTES; i++) ck_assert_ok(buffer_put_u8(&message, 0));
    CoseSign1 parts;
    ck_assert_ok(cose_sign1_parse(view_buffer(&message), &parts));
    ck_assert_int_eq(parts.algorithm, 0);
    ck_assert_err(cose_sign1_verify(&key, VIEW(""), view_buffer(&message), &payload), ERR_BAD_INPUT);
}
END_TEST

START_TEST(a_message_that_does_not_fit_is_not_begun)
{
    SecretKey secret;
    PublicKey key;
    test_key(&secret, &key);
    AUTO_BUFFER whole = buffer_limited(1024);
    ck_assert_ok(cose_sign1(&secret, &key, VIEW("a"), VIEW("hello"), &whole));
    for (size_t room = 0; room <= whole.size; room++) {
        AUTO_BUFFER message = buffer_limited(6 + room);
        ck_assert_ok(buffer_append(&message, VIEW("before")));
        Err error = cose_sign1(&secret, &key, VIEW("a"), VIEW("hello"), &message);
        ck_assert_int_eq(error.code, room < whole.size ? ERR_LIMIT : 0);
        ck_assert_uint_eq(message.size, error.code ? 6 : 6 + whole.size);
    }
}
END_TEST

TEST_MAIN("crypto/cose", the_ed25519_vector_verifies_and_its_parts_are_right, ed448_and_messages_of_several_signers_are_refused,
          the_es256_vectors_pass_and_fail_as_their_authors_say, the_example_of_the_document_is_our_message,
          every_flipped_bit_and_every_cut_is_refused, headers_that_could_mislead_are_refused,
          an_algorithm_that_is_not_signed_counts_for_nothing, a_message_that_does_not_fit_is_not_begun)
