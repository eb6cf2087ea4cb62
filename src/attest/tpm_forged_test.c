/*
 * Is a well-signed statement that is no quote of ours refused? Here a program plays the TPM with a key of its own, which the operator enrolled: so
 * everything that is wrong has a good signature. The first test shows what enrolment cannot tell.
 */
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <sodium.h>

#include "attest/fixture.h"
#include "attest/tpm.h"
#include "attest/tpm_sample.h"
#include "crypto/sign.h"

enum { PREFIX = 22, POINT = 24, QUOTED = 92, QUOTED_BYTES = 145, SIGNATURE = 237, VALUES = 309 }; /* of the recorded quote */
enum { MAGIC = 92, TYPE = 96, SIGNER = 100, EXTRA = 136, SAFE = 184, BANKS = 196, BANK = 198, MAP_SIZE = 199, MAP = 200, DIGEST = 205 };

typedef struct { EVP_PKEY *key; Folder folder; uint8_t evidence[sizeof TPM_SAMPLE]; } Forger;

/* r and s, as they stand in TPMT_SIGNATURE. */
static void sign_again(Forger *f)
{
    uint8_t der[128];
    size_t size = sizeof der;
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    ck_assert_int_eq(EVP_DigestSignInit(context, NULL, EVP_sha256(), NULL, f->key), 1);
    ck_assert_int_eq(EVP_DigestSign(context, der, &size, f->evidence + QUOTED, QUOTED_BYTES), 1);
    EVP_MD_CTX_free(context);
    const uint8_t *at = der;
    ECDSA_SIG *signature = d2i_ECDSA_SIG(NULL, &at, (long)size);
    ck_assert_ptr_nonnull(signature);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_r(signature), f->evidence + SIGNATURE + 6, TPM_NUMBER_BYTES), TPM_NUMBER_BYTES);
    ck_assert_int_eq(BN_bn2binpad(ECDSA_SIG_get0_s(signature), f->evidence + SIGNATURE + 8 + TPM_NUMBER_BYTES, TPM_NUMBER_BYTES), TPM_NUMBER_BYTES);
    ECDSA_SIG_free(signature);
}

static void put_reference(const Forger *f)
{
    char yaml[256], hex[2][65];
    sodium_bin2hex(hex[0], 65, f->evidence + TPM_SAMPLE_PCR0, TPM_PCR_BYTES);
    sodium_bin2hex(hex[1], 65, f->evidence + TPM_SAMPLE_PCR7, TPM_PCR_BYTES);
    snprintf(yaml, sizeof yaml, "tpm:\n  pcr0: [%s]\n  pcr7: [%s]\n", hex[0], hex[1]);
    folder_put(&f->folder, "reference/boot.yaml", view_text(yaml));
}

static Forger forger_new(void)
{
    Forger f = {.key = EVP_EC_gen("P-256"), .folder = folder_new()};
    uint8_t point[1 + 2 * TPM_NUMBER_BYTES];
    size_t size = 0;
    ck_assert_int_eq(EVP_PKEY_get_octet_string_param(f.key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &size), 1);
    ck_assert_uint_eq(size, sizeof point);
    memcpy(f.evidence, TPM_SAMPLE, sizeof TPM_SAMPLE);
    memcpy(f.evidence + POINT, point + 1, TPM_NUMBER_BYTES);
    memcpy(f.evidence + POINT + TPM_NUMBER_BYTES + 2, point + 1 + TPM_NUMBER_BYTES, TPM_NUMBER_BYTES);
    folder_put(&f.folder, "tpm/ak-forged.pub", view_of(f.evidence, TPM_SAMPLE_KEY_BYTES));
    put_reference(&f);

    TpmKey key;
    ck_assert_ok(tpm_key_parse(view_of(f.evidence, TPM_SAMPLE_KEY_BYTES), &key, NULL));
    tpm_key_qualified_name(&key, f.evidence + SIGNER);
    sign_again(&f);
    return f;
}

static void forger_free(Forger *f)
{
    EVP_PKEY_free(f->key);
    folder_free(&f->folder);
}

static Verdict appraised(const Forger *f)
{
    Verdict v = {0};
    Collateral *c = folder_load(&f->folder);
    appraise_tpm(view_of(f->evidence, sizeof f->evidence), TPM_SAMPLE_REPORT_DATA, c, 1, &v);
    collateral_free(&c);
    return v;
}

START_TEST(a_program_with_an_enrolled_key_passes_as_a_tpm)
{
    Forger f = forger_new();
    ck_assert(appraised(&f).accepted); /* which is why enrolment is the operator's word; docs/formats/tpm.md */
    forger_free(&f);
}
END_TEST

