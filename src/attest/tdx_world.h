/**
 * A TDX platform of a test's own: an Intel that is not Intel, its statements, and quotes in which every byte is the test's to choose. Everything is
 * in order until the test changes it.
 */
#pragma once
#include "attest/pki_fixture.h"

typedef struct {
    Folder folder;
    EVP_PKEY *root_key, *authority_key, *pck_key, *signing_key, *attestation_key;
    X509 *root, *authority, *pck, *signing;
    /* What the next quote says. */
    uint16_t version;
    bool module_1_5;
    uint8_t components[16], tee_tcb_svn[16], td_attributes[8], report_data[64], module_signer[48];
    uint16_t pce_svn, enclave_svn, enclave_product;
} TdxWorld;

/** Keys, certificates and collateral. */
void tdx_world_open(TdxWorld *w);
void tdx_world_close(TdxWorld *w);
/** A signed statement, as its file. body: the JSON. */
void tdx_world_put_statement(const TdxWorld *w, const char *file, const char *name, const char *body);
/** Platform statement: dates and the status of its one level. */
void tdx_world_put_tcb_info(const TdxWorld *w, const char *issued, const char *next, const char *status);
void tdx_world_put_identity(const TdxWorld *w, const char *status);
/** A quote signed by everybody who signs one. */
void tdx_world_quote(const TdxWorld *w, Buffer *ret_quote);
Verdict tdx_world_appraised(const TdxWorld *w, View quote, uint64_t now);
