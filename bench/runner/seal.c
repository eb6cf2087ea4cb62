/* Figure seal: sealing and opening a dataset, beside the AEADs that the packaged libraries have. One core, everything in the page cache. */
#include <errno.h>
#include <intel-ipsec-mb.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "bench/runner/figure.h"
#include "dataset/sealed.h"
#include "sys/clock.h"

enum { ROUNDS = 7, TOTAL_MIB = 256, SEGMENT_MIB = 1 };

typedef struct { Samples stream_seal, stream_open, file_seal, file_open, gcm, chacha, wide; } Rates;
typedef struct { uint8_t *plain, *sealed; char path[PATH_BYTES_MAX]; uint64_t opened; } Room;

static void add_rate(Samples *s, uint64_t start) { samples_add(s, TOTAL_MIB / ((double)(clock_monotonic_ns() - start) / 1e9)); }

/* The floor: one context, one key, 1 MiB at a time, nothing else done. */
static Err measure_aead(const char *name, const Room *r, Samples *s)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);
    EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
    uint8_t key[32] = {1}, nonce[12] = {0}, tag[16];
    int written = 0;
    bool good = cipher && context && EVP_EncryptInit_ex2(context, cipher, key, nonce, NULL) == 1;
    uint64_t start = clock_monotonic_ns();
    for (int i = 0; i < TOTAL_MIB && good; i++) {
        memcpy(nonce, &i, sizeof i);
        good = EVP_EncryptInit_ex2(context, NULL, NULL, nonce, NULL) == 1 && EVP_EncryptUpdate(context, r->sealed, &written, r->plain, MIB) == 1 &&
               EVP_EncryptFinal_ex(context, r->sealed, &written) == 1 && EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, sizeof tag, tag) == 1;
    }
    add_rate(s, start);
    EVP_CIPHER_CTX_free(context);
    EVP_CIPHER_free(cipher);
    return good ? OK : FAIL(ERR_TOOL);
}

/* The same of Intel's multi-buffer library: its own choice of code for this processor, reached as its manual says. */
static Err measure_multi_buffer(const Room *r, Samples *s)
{
    static struct gcm_key_data ready;
    struct gcm_context_data context;
    uint8_t key[32] = {1}, nonce[12] = {0}, tag[16];
    IMB_MGR *manager = alloc_mb_mgr(0);
    if (!manager) return FAIL(ENOMEM);
    init_mb_mgr_auto(manager, NULL);
    IMB_AES256_GCM_PRE(manager, key, &ready);
    uint64_t start = clock_monotonic_ns();
    for (int i = 0; i < TOTAL_MIB; i++) {
        memcpy(nonce, &i, sizeof i);
        IMB_AES256_GCM_ENC(manager, &ready, &context, r->sealed, r->plain, MIB, nonce, NULL, 0, tag, sizeof tag);
    }
    add_rate(s, start);
    free_mb_mgr(manager);
    return OK;
}

static Err seal_stream(const Room *r, AeadCipher *cipher)
{
    uint32_t number = 0;
    for (size_t in = 0, out = 0; in < MIB; in += STREAM_CHUNK_BYTES, out += STREAM_CHUNK_BYTES + AEAD_TAG_BYTES, number++)
        TRY(stream_seal_chunk(cipher, number, in + STREAM_CHUNK_BYTES == MIB, view_of(r->plain + in, STREAM_CHUNK_BYTES), r->sealed + out));
    return OK;
}

static Err open_stream(const Room *r, AeadCipher *cipher)
{
    uint32_t number = 0;
    for (size_t in = 0, out = 0; out < MIB; out += STREAM_CHUNK_BYTES, in += STREAM_CHUNK_BYTES + AEAD_TAG_BYTES, number++)
        TRY(stream_open_chunk(cipher, number, out + STREAM_CHUNK_BYTES == MIB,
                              view_of(r->sealed + in, STREAM_CHUNK_BYTES + AEAD_TAG_BYTES), r->plain + out));
    return OK;
}

/* A segment of 1 MiB, its key made ready and wiped again. */
static Err with_segment_key(const Room *r, Err (*work)(const Room *r, AeadCipher *cipher))
{
    AeadCipher cipher;
    TRY(aead_begin(&(AeadKey){{2}}, &cipher));
    Err e = work(r, &cipher);
    aead_end(&cipher);
    return e;
}

static Err measure_stream(const Room *r, Rates *rates)
{
    uint64_t start = clock_monotonic_ns();
    for (int i = 0; i < TOTAL_MIB; i++) TRY(with_segment_key(r, seal_stream));
    add_rate(&rates->stream_seal, start);
    start = clock_monotonic_ns();
    for (int i = 0; i < TOTAL_MIB; i++) TRY(with_segment_key(r, open_stream));
    add_rate(&rates->stream_open, start);
    return OK;
}

static Err count_plain(void *context, View plain)
{
    Room *r = context;
    r->opened += plain.size;
    return OK;
}

