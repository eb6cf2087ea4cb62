/* A TDX platform of a test's own; see tdx_world.h. */
#include <openssl/pem.h>
#include <sodium.h>

#include "attest/tdx_world.h"

#define ISSUED "2027-01-15T00:00:00Z"
#define NEXT "2027-01-16T00:00:00Z"

static const uint8_t SGX_OID[] = {0x2a, 0x86, 0x48, 0x86, 0xf8, 0x4d, 0x01, 0x0d, 0x01};

/* SEQUENCE { identifier, value } */
static void put_item(Buffer *list, uint8_t first, uint8_t second, uint8_t tag, View value)
{
    uint8_t oid[11];
    memcpy(oid, SGX_OID, sizeof SGX_OID);
    oid[9] = first;
    oid[10] = second;
    AUTO_BUFFER item = buffer_limited(4096);
    der_put(&item, 0x06, view_of(oid, second ? 11 : 10));
    der_put(&item, tag, value);
    der_put(list, 0x30, view_buffer(&item));
}

static void put_number(Buffer *list, uint8_t first, uint8_t second, unsigned number)
{
    uint8_t bytes[3] = {0, (uint8_t)(number >> 8), (uint8_t)number};
    size_t skip = number > 0x7fff ? 0 : number > 0x7f ? 1 : 2;
    put_item(list, first, second, 0x02, view_of(bytes + skip, 3 - skip));
}

static void sgx_extension(const TdxWorld *w, Buffer *ret_content)
{
    static const uint8_t FMSPC[6] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66}, PCE_ID[2] = {0};
    AUTO_BUFFER tcb = buffer_limited(4096), list = buffer_limited(4096);
    for (uint8_t i = 0; i < 16; i++) put_number(&tcb, 2, (uint8_t)(i + 1), w->components[i]);
    put_number(&tcb, 2, 17, w->pce_svn);
    put_item(&tcb, 2, 18, 0x04, view_of(w->components, 16));
    put_item(&list, 1, 0, 0x04, VIEW("PPID"));
    put_item(&list, 2, 0, 0x30, view_buffer(&tcb));
    put_item(&list, 3, 0, 0x04, view_of(PCE_ID, 2));
    put_item(&list, 4, 0, 0x04, view_of(FMSPC, 6));
    der_put(ret_content, 0x30, view_buffer(&list));
}

static X509 *authority(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *issuer_key, long serial)
{
    return pki_certificate(&(PkiRequest){.name = name, .key = key, .issuer = issuer, .issuer_key = issuer_key, .is_ca = true, .serial = serial});
}

static void make_certificates(TdxWorld *w)
{
    AUTO_BUFFER sgx = buffer_limited(4096);
    sgx_extension(w, &sgx);
    const PkiExtension extension = {"1.2.840.113741.1.13.1", view_buffer(&sgx)};
    w->root = authority("Test Root CA", w->root_key, NULL, NULL, 1);
    w->authority = authority("Test Platform CA", w->authority_key, w->root, w->root_key, 2);
    w->signing = pki_certificate(&(PkiRequest){.name = "Intel SGX TCB Signing", .key = w->signing_key, .issuer = w->root, .issuer_key = w->root_key,
                                               .serial = 3});
    w->pck = pki_certificate(&(PkiRequest){.name = "Test PCK", .key = w->pck_key, .issuer = w->authority, .issuer_key = w->authority_key, .serial = 4,
                                           .extensions = &extension, .extension_count = 1});
}

static void put_collateral(const TdxWorld *w)
{
    pki_put(&w->folder, "intel/root.der", w->root);
    pki_put(&w->folder, "intel/signing.der", w->signing);
    pki_put_list(&w->folder, "intel/root.crl", w->root, w->root_key, PKI_NOW - 3600, NULL);
    pki_put_list(&w->folder, "intel/pck.crl", w->authority, w->authority_key, PKI_NOW - 3600, NULL);
    tdx_world_put_tcb_info(w, ISSUED, NEXT, "UpToDate");
    tdx_world_put_identity(w, "UpToDate");
    char mrtd[97], yaml[256];
    memset(mrtd, '7', 96);
    mrtd[96] = '\0';
    snprintf(yaml, sizeof yaml, "tdx:\n  mrtd: ['%s']\n", mrtd);
    folder_put(&w->folder, "reference/guest.yaml", view_text(yaml));
}

void tdx_world_open(TdxWorld *w)
{
    *w = (TdxWorld){.folder = folder_new(), .version = 4, .pce_svn = 300, .enclave_svn = 8, .enclave_product = 2};
    EVP_PKEY **keys[] = {&w->root_key, &w->authority_key, &w->pck_key, &w->signing_key, &w->attestation_key};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) *keys[i] = pki_ec("P-256");
    for (size_t i = 0; i < 16; i++) w->components[i] = 200;
    w->tee_tcb_svn[0] = 5;
    w->tee_tcb_svn[2] = 3;
    make_certificates(w);
    put_collateral(w);
}

