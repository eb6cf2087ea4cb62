/*
 * One entry in the node's audit log, signed with the node's key. The log is open for one entry at a time, so that many runs can share it.
 */
#include "api/audit_note.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sys/clock.h"
#include "sys/fd.h"

static Err open_shared(const char *path, const SecretKey *secret, const PublicKey *key, Audit **ret_audit, Diag *diag)
{
    enum { TRIES = 500, PAUSE_MS = 10 };
    const struct timespec pause = {.tv_nsec = PAUSE_MS * NS_PER_MS};
    for (int i = 0;; i++) {
        Err e = audit_open(path, secret, key, ret_audit, diag);
        if (e.code != ERR_BUSY || i == TRIES) return e;
        nanosleep(&pause, NULL);
    }
}

typedef struct { AuditEvent event; const char *task, *detail; } Entry;

static Err write_entry(const char *path, const SecretKey *secret, const PublicKey *key, const Entry *entry, Diag *diag)
{
    Audit *a;
    TRY(open_shared(path, secret, key, &a, diag));
    Err e = audit_write(a, clock_wall_ns(), entry->event, "covey", entry->task, entry->detail, true);
    audit_close(&a);
    return e.code ? diag_complete(diag, e, "%s", path) : OK;
}

static Err write_with_node_key(const covey *c, const Entry *entry, Diag *diag)
{
    char path[PATH_BYTES_MAX], folder[PATH_BYTES_MAX];
    SecretKey secret;
    PublicKey key;
    TRY(audit_log_path(c, NULL, path, diag));
    TRY_WHY(diag, path_format(folder, "%.*s", (int)(strrchr(path, '/') - path), path), "%s", path);
    TRY_WHY(diag, dir_make_all(folder, 0700), "%s", folder);
    TRY_WHY(diag, path_format(folder, "%s/node", c->config_dir), "configuration folder");
    TRY(signing_key_open(folder, &secret, &key, diag));
    Err e = write_entry(path, &secret, &key, entry, diag);
    secret_key_wipe(&secret);
    return e;
}

Err audit_note(const covey *c, AuditEvent event, const char *task, json_t *detail, Diag *diag)
{
    char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
    json_decref(detail);
    if (!text) return FAIL(ENOMEM);
    Err e = write_with_node_key(c, &(Entry){event, task ? task : "", text}, diag);
    free(text);
    return e;
}
