/** For tests: an orchestrator's key, and a statement about some bytes that only needs what is particular to a test changed. */
#pragma once
#include <sodium.h>
#include <stdio.h>

#include "base/test.h"
#include "bus/resource.h"

typedef struct { SecretKey secret; PublicKey public_key; } PtoKey;

static inline PtoKey fixture_pto(uint8_t seed)
{
    PtoKey k;
    const uint8_t bytes[crypto_sign_SEEDBYTES] = {seed};
    crypto_sign_seed_keypair(k.public_key.bytes, k.secret.bytes, bytes);
    return k;
}

/** Data for the task that comes first in the name, which alone may claim it. */
static inline Resource fixture_resource(const PtoKey *key, const char *name, View content, uint64_t sequence)
{
    Resource r = {.kind = RESOURCE_DATA, .size = content.size, .task_count = 1, .expires_ms = UINT64_C(4000000000000), .sequence = sequence,
                  .value = 1000, .pto = key->public_key};
    snprintf(r.name, sizeof r.name, "%s", name);
    View task = resource_task_of(&r);
    snprintf(r.tasks[0].text, sizeof r.tasks[0].text, "%.*s", (int)task.size, (const char *)task.data);
    sha256_of(content, &r.hash);
    return r;
}
