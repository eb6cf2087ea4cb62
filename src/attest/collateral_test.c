/* Is a collateral folder read whatever its files are called, and is every mistake in it named with its file, its line and what to do? */
#include "attest/pki_fixture.h"
#include "attest/tdx_world.h"

static void check_refused(const Folder *f, int code, const char *text)
{
    Collateral *c = NULL;
    Diag why = {0};
    ck_assert_err(collateral_load(f->path, &c, &why), code);
    ck_assert_msg(strstr(why.text, text) != NULL, "%s", why.text);
    ck_assert_ptr_null(c);
}

START_TEST(an_empty_folder_and_no_folder_hold_nothing)
{
    Folder f = folder_new();
    Collateral *c = folder_load(&f);
    ck_assert_uint_eq(c->amd.count + c->intel.count + c->intel_json.count + c->tpm.count, 0);
    collateral_free(&c);
    ck_assert_ok(collateral_load(NULL, &c, NULL));
    ck_assert_uint_eq(c->amd.count, 0);
    collateral_free(&c);
    ck_assert_ptr_null(c);
    collateral_free(&c);
    folder_free(&f);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_named)
{
    Folder f = {"/tmp/covey-attest-nowhere"};
    check_refused(&f, ERR_NO_ENTRY, "/tmp/covey-attest-nowhere: No such file or directory; it holds amd/, intel/, tpm/ and reference/");
}
END_TEST

START_TEST(files_are_told_apart_by_what_they_hold)
{
    TdxWorld w;
    tdx_world_open(&w);
    AUTO_BUFFER quote = {0};
    tdx_world_quote(&w, &quote);
    View chain = view_of(memmem(quote.data, quote.size, "-----BEGIN", 10), 0);
    chain.size = quote.size - (size_t)(chain.data - quote.data);
    folder_put(&w.folder, "intel/three in one", chain);
    folder_put(&w.folder, "intel/.hidden", VIEW("is not looked at"));
    Collateral *c = folder_load(&w.folder);
    ck_assert_uint_eq(c->intel.count, 2 + 3);
    ck_assert_uint_eq(c->intel_revoked.count, 2);
    ck_assert_uint_eq(c->intel_json.count, 2);
    ck_assert_str_eq(c->intel_json.items[0].name, "qe.json");
    ck_assert_uint_eq(c->reference.tdx[0].count, 1);
    collateral_free(&c);
    tdx_world_close(&w);
}
END_TEST

START_TEST(a_file_that_is_neither_is_named)
{
    static const struct { const char *name, *content; } CASES[] = {
        {"amd/notes.txt", "hello"}, {"amd/half.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n"}, {"intel/list.crl", "-----BEGIN X509 CRL-----\nnothing\n-----END X509 CRL-----\n"},
        {"intel/other.pem", "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n"}};
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Folder f = folder_new();
        folder_put(&f, CASES[i].name, view_text(CASES[i].content));
        char expected[256];
        snprintf(expected, sizeof expected, "%s/%s: neither a certificate nor a revocation list (PEM or DER); get it again or move it away", f.path, CASES[i].name);
        check_refused(&f, ERR_BAD_INPUT, expected);
        folder_free(&f);
    }
}
END_TEST

START_TEST(a_certificate_with_something_behind_it_is_refused)
{
    TdxWorld w;
    tdx_world_open(&w);
    uint8_t *der = NULL;
    int size = i2d_X509(w.root, &der);
    AUTO_BUFFER longer = buffer_limited(4096);
    ck_assert_ok(buffer_append(&longer, view_of(der, (size_t)size)));
    ck_assert_ok(buffer_put_u8(&longer, 0));
    CertificateList list = {0};
    Diag why = {0};
    ck_assert_err(certificates_add(view_buffer(&longer), &list, &why), ERR_BAD_INPUT);
    ck_assert_ok(certificates_add(view_of(der, (size_t)size), &list, &why));
    certificates_free(&list);
    OPENSSL_free(der);
    tdx_world_close(&w);
}
END_TEST

