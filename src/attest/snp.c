/* The layouts of SEV-SNP reports; see snp.h. Versions differ in three places only: processor (3), mitigation vectors (5), order
 * of the TCB's bytes (Turin). */
#include "attest/snp.h"

enum {
    AT_VERSION = 0x000, AT_POLICY = 0x008, AT_VMPL = 0x030, AT_ALGORITHM = 0x034, AT_CURRENT_TCB = 0x038, AT_FLAGS = 0x048, AT_RESERVED_0 = 0x04c,
    AT_REPORT_DATA = 0x050, AT_MEASUREMENT = 0x090, AT_REPORTED_TCB = 0x180, AT_FAMILY = 0x188, AT_MODEL = 0x189, AT_RESERVED_1 = 0x18b,
    AT_CHIP_ID = 0x1a0, AT_COMMITTED_TCB = 0x1e0, AT_LAUNCH_TCB = 0x1f0, AT_MITIGATIONS = 0x1f8, AT_RESERVED_2 = 0x208,
    AT_SIGNATURE_R = 0x2a0, AT_SIGNATURE_S = 0x2e8, AT_RESERVED_3 = 0x330,
};
enum {
    NUMBER_FIELD_BYTES = 72,
    ALGORITHM_ECDSA_P384_SHA384 = 1,
    FLAG_CHIP_MASKED = 1 << 1,
    FLAG_SIGNER_SHIFT = 2,
    FAMILY_ZEN3_4 = 0x19,
    FAMILY_ZEN5 = 0x1a
};

static uint32_t u32_at(View v, size_t at)
{
    Reader r = reader_of(view_of(v.data + at, 4));
    return read_u32(&r);
}

static uint64_t u64_at(View v, size_t at)
{
    Reader r = reader_of(view_of(v.data + at, 8));
    return read_u64(&r);
}

static bool is_zero(View v, size_t from, size_t to)
{
    uint8_t any = 0;
    for (size_t i = from; i < to; i++) any |= v.data[i];
    return any == 0;
}

static SnpTcb tcb_at(View v, size_t at, bool is_turin)
{
    const uint8_t *b = v.data + at;
    if (is_turin) return (SnpTcb){.fmc = b[0], .bootloader = b[1], .tee = b[2], .snp = b[3], .microcode = b[7]};
    return (SnpTcb){.bootloader = b[0], .tee = b[1], .snp = b[6], .microcode = b[7]};
}

/* The names under which AMD's key service knows the processors. */
static const char *product_of(uint8_t family, uint8_t model)
{
    if (family == FAMILY_ZEN3_4) return model < 0x10 ? "Milan" : "Genoa";
    return family == FAMILY_ZEN5 ? "Turin" : NULL;
}

/* Little-endian with room to spare, as the hardware writes it, to big-endian. */
static Err number_at(View v, size_t at, uint8_t ret_number[SNP_NUMBER_BYTES], Diag *diag)
{
    if (!is_zero(v, at + SNP_NUMBER_BYTES, at + NUMBER_FIELD_BYTES)) return FAIL_WHY(diag, ERR_BAD_INPUT, "a number of the signature is longer than P-384");
    for (size_t i = 0; i < SNP_NUMBER_BYTES; i++) ret_number[i] = v.data[at + SNP_NUMBER_BYTES - 1 - i];
    return OK;
}

static Err reserved_check(View v, uint32_t version, Diag *diag)
{
    size_t second = version >= 3 ? AT_RESERVED_1 : AT_FAMILY, third = version >= 5 ? AT_RESERVED_2 : AT_MITIGATIONS;
    if (!is_zero(v, AT_RESERVED_0, AT_REPORT_DATA) || !is_zero(v, second, AT_CHIP_ID) || !is_zero(v, third, AT_SIGNATURE_R) ||
        !is_zero(v, AT_RESERVED_3, SNP_REPORT_BYTES))
        return FAIL_WHY(diag, ERR_BAD_INPUT, "a reserved field is not 0");
    return OK;
}

Err snp_report_parse(View v, SnpReport *ret_report, Diag *diag)
{
    if (v.size != SNP_REPORT_BYTES) return FAIL_WHY(diag, ERR_BAD_INPUT, "%zu bytes; a report has %d", v.size, SNP_REPORT_BYTES);
    uint32_t version = u32_at(v, AT_VERSION), algorithm = u32_at(v, AT_ALGORITHM), flags = u32_at(v, AT_FLAGS);
    if (version != 2 && version != 3 && version != 5) return FAIL_WHY(diag, ERR_BAD_INPUT, "version %u; known are 2, 3 and 5", version);
    if (algorithm != ALGORITHM_ECDSA_P384_SHA384) return FAIL_WHY(diag, ERR_BAD_INPUT, "signature algorithm %u; known is 1, ECDSA P-384", algorithm);
    uint32_t signer = flags >> FLAG_SIGNER_SHIFT & 7;
    if (signer > SNP_BY_VLEK || flags >> (FLAG_SIGNER_SHIFT + 3)) return FAIL_WHY(diag, ERR_BAD_INPUT, "signed by no VCEK and no VLEK (flags %#x)", flags);
    TRY(reserved_check(v, version, diag));

    SnpReport r = {.version = version,
                   .vmpl = u32_at(v, AT_VMPL),
                   .policy = u64_at(v, AT_POLICY),
                   .chip_masked = flags & FLAG_CHIP_MASKED,
                   .signer = signer};
    r.is_turin = version >= 3 && v.data[AT_FAMILY] == FAMILY_ZEN5;
    if (version >= 3) r.product = product_of(v.data[AT_FAMILY], v.data[AT_MODEL]);
    r.current = tcb_at(v, AT_CURRENT_TCB, r.is_turin);
    r.reported = tcb_at(v, AT_REPORTED_TCB, r.is_turin);
    r.committed = tcb_at(v, AT_COMMITTED_TCB, r.is_turin);
    r.launch = tcb_at(v, AT_LAUNCH_TCB, r.is_turin);
    memcpy(r.report_data, v.data + AT_REPORT_DATA, sizeof r.report_data);
    memcpy(r.measurement, v.data + AT_MEASUREMENT, sizeof r.measurement);
    memcpy(r.chip_id, v.data + AT_CHIP_ID, sizeof r.chip_id);
    TRY(number_at(v, AT_SIGNATURE_R, r.r, diag));
    TRY(number_at(v, AT_SIGNATURE_S, r.s, diag));
    r.signed_bytes = view_of(v.data, SNP_SIGNED_BYTES);
    *ret_report = r;
    return OK;
}
