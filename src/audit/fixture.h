/** What tests of the audit log share: one key, a log with entries in it, and files as they are on the disk. */
#pragma once
#include <fcntl.h>
#include <sodium.h>

#include "audit/audit.h"
#include "base/limits.h"
#include "sys/fd.h"
#include "sys/test.h"

#define FIXTURE_TIME (UINT64_C(1790000000) * NS_PER_S) /* 2026-09-21T14:13:20Z */

static inline void fixture_key(uint8_t seed_byte, SecretKey *secret, PublicKey *public_key)
{
    uint8_t seed[crypto_sign_SEEDBYTES];
    memset(seed, seed_byte, sizeof seed);
    crypto_sign_seed_keypair(public_key->bytes, secret->bytes, seed);
}

/** One second after another; every third is a refusal of task t1, the others are releases for t0. */
static inline Err fixture_write(Audit *a, uint64_t n, bool durable)
{
    char detail[64];
    snprintf(detail, sizeof detail, "{\"segment\":%llu}", (unsigned long long)n);
    bool refusal = n % 3 == 2;
    AuditEvent event = refusal ? AUDIT_KEY_REFUSAL : AUDIT_KEY_RELEASE;
    return audit_write(a, FIXTURE_TIME + n * NS_PER_S, event, "owner", refusal ? "t1" : "t0", detail, durable);
}

static inline Buffer fixture_read(const char *path)
{
    Buffer content = buffer_limited(16 * MIB);
    ck_assert_ok(file_read(AT_FDCWD, path, &content));
    return content;
}

static inline void fixture_put(const char *path, View content)
{
    AUTO_FD fd = -1;
    ck_assert_ok(fd_open(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0600, &fd));
    ck_assert_ok(fd_write_all(fd, content));
}
