/* covey pto stage: what a service's tasks need, signed and handed to its node's stage by hand. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/internal.h"
#include "api/pto.h"
#include "base/units.h"
#include "pto/hand_over.h"
#include "pto/service.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { KEEP_MS_DEFAULT = 10 * 60 * 1000, PATIENCE_MS = 30000 };

typedef struct {
    const covey *covey;
    const covey_pto_stage_options *options;
    Service service;
    char folder[PATH_BYTES_MAX];
    SecretKey secret;
    PublicKey public_key;
    HandOver hand_over;
    uint64_t keep_ms;
    int refused;                  /* the first refusal's code */
} Staging;

/* The next outcome, or HELLO (*ret_outcome then has code 0). */
static Err next(Staging *s, StageOutcome *ret_outcome)
{
    const bool greeted = s->hand_over.link.greeted;
    const uint64_t end = clock_monotonic_ns() + PATIENCE_MS * NS_PER_MS;
    for (uint64_t now = clock_monotonic_ns(); now < end; now = clock_monotonic_ns()) {
        *ret_outcome = (StageOutcome){.code = 0};
        Err e = stage_link_receive(&s->hand_over.link, ret_outcome);
        if (e.code != ERR_BUSY) return e;
        if (!greeted && s->hand_over.link.greeted) return OK;
        struct pollfd p = {s->hand_over.link.socket, POLLIN, 0};
        if (poll(&p, 1, (int)((end - now) / NS_PER_MS) + 1) < 0 && errno != EINTR) return FAIL(errno);
    }
    return FAIL(ETIMEDOUT);
}

/* Waits for what becomes of this one; others' outcomes pass by. */
static Err settle(Staging *s, const Resource *r, Diag *diag)
{
    StageOutcome o;
    do TRY_WHY(diag, next(s, &o), "%s: the stage does not answer", r->name);
    while (o.code == 0 || o.sequence != r->sequence || memcmp(o.pto.bytes, r->pto.bytes, sizeof o.pto.bytes) != 0);
    const covey_staged staged = {.name = r->name, .kind = r->kind == RESOURCE_IMAGE ? "image" : "data", .outcome = stage_outcome_word(o.code),
                                 .why = stage_outcome_text(o.code), .bytes = r->size, .held_bytes = o.bytes_held,
                                 .seconds = (double)o.elapsed_ns / 1e9, .is_staged = o.code == STAGE_STAGED};
    s->options->outcome(s->options->context, &staged);
    if (o.code != STAGE_STAGED && !s->refused) s->refused = (int)o.code;
    return OK;
}

static Err hand_over_file(Staging *s, Resource *r, const char *task, const char *path, Diag *diag)
{
    AUTO_FD fd = -1;
    Err e = hand_over_read(path, &fd, &r->size, &r->hash);
    if (e.code) return FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code, "%s: %s", path, err_text(e.code));
    r->task_count = 1;
    snprintf(r->tasks[0].text, sizeof r->tasks[0].text, "%s", task);
    e = hand_over_offer(&s->hand_over, r, fd, s->keep_ms);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: cannot be offered: %s", path, err_text(e.code));
    return settle(s, r, diag);
}

static Err stage_task(Staging *s, const ServiceTask *t, Diag *diag)
{
    ReadyImage image;
    TRY(image_ready(s->covey, t->name, t->image, t->module, s->service.memory_max, &image, diag));
    for (size_t i = 0; i < t->data_count; i++) {
        char path[PATH_BYTES_MAX];
        Resource r = {.kind = RESOURCE_DATA, .image_count = 1, .images = {image.measurement}};
        TRY_WHY(diag, path_format(path, "%s/%s", s->service.store.path, t->data[i]), "%s", t->data[i]);
        TRY_WHY(diag, hand_over_name(t->name, t->data[i], r.name), "%s: cannot be a resource's name", t->data[i]);
        TRY(hand_over_file(s, &r, t->name, path, diag));
    }
    if (s->options->data_only) return OK;
    Resource r = {.kind = RESOURCE_IMAGE, .shape = {s->service.level, s->service.memory_max, s->service.output_max, s->options->zygotes}};
    if (r.shape.zygotes == 0) r.shape.zygotes = 1;
    snprintf(r.name, sizeof r.name, "%s", t->name);
    return hand_over_file(s, &r, t->name, image.path, diag);
}

