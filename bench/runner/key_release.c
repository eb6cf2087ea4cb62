/* Figure key-release: wraps of segment keys that the key broker gives for micro-jobs, after a zygote's one attestation. One
 * core, the core alone, no bus. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "bench/runner/figure.h"
#include "keybroker/broker.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { ROUNDS = 9, BATCH = 64, BATCHES = 2000, SEGMENTS = BATCH * BATCHES, HANDSHAKES = 50 };
static const uint64_t NOW = 1800000000;
static const uint8_t TASK[16] = {1};

typedef struct {
    char folder[PATH_BYTES_MAX];
    SecretKey owner_secret, node_secret;
    PublicKey owner, node;
    SealSecretKey sealing_secret, see_secret;
    SealPublicKey sealing, see;
    TrustedKeys nodes;
    Sha256 image;
    Buffer footer;
    Broker *broker;
    uint64_t session;
} Setting;

static Err make_footer(Setting *s)
{
    AUTO_BUFFER policy_cbor = buffer_limited(POLICY_BYTES_MAX);
    const AeadKey key = {{4}};
    const Policy policy = {.name = "bench", .images = &s->image, .image_count = 1, .recipients = &s->sealing, .recipient_count = 1, .level = LEVEL_PROCESS,
                           .evidence = EVIDENCE_NODE_KEY};
    TRY(policy_encode(&policy, &policy_cbor));
    Footer f = {.name = {.id = {7}, .version = 1}, .segments = SEGMENTS, .plain_bytes = SEGMENTS, .policy = view_buffer(&policy_cbor)};
    TRY(footer_add_key(&f, &s->sealing, &key));
    return footer_sign(&f, &s->owner_secret, &s->owner, &s->footer);
}

static Err open_setting(Setting *s, Diag *diag)
{
    const BrokerConfig config = {.state_dir = s->folder, .signing = &s->owner_secret, .owner = &s->owner, .sealing = &s->sealing_secret,
                                 .sealing_public = &s->sealing, .nodes = &s->nodes};
    s->sealing_secret.bytes[0] = 5;
    s->see_secret.bytes[0] = 6;
    hpke_public_of(&s->sealing_secret, &s->sealing);
    hpke_public_of(&s->see_secret, &s->see);
    crypto_sign_keypair(s->owner.bytes, s->owner_secret.bytes);
    crypto_sign_keypair(s->node.bytes, s->node_secret.bytes);
    s->nodes.keys[s->nodes.count++] = s->node;
    s->footer = buffer_limited(FOOTER_BYTES_MAX);
    TRY(make_footer(s));
    TRY_WHY(diag, dir_make_all(s->folder, 0700), "%s", s->folder);
    return broker_new(&config, NOW, &s->broker, diag);
}

/* Challenge, evidence of kind node-key, appraisal, grant: what each zygote does once. */
static Err handshake(Setting *s, Diag *diag)
{
    Evidence e = {.measurement = s->image,
                  .level = LEVEL_PROCESS,
                  .task_id = {1},
                  .see_key = s->see,
                  .issued = NOW,
                  .expires = NOW + 300,
                  .node = s->node,
                  .kind = EVIDENCE_NODE_KEY};
    AUTO_BUFFER cose = buffer_limited(EVIDENCE_BYTES_MAX);
    SessionGrant grant;
    Verdict verdict;
    TRY(broker_challenge(s->broker, NOW, e.nonce, diag));
    TRY(evidence_encode(&e, &s->node_secret, &cose));
    AttestRequest request = {.node_id = "bench", .footer = view_buffer(&s->footer), .evidence = view_buffer(&cose)};
    memcpy(request.task_id, TASK, sizeof TASK);
    TRY(broker_attest(s->broker, NOW, &request, &grant, &verdict, diag));
    s->session = grant.session_id;
    return OK;
}

static Err measure_handshakes(Setting *s, Samples *rate, Diag *diag)
{
    uint64_t start = clock_monotonic_ns();
    for (int i = 0; i < HANDSHAKES; i++) TRY(handshake(s, diag));
    samples_add(rate, HANDSHAKES / ((double)(clock_monotonic_ns() - start) / 1e9));
    return OK;
}

static Err measure_wraps(Setting *s, Samples *rate, Diag *diag)
{
    static uint8_t wraps[BATCH][WRAP_BYTES];
    uint64_t jobs[BATCH], sizes[BATCH];
    uint64_t start = clock_monotonic_ns();
    for (uint64_t batch = 0; batch < BATCHES; batch++) {
        for (uint64_t i = 0; i < BATCH; i++) {
            jobs[i] = batch * BATCH + i;
            sizes[i] = 1;
        }
        TRY(broker_wrap(s->broker, NOW, s->session, jobs, sizes, BATCH, wraps, diag));
    }
    samples_add(rate, SEGMENTS / ((double)(clock_monotonic_ns() - start) / 1e9));
    return OK;
}

static Err measure(Setting *s, Samples *wraps, Samples *handshakes, Diag *diag)
{
    TRY(open_setting(s, diag));
    for (int round = 0; round < ROUNDS; round++) {
        TRY(measure_handshakes(s, handshakes, diag));
        TRY(measure_wraps(s, wraps, diag));
    }
    return OK;
}

static void close_setting(Setting *s)
{
    static const char *const FILES[] = {"broker.db", "broker.db-wal", "broker.db-shm", "audit.log", "audit.log.head", "broker.lock"};
    broker_free(&s->broker);
    buffer_free(&s->footer);
    for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++) {
        char path[PATH_BYTES_MAX + 32];
        snprintf(path, sizeof path, "%s/%s", s->folder, FILES[i]);
        (void)!unlink(path);
    }
    (void)!rmdir(s->folder);
}

Err measure_key_release(const Bench *b, Figure *f, Diag *diag)
{
    Setting s = {.image = {{8}}};
    Samples wraps = {0}, handshakes = {0};
    snprintf(s.folder, sizeof s.folder, "%s/broker-%d", b->work, getpid());
    Err e = sodium_init() < 0 ? FAIL(ERR_TOOL) : measure(&s, &wraps, &handshakes, diag);
    close_setting(&s);
    if (e.code) return e;
    Spread rate = samples_spread(&wraps);
    row_at_least(figure_add(f, "segment keys wrapped and recorded, in batches of 64", "keys/s", rate, 0), rate.median, 20000, "keys/s");
    figure_add(f, "attestation of a zygote: challenge, evidence, appraisal, grant", "zygotes/s", samples_spread(&handshakes), 0);
    figure_note(f, "One core, one session of %d segments, the broker's core with its state on the disk and its audit log; no bus. Evidence of kind node-key; the making of "
                   "the evidence is in the second row.", SEGMENTS);
    return OK;
}
