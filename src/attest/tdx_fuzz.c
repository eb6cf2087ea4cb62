/* Any bytes as a TDX quote. What parses lies inside the input, and without a trusted root nothing is accepted. */
#include <assert.h>
#include <stdlib.h>

#include "attest/collateral.h"
#include "attest/tdx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool inside(View part, View whole)
{
    return part.size <= whole.size && part.data >= whole.data && part.data + part.size <= whole.data + whole.size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Collateral *none;
    if (!none && collateral_load(NULL, &none, NULL).code) abort();
    View quote = view_of(data, size);
    TdxQuote q;
    Diag why = {0};
    if (tdx_quote_parse(quote, &q, &why).code) {
        assert(why.text[0]);
    } else {
        assert(q.signature.size == P256_BYTES && q.attestation_key.size == P256_BYTES && q.qe_report.size == QE_REPORT_BYTES &&
               q.qe_signature.size == P256_BYTES);
        assert(inside(q.signed_bytes, quote) && inside(q.qe_report, quote) && inside(q.qe_authentication, quote) && inside(q.pck_chain, quote));
    }
    Verdict v = {0};
    appraise_tdx(quote, NULL, none, 1800000000, &v);
    assert(v.count > 0 && !v.accepted);
    return 0;
}