Err pto_folder(const covey *c, const char *state_dir, char ret_path[PATH_BYTES_MAX], Diag *diag)
{
    const char *slash = strrchr(c->tasks_dir, '/'); /* <state>/tasks */
    if (state_dir) TRY_WHY(diag, path_format(ret_path, "%s", state_dir), "state folder");
    else TRY_WHY(diag, path_format(ret_path, "%.*s/pto", slash ? (int)(slash - c->tasks_dir) : 0, c->tasks_dir), "state folder");
    TRY_WHY(diag, dir_make_all(ret_path, 0700), "%s", ret_path);
    return OK;
}

static Err prepare(Staging *s, Diag *diag)
{
    const covey_pto_stage_options *o = s->options;
    uint64_t keep_ns = KEEP_MS_DEFAULT * NS_PER_MS;
    StageOutcome hello;
    if (o->keep && (!duration_parse(o->keep, &keep_ns) || keep_ns < NS_PER_MS)) return FAIL_WHY(diag, ERR_USAGE, "keep: %s is no duration such as 10min", o->keep);
    if (o->zygotes > RESOURCE_ZYGOTES_MAX) return FAIL_WHY(diag, ERR_USAGE, "zygotes: at most %d", RESOURCE_ZYGOTES_MAX);
    s->keep_ms = keep_ns / NS_PER_MS;
    TRY(service_load(o->service_file, &s->service, diag));
    TRY(pto_folder(s->covey, o->state_dir, s->folder, diag));
    TRY_WHY(diag, signing_key_open(s->folder, &s->secret, &s->public_key, diag), "the orchestrator's key");
    Err e = hand_over_open(o->stage, &s->secret, &s->public_key, &s->hand_over);
    if (e.code) return FAIL_WHY(diag, e.code == ENOENT || e.code == ECONNREFUSED ? ERR_NO_ENTRY : e.code, "%s: no stage listens there: %s", o->stage, err_text(e.code));
    e = next(s, &hello);
    return e.code ? FAIL_WHY(diag, e.code, "%s: the stage lets nobody in: %s", o->stage, err_text(e.code)) : OK;
}

static Err stage_all(Staging *s, Diag *diag)
{
    TRY(prepare(s, diag));
    for (size_t i = 0; i < s->options->task_count; i++) {
        const char *name = s->options->tasks[i];
        uint32_t task = service_find(&s->service, view_text(name));
        if (task == UINT32_MAX) return FAIL_WHY(diag, ERR_NO_ENTRY, "%s: has no task '%s'", s->options->service_file, name);
        TRY(stage_task(s, &s->service.tasks[task], diag));
    }
    if (s->refused) return FAIL_WHY(diag, ERR_DENIED, "not everything was staged: %s", stage_outcome_text((uint32_t)s->refused));
    return OK;
}

covey_code covey_pto_stage(covey *c, const covey_pto_stage_options *options, covey_error *error)
{
    Diag diag = {{0}};
    Staging s = {.covey = c, .options = options, .hand_over.link.socket = -1};
    Err e = stage_all(&s, &diag);
    hand_over_close(&s.hand_over);
    secret_key_wipe(&s.secret);
    service_free(&s.service);
    return api_result(e, &diag, error);
}

covey_code covey_pto_key(covey *c, const char *state_dir, char ret_text[COVEY_PTO_KEY_MAX], covey_error *error)
{
    Diag diag = {{0}};
    char folder[PATH_BYTES_MAX];
    SecretKey secret;
    PublicKey public_key;
    Err e = pto_folder(c, state_dir, folder, &diag);
    if (!e.code) e = signing_key_open(folder, &secret, &public_key, &diag);
    if (e.code) return api_result(e, &diag, error);
    secret_key_wipe(&secret);
    public_key_print(&public_key, ret_text);
    return COVEY_OK;
}
