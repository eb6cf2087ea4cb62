/* The layouts of TDX quotes and of the quoting enclave's report inside; see tdx.h. */
#include "attest/tdx.h"

enum {
    HEADER_BYTES = 48, BODY_1_0_BYTES = 584, BODY_1_5_BYTES = 648, KEY_ECDSA_P256 = 2, TEE_TDX = 0x81, BODY_TDX_1_0 = 2, BODY_TDX_1_5 = 3,
    CERTIFICATE_QE_REPORT = 6, CERTIFICATE_PCK_CHAIN = 5,
};
static const uint8_t INTEL_VENDOR[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};

static uint16_t read_u16(Reader *r)
{
    uint16_t low = read_u8(r);
    return (uint16_t)(low | read_u8(r) << 8);
}

static void read_into(Reader *r, uint8_t *out, size_t size)
{
    View v = read_raw(r, size);
    if (v.size == size) memcpy(out, v.data, size);
}

static Err read_header(Reader *r, TdxQuote *q, Diag *diag)
{
    q->version = read_u16(r);
    uint16_t key_type = read_u16(r);
    uint32_t tee = read_u32(r);
    (void)read_raw(r, 4); /* reserved, or SVNs that the certificates tell better */
    View vendor = read_raw(r, sizeof INTEL_VENDOR);
    (void)read_raw(r, 20);
    if (r->bad) return FAIL_WHY(diag, ERR_BAD_INPUT, "shorter than a quote's header");
    if (q->version != 4 && q->version != 5) return FAIL_WHY(diag, ERR_BAD_INPUT, "quote version %u; known are 4 and 5", q->version);
    if (tee != TEE_TDX) return FAIL_WHY(diag, ERR_BAD_INPUT, "a quote of type %#x, not TDX", tee);
    if (key_type != KEY_ECDSA_P256) return FAIL_WHY(diag, ERR_BAD_INPUT, "attestation key type %u; known is 2, ECDSA P-256", key_type);
    if (!view_equal(vendor, view_of(INTEL_VENDOR, sizeof INTEL_VENDOR))) return FAIL_WHY(diag, ERR_BAD_INPUT, "a quoting enclave that is not Intel's");
    return OK;
}

/* Version 4 has one kind of body; version 5 says which and how long. */
static Err read_body_size(Reader *r, uint16_t version, size_t *ret_size, Diag *diag)
{
    uint16_t type = version == 4 ? BODY_TDX_1_0 : read_u16(r);
    size_t expected = type == BODY_TDX_1_5 ? BODY_1_5_BYTES : BODY_1_0_BYTES;
    uint32_t size = version == 4 ? BODY_1_0_BYTES : read_u32(r);
    if ((type != BODY_TDX_1_0 && type != BODY_TDX_1_5) || size != expected)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "a body of type %u with %u bytes; known are TDX 1.0 and 1.5", type, size);
    *ret_size = expected;
    return OK;
}

static void parse_body(View body, TdxQuote *q)
{
    Reader r = reader_of(body);
    read_into(&r, q->tee_tcb_svn, sizeof q->tee_tcb_svn);
    (void)read_raw(&r, 48); /* MRSEAM: the module's signer and SVN are what Intel's TCB info speaks about */
    read_into(&r, q->module_signer, sizeof q->module_signer);
    read_into(&r, q->module_attributes, sizeof q->module_attributes);
    read_into(&r, q->attributes, sizeof q->attributes);
    (void)read_raw(&r, 8); /* XFAM */
    read_into(&r, q->registers[0], 48);
    (void)read_raw(&r, 3 * 48); /* MRCONFIGID, MROWNER, MROWNERCONFIG: the host's to choose */
    for (size_t i = 1; i < TDX_REGISTERS; i++) read_into(&r, q->registers[i], 48);
    read_into(&r, q->report_data, sizeof q->report_data);
}

static View read_certificate_data(Reader *r, uint16_t type)
{
    if (read_u16(r) != type) r->bad = true;
    return read_bytes(r, TDX_QUOTE_BYTES_MAX);
}

static bool parse_signature(View section, TdxQuote *q)
{
    Reader r = reader_of(section);
    q->signature = read_raw(&r, P256_BYTES);
    q->attestation_key = read_raw(&r, P256_BYTES);
    Reader qe = reader_of(read_certificate_data(&r, CERTIFICATE_QE_REPORT));
    q->qe_report = read_raw(&qe, QE_REPORT_BYTES);
    q->qe_signature = read_raw(&qe, P256_BYTES);
    q->qe_authentication = read_raw(&qe, read_u16(&qe));
    q->pck_chain = read_certificate_data(&qe, CERTIFICATE_PCK_CHAIN);
    return reader_done(&r) && reader_done(&qe);
}

Err tdx_quote_parse(View bytes, TdxQuote *ret_quote, Diag *diag)
{
    if (bytes.size > TDX_QUOTE_BYTES_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "larger than any quote");
    TdxQuote q = {0};
    Reader r = reader_of(bytes);
    size_t size = 0;
    TRY(read_header(&r, &q, diag));
    TRY(read_body_size(&r, q.version, &size, diag));
    View body = read_raw(&r, size);
    q.signed_bytes = view_of(bytes.data, bytes.size - r.rest.size);
    View section = read_bytes(&r, TDX_QUOTE_BYTES_MAX);
    if (r.bad || !parse_signature(section, &q)) return FAIL_WHY(diag, ERR_BAD_INPUT, "the quote is cut, or its signature data is of a kind that is not known");
    for (size_t i = 0; i < r.rest.size; i++)
        if (r.rest.data[i]) return FAIL_WHY(diag, ERR_BAD_INPUT, "something follows the quote");
    parse_body(body, &q);
    *ret_quote = q;
    return OK;
}

void qe_report_parse(View report, QeReport *ret_report)
{
    QeReport q = {0};
    Reader r = reader_of(report);
    (void)read_raw(&r, 16); /* CPUSVN: the PCK certificate tells it */
    read_into(&r, q.miscselect, sizeof q.miscselect);
    (void)read_raw(&r, 28);
    read_into(&r, q.attributes, sizeof q.attributes);
    (void)read_raw(&r, 32 + 32); /* MRENCLAVE changes with each release; then reserved */
    read_into(&r, q.signer, sizeof q.signer);
    (void)read_raw(&r, 96);
    q.product = read_u16(&r);
    q.svn = read_u16(&r);
    (void)read_raw(&r, 60);
    read_into(&r, q.report_data, sizeof q.report_data);
    *ret_report = q;
}
