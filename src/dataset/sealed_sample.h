/** For tests: an owner with keys, a policy, and small sealed files in the working folder of the test (a new one under /tmp). */
#pragma once
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/test.h"
#include "dataset/sealed.h"
#include "sys/fd.h"

typedef struct {
    char folder[64];
    SecretKey secret; PublicKey owner;
    SealSecretKey sealing_secret; SealPublicKey sealing;
    TrustedKeys trusted;      /* the owner alone */
    Policy policy;            /* its lists are the sample's */
    Sha256 image;
} Sample;

static inline void sample_begin(Sample *s)
{
    uint8_t seed[32] = {7};
    *s = (Sample){.folder = "/tmp/covey-sealed-XXXXXX"};
    ck_assert_int_ge(sodium_init(), 0);
    ck_assert_ptr_nonnull(mkdtemp(s->folder));
    ck_assert_int_eq(chdir(s->folder), 0);
    crypto_sign_seed_keypair(s->owner.bytes, s->secret.bytes, seed);
    hpke_derive_secret(view_of(seed, sizeof seed), &s->sealing_secret);
    hpke_public_of(&s->sealing_secret, &s->sealing);
    s->trusted.keys[0] = s->owner;
    s->trusted.count = 1;
    memset(s->image.bytes, 0xab, sizeof s->image.bytes);
    s->policy = (Policy){.name = "sample",
                         .images = &s->image,
                         .image_count = 1,
                         .recipients = &s->sealing,
                         .recipient_count = 1,
                         .level = LEVEL_PROCESS,
                         .evidence = EVIDENCE_NODE_KEY};
}

static inline void sample_end(Sample *s)
{
    char command[96];
    snprintf(command, sizeof command, "rm -rf %s", s->folder);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_int_eq(system(command), 0);
}

static inline SealRequest sample_request(const Sample *s, uint64_t version)
{
    return (SealRequest){.owner_secret = &s->secret, .owner = &s->owner, .owner_sealing = &s->sealing, .policy = &s->policy, .version = version};
}

/** Byte `at` of what segment `index` of a sample holds. */
static inline uint8_t sample_byte(uint64_t index, size_t at) { return (uint8_t)(index * 31 + at * 7 + (at >> 8)); }

/** A sealed file of segments of these sizes, fed in pieces of `piece` bytes. */
static inline void sample_seal(const SealRequest *request, const char *path, const size_t *sizes, size_t count, size_t piece)
{
    SealedWriter *w = NULL;
    Diag diag = {{0}};
    ck_assert_ok(sealed_writer_open(path, request, &w, &diag));
    for (size_t i = 0; i < count; i++) {
        uint8_t *plain = malloc(sizes[i] + 1);
        for (size_t k = 0; k < sizes[i]; k++) plain[k] = sample_byte(i, k);
        ck_assert_ok(sealed_writer_begin(w));
        for (size_t at = 0; at < sizes[i]; at += piece)
            ck_assert_ok(sealed_writer_feed(w, view_of(plain + at, sizes[i] - at < piece ? sizes[i] - at : piece)));
        ck_assert_ok(sealed_writer_end(w));
        free(plain);
    }
    ck_assert_ok(sealed_writer_finish(w, &diag));
    sealed_writer_free(&w);
}

static inline Err sample_append(void *context, View plain) { return buffer_append(context, plain); }

static inline Buffer sample_file(const char *path)
{
    Buffer b = buffer_limited(64 << 20);
    ck_assert_ok(file_read(AT_FDCWD, path, &b));
    return b;
}

static inline void sample_write(const char *path, View content)
{
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_ok(fd_write_all(fd, content));
}

/** Opens and unseals all of a file; what came out is appended. */
static inline Err sample_unseal(const Sample *s, const char *path, Buffer *ret_plain, Diag *diag)
{
    SealedFile *f = NULL;
    AeadKey key;
    Err e = sealed_open(path, &s->trusted, &f, diag);
    if (e.code == 0) e = sealed_key(f, &s->sealing_secret, &key, diag);
    if (e.code == 0) e = sealed_unseal_all(f, &key, sample_append, ret_plain, diag);
    sealed_close(&f);
    return e;
}
