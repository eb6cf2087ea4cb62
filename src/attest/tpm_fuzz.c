/*
 * Any bytes as TPM evidence, as an enrolled key and as a request to enrol one. What parses must lie inside the input and have what the format says;
 * only the recorded quote is ever accepted, and nobody is enrolled without a maker. Most inputs would end at the first field, so the input is also
 * laid over that quote, where the first two bytes say.
 */
#include <assert.h>
#include <stdlib.h>

#include "attest/collateral.h"
#include "attest/tpm_enrol.h"
#include "attest/tpm_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What accepts the recorded quote. */
static const Collateral *collateral(void)
{
    static Collateral *c;
    if (c) return c;
    c = calloc(1, sizeof *c);
    assert(c);
    c->tpm.count = 1;
    c->tpm.items[0].content = buffer_limited(TPM_SAMPLE_KEY_BYTES);
    if (buffer_append(&c->tpm.items[0].content, view_of(TPM_SAMPLE, TPM_SAMPLE_KEY_BYTES)).code) abort();
    c->reference.tpm_pcrs[0].count = c->reference.tpm_pcrs[7].count = 1;
    memcpy(c->reference.tpm_pcrs[0].values[0], TPM_SAMPLE + TPM_SAMPLE_PCR0, TPM_PCR_BYTES);
    memcpy(c->reference.tpm_pcrs[7].values[0], TPM_SAMPLE + TPM_SAMPLE_PCR7, TPM_PCR_BYTES);
    return c;
}

static bool lies_in(View part, View whole)
{
    return part.data >= whole.data && part.size <= whole.size && (size_t)(part.data - whole.data) <= whole.size - part.size;
}

static void check(View bytes)
{
    Diag why = {0};
    TpmKey key;
    Err e = tpm_key_parse(bytes, &key, &why);
    assert(e.code == 0 ? lies_in(key.area, bytes) : e.code == ERR_BAD_INPUT && why.text[0]);

    TpmEvidence evidence;
    why.text[0] = '\0';
    e = tpm_evidence_parse(bytes, &evidence, &why);
    assert(e.code == 0 ? lies_in(evidence.key.area, bytes) && lies_in(evidence.quoted, bytes) && evidence.pcrs && evidence.pcrs >> TPM_PCRS == 0
                       : e.code == ERR_BAD_INPUT && why.text[0]);

    Verdict v = {0};
    appraise_tpm(bytes, TPM_SAMPLE_REPORT_DATA, collateral(), 1, &v);
    assert(v.count > 0 && v.claims[0].passed == (e.code == 0));
    assert(v.accepted == view_equal(bytes, view_of(TPM_SAMPLE, sizeof TPM_SAMPLE)));
}

static void check_request(View request)
{
    static const CertificateList NOBODY;
    Buffer challenge = buffer_limited(TPM_ENROL_BYTES_MAX);
    uint8_t secret[TPM_SECRET_BYTES];
    View key;
    Diag why = {0};
    int code = tpm_enrol_challenge(request, &NOBODY, 1, &challenge, secret, &key, &why).code;
    assert((code == ERR_BAD_INPUT || code == ERR_NO_ENTRY || code == ERR_UNTRUSTED) && why.text[0] && challenge.size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(view_of(data, size));
    check_request(view_of(data, size));
    if (size < 2) return 0;
    uint8_t laid_over[sizeof TPM_SAMPLE];
    memcpy(laid_over, TPM_SAMPLE, sizeof laid_over);
    size_t at = (data[0] | (size_t)data[1] << 8) % sizeof laid_over;
    size_t count = size - 2 < sizeof laid_over - at ? size - 2 : sizeof laid_over - at;
    memcpy(laid_over + at, data + 2, count);
    check(view_of(laid_over, sizeof laid_over));
    return 0;
}
