/* A stage as a service has it. */
#include "api/serve_stage.h"

#include <errno.h>
#include <stdlib.h>

#include "api/internal.h"
#include "node/stage_socket.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { RELOAD_MS = 1000 };

struct ServeStage {
    Loop *loop;
    char config_dir[PATH_BYTES_MAX], audit_path[PATH_BYTES_MAX];
    SecretKey secret;             /* of the log */
    PublicKey public_key;
    Audit *audit;
    TrustedKeys trusted;
    RevokedKeys revoked;
    Stage *stage;
    StageSocket *socket;
    LoopSource *reload;
};

/* A list that cannot be read now leaves the last one in force. */
static Err on_reload(void *context, uint32_t events)
{
    (void)events;
    ServeStage *s = context;
    StageKeys keys;
    RevokedKeys revoked = {0}, before = s->revoked;
    loop_set_timer(s->reload, clock_monotonic_ns() + RELOAD_MS * NS_PER_MS);
    if (stage_keys_load(s->config_dir, &keys, NULL).code || revoked_load(s->config_dir, &revoked, NULL).code) {
        revoked_free(&revoked);
        return OK;
    }
    s->revoked = revoked;
    stage_set_keys(s->stage, &keys, &s->revoked);
    revoked_free(&before);
    return OK;
}

static Err fill_in(ServeStage *s, const char *folder, const char *path, uid_t uid, uint64_t bytes_max, Diag *diag)
{
    StageConfig config = {.loop = s->loop, .trusted = &s->trusted, .revoked = &s->revoked, .bytes_max = bytes_max};
    TRY_WHY(diag, dir_make_all(folder, 0700), "%s", folder);
    TRY_WHY(diag, path_format(s->audit_path, "%s/audit.log", folder), "audit log");
    TRY_WHY(diag, signing_key_open(folder, &s->secret, &s->public_key, diag), "the stage's key");
    TRY(audit_open(s->audit_path, &s->secret, &s->public_key, &s->audit, diag));
    config.audit = s->audit;
    TRY_WHY(diag, trusted_keys_load(s->config_dir, &s->trusted, diag), "trusted keys");
    TRY_WHY(diag, stage_keys_load(s->config_dir, &config.keys, diag), "orchestrators");
    TRY_WHY(diag, revoked_load(s->config_dir, &s->revoked, diag), "revoked keys");
    TRY_WHY(diag, stage_new(&config, &s->stage), "the stage");
    TRY_WHY(diag, loop_add_timer(s->loop, clock_monotonic_ns() + RELOAD_MS * NS_PER_MS, on_reload, s, &s->reload), "the stage");
    return stage_socket_open(s->stage, s->loop, path, uid, &s->socket, diag);
}

Err serve_stage_open(Loop *loop, const char *config_dir, const char *folder, const char *path, uid_t uid, uint64_t bytes_max,
                     ServeStage **ret_stage, Diag *diag)
{
    ServeStage *s = calloc(1, sizeof *s);
    if (!s) return FAIL_WHY(diag, ENOMEM, "no memory for the stage");
    s->loop = loop;
    Err e = path_format(s->config_dir, "%s", config_dir);
    if (!e.code) e = fill_in(s, folder, path, uid, bytes_max, diag);
    if (e.code) serve_stage_close(&s);
    else *ret_stage = s;
    return e;
}

Stage *serve_stage_stage(ServeStage *s) { return s ? s->stage : NULL; }

void serve_stage_close(ServeStage **stage)
{
    ServeStage *s = *stage;
    if (!s) return;
    stage_socket_close(&s->socket);
    loop_remove(&s->reload);
    stage_free(&s->stage);
    audit_close(&s->audit);
    revoked_free(&s->revoked);
    secret_key_wipe(&s->secret);
    free(s);
    *stage = NULL;
}