static Err write_file(const Room *r, const SealRequest *request, Diag *diag)
{
    SealedWriter *w;
    TRY(sealed_writer_open(r->path, request, &w, diag));
    Err e = OK;
    for (int i = 0; i < TOTAL_MIB / SEGMENT_MIB && e.code == 0; i++) {
        e = sealed_writer_begin(w);
        for (int part = 0; part < SEGMENT_MIB && e.code == 0; part++) e = sealed_writer_feed(w, view_of(r->plain, MIB));
        if (e.code == 0) e = sealed_writer_end(w);
    }
    if (e.code == 0) e = sealed_writer_finish(w, diag);
    sealed_writer_free(&w);
    return e;
}

static Err read_file(Room *r, const SealSecretKey *secret, Diag *diag)
{
    SealedFile *f;
    AeadKey key;
    TRY(sealed_open(r->path, NULL, &f, diag));
    r->opened = 0;
    Err e = sealed_key(f, secret, &key, diag);
    if (e.code == 0) e = sealed_unseal_all(f, &key, count_plain, r, diag);
    sealed_close(&f);
    if (e.code == 0 && r->opened != (uint64_t)TOTAL_MIB * MIB) return FAIL_WHY(diag, ERR_CORRUPT, "%s: opened another number of bytes than were sealed", r->path);
    return e;
}

static Err measure_file(Room *r, Rates *rates, Diag *diag)
{
    const SealSecretKey secret = {{3}};
    SealPublicKey sealing;
    SecretKey signing;
    PublicKey owner;
    hpke_public_of(&secret, &sealing);
    if (sodium_init() < 0 || crypto_sign_keypair(owner.bytes, signing.bytes) != 0) return FAIL(ERR_TOOL);
    const Policy policy = {.name = "bench", .signers = &owner, .signer_count = 1, .level = LEVEL_PROCESS, .evidence = EVIDENCE_NODE_KEY,
                           .recipients = &sealing, .recipient_count = 1};
    const SealRequest request = {.owner_secret = &signing, .owner = &owner, .owner_sealing = &sealing, .policy = &policy, .version = 1};
    uint64_t start = clock_monotonic_ns();
    TRY(write_file(r, &request, diag));
    add_rate(&rates->file_seal, start);
    start = clock_monotonic_ns();
    TRY(read_file(r, &secret, diag));
    add_rate(&rates->file_open, start);
    return OK;
}

static Err measure_rounds(Room *r, Rates *rates, Diag *diag)
{
    for (int round = 0; round < ROUNDS; round++) {
        TRY(measure_aead("AES-256-GCM", r, &rates->gcm));
        TRY(measure_aead("ChaCha20-Poly1305", r, &rates->chacha));
        TRY(measure_multi_buffer(r, &rates->wide));
        TRY(measure_stream(r, rates));
        TRY(measure_file(r, rates, diag));
    }
    return OK;
}

static void report(const Rates *r, Figure *f)
{
    const struct { const char *who; const Samples *rate; } peers[] = {{"AES-256-GCM (OpenSSL), 1 MiB at a time", &r->gcm},
                                                                      {"ChaCha20-Poly1305 (OpenSSL), 1 MiB at a time", &r->chacha},
                                                                      {"AES-256-GCM (Intel's multi-buffer library), 1 MiB at a time", &r->wide}};
    enum { PEERS = sizeof peers / sizeof peers[0] };
    size_t best = 0;
    for (size_t i = 1; i < PEERS; i++)
        if (samples_spread(peers[i].rate).median > samples_spread(peers[best].rate).median) best = i;
    const Samples *fastest = peers[best].rate;
    double seal = samples_ratio(&r->stream_seal, fastest), open = samples_ratio(&r->stream_open, fastest);
    row_at_least(figure_add(f, "sealing, 16 KiB chunks, in memory", "MiB/s", samples_spread(&r->stream_seal), 0), seal, 0.8, "of the fastest AEAD");
    for (size_t i = 0; i < PEERS; i++) figure_add(f, peers[i].who, "MiB/s", samples_spread(peers[i].rate), samples_ratio(&r->stream_seal, peers[i].rate));
    row_at_least(figure_add(f, "opening, 16 KiB chunks, in memory", "MiB/s", samples_spread(&r->stream_open), 0), open, 0.8, "of the fastest AEAD");
    figure_add(f, "sealing into a file, synced and renamed", "MiB/s", samples_spread(&r->file_seal), 0);
    figure_add(f, "opening a file, every check", "MiB/s", samples_spread(&r->file_open), 0);
    f->peer = 1 + best;
    figure_note(f, "One core, %d MiB a round; each peer one key, nothing else done. Sealing is %.2f and opening %.2f of the fastest. In files, %d MiB a segment, the "
                   "kernel's copies and the disk are in it: sealing is %.2f and opening %.2f of the fastest.",
                TOTAL_MIB, seal, open, SEGMENT_MIB, samples_ratio(&r->file_seal, fastest), samples_ratio(&r->file_open, fastest));
}

Err measure_seal(const Bench *b, Figure *f, Diag *diag)
{
    Rates rates = {0};
    Room r = {.plain = calloc(1, MIB), .sealed = malloc(2 * MIB)};
    snprintf(r.path, sizeof r.path, "%s/bench.sealed", b->work);
    Err e = r.plain && r.sealed ? measure_rounds(&r, &rates, diag) : FAIL(ENOMEM);
    free(r.plain);
    free(r.sealed);
    (void)!unlink(r.path);
    if (e.code == 0) report(&rates, f);
    return e;
}
