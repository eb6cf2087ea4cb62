/** A small closed log and its head, always the same: the worked example of docs/formats/audit.md, and what the fuzzer starts from. */
#pragma once
#include <assert.h>
#include <sodium.h>

#include "audit/line.h"
#include "base/limits.h"

typedef struct { SecretKey secret; PublicKey key; Buffer log; AuditHead head; char head_text[AUDIT_HEAD_BYTES]; } AuditSample;

/** The key pair of RFC 8032, section 7.1, test 1. */
static inline void audit_sample_key(SecretKey *secret, PublicKey *key)
{
    static const uint8_t SEED[crypto_sign_SEEDBYTES] = {
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4,
        0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60};
    crypto_sign_seed_keypair(key->bytes, secret->bytes, SEED);
}

static inline void audit_sample_end_line(AuditSample *s, Err e, size_t start)
{
    assert(e.code == 0);
    sha256_of(view_of(s->log.data + start, s->log.size - start - 1), &s->head.hash);
    s->head.lines++;
    s->head.bytes = s->log.size;
}

/** log is freed by the caller. */
static inline void audit_sample_make(AuditSample *s)
{
    static const struct { const char *event, *task, *detail; } ENTRIES[] = {
        {"key-release", "5f0c", "{\"dataset\":\"flights\",\"segment\":7}"},
        {"key-refusal", "77ab", "{\"dataset\":\"flights\",\"reason\":\"measurement not allowed\"}"},
    };
    const uint64_t time = UINT64_C(1790000000) * NS_PER_S;
    *s = (AuditSample){.log = buffer_limited(64 * KIB), .head.closed = true};
    audit_sample_key(&s->secret, &s->key);
    for (size_t i = 0; i < AUDIT_ID_BYTES; i++) s->head.id.bytes[i] = (uint8_t)i;
    audit_sample_end_line(s, audit_header_print(&s->head.id, &s->key, time, &s->log), 0);
    for (size_t i = 0; i < 2; i++) {
        AuditEntryParts parts = {.wall_ns = time + (i + 1) * 1250 * NS_PER_MS, .seq = i + 1, .event = ENTRIES[i].event, .by = "owner",
                                 .task = ENTRIES[i].task, .detail = ENTRIES[i].detail, .prev = s->head.hash};
        size_t start = s->log.size;
        audit_sample_end_line(s, audit_entry_print(&parts, &s->log), start);
    }
    size_t start = s->log.size;
    Sha256 prev = s->head.hash;
    audit_sample_end_line(s, audit_checkpoint_print(2, &prev, &s->secret, &s->log), start);
    audit_head_print(&s->head, &s->secret, s->head_text);
}
