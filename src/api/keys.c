/* The user's keys: made, shown, replaced, trusted, revoked. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/audit_note.h"
#include "base/rfc3339.h"
#include "crypto/keyring.h"
#include "sys/fd.h"

_Static_assert(COVEY_KEY_TEXT_MAX == PUBLIC_KEY_TEXT_MAX && COVEY_ROTATION_TEXT_MAX == ROTATION_TEXT_MAX, "the same limits on both sides");

static Err public_keys(covey *c, char *ret_signing, char *ret_sealing, Diag *diag)
{
    PublicKey signing;
    SealPublicKey sealing;
    TRY(keyring_public(c->config_dir, ret_signing ? &signing : NULL, ret_sealing ? &sealing : NULL, diag));
    if (ret_signing) public_key_print(&signing, ret_signing);
    if (ret_sealing) seal_public_print(&sealing, ret_sealing);
    return OK;
}

covey_code covey_key_public(covey *c, char ret_text[COVEY_KEY_TEXT_MAX], covey_error *error)
{
    Diag diag = {0};
    Err e = public_keys(c, ret_text, NULL, &diag);
    return api_result(e, &diag, error);
}

covey_code covey_key_sealing(covey *c, char ret_text[COVEY_KEY_TEXT_MAX], covey_error *error)
{
    Diag diag = {0};
    Err e = public_keys(c, NULL, ret_text, &diag);
    return api_result(e, &diag, error);
}

covey_code covey_key_node(covey *c, char ret_text[COVEY_KEY_TEXT_MAX], covey_error *error)
{
    Diag diag = {0};
    char directory[PATH_BYTES_MAX];
    SecretKey secret;
    PublicKey node;
    Err e = path_format(directory, "%s/node", c->config_dir);
    if (e.code == 0) e = signing_key_open(directory, &secret, &node, &diag);
    if (e.code == 0) {
        secret_key_wipe(&secret);
        public_key_print(&node, ret_text);
    }
    return api_result(e, &diag, error);
}

/* Renames what is there; nothing there is as good. */
static Err put_aside(const char *from, const char *to, Diag *diag)
{
    Err e = file_rename(from, to);
    return e.code == 0 || e.code == ENOENT ? OK : FAIL_WHY(diag, e.code, "the key is new, but %s cannot be put aside: %s", from, err_text(e.code));
}

typedef struct { char broker[PATH_BYTES_MAX], old[2 * 8 + 1]; } BrokerPlace;

/* false: the signing key is the same as before. */
static Err find_broker(const covey *c, const PublicKey *old, BrokerPlace *ret_place, bool *ret_changed, Diag *diag)
{
    PublicKey now;
    TRY(keyring_public(c->config_dir, &now, NULL, diag));
    *ret_changed = memcmp(&now, old, sizeof now) != 0;
    sodium_bin2hex(ret_place->old, sizeof ret_place->old, old->bytes, sizeof ret_place->old / 2);
    TRY_WHY(diag, path_format(ret_place->broker, "%.*s/keybroker", (int)(strrchr(c->tasks_dir, '/') - c->tasks_dir), c->tasks_dir), "state folder");
    return OK;
}

/* An unrelated key: its broker begins anew, the state of the old one's stays beside. */
static Err put_broker_aside(const covey *c, const PublicKey *old, Diag *diag)
{
    BrokerPlace p;
    char to[PATH_BYTES_MAX];
    bool changed;
    TRY(find_broker(c, old, &p, &changed, diag));
    TRY_WHY(diag, path_format(to, "%.2000s-%s", p.broker, p.old), "state folder");
    return changed ? put_aside(p.broker, to, diag) : OK;
}

/* A successor: its broker goes on, with the runs that were counted; only the audit log, which the old key signs, ends. */
static Err put_log_aside(const covey *c, const PublicKey *old, Diag *diag)
{
    static const char *const PARTS[] = {"", ".head"};
    BrokerPlace p;
    char from[PATH_BYTES_MAX], to[PATH_BYTES_MAX];
    bool changed;
    TRY(find_broker(c, old, &p, &changed, diag));
    for (size_t i = 0; changed && i < sizeof PARTS / sizeof PARTS[0]; i++) {
        TRY_WHY(diag, path_format(from, "%.2000s/audit.log%s", p.broker, PARTS[i]), "state folder");
        TRY_WHY(diag, path_format(to, "%.2000s/audit-%s.log%s", p.broker, p.old, PARTS[i]), "state folder");
        TRY(put_aside(from, to, diag));
    }
    return OK;
}

