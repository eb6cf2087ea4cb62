/*
 * Is a key enrolled only when it lives in the TPM whose maker vouches for it? The TPMs are swtpm, made with endorsement certificates by a maker
 * of the test's own.
 */
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <sodium.h>
#include <time.h>

#include "attest/fixture.h"
#include "attest/tpm_enrol.h"
#include "attest/tpm_fixture.h"
#include "attest/tpm_sample.h"

typedef struct { TestFolder folder; CertificateList certificates; } Maker;

static void put_text(const Maker *m, const char *name, const char *text)
{
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&m->folder, name), view_text(text), 0600));
}

static Maker maker_new(void)
{
    Maker m = {.folder = test_folder()};
    char text[2048];
    const char *f = m.folder.path;
    snprintf(text, sizeof text, "statedir = %s\nsigningkey = %s/signkey.pem\nissuercert = %s/issuercert.pem\ncertserial = %s/certserial\n",
             f, f, f, f);
    put_text(&m, "ca.conf", text);
    put_text(&m, "ca.options", "--platform-manufacturer Covey\n--platform-version 1\n--platform-model test\n");
    snprintf(text, sizeof text, "create_certs_tool=swtpm_localca\ncreate_certs_tool_config=%s/ca.conf\n"
                                "create_certs_tool_options=%s/ca.options\n", f, f);
    put_text(&m, "setup.conf", text);
    return m;
}

static void maker_free(Maker *m)
{
    certificates_free(&m->certificates);
    test_folder_remove(&m->folder);
}

static void trust(Maker *m, const char *file)
{
    AUTO_BUFFER pem = buffer_limited(1 << 16);
    Diag why = {0};
    ck_assert_ok(file_read(AT_FDCWD, test_path(&m->folder, file), &pem));
    ck_assert_ok(certificates_add(view_buffer(&pem), &m->certificates, &why));
}

/* A TPM as it leaves the maker: with a certificate of its endorsement key inside. */
static TestTpm tpm_made_by(const Maker *m)
{
    ck_assert_int_eq(setenv("TSS2_LOG", "all+NONE", 1), 0);
    TestTpm t = {.state = test_folder(), .pid_fd = -1};
    char config[PATH_MAX];
    snprintf(config, sizeof config, "%s/setup.conf", m->folder.path);
    const char *const argv[] = {"timeout", "60", "swtpm_setup", "--tpm2", "--tpmstate", t.state.path, "--create-ek-cert", "--config", config, NULL};
    AUTO_BUFFER output = buffer_limited(1 << 14);
    int status = -1;
    ck_assert_ok(process_run(argv, NULL, &output, &status));
    ck_assert_msg(status == 0, "swtpm_setup: %.*s", (int)output.size, (const char *)output.data);
    test_tpm_power_on(&t);
    return t;
}

static void use(const TestTpm *t) { ck_assert_int_eq(setenv("COVEY_TCTI", t->link, 1), 0); }

