/* Does evidence survive being CBOR, is it refused with any byte changed, and does the example of docs/formats/evidence.md hold? */
#include <sodium.h>

#include "attest/fixture.h"

static Evidence example(SecretKey *ret_secret)
{
    uint8_t seed[crypto_sign_SEEDBYTES] = {1};
    Evidence e = {.level = LEVEL_PROCESS, .issued = 1800000000, .expires = 1800000300, .kind = EVIDENCE_NODE_KEY};
    crypto_sign_seed_keypair(e.node.bytes, ret_secret->bytes, seed);
    memset(e.nonce, 0xa0, sizeof e.nonce);
    memset(e.measurement.bytes, 0xa1, sizeof e.measurement.bytes);
    memset(e.image_signer.bytes, 0xa2, sizeof e.image_signer.bytes);
    memset(e.task_policy.bytes, 0xa3, sizeof e.task_policy.bytes);
    memset(e.task_id, 0xa4, sizeof e.task_id);
    memset(e.see_key.bytes, 0xa5, sizeof e.see_key.bytes);
    return e;
}

static Buffer encoded(const Evidence *e, const SecretKey *secret)
{
    Buffer b = buffer_limited(EVIDENCE_BYTES_MAX);
    ck_assert_ok(evidence_encode(e, secret, &b));
    return b;
}

START_TEST(every_claim_comes_back)
{
    SecretKey secret;
    Evidence e = example(&secret), back;
    Diag why = {0};
    uint8_t report[100] = {7};
    e.kind = EVIDENCE_TPM2;
    e.node_evidence = view_of(report, sizeof report);
    AUTO_BUFFER cose = encoded(&e, &secret);
    ck_assert_ok(evidence_decode(view_buffer(&cose), &back, &why));
    ck_assert_mem_eq(back.nonce, e.nonce, sizeof e.nonce);
    ck_assert_mem_eq(back.measurement.bytes, e.measurement.bytes, 32);
    ck_assert_mem_eq(back.image_signer.bytes, e.image_signer.bytes, 32);
    ck_assert_mem_eq(back.task_policy.bytes, e.task_policy.bytes, 32);
    ck_assert_mem_eq(back.task_id, e.task_id, 16);
    ck_assert_mem_eq(back.see_key.bytes, e.see_key.bytes, 32);
    ck_assert_mem_eq(back.node.bytes, e.node.bytes, 32);
    ck_assert_uint_eq(back.issued, e.issued);
    ck_assert_uint_eq(back.expires, e.expires);
    ck_assert_uint_eq(back.kind, EVIDENCE_TPM2);
    ck_assert_int_eq((int)back.level, LEVEL_PROCESS);
    ck_assert(view_equal(back.node_evidence, e.node_evidence));
}
END_TEST

START_TEST(the_example_of_the_format_document_is_what_we_write)
{
    SecretKey secret;
    Evidence e = example(&secret);
    AUTO_BUFFER cose = encoded(&e, &secret);
    AUTO_BUFFER document = buffer_limited(1 << 20);
    char path[4096];
    const char *source = getenv("COVEY_SOURCE");
    snprintf(path, sizeof path, "%s/docs/formats/evidence.md", source ? source : ".");
    ck_assert_ok(file_read(AT_FDCWD, path, &document));
    ck_assert_ok(buffer_put_u8(&document, 0));

    const char *begin = strstr((char *)document.data, "```hex\n"), *end = begin ? strstr(begin + 7, "```") : NULL;
    ck_assert_ptr_nonnull(end);
    AUTO_BUFFER bytes = buffer_limited(4096);
    for (const char *line = begin + 7; line < end; line = strchr(line, '\n') + 1) { /* hex digits, then what they mean after a # */
        uint8_t part[512];
        size_t size = 0, length = strcspn(line, "#\n");
        ck_assert_int_eq(sodium_hex2bin(part, sizeof part, line, length, " ", &size, NULL), 0);
        ck_assert_ok(buffer_append(&bytes, view_of(part, size)));
    }
    ck_assert_uint_eq(bytes.size, cose.size);
    ck_assert_mem_eq(bytes.data, cose.data, cose.size);
}
END_TEST

START_TEST(no_byte_can_be_changed_and_none_cut_off_or_added)
{
    SecretKey secret;
    Evidence e = example(&secret), back;
    Diag why = {0};
    AUTO_BUFFER cose = encoded(&e, &secret);
    for (size_t i = 0; i < cose.size; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            cose.data[i] ^= (uint8_t)(1u << bit);
            int code = evidence_decode(view_buffer(&cose), &back, &why).code;
            ck_assert_msg(code == ERR_BAD_INPUT || code == ERR_BAD_SIGNATURE, "byte %zu bit %u: %d", i, bit, code);
            cose.data[i] ^= (uint8_t)(1u << bit);
        }
        ck_assert_err(evidence_decode(view_of(cose.data, i), &back, &why), ERR_BAD_INPUT);
    }
    ck_assert_ok(buffer_put_u8(&cose, 0));
    ck_assert_err(evidence_decode(view_buffer(&cose), &back, &why), ERR_BAD_INPUT);
}
END_TEST

/* What a node may sign and nobody may believe. */
START_TEST(signed_nonsense_is_refused)
{
    SecretKey secret;
    Evidence back, e = example(&secret), cases[5];
    uint8_t report[8] = {0};
    for (size_t i = 0; i < 5; i++) cases[i] = e;
    cases[0].level = (SecurityLevel)0;
    cases[1].level = (SecurityLevel)5;
    cases[2].expires = cases[2].issued;
    cases[3].kind = EVIDENCE_TPM2 | EVIDENCE_TDX;
    cases[4].node_evidence = view_of(report, sizeof report); /* of kind node-key */
    for (size_t i = 0; i < 5; i++) {
        Diag why = {0};
        AUTO_BUFFER cose = encoded(&cases[i], &secret);
        ck_assert_err(evidence_decode(view_buffer(&cose), &back, &why), ERR_BAD_INPUT);
        ck_assert_ptr_nonnull(strstr(why.text, "urn:covey:evidence:1"));
    }
    e.kind = EVIDENCE_SEV_SNP; /* and no report with it */
    AUTO_BUFFER cose = encoded(&e, &secret);
    ck_assert_err(evidence_decode(view_buffer(&cose), &back, NULL), ERR_BAD_INPUT);
}
END_TEST

START_TEST(another_nodes_signature_does_not_count)
{
    SecretKey secret, other;
    PublicKey other_public;
    Evidence e = example(&secret), back;
    uint8_t seed[crypto_sign_SEEDBYTES] = {2};
    crypto_sign_seed_keypair(other_public.bytes, other.bytes, seed);
    AUTO_BUFFER cose = encoded(&e, &other);
    ck_assert_err(evidence_decode(view_buffer(&cose), &back, NULL), ERR_BAD_SIGNATURE);
}
END_TEST

TEST_MAIN("attest/evidence", every_claim_comes_back, the_example_of_the_format_document_is_what_we_write, no_byte_can_be_changed_and_none_cut_off_or_added,
          signed_nonsense_is_refused, another_nodes_signature_does_not_count)