START_TEST(mistakes_in_reference_values_are_named_with_their_line)
{
    static const struct { const char *yaml, *error; } CASES[] = {
        {"snp:\n  measurements: [abc]\n", ":2: measurements takes a list of 96 hex digits each"},
        {"snp:\n  measurements: 12\n", ":2: measurements takes a list"},
        {"snp:\n  measurement: []\n", ":2: snp has no such key"},
        {"sev: {}\n", ":1: a reference file has snp, tdx and tpm"},
        {"- snp\n", ":1: a reference file has snp, tdx and tpm"},
        {"snp: 1\n", ":1: snp takes keys below it"},
        {"snp:\n  minimum_tcb:\n    microcode: 256\n", ":3: microcode takes 0 to 255"},
        {"snp:\n  minimum_tcb: {microcode: -1}\n", ":2: microcode takes 0 to 255"},
        {"snp:\n  minimum_tcb: {microcode: [1]}\n", ":2: microcode takes 0 to 255"},
        {"snp:\n  minimum_tcb: {ucode: 1}\n", ":2: minimum_tcb has fmc"},
        {"snp:\n  minimum_tcb: 5\n", ":2: minimum_tcb takes {bootloader: N, ...}"},
        {"tdx:\n  tcb_status: [Revoked]\n", ":2: tcb_status takes UpToDate"},
        {"tdx:\n  tcb_status: UpToDate\n", ":2: tcb_status takes a list"},
        {"tdx:\n  rtmr4: []\n", ":2: tdx has no such key"},
        {"tpm:\n  pcr24: []\n", ":2: tpm has no such key"},
        {"tpm:\n  pcr0: ['00']\n", ":2: pcr0 takes a list of 64 hex digits each"},
        {"tpm:\n  pcr0: []\n  pcr0: []\n", ":3: "},
        {"snp: [\n", ":"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        static Reference reference;
        Diag why = {0};
        char expected[128];
        snprintf(expected, sizeof expected, "values.yaml%s", CASES[i].error);
        ck_assert_err(reference_parse(view_text(CASES[i].yaml), "values.yaml", &reference, &why), ERR_BAD_INPUT);
        ck_assert_msg(strncmp(why.text, expected, strlen(expected)) == 0, "%s", why.text);
    }
}
END_TEST

START_TEST(reference_files_add_up_and_the_example_of_the_document_is_one)
{
    static Reference r;
    Diag why = {0};
    AUTO_BUFFER document = buffer_limited(1 << 20);
    char path[4096];
    const char *source = getenv("COVEY_SOURCE");
    snprintf(path, sizeof path, "%s/docs/operations.md", source ? source : ".");
    ck_assert_ok(file_read(AT_FDCWD, path, &document));
    ck_assert_ok(buffer_put_u8(&document, 0));
    const char *begin = strstr((char *)document.data, "```yaml\nsnp:\n"), *end = begin ? strstr(begin + 8, "```") : NULL;
    ck_assert_ptr_nonnull(end);
    Err e = reference_parse(view_of(begin + 8, (size_t)(end - begin - 8)), "operations.md", &r, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    ck_assert_uint_eq(r.snp_measurements.count, 1);
    ck_assert_uint_eq(r.snp_minimum.microcode, 115);
    ck_assert_uint_eq(r.tdx[0].count, 1);
    ck_assert_uint_eq(r.tdx_status_count, 1);
    ck_assert_uint_eq(r.tpm_pcrs[7].count, 1);
    ck_assert_ok(reference_parse(VIEW("tpm:\n  pcr7: ['1111111111111111111111111111111111111111111111111111111111111111']\n"), "more", &r, &why));
    ck_assert_uint_eq(r.tpm_pcrs[7].count, 2);
    uint8_t ones[32], twos[32];
    memset(ones, 0x11, sizeof ones);
    memset(twos, 0x22, sizeof twos);
    ck_assert(reference_has(&r.tpm_pcrs[7], ones, 32));
    ck_assert(!reference_has(&r.tpm_pcrs[7], twos, 32));
}
END_TEST

START_TEST(more_values_than_there_is_room_for_is_an_error)
{
    static Reference r;
    Diag why = {0};
    AUTO_BUFFER yaml = buffer_limited(1 << 16);
    ck_assert_ok(buffer_format(&yaml, "tpm:\n  pcr0:\n"));
    for (int i = 0; i <= REFERENCE_VALUES_MAX; i++) ck_assert_ok(buffer_format(&yaml, "  - '%064d'\n", i));
    ck_assert_err(reference_parse(view_buffer(&yaml), "values.yaml", &r, &why), ERR_LIMIT);
    ck_assert_str_eq(why.text, "values.yaml:67: more than 64 values of pcr0");
    ck_assert_uint_eq(r.tpm_pcrs[0].count, 0);
}
END_TEST

TEST_MAIN("attest/collateral", an_empty_folder_and_no_folder_hold_nothing, a_folder_that_is_not_there_is_named, files_are_told_apart_by_what_they_hold,
          a_file_that_is_neither_is_named, a_certificate_with_something_behind_it_is_refused, mistakes_in_reference_values_are_named_with_their_line,
          reference_files_add_up_and_the_example_of_the_document_is_one, more_values_than_there_is_room_for_is_an_error)
