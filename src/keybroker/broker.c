/* The key broker's core: its life, nonces, and what its decisions rest on. The decisions are in attest.c and release.c. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "keybroker/broker_parts.h"
#include "sys/fd.h"

/* --- shared parts --- */

Err rate_take(Rate *r, uint64_t now_s, uint64_t max, Diag *diag)
{
    if (r->minute != now_s / 60) *r = (Rate){.minute = now_s / 60};
    if (r->count >= max)
        return FAIL_WHY(diag, ERR_BUSY, "more requests this minute than the key broker takes: try again in a minute");
    r->count++;
    return OK;
}

/* A revoked key has no datasets, whoever it was. */
static Err take_owner(Broker *b, uint64_t now_s, Diag *diag)
{
    const TrustedKeys *earlier = b->config.earlier;
    if (is_revoked(b, b->config.owner->bytes, now_s))
        return FAIL_WHY(diag, ERR_DENIED, "the owner's signing key is revoked: no key is released in its name");
    b->owner.keys[0] = *b->config.owner;
    b->owner.count = 1;
    for (size_t i = 0; earlier && i < earlier->count && b->owner.count < TRUSTED_KEYS_MAX; i++)
        if (!is_revoked(b, earlier->keys[i].bytes, now_s)) b->owner.keys[b->owner.count++] = earlier->keys[i];
    return OK;
}

/* What was granted under other lists is asked for anew: sessions are forgotten here and on the disk. */
static Err forget_sessions(Broker *b)
{
    sessions_sweep(&b->sessions, UINT64_MAX);
    return state_sweep(b->state, INT64_MAX);
}

Err trust_refresh(Broker *b, uint64_t now_s, Diag *diag)
{
    bool changed = false;
    if (b->config.refresh) TRY_WHY(diag, b->config.refresh(b->config.refresh_context, &changed, diag), "the lists of trusted and revoked keys");
    if (changed) TRY_WHY(diag, forget_sessions(b), "the broker's sessions");
    return take_owner(b, now_s, diag);
}


/* Whom to trust is not the question here: this broker has no keys of other owners' data. */
static Err check_owner(const Broker *b, const PublicKey *signer, Diag *diag)
{
    char text[PUBLIC_KEY_TEXT_MAX];
    for (size_t i = 0; i < b->owner.count; i++)
        if (memcmp(&b->owner.keys[i], signer, sizeof *signer) == 0) return OK;
    public_key_print(signer, text);
    return FAIL_WHY(diag, ERR_UNTRUSTED, "sealed by %s, who is not this key broker's owner: ask that owner's key broker", text);
}

Err owned_footer(const Broker *b, View cose, Footer *ret_footer, Diag *diag)
{
    PublicKey signer;
    TRY(footer_open(cose, NULL, ret_footer, &signer, diag));
    TRY(check_owner(b, &signer, diag));
    if (ret_footer->is_result)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "this is a result file, not a dataset: its keys are its recipients'");
    return OK;
}

uint64_t session_end(const Policy *p, uint64_t now_s)
{
    const uint64_t end = now_s + SESSION_LIFETIME_S;
    return p->expires != 0 && p->expires < end ? p->expires : end;
}

static bool is_sealed_to(const Footer *f, const SealPublicKey *key)
{
    for (size_t i = 0; i < f->key_count; i++)
        if (memcmp(&f->keys[i].recipient, key, sizeof *key) == 0) return true;
    return false;
}

Err owned_key(const Broker *b, const Footer *f, AeadKey *ret_key, Diag *diag)
{
    const BrokerConfig *config = &b->config;
    SealSecretKey secret;
    if (is_sealed_to(f, config->sealing_public) || !config->find_sealing || f->key_count == 0)
        return footer_key(f, config->sealing, ret_key, diag);
    TRY(config->find_sealing(config->sealing_context, &f->keys[0].recipient, &secret, diag));
    Err e = footer_key(f, &secret, ret_key, diag);
    sodium_memzero(&secret, sizeof secret);
    return e;
}

Err session_revive(Broker *b, uint64_t now_s, Session *session, const Footer *footer, Diag *diag)
{
    uint8_t key[32];
    TRY(owned_key(b, footer, &session->dataset_key, diag));
    session->dataset = footer->name;
    session->segments = footer->segments;
    derive_session_key(&b->sessions.secrets->root, session->task_id, &session->dataset, &session->node, session->stage, key);
    derive_wrap_key(key, &session->wrap_key);
    sodium_memzero(key, sizeof key);
    return sessions_put(&b->sessions, session, now_s);
}

