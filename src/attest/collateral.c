/* A folder of endorsements and reference values, read once. Malformed files are refused by name; missing ones are missed by the
 * claim that needs them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "attest/collateral.h"
#include "attest/tpm.h"
#include "sys/fault.h"
#include "sys/fd.h"

typedef struct { Collateral *collateral; const char *path; Diag *diag; } Place;
typedef Err (*FileReader)(const Place *place, View content);

static bool begins_with(View v, const char *text) { return v.size >= strlen(text) && memcmp(v.data, text, strlen(text)) == 0; }

static Err keep_file(CollateralFiles *files, const Place *p, View content)
{
    if (files->count == COLLATERAL_FILES_MAX) return FAIL_WHY(p->diag, ERR_LIMIT, "%s: more than %d files", p->path, COLLATERAL_FILES_MAX);
    CollateralFile *f = &files->items[files->count];
    const char *slash = strrchr(p->path, '/');
    if (snprintf(f->name, sizeof f->name, "%s", slash ? slash + 1 : p->path) >= (int)sizeof f->name)
        return FAIL_WHY(p->diag, ERR_LIMIT, "%s: name too long", p->path);
    f->content = buffer_limited(COLLATERAL_FILE_BYTES_MAX);
    TRY(buffer_append(&f->content, content));
    files->count++;
    return OK;
}

/* A revocation list in DER can't be told from a certificate by its first bytes: whichever can be read. */
static Err add_x509(const Place *p, View content, CertificateList *certificates, RevocationList *revoked)
{
    Diag ignored;
    bool is_pem = begins_with(content, "-----BEGIN ");
    bool is_crl = memmem(content.data, content.size, "-----BEGIN X509 CRL", 19) != NULL;
    if ((is_crl || !is_pem) && revocations_add(content, revoked, &ignored).code == 0) return OK;
    Err e = is_crl ? FAIL(ERR_BAD_INPUT) : certificates_add(content, certificates, &ignored);
    if (e.code == 0) return OK;
    return FAIL_WHY(p->diag, ERR_BAD_INPUT, "%s: neither a certificate nor a revocation list (PEM or DER); get it again or move it away", p->path);
}

static Err read_amd(const Place *p, View content) { return add_x509(p, content, &p->collateral->amd, &p->collateral->amd_revoked); }

static Err read_intel(const Place *p, View content)
{
    if (begins_with(content, "{")) return keep_file(&p->collateral->intel_json, p, content);
    return add_x509(p, content, &p->collateral->intel, &p->collateral->intel_revoked);
}

static Err read_tpm_maker(const Place *p, View content)
{
    return add_x509(p, content, &p->collateral->tpm_makers, &p->collateral->tpm_makers_revoked);
}

static Err read_tpm(const Place *p, View content)
{
    TpmKey key;
    Diag why;
    if (tpm_key_parse(content, &key, &why).code)
        return FAIL_WHY(p->diag, ERR_BAD_INPUT, "%s: %.200s; enrol that TPM as docs/formats/tpm.md says, or move it away", p->path, why.text);
    return keep_file(&p->collateral->tpm, p, content);
}

static Err read_reference(const Place *p, View content) { return reference_parse(content, p->path, &p->collateral->reference, p->diag); }

static int is_visible(const struct dirent *entry) { return entry->d_name[0] != '.'; }
static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return is_visible(entry) && dot && strcmp(dot, ".yaml") == 0;
}

static Err read_file(Collateral *c, const char *folder, const char *name, FileReader reader, Diag *diag)
{
    char path[PATH_BYTES_MAX];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) return FAIL_WHY(diag, ENAMETOOLONG, "%s: path too long", folder);
    AUTO_BUFFER content = buffer_limited(COLLATERAL_FILE_BYTES_MAX);
    TRY_WHY(diag, file_read(AT_FDCWD, path, &content), "%s", path);
    Place place = {c, path, diag};
    return reader(&place, view_buffer(&content));
}

/* In the order of names, so that messages do not depend on the file system. */
static Err read_folder(Collateral *c, const char *name, int (*wanted)(const struct dirent *), FileReader reader, Diag *diag)
{
    char folder[PATH_BYTES_MAX];
    if (snprintf(folder, sizeof folder, "%s/%s", c->directory, name) >= (int)sizeof folder)
        return FAIL_WHY(diag, ENAMETOOLONG, "%s: path too long", c->directory);
    struct dirent **entries = NULL;
    int count = FAULTABLE("scandir", scandir(folder, &entries, wanted, alphasort));
    if (count < 0) return errno == ENOENT ? OK : FAIL_WHY(diag, errno, "%s: %s", folder, strerrordesc_np(errno));
    Err e = OK;
    for (int i = 0; i < count; i++) {
        if (e.code == 0) e = read_file(c, folder, entries[i]->d_name, reader, diag);
        free(entries[i]);
    }
    free(entries);
    return e;
}

static Err read_all(Collateral *c, Diag *diag)
{
    TRY(read_folder(c, "amd", is_visible, read_amd, diag));
    TRY(read_folder(c, "intel", is_visible, read_intel, diag));
    TRY(read_folder(c, "tpm", is_visible, read_tpm, diag));
    TRY(read_folder(c, "tpm-makers", is_visible, read_tpm_maker, diag));
    return read_folder(c, "reference", is_yaml, read_reference, diag);
}

Err collateral_load(const char *directory, Collateral **ret_collateral, Diag *diag)
{
    DIR *exists = directory ? opendir(directory) : NULL;
    if (directory && !exists)
        return FAIL_WHY(diag, errno == ENOENT ? ERR_NO_ENTRY : errno, "%s: %s; it holds amd/, intel/, tpm/ and reference/, see docs/operations.md",
                        directory, strerrordesc_np(errno));
    if (exists) closedir(exists);
    Collateral *c = calloc(1, sizeof *c);
    if (!c) return FAIL(ENOMEM);
    Err e = OK;
    const char *shown = directory ? directory : "COLLATERAL";
    if (snprintf(c->directory, sizeof c->directory, "%s", shown) >= (int)sizeof c->directory) e = FAIL_WHY(diag, ENAMETOOLONG, "%s: path too long", shown);
    if (e.code == 0 && directory) e = read_all(c, diag);
    if (e.code) collateral_free(&c);
    else *ret_collateral = c;
    return e;
}

static void files_free(CollateralFiles *files)
{
    for (size_t i = 0; i < files->count; i++) buffer_free(&files->items[i].content);
}

void collateral_free(Collateral **collateral)
{
    Collateral *c = *collateral;
    if (!c) return;
    certificates_free(&c->amd);
    certificates_free(&c->intel);
    certificates_free(&c->tpm_makers);
    revocations_free(&c->amd_revoked);
    revocations_free(&c->intel_revoked);
    revocations_free(&c->tpm_makers_revoked);
    files_free(&c->intel_json);
    files_free(&c->tpm);
    free(c);
    *collateral = NULL;
}
