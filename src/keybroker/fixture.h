/**
 * A small world for the broker's tests: an owner with a sealed dataset's footer, a node, and zygotes of tasks that attest. Keys
 * are made from fixed seeds.
 */
#pragma once
#include <sodium.h>
#include <stdio.h>

#include "base/test.h"
#include "keybroker/broker.h"
#include "sys/test.h"

enum { NOW = 1800000000, SEGMENTS = 5 };

typedef struct { SecretKey secret; PublicKey public_key; } SignPair;
typedef struct { SealSecretKey secret; SealPublicKey public_key; } SealPair;

static inline SignPair sign_pair(uint8_t number)
{
    SignPair p;
    uint8_t seed[crypto_sign_SEEDBYTES] = {number};
    crypto_sign_seed_keypair(p.public_key.bytes, p.secret.bytes, seed);
    return p;
}

static inline SealPair seal_pair(uint8_t number)
{
    SealPair p;
    uint8_t seed[32] = {number};
    hpke_derive_secret(view_of(seed, sizeof seed), &p.secret);
    hpke_public_of(&p.secret, &p.public_key);
    return p;
}

static const Sha256 IMAGE = {{0x11}}, OTHER_IMAGE = {{0x12}}, SETUP = {{0x13}}, BUILT_IN = {{0x14}};
static const AeadKey DATASET_KEY = {{0x42, 0x43}};

/* What the dataset's policy and footer say; a test changes a field before it seals. */
typedef struct {
    Policy policy;
    Sha256 images[1];
    PublicKey nodes[1];
    SealPublicKey recipients[1];
    uint8_t id;
    uint64_t version;
    const SignPair *signer;
    const SealPair *owner_sealing;
    const char *columns; /* the CSV header that the footer discloses; NULL: a footer that says nothing of columns */
} DatasetWish;

typedef struct {
    TestFolder folder;
    SignPair owner, node, stranger;
    SealPair owner_sealing, recipient, see;
    TrustedKeys nodes;
    RevokedKeys revoked;
    uint8_t revoked_keys[4][32];
    uint64_t revoked_since[4];
    Broker *broker;
    Buffer footer;
} World;

static inline BrokerConfig world_config(World *w)
{
    return (BrokerConfig){.state_dir = w->folder.path,
                          .signing = &w->owner.secret,
                          .owner = &w->owner.public_key,
                          .sealing = &w->owner_sealing.secret,
                          .sealing_public = &w->owner_sealing.public_key,
                          .nodes = &w->nodes,
                          .revoked = &w->revoked,
                          .aggregate = &BUILT_IN};
}

static inline void world_start(World *w, uint64_t now)
{
    Diag why = {{0}};
    const BrokerConfig config = world_config(w);
    Err e = broker_new(&config, now, &w->broker, &why);
    ck_assert_msg(e.code == 0, "%s (%s)", why.text, err_text(e.code));
}

static inline DatasetWish dataset_wish(const World *w)
{
    DatasetWish d = {
        .policy = {.name = "test", .image_count = 1, .recipient_count = 1, .level = LEVEL_PROCESS, .evidence = EVIDENCE_NODE_KEY},
        .images = {IMAGE},
        .nodes = {w->node.public_key},
        .recipients = {w->recipient.public_key},
        .id = 7,
        .version = 3,
        .signer = &w->owner,
        .owner_sealing = &w->owner_sealing};
    return d;
}

/* The signed footer of such a dataset. */
static inline void world_seal(World *w, DatasetWish *d)
{
    AUTO_BUFFER policy = buffer_limited(POLICY_BYTES_MAX);
    Footer f = {.name = {.id = {d->id}, .version = d->version}, .segments = SEGMENTS, .plain_bytes = 1000};
    d->policy.images = d->images;
    d->policy.nodes = d->nodes;
    d->policy.recipients = d->recipients;
    ck_assert_ok(policy_encode(&d->policy, &policy));
    f.policy = view_buffer(&policy);
    f.has_columns = d->columns != NULL;
    if (d->columns) f.columns = view_text(d->columns);
    ck_assert_ok(footer_add_key(&f, &d->owner_sealing->public_key, &DATASET_KEY));
    buffer_free(&w->footer);
    w->footer = buffer_limited(FOOTER_BYTES_MAX);
    ck_assert_ok(footer_sign(&f, &d->signer->secret, &d->signer->public_key, &w->footer));
}

/* Before a broker is started: a fixture that others may still change. */
static inline void world_prepare(World *w)
{
    *w = (World){.folder = test_folder(),
                 .owner = sign_pair(1),
                 .node = sign_pair(2),
                 .stranger = sign_pair(3),
                 .owner_sealing = seal_pair(4),
                 .recipient = seal_pair(5),
                 .see = seal_pair(6)};
    w->nodes.count = 1;
    w->nodes.keys[0] = w->node.public_key;
    w->revoked = (RevokedKeys){.keys = w->revoked_keys, .since = w->revoked_since};
    DatasetWish d = dataset_wish(w);
    world_seal(w, &d);
}