START_TEST(what_is_signed_must_be_a_quote_of_the_sha256_bank)
{
    static const struct { size_t at; uint8_t value; const char *reason; } CASES[] = {
        {MAGIC, 0xfe, "was not made by the TPM itself"},
        {MAGIC + 3, 'H', "was not made by the TPM itself"},
        {TYPE + 1, 0x17, "something that is not a quote"}, /* TPM2_Certify */
        {TYPE + 1, 0x14, "something that is not a quote"}, /* TPM2_NV_Certify */
        {SIGNER - 1, 33, "not named by SHA-256"},
        {SIGNER - 2, 0xff, "not named by SHA-256"},
        {EXTRA - 1, 31, "no SHA-256 digest"},
        {EXTRA - 1, 0, "no SHA-256 digest"},
        {SAFE, 2, "clock is malformed"},
        {BANKS, 0, "not over PCRs of the SHA-256 bank alone"},
        {BANKS, 2, "not over PCRs of the SHA-256 bank alone"},
        {BANK, 0x04, "not over PCRs of the SHA-256 bank alone"}, /* SHA-1 */
        {MAP_SIZE, 2, "not over PCRs of the SHA-256 bank alone"},
        {MAP_SIZE, 4, "not over PCRs of the SHA-256 bank alone"},
        {DIGEST - 1, 31, "the quote's end is malformed"},
        {DIGEST - 1, 33, "the quote's end is malformed"},
        {QUOTED - 1, QUOTED_BYTES - 1, "the quote's end is malformed"},
        {QUOTED - 1, QUOTED_BYTES + 1, "the quote's end is malformed"},
        {SIGNATURE + 1, 0x14, "not ECDSA over SHA-256"},
        {SIGNATURE + 3, 0x0c, "not ECDSA over SHA-256"},
        {SIGNATURE + 5, 33, "the signature is malformed"},
        {1, 0xff, "cut short"},
        {5, 0x0c, "not a restricted P-256 signing key"},
        {PREFIX + 1, 31, "point is malformed"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Forger f = forger_new();
        f.evidence[CASES[i].at] = CASES[i].value;
        bool is_signed_part = CASES[i].at >= QUOTED && CASES[i].at < SIGNATURE;
        if (is_signed_part) sign_again(&f);
        Verdict v = appraised(&f);
        ck_assert_msg(!v.accepted, "case %zu", i);
        ck_assert_claim(&v, "tpm-format", false, CASES[i].reason);
        ck_assert_uint_eq(v.count, 1);
        forger_free(&f);
    }
}
END_TEST

START_TEST(no_register_at_all_is_no_quote)
{
    Forger f = forger_new();
    memset(f.evidence + MAP, 0, 3);
    sign_again(&f);
    Verdict v = appraised(&f);
    ck_assert_claim(&v, "tpm-format", false, "not over PCRs of the SHA-256 bank alone");
    forger_free(&f);
}
END_TEST

/* The accepted values of PCRs 0 and 7, quoted as those of two others. */
START_TEST(values_of_other_registers_do_not_count)
{
    Forger f = forger_new();
    f.evidence[MAP] = 1u << 1 | 1u << 3;
    sign_again(&f);
    Verdict v = appraised(&f);
    ck_assert(!v.accepted);
    ck_assert_claim(&v, "tpm-pcr-digest", true, "");
    ck_assert_claim(&v, "tpm-pcr0", false, "not quoted");
    ck_assert_claim(&v, "tpm-pcr7", false, "not quoted");
    forger_free(&f);
}
END_TEST

START_TEST(a_key_under_another_hierarchy_is_refused)
{
    Forger f = forger_new();
    uint8_t names[4 + TPM_NAME_BYTES] = {0x40, 0x00, 0x00, 0x01}; /* the owner's */
    TpmKey key;
    ck_assert_ok(tpm_key_parse(view_of(f.evidence, TPM_SAMPLE_KEY_BYTES), &key, NULL));
    tpm_key_name(&key, names + 4);
    Sha256 hash;
    sha256_of(view_of(names, sizeof names), &hash);
    memcpy(f.evidence + SIGNER + 2, hash.bytes, sizeof hash.bytes);
    sign_again(&f);
    Verdict v = appraised(&f);
    ck_assert(!v.accepted);
    ck_assert_claim(&v, "tpm-signer", false, "names another signer");
    ck_assert_claim(&v, "tpm-signature", true, "");
    forger_free(&f);
}
END_TEST

START_TEST(a_point_that_is_not_on_the_curve_is_refused)
{
    Forger f = forger_new();
    f.evidence[POINT + 5] ^= 1;
    folder_put(&f.folder, "tpm/ak-forged.pub", view_of(f.evidence, TPM_SAMPLE_KEY_BYTES));
    Verdict v = appraised(&f);
    ck_assert(!v.accepted);
    ck_assert_claim(&v, "tpm-key", true, "");
    ck_assert_claim(&v, "tpm-signature", false, "the key is no point of P-256");
    forger_free(&f);
}
END_TEST

START_TEST(signatures_of_zero_are_refused)
{
    Forger f = forger_new();
    memset(f.evidence + SIGNATURE + 6, 0, TPM_NUMBER_BYTES);
    memset(f.evidence + SIGNATURE + 8 + TPM_NUMBER_BYTES, 0, TPM_NUMBER_BYTES);
    Verdict v = appraised(&f);
    ck_assert(!v.accepted);
    ck_assert_claim(&v, "tpm-signature", false, "the quote is not signed by the key");
    forger_free(&f);
}
END_TEST

TEST_MAIN("attest/tpm_forged", a_program_with_an_enrolled_key_passes_as_a_tpm, what_is_signed_must_be_a_quote_of_the_sha256_bank,
          no_register_at_all_is_no_quote, values_of_other_registers_do_not_count, a_key_under_another_hierarchy_is_refused,
          a_point_that_is_not_on_the_curve_is_refused, signatures_of_zero_are_refused)
