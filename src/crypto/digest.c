/* Keyed digest of a result, over libsodium's BLAKE2b. */
#include "crypto/digest.h"

#include <sodium.h>
#include <stdlib.h>

void result_digest(const uint8_t task_key[32], View result, ResultDigest *ret_digest)
{
    _Static_assert(RESULT_DIGEST_BYTES >= crypto_generichash_BYTES_MIN, "libsodium refuses shorter digests");
    if (sodium_init() < 0) abort(); /* picks the fastest BLAKE2b of this processor; cheap after the first time */
    crypto_generichash(ret_digest->bytes, sizeof ret_digest->bytes, result.data, result.size, task_key, 32);
}
