/* The audit log for the library's user: verifying it, and reading its entries. */
#include <stdio.h>
#include <string.h>

#include "api/internal.h"
#include "audit/audit.h"
#include "crypto/keyring.h"

const char *covey_audit_event(unsigned index) { return index < AUDIT_EVENT_COUNT ? audit_event_name((AuditEvent)index) : NULL; }

/* <state>/audit.log, beside the folder of the tasks' journals. */
static Err log_path(const covey *c, const char *path, char ret_path[PATH_BYTES_MAX], Diag *diag)
{
    if (path) TRY_WHY(diag, path_format(ret_path, "%s", path), "path of the audit log");
    else TRY_WHY(diag, path_format(ret_path, "%.*s/audit.log", (int)(strrchr(c->tasks_dir, '/') - c->tasks_dir), c->tasks_dir), "path of the audit log");
    return OK;
}

static Err writers_key(const covey *c, const char *text, PublicKey *ret_key, Diag *diag)
{
    if (!text) return keyring_public(c->config_dir, ret_key, NULL, diag);
    if (public_key_parse(text, ret_key).code == 0) return OK;
    return FAIL_WHY(diag, ERR_USAGE, "%.80s: is not a public signing key; covey key show prints one", text);
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
    PublicKey key;
    AuditReport report = {0};
    covey_audit_report described = {0};
    Err e = log_path(c, path, described.path, &diag);
    if (e.code == 0) e = writers_key(c, public_key, &key, &diag);
    if (e.code == 0) e = audit_verify(described.path, &key, &report, &diag);
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
    Err e = log_path(c, path, name, &diag);
    if (e.code == 0) e = audit_each(name, visit_entry, &v, &diag);
    return api_result(e, &diag, error);
}
