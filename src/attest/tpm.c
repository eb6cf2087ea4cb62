/* The TPM's structures, as far as a quote has them: everything big-endian, every size given before what it measures, nothing left over. */
#include "attest/tpm.h"
#include "crypto/sign.h"

enum {
    ALG_SHA256 = 0x000b, ALG_ECDSA = 0x0018,
    GENERATED_BY_TPM = (int)0xff544347, ATTEST_QUOTE = 0x8018,
    PCR_MAP_BYTES = 3, CLOCK_BYTES = 17, FIRMWARE_BYTES = 8, PUBLIC_BYTES_MAX = 128, QUOTED_BYTES_MAX = 256,
};

/* TPMT_PUBLIC up to the point. tpm_collect.c asks for exactly this. */
static const uint8_t TEMPLATE[] = {
    0x00, 0x23, 0x00, 0x0b, /* ECC, named by SHA-256 */
    0x00, 0x05, 0x04, 0x72, /* restricted | sign | noDA | userWithAuth | sensitiveDataOrigin | fixedParent | fixedTPM */
    0x00, 0x00,             /* no policy */
    0x00, 0x10,             /* no symmetric algorithm */
    0x00, 0x18, 0x00, 0x0b, /* ECDSA over SHA-256 */
    0x00, 0x03,             /* NIST P-256 */
    0x00, 0x10,             /* no key derivation */
};
static const uint8_t ENDORSEMENT_HIERARCHY[] = {0x40, 0x00, 0x00, 0x0b};

static uint32_t number(Reader *r, size_t size)
{
    View v = read_raw(r, size);
    uint32_t value = 0;
    for (size_t i = 0; i < v.size; i++) value = value << 8 | v.data[i];
    return value;
}

/* The largest that is read is 4 bytes; a TPM2B has 2 for its size. */
static View sized(Reader *r, size_t max)
{
    size_t size = number(r, 2);
    if (size > max) r->bad = true;
    return read_raw(r, r->bad ? 0 : size);
}

/* A TPM may leave leading zeros out. */
static void big_number(Reader *r, uint8_t ret_number[TPM_NUMBER_BYTES])
{
    View v = sized(r, TPM_NUMBER_BYTES);
    memset(ret_number, 0, TPM_NUMBER_BYTES);
    if (v.size) memcpy(ret_number + TPM_NUMBER_BYTES - v.size, v.data, v.size);
}

static void exactly(Reader *r, uint8_t *ret_bytes, size_t size)
{
    View v = read_raw(r, size);
    if (!r->bad) memcpy(ret_bytes, v.data, size);
}

static bool is_sized(Reader *r, uint8_t *ret_bytes, size_t size)
{
    View v = sized(r, size);
    if (r->bad || v.size != size) return false;
    memcpy(ret_bytes, v.data, size);
    return true;
}

static Err key_parse(View area, TpmKey *ret_key, Diag *diag)
{
    Reader r = reader_of(area);
    View template = read_raw(&r, sizeof TEMPLATE);
    if (r.bad || memcmp(template.data, TEMPLATE, sizeof TEMPLATE) != 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "not a restricted P-256 signing key that was made inside a TPM and can't leave it");
    TpmKey key = {.area = area};
    big_number(&r, key.point);
    big_number(&r, key.point + TPM_NUMBER_BYTES);
    if (!reader_done(&r)) return FAIL_WHY(diag, ERR_BAD_INPUT, "the attestation key's point is malformed");
    *ret_key = key;
    return OK;
}

Err tpm_key_parse(View bytes, TpmKey *ret_key, Diag *diag)
{
    Reader r = reader_of(bytes);
    View area = sized(&r, PUBLIC_BYTES_MAX);
    if (!reader_done(&r)) return FAIL_WHY(diag, ERR_BAD_INPUT, "not a TPM2B_PUBLIC");
    return key_parse(area, ret_key, diag);
}

static void name_of(View bytes, uint8_t ret_name[TPM_NAME_BYTES])
{
    Sha256 hash;
    sha256_of(bytes, &hash);
    ret_name[0] = ALG_SHA256 >> 8;
    ret_name[1] = ALG_SHA256 & 0xff;
    memcpy(ret_name + 2, hash.bytes, sizeof hash.bytes);
}

void tpm_key_name(const TpmKey *key, uint8_t ret_name[TPM_NAME_BYTES]) { name_of(key->area, ret_name); }

/* Part 1, 16: the qualified name of an object is the hash of its parent's and its own name; a hierarchy's name is its handle. */
void tpm_key_qualified_name(const TpmKey *key, uint8_t ret_name[TPM_NAME_BYTES])
{
    uint8_t names[sizeof ENDORSEMENT_HIERARCHY + TPM_NAME_BYTES];
    memcpy(names, ENDORSEMENT_HIERARCHY, sizeof ENDORSEMENT_HIERARCHY);
    tpm_key_name(key, names + sizeof ENDORSEMENT_HIERARCHY);
    name_of(view_of(names, sizeof names), ret_name);
}

