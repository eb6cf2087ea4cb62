/* Is the format what docs/formats/tpm.md says, and is a key that is none of ours refused? Needs no TPM. */
#include <sodium.h>

#include "attest/fixture.h"
#include "attest/tpm.h"
#include "attest/tpm_sample.h"
#include "crypto/sign.h"

/* The document's first block of hex: digits, then what they mean after a #. */
static Buffer document_example(void)
{
    char path[4096];
    const char *source = getenv("COVEY_SOURCE");
    snprintf(path, sizeof path, "%s/docs/formats/tpm.md", source ? source : ".");
    AUTO_BUFFER document = buffer_limited(1 << 20);
    ck_assert_ok(file_read(AT_FDCWD, path, &document));
    ck_assert_ok(buffer_put_u8(&document, 0));
    const char *begin = strstr((char *)document.data, "```hex\n"), *end = begin ? strstr(begin + 7, "```") : NULL;
    ck_assert_ptr_nonnull(end);
    Buffer bytes = buffer_limited(TPM_EVIDENCE_BYTES_MAX);
    for (const char *line = begin + 7; line < end; line = strchr(line, '\n') + 1) {
        uint8_t part[64];
        size_t size = 0;
        ck_assert_int_eq(sodium_hex2bin(part, sizeof part, line, strcspn(line, "#\n"), " ", &size, NULL), 0);
        ck_assert_ok(buffer_append(&bytes, view_of(part, size)));
    }
    return bytes;
}

static void assert_extended_once(const uint8_t pcr[TPM_PCR_BYTES], uint8_t value)
{
    uint8_t before_and_value[2 * TPM_PCR_BYTES] = {0};
    memset(before_and_value + TPM_PCR_BYTES, value, TPM_PCR_BYTES);
    Sha256 expected;
    sha256_of(view_of(before_and_value, sizeof before_and_value), &expected);
    ck_assert_mem_eq(pcr, expected.bytes, TPM_PCR_BYTES);
}

START_TEST(the_example_of_the_format_document_is_what_it_says)
{
    AUTO_BUFFER bytes = document_example();
    ck_assert(view_equal(view_buffer(&bytes), view_of(TPM_SAMPLE, sizeof TPM_SAMPLE)));
    TpmEvidence e;
    ck_assert_ok(tpm_evidence_parse(view_buffer(&bytes), &e, NULL));
    ck_assert_uint_eq(e.pcrs, 1u << 0 | 1u << 7);
    assert_extended_once(e.values[0], 1);
    assert_extended_once(e.values[7], 8);

    uint8_t bound[13 + 64], report_data[64];
    memcpy(bound, "covey node v1", 13);
    for (uint8_t i = 0; i < 64; i++) bound[13 + i] = i;
    crypto_hash_sha512(report_data, bound, sizeof bound);
    ck_assert_mem_eq(report_data, TPM_SAMPLE_REPORT_DATA, 64);

    Folder f = folder_new();
    folder_put(&f, "tpm/ak-node.pub", view_of(bytes.data, TPM_SAMPLE_KEY_BYTES));
    char yaml[256], hex[2][2 * TPM_PCR_BYTES + 1];
    sodium_bin2hex(hex[0], sizeof hex[0], e.values[0], TPM_PCR_BYTES);
    sodium_bin2hex(hex[1], sizeof hex[1], e.values[7], TPM_PCR_BYTES);
    snprintf(yaml, sizeof yaml, "tpm:\n  pcr0: [%s]\n  pcr7: [%s]\n", hex[0], hex[1]);
    folder_put(&f, "reference/boot.yaml", view_text(yaml));
    Collateral *c = folder_load(&f);
    Verdict v = {0};
    appraise_tpm(view_buffer(&bytes), report_data, c, 1, &v);
    collateral_free(&c);
    ck_assert(v.accepted);
    folder_free(&f);
}
END_TEST

/* A key that a person could have imported, or that signs what it is given, proves nothing, enrolled or not. */
START_TEST(a_key_of_another_kind_is_no_attestation_key)
{
    uint8_t key[TPM_SAMPLE_KEY_BYTES];
    memcpy(key, TPM_SAMPLE, sizeof key);
    enum { ATTRIBUTES = 6, POINT_SIZE = 22 };
    for (size_t bit = 0; bit < 8 * POINT_SIZE; bit++) {
        TpmKey parsed;
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
        ck_assert_err(tpm_key_parse(view_of(key, sizeof key), &parsed, NULL), ERR_BAD_INPUT);
        key[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    Diag why = {0};
    TpmKey parsed;
    key[ATTRIBUTES + 1] ^= 0x01; /* restricted */
    ck_assert_err(tpm_key_parse(view_of(key, sizeof key), &parsed, &why), ERR_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(why.text, "not a restricted P-256 signing key"));
}
END_TEST

START_TEST(a_file_that_holds_no_key_is_refused_by_name)
{
    static const char *const CONTENTS[] = {"", "-----BEGIN PUBLIC KEY-----\n"};
    for (size_t i = 0; i < sizeof CONTENTS / sizeof CONTENTS[0]; i++) {
        Folder f = folder_new();
        folder_put(&f, "tpm/ak-node.pub", view_text(CONTENTS[i]));
        Collateral *c = NULL;
        Diag why = {0};
        ck_assert_err(collateral_load(f.path, &c, &why), ERR_BAD_INPUT);
        ck_assert_msg(strstr(why.text, "tpm/ak-node.pub: not a TPM2B_PUBLIC; enrol that TPM as docs/formats/tpm.md says"), "%s", why.text);
        ck_assert_ptr_null(c);
        folder_free(&f);
    }
}
END_TEST

TEST_MAIN("attest/tpm_format", the_example_of_the_format_document_is_what_it_says, a_key_of_another_kind_is_no_attestation_key,
          a_file_that_holds_no_key_is_refused_by_name)