static Buffer asked(void)
{
    Buffer request = buffer_limited(TPM_ENROL_BYTES_MAX);
    Diag why = {0};
    Err e = tpm_enrol_ask(&request, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    return request;
}

typedef struct { Buffer bytes; uint8_t secret[TPM_SECRET_BYTES]; View key; } Challenged;

static Challenged challenged(const Maker *m, View request)
{
    Challenged c = {.bytes = buffer_limited(TPM_ENROL_BYTES_MAX)};
    Diag why = {0};
    Err e = tpm_enrol_challenge(request, &m->certificates, (uint64_t)time(NULL), &c.bytes, c.secret, &c.key, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    return c;
}

static Maker trusted_maker(TestTpm *ret_tpm)
{
    Maker m = maker_new();
    *ret_tpm = tpm_made_by(&m);
    trust(&m, "issuercert.pem");
    trust(&m, "swtpm-localca-rootca-cert.pem");
    return m;
}

START_TEST(a_key_beside_a_certified_endorsement_key_is_enrolled)
{
    TestTpm t;
    Maker m = trusted_maker(&t);
    AUTO_BUFFER request = asked(), key = buffer_limited(256);
    Challenged c = challenged(&m, view_buffer(&request));
    uint8_t answer[TPM_SECRET_BYTES] = {0};
    Diag why = {0};
    Err e = tpm_enrol_answer(view_buffer(&c.bytes), answer, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    ck_assert_mem_eq(answer, c.secret, sizeof answer);
    ck_assert_ok(collect_tpm_key(&key, &why));
    ck_assert(view_equal(c.key, view_buffer(&key)));
    buffer_free(&c.bytes);
    test_tpm_end(&t);
    maker_free(&m);
}
END_TEST

static void assert_refused(View challenge)
{
    uint8_t answer[TPM_SECRET_BYTES] = {0};
    Diag why = {0};
    ck_assert_err(tpm_enrol_answer(challenge, answer, &why), ERR_LEVEL);
    ck_assert_msg(strstr(why.text, "the challenge is for another TPM or another key"), "%s", why.text);
    ck_assert(sodium_is_zero(answer, sizeof answer));
}

/* One TPM's certificate with another's key: neither gives the secret back. */
START_TEST(a_key_of_another_tpm_is_not_enrolled)
{
    TestTpm t;
    Maker m = trusted_maker(&t);
    AUTO_BUFFER request = asked();
    TestTpm other = tpm_made_by(&m);
    AUTO_BUFFER of_other = asked();
    memcpy(request.data + request.size - TPM_SAMPLE_KEY_BYTES, of_other.data + of_other.size - TPM_SAMPLE_KEY_BYTES, TPM_SAMPLE_KEY_BYTES);
    Challenged c = challenged(&m, view_buffer(&request));
    assert_refused(view_buffer(&c.bytes));
    use(&t);
    assert_refused(view_buffer(&c.bytes));
    buffer_free(&c.bytes);
    test_tpm_end(&other);
    test_tpm_end(&t);
    maker_free(&m);
}
END_TEST

START_TEST(a_key_of_a_program_is_not_enrolled)
{
    TestTpm t;
    Maker m = trusted_maker(&t);
    AUTO_BUFFER request = asked();
    memcpy(request.data + request.size - TPM_SAMPLE_KEY_BYTES, TPM_SAMPLE, TPM_SAMPLE_KEY_BYTES);
    Challenged c = challenged(&m, view_buffer(&request));
    assert_refused(view_buffer(&c.bytes));
    buffer_free(&c.bytes);
    test_tpm_end(&t);
    maker_free(&m);
}
END_TEST

START_TEST(a_changed_challenge_gives_nothing)
{
    TestTpm t;
    Maker m = trusted_maker(&t);
    AUTO_BUFFER request = asked();
    Challenged c = challenged(&m, view_buffer(&request));
    enum { STEP = 23 };
    for (size_t i = 0; i < c.bytes.size; i += STEP * TEST_STEP) {
        uint8_t answer[TPM_SECRET_BYTES] = {0};
        Diag why = {0};
        c.bytes.data[i] ^= 1;
        int code = tpm_enrol_answer(view_buffer(&c.bytes), answer, &why).code;
        ck_assert_msg(code == ERR_LEVEL || code == ERR_BAD_INPUT, "byte %zu: %d", i, code);
        ck_assert(sodium_is_zero(answer, sizeof answer));
        c.bytes.data[i] ^= 1;
        ck_assert_err(tpm_enrol_answer(view_of(c.bytes.data, i), answer, &why), ERR_BAD_INPUT);
    }
    ck_assert_ok(buffer_put_u8(&c.bytes, 0));
    uint8_t answer[TPM_SECRET_BYTES];
    ck_assert_err(tpm_enrol_answer(view_buffer(&c.bytes), answer, NULL), ERR_BAD_INPUT);
    buffer_free(&c.bytes);
    test_tpm_end(&t);
    maker_free(&m);
}
END_TEST

static void assert_no_challenge(const CertificateList *makers, View request, uint64_t now, int code, const char *text)
{
    AUTO_BUFFER challenge = buffer_limited(TPM_ENROL_BYTES_MAX);
    uint8_t secret[TPM_SECRET_BYTES] = {0};
    View key = {0};
    Diag why = {0};
    ck_assert_err(tpm_enrol_challenge(request, makers, now, &challenge, secret, &key, &why), code);
    ck_assert_msg(strstr(why.text, text), "%s", why.text);
    ck_assert(challenge.size == 0 && key.size == 0 && sodium_is_zero(secret, sizeof secret));
}

START_TEST(only_makers_that_are_trusted_then_vouch)
{
    Maker m = maker_new(), foreign = maker_new();
    TestTpm t = tpm_made_by(&m);
    AUTO_BUFFER request = asked();
    TestTpm of_foreign = tpm_made_by(&foreign);
    View r = view_buffer(&request);
    uint64_t now = (uint64_t)time(NULL);
    const uint64_t long_ago = 1000000000;

    assert_no_challenge(&m.certificates, r, now, ERR_NO_ENTRY, "no certificate of");
    trust(&m, "issuercert.pem");
    assert_no_challenge(&m.certificates, r, now, ERR_NO_ENTRY, "no certificate of"); /* the root */
    trust(&m, "swtpm-localca-rootca-cert.pem");
    assert_no_challenge(&m.certificates, r, long_ago, ERR_UNTRUSTED, "not valid yet");
    trust(&foreign, "issuercert.pem");
    trust(&foreign, "swtpm-localca-rootca-cert.pem");
    assert_no_challenge(&foreign.certificates, r, now, ERR_NO_ENTRY, "no certificate of"); /* of the same names, with other keys */

    test_tpm_end(&of_foreign);
    test_tpm_end(&t);
    maker_free(&foreign);
    maker_free(&m);
}
END_TEST

static EVP_PKEY *makers_secret(const Maker *m)
{
    BIO *file = BIO_new_file(test_path(&m->folder, "signkey.pem"), "r");
    ck_assert_ptr_nonnull(file);
    EVP_PKEY *secret = PEM_read_bio_PrivateKey(file, NULL, NULL, NULL);
    BIO_free(file);
    ck_assert_ptr_nonnull(secret);
    return secret;
}

typedef struct { X509 *issuer; /* NULL: itself */ EVP_PKEY *issuer_secret; EVP_PKEY *key; const char *purpose; } Leaf;

/* A request with a certificate of an RSA key that a program holds. */
static Buffer request_with(const Leaf *leaf)
{
    X509 *x = X509_new();
    ck_assert_int_eq(X509_set_version(x, 2), 1);
    ck_assert_int_eq(ASN1_INTEGER_set(X509_get_serialNumber(x), 4711), 1);
    ck_assert_int_eq(X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"leaf", -1, -1, 0), 1);
    ck_assert_int_eq(X509_set_issuer_name(x, X509_get_subject_name(leaf->issuer ? leaf->issuer : x)), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -60);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    ck_assert_int_eq(X509_set_pubkey(x, leaf->key), 1);
    X509_EXTENSION *purpose = X509V3_EXT_conf_nid(NULL, NULL, NID_ext_key_usage, leaf->purpose);
    ck_assert_int_eq(X509_add_ext(x, purpose, -1), 1);
    X509_EXTENSION_free(purpose);
    ck_assert_int_gt(X509_sign(x, leaf->issuer_secret, EVP_sha256()), 0);

    uint8_t *der = NULL;
    int size = i2d_X509(x, &der);
    X509_free(x);
    Buffer request = buffer_limited(TPM_ENROL_BYTES_MAX);
    ck_assert_ok(buffer_put_u8(&request, (uint8_t)(size >> 8)));
    ck_assert_ok(buffer_put_u8(&request, (uint8_t)size));
    ck_assert_ok(buffer_append(&request, view_of(der, (size_t)size)));
    ck_assert_ok(buffer_append(&request, view_of(TPM_SAMPLE, TPM_SAMPLE_KEY_BYTES)));
    OPENSSL_free(der);
    return request;
}

/* A maker's signature alone does not make an endorsement key. */
START_TEST(other_certificates_are_no_endorsement)
{
    TestTpm t;
    Maker m = trusted_maker(&t);
    uint64_t now = (uint64_t)time(NULL);
    EVP_PKEY *secret = makers_secret(&m), *rsa = EVP_RSA_gen(2048), *large = EVP_RSA_gen(3072), *ec = EVP_EC_gen("P-256");
    X509 *issuer = m.certificates.items[0];
    static const char ENDORSEMENT[] = "2.23.133.8.1";
    const struct { Leaf leaf; int code; const char *text; } CASES[] = {
        {{issuer, secret, rsa, "serverAuth"}, ERR_UNTRUSTED, "is not for an endorsement key"},
        {{issuer, secret, rsa, "2.23.133.8.3"}, ERR_UNTRUSTED, "is not for an endorsement key"}, /* an attestation key's */
        {{issuer, secret, large, ENDORSEMENT}, ERR_BAD_INPUT, "not of an RSA key of 2048 bits"},
        {{issuer, secret, ec, ENDORSEMENT}, ERR_BAD_INPUT, "not of an RSA key of 2048 bits"},
        {{NULL, rsa, rsa, ENDORSEMENT}, ERR_UNTRUSTED, "signed by itself alone"},
        {{issuer, rsa, rsa, ENDORSEMENT}, ERR_NO_ENTRY, "no certificate of"}, /* in the maker's name, by somebody else */
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        AUTO_BUFFER request = request_with(&CASES[i].leaf);
        assert_no_challenge(&m.certificates, view_buffer(&request), now, CASES[i].code, CASES[i].text);
    }
    const Leaf good = {issuer, secret, rsa, ENDORSEMENT}; /* the builder makes what is accepted, so the above fail for their own reasons */
    AUTO_BUFFER request = request_with(&good);
    Challenged c = challenged(&m, view_buffer(&request));
    buffer_free(&c.bytes);
    EVP_PKEY *const keys[] = {secret, rsa, large, ec};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) EVP_PKEY_free(keys[i]);
    test_tpm_end(&t);
    maker_free(&m);
}
END_TEST

START_TEST(no_byte_of_a_request_can_be_changed)
{
    TestTpm t;
    Maker m = trusted_maker(&t);
    AUTO_BUFFER request = asked();
    uint64_t now = (uint64_t)time(NULL);
    for (size_t i = 0; i < request.size - TPM_SAMPLE_KEY_BYTES + 22; i += TEST_STEP) { /* up to the key's point, which the credential is bound to */
        AUTO_BUFFER challenge = buffer_limited(TPM_ENROL_BYTES_MAX);
        uint8_t secret[TPM_SECRET_BYTES];
        View key;
        Diag why = {0};
        request.data[i] ^= 1;
        int code = tpm_enrol_challenge(view_buffer(&request), &m.certificates, now, &challenge, secret, &key, &why).code;
        ck_assert_msg(code == ERR_BAD_INPUT || code == ERR_NO_ENTRY || code == ERR_UNTRUSTED, "byte %zu: %d", i, code);
        request.data[i] ^= 1;
        assert_no_challenge(&m.certificates, view_of(request.data, i), now, ERR_BAD_INPUT, "");
    }
    test_tpm_end(&t);
    maker_free(&m);
}
END_TEST

START_TEST(a_tpm_without_a_certificate_says_so)
{
    TestTpm t = test_tpm_start();
    AUTO_BUFFER request = buffer_limited(TPM_ENROL_BYTES_MAX);
    Diag why = {0};
    ck_assert_err(tpm_enrol_ask(&request, &why), ERR_LEVEL);
    ck_assert_msg(strstr(why.text, "holds no RSA endorsement certificate; enrol its key by hand"), "%s", why.text);
    ck_assert_uint_eq(request.size, 0);
    test_tpm_end(&t);
}
END_TEST

TEST_MAIN("attest/tpm_enrol", a_key_beside_a_certified_endorsement_key_is_enrolled, a_key_of_another_tpm_is_not_enrolled,
          a_key_of_a_program_is_not_enrolled, a_changed_challenge_gives_nothing, only_makers_that_are_trusted_then_vouch,
          other_certificates_are_no_endorsement, no_byte_of_a_request_can_be_changed, a_tpm_without_a_certificate_says_so)