void tdx_world_close(TdxWorld *w)
{
    EVP_PKEY *keys[] = {w->root_key, w->authority_key, w->pck_key, w->signing_key, w->attestation_key};
    X509 *certificates[] = {w->root, w->authority, w->pck, w->signing};
    for (size_t i = 0; i < 5; i++) EVP_PKEY_free(keys[i]);
    for (size_t i = 0; i < 4; i++) X509_free(certificates[i]);
    folder_free(&w->folder);
}

void tdx_world_put_statement(const TdxWorld *w, const char *file, const char *name, const char *body)
{
    uint8_t numbers[64];
    char hex[129];
    AUTO_BUFFER text = buffer_limited(1 << 16);
    pki_ecdsa(w->signing_key, EVP_sha256(), view_text(body), numbers, 32);
    sodium_bin2hex(hex, sizeof hex, numbers, sizeof numbers);
    ck_assert_ok(buffer_format(&text, "{\"%s\":%s,\"signature\":\"%s\"}", name, body, hex));
    folder_put(&w->folder, file, view_buffer(&text));
}

/* [{"svn":n}, ...], sixteen of them; those that are not given are 0 */
static void put_components(Buffer *b, const uint8_t *svns, size_t count)
{
    for (size_t i = 0; i < 16; i++) ck_assert_ok(buffer_format(b, "%s{\"svn\":%u}", i ? "," : "[", i < count ? svns[i] : 0));
    ck_assert_ok(buffer_put_u8(b, ']'));
}

void tdx_world_put_tcb_info(const TdxWorld *w, const char *issued, const char *next, const char *status)
{
    static const uint8_t SGX[2] = {200, 200}, TDX[3] = {5, 0, 3};
    static const char MODULE[] = "\"mrsigner\":\"000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\","
                                 "\"attributes\":\"0000000000000000\",\"attributesMask\":\"FFFFFFFFFFFFFFFF\"";
    AUTO_BUFFER body = buffer_limited(1 << 16);
    ck_assert_ok(buffer_format(&body, "{\"id\":\"TDX\",\"version\":3,\"issueDate\":\"%s\",\"nextUpdate\":\"%s\",\"fmspc\":\"112233445566\",\"pceId\":\"0000\","
                               "\"tdxModule\":{%s},\"tdxModuleIdentities\":[{\"id\":\"TDX_01\",%s,\"tcbLevels\":["
                               "{\"tcb\":{\"isvsvn\":6},\"tcbStatus\":\"UpToDate\"},{\"tcb\":{\"isvsvn\":2},\"tcbStatus\":\"OutOfDate\"}]}],"
                               "\"tcbLevels\":[{\"tcb\":{\"sgxtcbcomponents\":", issued, next, MODULE, MODULE));
    put_components(&body, SGX, 2);
    ck_assert_ok(buffer_format(&body, ",\"pcesvn\":300,\"tdxtcbcomponents\":"));
    put_components(&body, TDX, 3);
    ck_assert_ok(buffer_format(&body, "},\"tcbStatus\":\"%s\"},{\"tcb\":{\"sgxtcbcomponents\":", status));
    put_components(&body, SGX, 1);
    ck_assert_ok(buffer_format(&body, ",\"pcesvn\":5,\"tdxtcbcomponents\":"));
    put_components(&body, TDX, 0);
    ck_assert_ok(buffer_format(&body, "},\"tcbStatus\":\"OutOfDate\"}]}%c", 0));
    tdx_world_put_statement(w, "intel/tcb.json", "tcbInfo", (const char *)body.data);
}

void tdx_world_put_identity(const TdxWorld *w, const char *status)
{
    char body[1024];
    snprintf(body, sizeof body, "{\"id\":\"TD_QE\",\"version\":2,\"issueDate\":\"" ISSUED "\",\"nextUpdate\":\"" NEXT "\",\"miscselect\":\"00000000\","
             "\"miscselectMask\":\"FFFFFFFF\",\"attributes\":\"11000000000000000000000000000000\",\"attributesMask\":\"FBFFFFFFFFFFFFFF0000000000000000\","
             "\"mrsigner\":\"DCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDCDC\",\"isvprodid\":2,"
             "\"tcbLevels\":[{\"tcb\":{\"isvsvn\":8},\"tcbStatus\":\"%s\"},{\"tcb\":{\"isvsvn\":4},\"tcbStatus\":\"OutOfDate\"}]}", status);
    tdx_world_put_statement(w, "intel/qe.json", "enclaveIdentity", body);
}

