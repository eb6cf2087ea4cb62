/* Any bytes as an SEV-SNP report, as they are and with the fixed fields repaired, since most inputs would end at those. Without
 * a key nothing is accepted. */
#include <assert.h>
#include <stdlib.h>

#include "attest/collateral.h"
#include "attest/snp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(View report)
{
    static Collateral *none;
    if (!none && collateral_load(NULL, &none, NULL).code) abort();
    SnpReport r;
    Diag why = {0};
    if (snp_report_parse(report, &r, &why).code) assert(why.text[0]);
    else assert(r.signed_bytes.data == report.data && r.signed_bytes.size == SNP_SIGNED_BYTES && report.size == SNP_REPORT_BYTES);
    Verdict v = {0};
    appraise_snp(report, NULL, none, 1800000000, &v);
    assert(v.count > 0 && !v.accepted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t VERSIONS[] = {2, 3, 5, 5};
    uint8_t report[SNP_REPORT_BYTES] = {0};
    check(view_of(data, size));
    memcpy(report, data, size < sizeof report ? size : sizeof report);
    report[0] = VERSIONS[report[0] & 3];
    report[0x34] = 1;
    memset(report + 0x2a0 + 48, 0, 24);
    memset(report + 0x2e8 + 48, 0, 24);
    memset(report + 0x330, 0, sizeof report - 0x330);
    check(view_of(report, sizeof report));
    return 0;
}