static inline void world_begin(World *w)
{
    world_prepare(w);
    world_start(w, NOW);
}

static inline void world_revoke(World *w, const uint8_t key[32]) { memcpy(w->revoked_keys[w->revoked.count++], key, 32); }

static inline void world_end(World *w)
{
    broker_free(&w->broker);
    buffer_free(&w->footer);
    test_folder_remove(&w->folder);
}

/* --- one zygote that attests --- */

typedef struct {
    Evidence evidence;
    const SignPair *signer;      /* who signs the evidence */
    uint8_t task;
    uint32_t stage;
    uint64_t now;
    const PrivacyRequest *privacy; /* NULL: not a private task */
    bool no_challenge;           /* take the nonce that stands in `evidence` */
    Buffer cose;
    SessionGrant grant;
    Verdict verdict;
    Diag why;
} Zygote;

static inline Zygote zygote_of(const World *w, uint8_t task)
{
    Zygote z = {.signer = &w->node, .task = task, .now = NOW};
    z.evidence = (Evidence){.measurement = IMAGE,
                            .level = LEVEL_PROCESS,
                            .task_policy = SETUP,
                            .task_id = {task},
                            .see_key = w->see.public_key,
                            .issued = NOW,
                            .expires = NOW + 300,
                            .node = w->node.public_key,
                            .kind = EVIDENCE_NODE_KEY};
    return z;
}

static inline Err zygote_ask(World *w, Zygote *z)
{
    AttestRequest request = {.task_id = {z->task},
                             .stage = z->stage,
                             .node_id = "local",
                             .footer = view_buffer(&w->footer),
                             .evidence = view_buffer(&z->cose),
                             .privacy = z->privacy ? view_of(z->privacy, sizeof *z->privacy) : (View){0}};
    z->why = (Diag){{0}};
    return broker_attest(w->broker, z->now, &request, &z->grant, &z->verdict, &z->why);
}

/* Challenge, evidence, attestation. */
static inline void zygote_evidence(World *w, Zygote *z)
{
    if (!z->no_challenge) ck_assert_ok(broker_challenge(w->broker, z->now, z->evidence.nonce, &z->why));
    buffer_free(&z->cose);
    z->cose = buffer_limited(EVIDENCE_BYTES_MAX);
    ck_assert_ok(evidence_encode(&z->evidence, &z->signer->secret, &z->cose));
}

static inline Err zygote_attest(World *w, Zygote *z)
{
    zygote_evidence(w, z);
    return zygote_ask(w, z);
}

#define ck_assert_granted(call, zygote) \
    do { Err e_ = (call); ck_assert_msg(e_.code == 0, "%s: %s (%s)", #call, (zygote).why.text, err_text(e_.code)); } while (0)
#define ck_assert_refused(call, zygote, code_, text_) \
    do { \
        Err e_ = (call); \
        ck_assert_msg(e_.code == (code_), "%s: %s (%s), not %s", #call, (zygote).why.text, err_text(e_.code), err_text(code_)); \
        ck_assert_msg(strstr((zygote).why.text, (text_)) != NULL, "says \"%s\", not \"%s\"", (zygote).why.text, (text_)); \
    } while (0)

/* What the SEE makes of the grant. */
static inline Err zygote_open(const World *w, const Zygote *z, SessionPayload *ret_payload)
{
    uint8_t info[sizeof SESSION_INFO - 1 + 32];
    const uint8_t task[16] = {z->task};
    Sha256 hash;
    sha256_of(view_buffer(&z->cose), &hash);
    memcpy(info, SESSION_INFO, sizeof SESSION_INFO - 1);
    memcpy(info + sizeof SESSION_INFO - 1, hash.bytes, 32);
    return hpke_open(&w->see.secret, NULL, z->grant.encapsulated, view_of(info, sizeof info), view_of(task, sizeof task),
                     view_of(z->grant.sealed, sizeof z->grant.sealed), (uint8_t *)ret_payload);
}

static inline SessionPayload zygote_payload(const World *w, const Zygote *z)
{
    SessionPayload p;
    ck_assert_ok(zygote_open(w, z, &p));
    return p;
}

/* Attests and opens the grant. */
static inline SessionPayload zygote_session(World *w, Zygote *z)
{
    ck_assert_granted(zygote_attest(w, z), *z);
    SessionPayload p = zygote_payload(w, z);
    buffer_free(&z->cose);
    return p;
}

static inline void check_spent(World *w, const char *spent)
{
    Account account;
    Diag why = {{0}};
    char text[AMOUNT_TEXT_MAX];
    ck_assert_ok(broker_account(w->broker, view_buffer(&w->footer), &account, &why));
    ledger_print_amount(&account.spent, text);
    ck_assert_str_eq(text, spent);
}

/* Attests and must be refused; nothing is granted. */
static inline void zygote_refused(World *w, const Zygote *wrong, int code, const char *text)
{
    Zygote z = *wrong;
    z.grant.session_id = 4242;
    ck_assert_refused(zygote_attest(w, &z), z, code, text);
    ck_assert_uint_eq(z.grant.session_id, 4242);
    buffer_free(&z.cose);
}
