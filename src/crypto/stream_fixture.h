/** For tests: a sealed stream of one chunk, as a small segment or result is. */
#pragma once
#include "base/test.h"
#include "crypto/stream.h"

static inline void seal_one_chunk(const AeadKey *key, View plain, uint8_t *out)
{
    AeadCipher cipher;
    ck_assert_ok(aead_begin(key, &cipher));
    ck_assert_ok(stream_seal_chunk(&cipher, 0, true, plain, out));
    aead_end(&cipher);
}
