/* The audit log for the library's user: verifying it, and reading its entries. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/internal.h"
#include "audit/audit.h"
#include "crypto/keyring.h"

const char *covey_audit_event(unsigned index) { return index < AUDIT_EVENT_COUNT ? audit_event_name((AuditEvent)index) : NULL; }

/* The node's log is named after the node's key, which signs it: another configuration folder, or a new key, has a log of its own. */
static Err node_log_path(const covey *c, char ret_path[PATH_BYTES_MAX], Diag *diag)
{
    char node[PATH_BYTES_MAX], name[2 * 8 + 1];
    PublicKey key;
    TRY_WHY(diag, path_format(node, "%s/node", c->config_dir), "configuration folder");
    TRY(keyring_public(node, &key, NULL, diag));
    sodium_bin2hex(name, sizeof name, key.bytes, sizeof name / 2);
    int state = (int)(strrchr(c->tasks_dir, '/') - c->tasks_dir); /* <state>/tasks */
    TRY_WHY(diag, path_format(ret_path, "%.*s/audit-%s.log", state, c->tasks_dir, name), "path of the audit log");
    return OK;
}

Err audit_log_path(const covey *c, const char *path, char ret_path[PATH_BYTES_MAX], Diag *diag)
{
    if (!path) return node_log_path(c, ret_path, diag);
    TRY_WHY(diag, path_format(ret_path, "%s", path), "path of the audit log");
    return OK;
}

/* The log may be whole: a key that others have can write a whole one. */
static Err verify_with(const covey *c, const char *path, const PublicKey *key, AuditReport *ret_report, Diag *diag)
{
    char text[PUBLIC_KEY_TEXT_MAX];
    Diag why = {0};
    TRY(audit_verify(path, key, ret_report, diag));
    public_key_print(key, text);
    Err revoked = revoked_refuse(c->config_dir, key->bytes, text, &why);
    if (revoked.code == ERR_DENIED) return FAIL_WHY(diag, ERR_DENIED, "%s: is whole, but who else has its key could have written it: %.300s", path, why.text);
    if (revoked.code) *diag = why;
    return revoked;
}

/* Without a key to verify with: the user's own or this node's. */
static Err verify_as_mine(const covey *c, const char *path, AuditReport *ret_report, Diag *diag)
{
    PublicKey key;
    char node[PATH_BYTES_MAX];
    TRY(keyring_public(c->config_dir, &key, NULL, diag));
    Err mine = verify_with(c, path, &key, ret_report, diag);
    if (mine.code != ERR_UNTRUSTED) return mine;
    TRY_WHY(diag, path_format(node, "%s/node", c->config_dir), "configuration folder");
    if (access(node, F_OK) < 0) return mine;
    TRY(keyring_public(node, &key, NULL, diag));
    return verify_with(c, path, &key, ret_report, diag);
}

static Err verify(const covey *c, const char *path, const char *key_text, AuditReport *ret_report, Diag *diag)
{
    PublicKey key;
    if (!key_text) return verify_as_mine(c, path, ret_report, diag);
    if (public_key_parse(key_text, &key).code)
        return FAIL_WHY(diag, ERR_USAGE, "%.80s: is not a public signing key; covey key show prints one", key_text);
    return verify_with(c, path, &key, ret_report, diag);
}

static void describe(const AuditReport *r, covey_audit_report *ret)
{
    ret->lines = r->lines;
    ret->entries = r->entries;
    ret->checkpoints = r->checkpoints;
    ret->unsigned_lines = r->unsigned_lines;
    ret->torn_bytes = r->torn_bytes;
    ret->bad_line = r->bad_line;
    ret->closed = r->closed;
    sha256_hex(&r->hash, ret->last_hash);
    _Static_assert(sizeof ret->first == sizeof r->first && sizeof ret->last == sizeof r->last, "the same limit on both sides");
    memcpy(ret->first, r->first, sizeof ret->first);
    memcpy(ret->last, r->last, sizeof ret->last);
}

covey_code covey_audit_verify(covey *c, const char *path, const char *public_key, covey_audit_report *ret, covey_error *error)
{
    Diag diag = {0};
    AuditReport report = {0};
    covey_audit_report described = {0};
    Err e = audit_log_path(c, path, described.path, &diag);
    if (e.code == 0) e = verify(c, described.path, public_key, &report, &diag);
    describe(&report, &described);
    *ret = described;
    return api_result(e, &diag, error);
}

typedef struct { covey_audit_visit visit; void *context; } Visitor;

static Err visit_entry(void *context, const AuditEntry *e)
{
    const Visitor *v = context;
    covey_audit_entry entry = {.line = e->line, .seq = e->seq, .time = e->time, .event = e->event, .by = e->by, .task = e->task, .json = e->json};
    return v->visit(v->context, &entry) == 0 ? OK : FAIL(ERR_INTERRUPTED);
}

covey_code covey_audit_each(covey *c, const char *path, covey_audit_visit visit, void *context, covey_error *error)
{
    Diag diag = {0};
    char name[PATH_BYTES_MAX];
    Visitor v = {visit, context};
    Err e = audit_log_path(c, path, name, &diag);
    if (e.code == 0) e = audit_each(name, visit_entry, &v, &diag);
    return api_result(e, &diag, error);
}
