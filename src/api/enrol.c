/*
 * Enrolling a node's TPM by credential activation (attest/tpm_enrol.h). Between challenge and answer the operator's collateral folder holds
 * what is expected, as enrolling/NAME: the secret, then the key that it will let in.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <unistd.h>

#include "api/hex_file.h"
#include "api/internal.h"
#include "attest/collateral.h"
#include "attest/tpm_enrol.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { NAME_MAX_BYTES = 64, FILE_BYTES_MAX = 4 * TPM_ENROL_BYTES_MAX /* as hex, in lines */, EXPECTED_BYTES_MAX = 512 };

typedef struct { char folder[PATH_BYTES_MAX], expected[PATH_BYTES_MAX], key[PATH_BYTES_MAX]; } Places;

/* It becomes a file's name. */
static bool is_plain(const char *name)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t size = strlen(name);
    return size > 0 && size <= NAME_MAX_BYTES && name[0] != '.' && strspn(name, LETTERS) == size;
}

static Err find_places(const covey *c, const covey_enrolment *o, Places *ret_places, Diag *diag)
{
    if (!o->name || !is_plain(o->name))
        return FAIL_WHY(diag, ERR_USAGE, "the node needs a name of at most %d letters, digits, dots, - and _: --name NAME", NAME_MAX_BYTES);
    if (o->collateral) TRY(path_format(ret_places->folder, "%s", o->collateral));
    else TRY(path_format(ret_places->folder, "%s/collateral", c->config_dir));
    TRY(path_format(ret_places->expected, "%.2000s/enrolling/%s", ret_places->folder, o->name));
    return path_format(ret_places->key, "%.2000s/tpm/ak-%s.pub", ret_places->folder, o->name);
}

static Err give(Buffer *bytes, const char *kind, covey_evidence *ret)
{
    *ret = (covey_evidence){.kind = kind, .data = bytes->data, .size = bytes->size};
    *bytes = (Buffer){0};
    return OK;
}

static Err request(covey_evidence *ret, Diag *diag)
{
    AUTO_BUFFER bytes = buffer_limited(TPM_ENROL_BYTES_MAX);
    TRY(tpm_enrol_ask(&bytes, diag));
    return give(&bytes, "request", ret);
}

static Err keep_expected(const Places *p, const uint8_t secret[TPM_SECRET_BYTES], View key, Diag *diag)
{
    char folder[PATH_BYTES_MAX];
    AUTO_BUFFER content = buffer_limited(EXPECTED_BYTES_MAX);
    TRY(path_format(folder, "%.2000s/enrolling", p->folder));
    TRY_WHY(diag, dir_make_all(folder, 0700), "%s", folder);
    Err e = buffer_append(&content, view_of(secret, TPM_SECRET_BYTES));
    if (e.code == 0) e = buffer_append(&content, key);
    if (e.code == 0) e = file_replace(AT_FDCWD, p->expected, view_buffer(&content), 0600);
    sodium_memzero(content.data, content.size);
    return e.code ? FAIL_WHY(diag, e.code, "%s: can't be written: %s", p->expected, err_text(e.code)) : OK;
}

static Err challenge(const Places *p, const char *file, covey_evidence *ret, Diag *diag)
{
    AUTO_BUFFER asked = buffer_limited(FILE_BYTES_MAX), bytes = buffer_limited(TPM_ENROL_BYTES_MAX);
    Collateral *collateral = NULL;
    uint8_t secret[TPM_SECRET_BYTES];
    View key;
    Diag why = {0};
    TRY(hex_file_read(file, &asked, diag));
    TRY(collateral_load(p->folder, &collateral, diag));
    Err e = tpm_enrol_challenge(view_buffer(&asked), &collateral->tpm_makers, clock_wall_ns() / NS_PER_S, &bytes, secret, &key, &why);
    collateral_free(&collateral);
    if (e.code == ERR_NO_ENTRY) return FAIL_WHY(diag, e.code, "%s: %s; put the TPM maker's certificates into %s/tpm-makers", file, why.text, p->folder);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: %s", file, why.text);
    e = keep_expected(p, secret, key, diag);
    sodium_memzero(secret, sizeof secret);
    return e.code ? e : give(&bytes, "challenge", ret);
}

