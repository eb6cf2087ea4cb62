/* The honest parties of a malicious world: an owner with eight sealed datasets, two nodes, a recipient, and the key broker on its bus. */
#include <fcntl.h>

#include "crypto/derive.h"
#include "keybroker/malice.h"
#include "sys/fd.h"

enum { BIG_PIECE = STREAM_CHUNK_BYTES + 100 };

static Stage *listening; /* the clock has no context */

static uint64_t stage_clock(void) { return listening->now; }

uint64_t stage_random(Stage *s) /* splitmix64 */
{
    uint64_t z = s->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

void buffer_set(Buffer *b, View bytes)
{
    buffer_free(b);
    *b = buffer_limited(MESSAGE_MAX * 4);
    ck_assert_ok(buffer_append(b, bytes));
}

/* Keys are nothing but random bytes: what looks like one among the bytes that are seen is one. */
static void fill(Stage *s, uint8_t ret_bytes[32])
{
    for (int i = 0; i < 32; i++) ret_bytes[i] = (uint8_t)stage_random(s);
}

static SignPair new_signer(Stage *s)
{
    SignPair p;
    uint8_t seed[32];
    fill(s, seed);
    crypto_sign_seed_keypair(p.public_key.bytes, p.secret.bytes, seed);
    return p;
}

static SealPair new_sealer(Stage *s)
{
    SealPair p;
    uint8_t input[32];
    fill(s, input);
    hpke_derive_secret(view_of(input, sizeof input), &p.secret);
    hpke_public_of(&p.secret, &p.public_key);
    return p;
}

/* --- datasets --- */

static void make_plain(Sealed *d, size_t number)
{
    static const size_t SIZES[PIECES_MAX] = {300, 0, BIG_PIECE, 33, 900, 1};
    d->count = 3 + number % 4;
    if (number >= FIRST_PRIVATE) {
        private_plain(d, number);
        return;
    }
    for (size_t i = 0; i < d->count; i++) {
        char text[64];
        const size_t size = number == 4 || i != 2 ? SIZES[i] : 700;
        d->plain[i] = buffer_limited(MESSAGE_MAX);
        while (d->plain[i].size < size) {
            snprintf(text, sizeof text, "PLAINTEXT-OF-%zu-%zu-%zu;", number, i, d->plain[i].size);
            const size_t step = strlen(text) < size - d->plain[i].size ? strlen(text) : size - d->plain[i].size;
            ck_assert_ok(buffer_append(&d->plain[i], view_of(text, step)));
        }
    }
}

static void seal(const Stage *s, const Sealed *d, const char *path)
{
    SealedWriter *w;
    SealRequest request = {.owner_secret = &s->owner.secret,
                           .owner = &s->owner.public_key,
                           .owner_sealing = &s->owner_sealing.public_key,
                           .policy = &d->policy,
                           .version = d->version};
    memcpy(request.id, d->id, sizeof request.id);
    ck_assert_ok(sealed_writer_open(path, &request, &w, NULL));
    for (size_t i = 0; i < d->count; i++) {
        ck_assert_ok(sealed_writer_begin(w));
        ck_assert_ok(sealed_writer_feed(w, view_buffer(&d->plain[i])));
        ck_assert_ok(sealed_writer_end(w));
    }
    ck_assert_ok(sealed_writer_finish(w, NULL));
    sealed_writer_free(&w);
}

/* What the file holds, as the world between may see it; and its keys, which it may not. */
static void read_back(Stage *s, Sealed *d, const char *path)
{
    SealedFile *f;
    ck_assert_ok(sealed_open(path, NULL, &f, NULL));
    ck_assert_ok(sealed_key(f, &s->owner_sealing.secret, &d->key, NULL));
    buffer_set(&d->footer, sealed_footer(f));
    for (size_t i = 0; i < d->count; i++) {
        AeadKey key;
        ck_assert_ok(sealed_segment(f, i, &d->segments[i]));
        derive_segment_key(&d->key, d->id, d->version, i, &key);
        book_needle(s, key.bytes, 32);
    }
    sealed_close(&f);
    d->bytes = buffer_limited(MESSAGE_MAX);
    ck_assert_ok(file_read(AT_FDCWD, path, &d->bytes));
    book_needle(s, d->key.bytes, 32);
}

/* 0: any number of runs; 1: its next version; 2: few runs; 3: ends half-way; 4: by the image's signer, `shared` is enough; 5: wants
 * hardware; 6, 7: have a privacy budget, by record and by person. */
static void make_dataset(Stage *s, size_t number, uint64_t runs)
{
    Sealed *d = &s->datasets[number];
    char path[128];
    d->id[0] = number == 1 ? 10 : (uint8_t)(10 + number);
    d->version = number == 1 ? 2 : 1;
    d->image = IMAGE;
    d->nodes[0] = s->node[NODE_A].public_key;
    d->nodes[1] = s->node[NODE_B].public_key;
    d->signer = s->image_signer.public_key;
    d->recipient = s->recipient.public_key;
    d->policy = (Policy){.name = "malice",
                         .images = &d->image,
                         .image_count = number != 4,
                         .signers = &d->signer,
                         .signer_count = number == 4,
                         .nodes = d->nodes,
                         .node_count = number == 2 ? 2 : 0,
                         .recipients = &d->recipient,
                         .recipient_count = 1,
                         .level = number == 4 ? LEVEL_SHARED : LEVEL_PROCESS,
                         .evidence = number == 5 ? EVIDENCE_SEV_SNP : EVIDENCE_NODE_KEY,
                         .expires = number == 3 ? NOW + runs * STEP_MAX_S / 4 : 0,
                         .runs_max = number == 2 ? runs / 20 + 1 : 0};
    if (number >= FIRST_PRIVATE) private_dataset(d, number, runs);
    make_plain(d, number);
    snprintf(path, sizeof path, "%s/%zu.sealed", s->folder, number);
    seal(s, d, path);
    read_back(s, d, path);
}

/* --- the broker --- */

static Err hear(void *context, const char *subject, View message)
{
    (void)subject;
    Stage *s = context;
    ck_assert_uint_lt(s->answer_count, sizeof s->answers / sizeof s->answers[0]);
    buffer_set(&s->answers[s->answer_count++], message);
    return OK;
}

static void start_broker(Stage *s)
{
    Diag why = {{0}};
    const BrokerConfig config = {.state_dir = s->folder,
                                 .signing = &s->owner.secret,
                                 .owner = &s->owner.public_key,
                                 .sealing = &s->owner_sealing.secret,
                                 .sealing_public = &s->owner_sealing.public_key,
                                 .nodes = &s->trusted,
                                 .aggregate = &BUILT_IN,
                                 .revoked = &s->revoked};
    Err e = broker_new(&config, s->now, &s->broker, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    ck_assert_ok(broker_service_new(s->loop, s->bus, s->broker, stage_clock, &s->service));
}

static void stop_broker(Stage *s)
{
    broker_service_free(&s->service);
    broker_free(&s->broker);
}

void stage_restart_broker(Stage *s, bool forgets)
{
    char path[128];
    stop_broker(s);
    snprintf(path, sizeof path, "%s/broker.db", s->folder);
    if (forgets) ck_assert_int_eq(unlink(path), 0);
    book_restart(s);
    start_broker(s);
}

static void copy_file(const Stage *s, const char *from, const char *to)
{
    char path[128];
    AUTO_BUFFER bytes = buffer_limited(256 << 20);
    snprintf(path, sizeof path, "%s/%s", s->folder, from);
    if (access(path, F_OK) < 0) return;
    ck_assert_ok(file_read(AT_FDCWD, path, &bytes));
    snprintf(path, sizeof path, "%s/%s", s->folder, to);
    ck_assert_ok(file_replace(AT_FDCWD, path, view_buffer(&bytes), 0600));
}

void stage_copy_broker(Stage *s, bool put_back)
{
    static const char *const FILES[][2] = {{"broker.db", "kept.db"}, {"audit.log", "kept.log"}, {"audit.log.head", "kept.head"}};
    stop_broker(s);
    for (size_t i = 0; i < 3; i++) copy_file(s, FILES[i][put_back], FILES[i][!put_back]);
    book_restart(s);
    start_broker(s);
}

/* --- all of it --- */

static void make_folder(Stage *s)
{
    strcpy(s->folder, "/dev/shm/covey-malice-XXXXXX"); /* thousands of commits are synced: memory is fast enough */
    if (mkdtemp(s->folder)) return;
    strcpy(s->folder, "/tmp/covey-malice-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(s->folder));
}

void stage_open(Stage *s, uint64_t seed, Plant plant, uint64_t runs)
{
    *s = (Stage){.now = NOW, .random = seed, .plant = plant};
    listening = s;
    s->owner = new_signer(s);
    s->image_signer = new_signer(s);
    s->owner_sealing = new_sealer(s);
    s->recipient = new_sealer(s);
    s->attacker = new_sealer(s);
    for (size_t i = 0; i < PARTIES; i++) s->node[i] = new_signer(s);
    s->trusted = (TrustedKeys){.count = 2, .keys = {s->node[NODE_A].public_key, s->node[NODE_B].public_key}};
    s->revoked = (RevokedKeys){.keys = s->revoked_keys, .since = s->revoked_since};
    s->books.runs = calloc(runs * 8 + 64, sizeof *s->books.runs);
    s->books.charges_max = runs + 64;
    s->books.charges = calloc(s->books.charges_max, sizeof *s->books.charges);
    make_folder(s);
    book_needle(s, "PLAINTEXT-OF-", 13);
    book_needle(s, "RESULT-IN-THE-OPEN", 18);
    book_needle(s, "VALUE-IN-THE-OPEN", 17);
    book_needle(s, "{\"aggregate\": \"", 15);
    book_needle(s, s->owner.secret.bytes, 32);
    book_needle(s, s->owner_sealing.secret.bytes, 32);
    book_needle(s, s->recipient.secret.bytes, 32);
    for (size_t i = 0; i < DATASETS; i++) make_dataset(s, i, runs);
    s->books.fixed_needles = s->books.needle_count;
    ck_assert_ok(loop_new(&s->loop));
    ck_assert_ok(bus_memory_new(s->loop, &s->bus));
    ck_assert_ok(bus_subscribe(s->bus, "world", hear, s, &s->subscription));
    start_broker(s);
}

static void free_all(Buffer *buffers, size_t count)
{
    for (size_t i = 0; i < count; i++) buffer_free(&buffers[i]);
}

void stage_close(Stage *s)
{
    TestFolder folder;
    stop_broker(s);
    bus_unsubscribe(&s->subscription);
    bus_free(&s->bus);
    loop_free(&s->loop);
    for (size_t i = 0; i < DATASETS; i++) {
        Sealed *d = &s->datasets[i];
        free_all(d->plain, PIECES_MAX);
        buffer_free(&d->footer);
        buffer_free(&d->bytes);
    }
    free_all(s->kept, KEPT);
    free_all(s->answers, sizeof s->answers / sizeof s->answers[0]);
    buffer_free(&s->held);
    buffer_free(&s->last_result);
    buffer_free(&s->last_footer);
    buffer_free(&s->last_file);
    free(s->books.runs);
    free(s->books.charges);
    snprintf(folder.path, sizeof folder.path, "%s", s->folder);
    test_folder_remove(&folder);
}
