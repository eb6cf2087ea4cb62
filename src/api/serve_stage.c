/* A stage as a service has it. */
#include "api/serve_stage.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/internal.h"
#include "api/warm_appraiser.h"
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
    bool lists_are_broken;
    WarmAppraiser *appraiser;
    Stage *stage;
    StageSocket *socket;
    LoopSource *reload;
};

/* Once, when it changes. */
static void note_lists(ServeStage *s, Err e)
{
    char detail[256];
    if ((e.code != 0) == s->lists_are_broken) return;
    s->lists_are_broken = e.code != 0;
    snprintf(detail, sizeof detail, "{\"what\":\"%s\",\"why\":\"%s\"}",
             e.code ? "the lists of orchestrators and of revoked keys cannot be read: nothing is staged until they can" : "the lists can be read again",
             e.code ? err_text(e.code) : "");
    Err ignored = audit_write(s->audit, clock_wall_ns(), AUDIT_POLICY, "stage", "", detail, false); /* evictions follow, written down or not */
    (void)ignored;
}

/* A list that cannot be read vouches for nobody: what is staged goes, and nothing comes, until it can be read again. Requests are only slower. */
static Err on_reload(void *context, uint32_t events)
{
    (void)events;
    ServeStage *s = context;
    StageKeys keys;
    RevokedKeys revoked = {0}, before = s->revoked;
    loop_set_timer(s->reload, clock_monotonic_ns() + RELOAD_MS * NS_PER_MS);
    Err e = stage_keys_load(s->config_dir, &keys, NULL);
    if (!e.code) e = revoked_load(s->config_dir, &revoked, NULL);
    if (e.code) keys.count = 0;
    note_lists(s, e);
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
    TRY_WHY(diag, warm_appraiser_open(s->config_dir, &s->appraiser, diag), "what is needed to appraise zygotes");
    config.appraiser = warm_appraiser_hooks(s->appraiser);
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
    warm_appraiser_close(&s->appraiser);
    audit_close(&s->audit);
    revoked_free(&s->revoked);
    secret_key_wipe(&s->secret);
    free(s);
    *stage = NULL;
}