typedef struct { Broker *broker; uint64_t now_s; } Restore;

/* A session of before, with its keys derived again. One over data that are sealed to another key than the current one is left out: it may have
 * been begun before the key was rotated, and then its keys were others. Its SEEs attest again. */
static Err restore_session(void *context, const StoredSession *stored)
{
    const Restore *r = context;
    Footer footer;
    Session s = {.id = stored->id, .expires = stored->expires, .node = stored->node, .stage = stored->stage};
    memcpy(s.task_id, stored->task, sizeof s.task_id);
    if (is_revoked(r->broker, stored->node.bytes, r->now_s)) return FAIL(ERR_DENIED);
    TRY(owned_footer(r->broker, stored->footer, &footer, NULL));
    if (!is_sealed_to(&footer, r->broker->config.sealing_public)) return FAIL(ERR_NO_ENTRY);
    Err e = session_revive(r->broker, r->now_s, &s, &footer, NULL);
    sodium_memzero(&s, sizeof s);
    return e;
}

const Session *broker_session(Broker *b, uint64_t now_s, uint64_t id)
{
    const Session *s = sessions_find(&b->sessions, id, now_s);
    if (s) return s;
    Restore restore = {b, now_s};
    return state_session(b->state, id, now_s, restore_session, &restore).code ? NULL : sessions_find(&b->sessions, id, now_s);
}

/* --- life --- */

static Err path_in(const char *directory, const char *name, char ret_path[PATH_BYTES_MAX])
{
    return snprintf(ret_path, PATH_BYTES_MAX, "%s/%s", directory, name) < PATH_BYTES_MAX ? OK : FAIL(ERR_LIMIT);
}

static Err open_files(Broker *b, Diag *diag)
{
    char path[PATH_BYTES_MAX];
    const char *directory = b->config.state_dir;
    TRY_WHY(diag, dir_make_all(directory, 0700), "%s", directory);
    TRY_WHY(diag, path_in(directory, "broker.db", path), "%s", directory);
    TRY(state_open(path, &b->state, diag));
    TRY_WHY(diag, path_in(directory, "audit.log", path), "%s", directory);
    TRY_WHY(diag, audit_open(path, b->config.signing, b->config.owner, &b->record.log, diag), "%s", path);
    return b->config.collateral_dir ? collateral_load(b->config.collateral_dir, &b->collateral, diag) : OK;
}

static Err open_broker(Broker *b, uint64_t now_s, Diag *diag)
{
    TRY(take_owner(b, now_s, diag));
    TRY(open_files(b, diag));
    TRY(budget_open(b, now_s, diag));
    TRY(nonces_begin(&b->nonces));
    TRY(sessions_begin(&b->sessions, b->config.sealing));
    TRY_WHY(diag, state_sweep(b->state, now_s), "the broker's state");
    /* It may have been revoked while no broker ran, and a session does not say whose image it is of. */
    if (b->config.revoked && b->config.revoked->count > 0) TRY_WHY(diag, forget_sessions(b), "the broker's sessions");
    return OK;
}

Err broker_new(const BrokerConfig *config, uint64_t now_s, Broker **ret_broker, Diag *diag)
{
    Broker *b = calloc(1, sizeof *b);
    if (!b) return FAIL(ENOMEM);
    b->config = *config;
    Err e = open_broker(b, now_s, diag);
    if (e.code) broker_free(&b);
    else *ret_broker = b;
    return e;
}

void broker_free(Broker **broker)
{
    Broker *b = *broker;
    if (!b) return;
    sessions_end(&b->sessions);
    audit_close(&b->record.log);
    state_close(&b->state);
    collateral_free(&b->collateral);
    sodium_memzero(&b->nonces, sizeof b->nonces);
    free(b);
    *broker = NULL;
}

Err broker_sweep(Broker *b, uint64_t now_s)
{
    sessions_sweep(&b->sessions, now_s);
    return state_sweep(b->state, now_s);
}

Err broker_challenge(Broker *b, uint64_t now_s, uint8_t ret_nonce[EVIDENCE_NONCE_BYTES], Diag *diag)
{
    TRY_WHY(diag, nonces_make(&b->nonces, now_s, ret_nonce), "a fresh nonce");
    return OK;
}