/* The signing key that is there; one that cannot be read is replaced as well. */
static bool has_key(const covey *c, PublicKey *ret_key)
{
    char path[PATH_BYTES_MAX];
    return path_format(path, "%s/signing.key", c->config_dir).code == 0 && access(path, F_OK) == 0 &&
           keyring_public(c->config_dir, ret_key, NULL, NULL).code == 0;
}

/* Into the audit log of this node. What was done stays done when that fails, and the user is told. `detail` is taken. */
static Err note_change(const covey *c, json_t *detail, Diag *diag)
{
    Diag why = {0};
    Err e = audit_note(c, AUDIT_KEY_CHANGE, NULL, detail, &why);
    return e.code ? FAIL_WHY(diag, e.code, "it is done, but not in the audit log: %s", why.text[0] ? why.text : err_text(e.code)) : OK;
}

static Err note_own_keys(covey *c, const char *what, const PublicKey *old, Diag *diag)
{
    char signing[PUBLIC_KEY_TEXT_MAX], sealing[PUBLIC_KEY_TEXT_MAX], before[PUBLIC_KEY_TEXT_MAX] = "";
    TRY(public_keys(c, signing, sealing, diag));
    if (old) public_key_print(old, before);
    return note_change(c, json_pack("{s:s, s:s, s:s, s:s}", "what", what, "signing", signing, "sealing", sealing, "before", before), diag);
}

static Err make_new(covey *c, bool replace, const char *passphrase, Diag *diag)
{
    PublicKey old;
    bool replaced = replace && has_key(c, &old);
    TRY(keyring_new(c->config_dir, replace, passphrase, diag));
    if (replaced) TRY(put_broker_aside(c, &old, diag));
    return note_own_keys(c, "new", replaced ? &old : NULL, diag);
}

static Err rotate(covey *c, const char *passphrase, char ret_statement[COVEY_ROTATION_TEXT_MAX], Diag *diag)
{
    PublicKey old;
    TRY(keyring_public(c->config_dir, &old, NULL, diag));
    TRY(keyring_rotate(c->config_dir, passphrase, passphrase_ask, diag, ret_statement, diag));
    TRY(put_log_aside(c, &old, diag));
    return note_own_keys(c, "rotate", &old, diag);
}

covey_code covey_key_new(covey *c, bool replace, bool with_passphrase, covey_error *error)
{
    Diag diag = {0};
    char passphrase[PASSPHRASE_MAX];
    Err e = with_passphrase ? passphrase_new(passphrase, &diag) : OK;
    if (e.code == 0) e = make_new(c, replace, with_passphrase ? passphrase : NULL, &diag);
    sodium_memzero(passphrase, sizeof passphrase);
    return api_result(e, &diag, error);
}

covey_code covey_key_rotate(covey *c, bool new_passphrase, char ret_statement[COVEY_ROTATION_TEXT_MAX], covey_error *error)
{
    Diag diag = {0};
    char passphrase[PASSPHRASE_MAX];
    Err e = new_passphrase ? passphrase_new(passphrase, &diag) : OK;
    if (e.code == 0) e = rotate(c, new_passphrase ? passphrase : NULL, ret_statement, &diag);
    sodium_memzero(passphrase, sizeof passphrase);
    return api_result(e, &diag, error);
}

covey_code covey_key_trust(covey *c, const char *key_or_statement, const char *comment, covey_error *error)
{
    Diag diag = {0};
    Err e = strchr(key_or_statement, ' ') ? keyring_trust_rotation(c->config_dir, key_or_statement, &diag)
                                          : keyring_trust(c->config_dir, key_or_statement, comment, &diag);
    if (e.code == 0)
        e = note_change(c, json_pack("{s:s, s:s, s:s}", "what", "trust", "key", key_or_statement, "comment", comment ? comment : ""), &diag);
    return api_result(e, &diag, error);
}

covey_code covey_key_revoke(covey *c, const char *key, const char *since, const char *comment, covey_error *error)
{
    Diag diag = {0};
    uint64_t time = 0;
    Err e = OK;
    if (since && rfc3339_parse(view_text(since), &time).code != 0)
        e = FAIL_WHY(&diag, ERR_BAD_INPUT, "%s: not a time; write it as 2027-01-01T00:00:00Z", since);
    if (e.code == 0) e = keyring_revoke(c->config_dir, key, time, comment, &diag);
    if (e.code == 0)
        e = note_change(c, json_pack("{s:s, s:s, s:s, s:s}", "what", "revoke", "key", key, "since", since ? since : "", "comment", comment ? comment : ""),
                        &diag);
    return api_result(e, &diag, error);
}