static void put_u16(Buffer *b, uint16_t v)
{
    ck_assert_ok(buffer_put_u8(b, (uint8_t)v));
    ck_assert_ok(buffer_put_u8(b, (uint8_t)(v >> 8)));
}

static void put_raw(Buffer *b, const void *data, size_t size) { ck_assert_ok(buffer_append(b, view_of(data, size))); }

static void put_fill(Buffer *b, uint8_t byte, size_t count)
{
    for (size_t i = 0; i < count; i++) ck_assert_ok(buffer_put_u8(b, byte));
}

static void put_header(const TdxWorld *w, Buffer *b)
{
    static const uint8_t VENDOR[16] = {0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07};
    put_u16(b, w->version);
    put_u16(b, 2);
    ck_assert_ok(buffer_put_u32(b, 0x81));
    put_fill(b, 0, 4);
    put_raw(b, VENDOR, sizeof VENDOR);
    put_fill(b, 0, 20);
    if (w->version == 4) return;
    put_u16(b, w->module_1_5 ? 3 : 2);
    ck_assert_ok(buffer_put_u32(b, w->module_1_5 ? 648 : 584));
}

static void put_body(const TdxWorld *w, Buffer *b)
{
    put_raw(b, w->tee_tcb_svn, 16);
    put_fill(b, 0x5e, 48);
    put_raw(b, w->module_signer, 48);
    put_fill(b, 0, 8);
    put_raw(b, w->td_attributes, 8);
    put_fill(b, 0xe7, 8);
    put_fill(b, 0x77, 48);
    put_fill(b, 0, 3 * 48);
    for (uint8_t i = 0; i < 4; i++) put_fill(b, (uint8_t)(0x90 + i), 48);
    put_raw(b, w->report_data, 64);
    if (w->version == 5 && w->module_1_5) put_fill(b, 0, 64);
}

/* The quoting enclave's report over the attestation key. */
static void put_enclave(const TdxWorld *w, const uint8_t point[64], View authentication, Buffer *b)
{
    uint8_t bound[64] = {0}, signature[64];
    AUTO_BUFFER over = buffer_limited(1024), report = buffer_limited(384);
    put_raw(&over, point, 64);
    put_raw(&over, authentication.data, authentication.size);
    crypto_hash_sha256(bound, over.data, over.size);
    put_fill(&report, 4, 16);
    put_fill(&report, 0, 32);
    put_fill(&report, 0x15, 1);
    put_fill(&report, 0, 15);
    put_fill(&report, 0xee, 32);
    put_fill(&report, 0, 32);
    put_fill(&report, 0xdc, 32);
    put_fill(&report, 0, 96);
    put_u16(&report, w->enclave_product);
    put_u16(&report, w->enclave_svn);
    put_fill(&report, 0, 60);
    put_raw(&report, bound, 64);
    pki_ecdsa(w->pck_key, EVP_sha256(), view_buffer(&report), signature, 32);
    put_raw(b, report.data, report.size);
    put_raw(b, signature, 64);
    put_u16(b, (uint16_t)authentication.size);
    put_raw(b, authentication.data, authentication.size);
}

static void put_chain(const TdxWorld *w, Buffer *b)
{
    BIO *bio = BIO_new(BIO_s_mem());
    X509 *chain[] = {w->pck, w->authority, w->root};
    char *text;
    for (size_t i = 0; i < 3; i++) ck_assert_int_eq(PEM_write_bio_X509(bio, chain[i]), 1);
    long size = BIO_get_mem_data(bio, &text);
    put_u16(b, 5);
    ck_assert_ok(buffer_put_bytes(b, view_of(text, (size_t)size)));
    BIO_free(bio);
}

void tdx_world_quote(const TdxWorld *w, Buffer *ret_quote)
{
    uint8_t numbers[64], point[64];
    Buffer q = buffer_limited(1 << 16);
    AUTO_BUFFER section = buffer_limited(1 << 16), vouched = buffer_limited(1 << 16);
    put_header(w, &q);
    put_body(w, &q);
    pki_ecdsa(w->attestation_key, EVP_sha256(), view_buffer(&q), numbers, 32);
    pki_point(w->attestation_key, point);
    put_raw(&section, numbers, 64);
    put_raw(&section, point, 64);
    put_enclave(w, point, VIEW("authentication data of 32 bytes."), &vouched);
    put_chain(w, &vouched);
    put_u16(&section, 6);
    ck_assert_ok(buffer_put_bytes(&section, view_buffer(&vouched)));
    ck_assert_ok(buffer_put_bytes(&q, view_buffer(&section)));
    *ret_quote = q;
}

Verdict tdx_world_appraised(const TdxWorld *w, View quote, uint64_t now)
{
    Verdict v = {0};
    Collateral *c = folder_load(&w->folder);
    appraise_tdx(quote, w->report_data, c, now, &v);
    collateral_free(&c);
    return v;
}