/* TPML_PCR_SELECTION of one bank. */
static bool selection_parse(Reader *r, uint32_t *ret_pcrs)
{
    if (number(r, 4) != 1 || number(r, 2) != ALG_SHA256 || read_u8(r) != PCR_MAP_BYTES) return false;
    uint32_t pcrs = 0;
    for (size_t i = 0; i < PCR_MAP_BYTES; i++) pcrs |= (uint32_t)read_u8(r) << 8 * i;
    *ret_pcrs = pcrs;
    return !r->bad && pcrs != 0;
}

/* TPMS_ATTEST with TPMS_QUOTE_INFO. Clock, counts of resets and firmware version are signed and not judged: nothing refers to them. */
static Err quoted_parse(View quoted, TpmEvidence *e, Diag *diag)
{
    Reader r = reader_of(quoted);
    if (number(&r, 4) != (uint32_t)GENERATED_BY_TPM) return FAIL_WHY(diag, ERR_BAD_INPUT, "what is signed was not made by the TPM itself");
    if (number(&r, 2) != ATTEST_QUOTE) return FAIL_WHY(diag, ERR_BAD_INPUT, "the TPM attests something that is not a quote");
    if (!is_sized(&r, e->signer, sizeof e->signer)) return FAIL_WHY(diag, ERR_BAD_INPUT, "the quote's signer is not named by SHA-256");
    if (!is_sized(&r, e->extra_data, sizeof e->extra_data)) return FAIL_WHY(diag, ERR_BAD_INPUT, "the quote's extra data is no SHA-256 digest");
    View clock = read_raw(&r, CLOCK_BYTES);
    if (!r.bad && clock.data[CLOCK_BYTES - 1] > 1) return FAIL_WHY(diag, ERR_BAD_INPUT, "the quote's clock is malformed");
    read_raw(&r, FIRMWARE_BYTES);
    if (!selection_parse(&r, &e->pcrs)) return FAIL_WHY(diag, ERR_BAD_INPUT, "the quote is not over PCRs of the SHA-256 bank alone");
    bool ends = is_sized(&r, e->pcr_digest, sizeof e->pcr_digest) && reader_done(&r);
    if (!ends) return FAIL_WHY(diag, ERR_BAD_INPUT, "the quote's end is malformed");
    e->quoted = quoted;
    return OK;
}

static Err signature_parse(Reader *r, TpmEvidence *e, Diag *diag)
{
    const uint64_t algorithm = number(r, 2), hash = number(r, 2);
    if (algorithm != ALG_ECDSA || hash != ALG_SHA256) return FAIL_WHY(diag, ERR_BAD_INPUT, "the signature is not ECDSA over SHA-256");
    big_number(r, e->r);
    big_number(r, e->s);
    return r->bad ? FAIL_WHY(diag, ERR_BAD_INPUT, "the signature is malformed") : OK;
}

Err tpm_evidence_parse(View bytes, TpmEvidence *ret_evidence, Diag *diag)
{
    if (bytes.size > TPM_EVIDENCE_BYTES_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "TPM evidence of %zu bytes; the most is %d", bytes.size, TPM_EVIDENCE_BYTES_MAX);
    Reader r = reader_of(bytes);
    TpmEvidence e = {0};
    View area = sized(&r, PUBLIC_BYTES_MAX), quoted = sized(&r, QUOTED_BYTES_MAX);
    if (r.bad) return FAIL_WHY(diag, ERR_BAD_INPUT, "TPM evidence is cut short");
    TRY(key_parse(area, &e.key, diag));
    TRY(quoted_parse(quoted, &e, diag));
    TRY(signature_parse(&r, &e, diag));
    for (size_t i = 0; i < TPM_PCRS; i++)
        if (e.pcrs & 1u << i) exactly(&r, e.values[i], TPM_PCR_BYTES);
    if (!reader_done(&r)) return FAIL_WHY(diag, ERR_BAD_INPUT, "TPM evidence does not hold exactly the values of the PCRs that it quotes");
    *ret_evidence = e;
    return OK;
}

bool tpm_values_match(const TpmEvidence *e)
{
    uint8_t values[TPM_PCRS * TPM_PCR_BYTES];
    size_t size = 0;
    for (size_t i = 0; i < TPM_PCRS; i++) {
        if (!(e->pcrs & 1u << i)) continue;
        memcpy(values + size, e->values[i], TPM_PCR_BYTES);
        size += TPM_PCR_BYTES;
    }
    Sha256 digest;
    sha256_of(view_of(values, size), &digest);
    return memcmp(digest.bytes, e->pcr_digest, sizeof digest.bytes) == 0;
}