static Err activate(const char *file, covey_evidence *ret, Diag *diag)
{
    AUTO_BUFFER asked = buffer_limited(FILE_BYTES_MAX), bytes = buffer_limited(TPM_SECRET_BYTES);
    Diag why = {0};
    TRY(hex_file_read(file, &asked, diag));
    TRY(buffer_reserve(&bytes, TPM_SECRET_BYTES));
    Err e = tpm_enrol_answer(view_buffer(&asked), bytes.data, &why);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: %s", file, why.text);
    bytes.size = TPM_SECRET_BYTES;
    return give(&bytes, "answer", ret);
}

/* The secret counts once: it is gone before it is compared. */
static Err take_expected(const Places *p, const char *name, Buffer *ret_content, Diag *diag)
{
    Err e = file_read(AT_FDCWD, p->expected, ret_content);
    if (e.code == ENOENT) return FAIL_WHY(diag, ERR_NO_ENTRY, "%s: no challenge was made for it, or it was answered; begin with --challenge", name);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: can't be read: %s", p->expected, err_text(e.code));
    if (unlink(p->expected) < 0) return FAIL_WHY(diag, errno, "%s: can't be removed: %s", p->expected, strerrordesc_np(errno));
    return ret_content->size > TPM_SECRET_BYTES ? OK : FAIL_WHY(diag, ERR_CORRUPT, "%s: was changed; begin with --challenge", p->expected);
}

static Err keep_key(const Places *p, View key, Diag *diag)
{
    char folder[PATH_BYTES_MAX];
    TRY(path_format(folder, "%.2000s/tpm", p->folder));
    TRY_WHY(diag, dir_make_all(folder, 0755), "%s", folder);
    TRY_WHY(diag, file_replace(AT_FDCWD, p->key, key, 0644), "%s", p->key);
    return OK;
}

static Err compare(const Places *p, View expected, View answer, const char *name, Diag *diag)
{
    bool same = answer.size == TPM_SECRET_BYTES && sodium_memcmp(answer.data, expected.data, TPM_SECRET_BYTES) == 0;
    if (!same)
        return FAIL_WHY(diag, ERR_DENIED, "%s: the answer is not the secret of the challenge: the key is not shown to be in that TPM; begin with --challenge",
                        name);
    return keep_key(p, view_of(expected.data + TPM_SECRET_BYTES, expected.size - TPM_SECRET_BYTES), diag);
}

static Err accept_answer(const Places *p, const char *name, const char *file, Diag *diag)
{
    AUTO_BUFFER answer = buffer_limited(FILE_BYTES_MAX), expected = buffer_limited(EXPECTED_BYTES_MAX);
    TRY(hex_file_read(file, &answer, diag));
    Err e = take_expected(p, name, &expected, diag);
    if (e.code == 0) e = compare(p, view_buffer(&expected), view_buffer(&answer), name, diag);
    if (expected.size) sodium_memzero(expected.data, expected.size);
    return e;
}

covey_code covey_enrol_request(covey *c, covey_evidence *ret, covey_error *error)
{
    (void)c;
    Diag diag = {0};
    return api_result(request(ret, &diag), &diag, error);
}

covey_code covey_enrol_challenge(covey *c, const covey_enrolment *o, const char *file, covey_evidence *ret, covey_error *error)
{
    Diag diag = {0};
    Places p;
    Err e = find_places(c, o, &p, &diag);
    if (e.code == 0) e = challenge(&p, file, ret, &diag);
    return api_result(e, &diag, error);
}

covey_code covey_enrol_activate(covey *c, const char *file, covey_evidence *ret, covey_error *error)
{
    (void)c;
    Diag diag = {0};
    return api_result(activate(file, ret, &diag), &diag, error);
}

covey_code covey_enrol_accept(covey *c, const covey_enrolment *o, const char *file, covey_error *error)
{
    Diag diag = {0};
    Places p;
    Err e = find_places(c, o, &p, &diag);
    if (e.code == 0) e = accept_answer(&p, o->name, file, &diag);
    return api_result(e, &diag, error);
}
