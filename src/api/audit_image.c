/*
 * Image trust decisions in the node's audit log: which images this user's tasks were to run here, and whether they may.
 *
 * The log is open for one entry at a time, so that many runs can share it. A decision that cannot be written is none: the image does not run.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api/internal.h"
#include "audit/audit.h"
#include "base/quoted.h"
#include "sys/clock.h"
#include "sys/fd.h"

static Err detail_text(const char *path, const ImageInfo *info, Err verdict, char **ret_text)
{
    char measurement[65], signer[PUBLIC_KEY_TEXT_MAX] = "";
    sha256_hex(&info->measurement, measurement);
    if (info->is_signed) {
        PublicKey key;
        memcpy(key.bytes, info->trailer.public_key, sizeof key.bytes);
        public_key_print(&key, signer);
    }
    json_t *name = json_string(path);
    if (!name) name = json_string(quoted(view_text(path)).text); /* not UTF-8 */
    json_t *detail = json_pack("{s:o, s:s, s:s, s:b, s:s}", "image", name, "measurement", measurement, "signer", signer, "trusted",
                               verdict.code == 0, "reason", verdict.code ? err_text(verdict.code) : "");
    char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
    json_decref(detail);
    if (!text) return FAIL(ENOMEM);
    *ret_text = text;
    return OK;
}

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

static Err write_entry(const char *path, const SecretKey *secret, const PublicKey *key, const char *detail, Diag *diag)
{
    Audit *a;
    TRY(open_shared(path, secret, key, &a, diag));
    Err e = audit_write(a, clock_wall_ns(), AUDIT_IMAGE_TRUST, "covey", "", detail, true);
    audit_close(&a);
    return e.code ? diag_complete(diag, e, "%s", path) : OK;
}

static Err write_with_node_key(const covey *c, const char *detail, Diag *diag)
{
    char path[PATH_BYTES_MAX], folder[PATH_BYTES_MAX];
    SecretKey secret;
    PublicKey key;
    TRY(audit_log_path(c, NULL, path, diag));
    TRY_WHY(diag, path_format(folder, "%.*s", (int)(strrchr(path, '/') - path), path), "%s", path);
    TRY_WHY(diag, dir_make_all(folder, 0700), "%s", folder);
    TRY_WHY(diag, path_format(folder, "%s/node", c->config_dir), "configuration folder");
    TRY(signing_key_open(folder, &secret, &key, diag));
    Err e = write_entry(path, &secret, &key, detail, diag);
    secret_key_wipe(&secret);
    return e;
}

Err audit_image_trust(const covey *c, const char *path, const ImageInfo *info, Err verdict, Diag *diag)
{
    char *detail;
    if (verdict.code && err_kind(verdict.code) != ERR_KIND_DENIED) return OK; /* no decision, a failure */
    TRY_WHY(diag, detail_text(path, info, verdict, &detail), "%s", path);
    Err e = write_with_node_key(c, detail, diag);
    free(detail);
    return e;
}
