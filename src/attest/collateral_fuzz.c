/*
 * Any bytes as each kind of file in a collateral folder: certificates (and then chains of them, and what extensions say), revocation lists, Intel's
 * statements, reference values. What is refused is refused whole; what is taken can be used.
 */
#include <assert.h>
#include <stdlib.h>

#include "attest/collateral.h"
#include "attest/tdx_tcb.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint64_t NOW = 1800000000;

static void use_certificate(const CertificateList *list, X509 *certificate)
{
    char name[CERTIFICATE_NAME_MAX];
    X509 *chain[CHAIN_MAX];
    size_t count = 0;
    PckPlatform platform;
    Diag why = {0};
    certificate_name(certificate, name);
    for (const char *c = name; *c; c++) assert(*c >= ' ' && *c <= '~');
    (void)pck_platform_parse(certificate, &platform).code;
    if (chain_build(list, certificate, chain, &count, &why).code) {
        assert(why.text[0]);
        return;
    }
    assert(count >= 1 && count <= CHAIN_MAX && chain[0] == certificate && certificate_is_self_issued(chain[count - 1]));
    if (chain_verify(chain, count, NOW, &why).code) assert(why.text[0]);
}

static void try_certificates(View v)
{
    CertificateList list = {0};
    Diag why = {0};
    if (certificates_add(v, &list, &why).code) assert(list.count == 0 && why.text[0]);
    else assert(list.count > 0);
    for (size_t i = 0; i < list.count && i < 8; i++) use_certificate(&list, list.items[i]);

    RevocationList revoked = {0};
    if (revocations_add(v, &revoked, &why).code) assert(revoked.count == 0);
    else if (list.count) (void)revocation_check(&revoked, list.items[0], list.items[list.count - 1], NOW, true, &why).code;
    revocations_free(&revoked);
    certificates_free(&list);
}

static void try_statement(View v, const char *name)
{
    IntelStatement s;
    const PckPlatform platform = {.fmspc = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66}, .pce_svn = 300};
    const TdxQuote old = {.tee_tcb_svn = {5, 0, 3}}, new = {.tee_tcb_svn = {6, 1, 3}};
    const QeReport enclave = {.product = 2, .svn = 8};
    if (intel_statement_parse(v, name, &s).code) return;
    (void)intel_statement_is_fresh(&s, NOW);
    (void)tcb_info_is_for(&s, &platform);
    (void)qe_identity_is_for_tdx(&s);
    (void)tcb_info_status(&s, &platform, &old);
    (void)tcb_info_status(&s, &platform, &new);
    (void)tcb_info_module_status(&s, &old);
    (void)tcb_info_module_status(&s, &new);
    (void)qe_identity_status(&s, &enclave);
    intel_statement_free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static Reference reference;
    Diag why = {0};
    View v = view_of(data, size);
    try_certificates(v);
    try_statement(v, "tcbInfo");
    try_statement(v, "enclaveIdentity");
    memset(&reference, 0, sizeof reference);
    if (reference_parse(v, "file", &reference, &why).code) assert(why.text[0] && reference.snp_measurements.count == 0);
    return 0;
}
