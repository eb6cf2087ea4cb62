/* Strict base64. */
#include "crypto/base64.h"

#include <assert.h>
#include <sodium.h>

#define VARIANT sodium_base64_VARIANT_ORIGINAL_NO_PADDING

bool base64_decode(const char *text, size_t length, uint8_t *ret_bytes, size_t size)
{
    assert(size <= BASE64_BYTES_MAX);

    uint8_t bytes[BASE64_BYTES_MAX];
    char again[sodium_base64_ENCODED_LEN(BASE64_BYTES_MAX, VARIANT)];
    size_t got = 0;
    if (length + 1 != sodium_base64_encoded_len(size, VARIANT)) return false;
    bool good = sodium_base642bin(bytes, size, text, length, NULL, &got, NULL, VARIANT) == 0 && got == size;
    if (good) { /* libsodium 1.0.18 takes some characters beyond ASCII for others: so look whether these are the ones */
        sodium_bin2base64(again, sizeof again, bytes, size, VARIANT);
        good = sodium_memcmp(again, text, length) == 0;
    }
    if (good) memcpy(ret_bytes, bytes, size);
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(again, sizeof again);
    return good;
}
