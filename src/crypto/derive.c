/* HKDF-SHA256 over libsodium's HMAC, and the keys that are derived. */
#include "crypto/derive.h"

#include <assert.h>
#include <sodium.h>

void hkdf_extract(View salt, View secret, uint8_t ret_prk[32])
{
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, salt.data, salt.size);
    crypto_auth_hmacsha256_update(&state, secret.data, secret.size);
    crypto_auth_hmacsha256_final(&state, ret_prk);
}

void hkdf_expand(const uint8_t prk[32], View info, uint8_t *ret_key, size_t size)
{
    assert(size <= 255 * 32);

    uint8_t block[32];
    for (uint8_t i = 1; size > 0; i++) {
        crypto_auth_hmacsha256_state state;
        crypto_auth_hmacsha256_init(&state, prk, 32);
        if (i > 1) crypto_auth_hmacsha256_update(&state, block, sizeof block);
        crypto_auth_hmacsha256_update(&state, info.data, info.size);
        crypto_auth_hmacsha256_update(&state, &i, 1);
        crypto_auth_hmacsha256_final(&state, block);
        size_t take = size < sizeof block ? size : sizeof block;
        memcpy(ret_key, block, take);
        ret_key += take;
        size -= take;
    }
    sodium_memzero(block, sizeof block);
}

/* The info strings are a label and fixed-size fields: no two of them can be read as each other. */
typedef struct { uint8_t bytes[96]; size_t size; } Info;

static void info_add(Info *info, const void *data, size_t size)
{
    assert(size <= sizeof info->bytes - info->size);
    memcpy(info->bytes + info->size, data, size);
    info->size += size;
}

static void info_add_u64(Info *info, uint64_t v)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(v >> (8 * i));
    info_add(info, bytes, sizeof bytes);
}

void derive_segment_key(const AeadKey *dataset_key, const uint8_t dataset_id[16], uint64_t version, uint64_t segment, AeadKey *ret_key)
{
    static const char LABEL[] = "covey segment v1";
    Info info = {.size = 0};
    info_add(&info, LABEL, sizeof LABEL - 1);
    info_add(&info, dataset_id, 16);
    info_add_u64(&info, version);
    info_add_u64(&info, segment);
    hkdf_expand(dataset_key->bytes, view_of(info.bytes, info.size), ret_key->bytes, sizeof ret_key->bytes);
}

void derive_result_key(const AeadKey *result_key, const uint8_t head_hash[32], AeadKey *ret_key)
{
    static const char LABEL[] = "covey result v1";
    Info info = {.size = 0};
    info_add(&info, LABEL, sizeof LABEL - 1);
    info_add(&info, head_hash, 32);
    hkdf_expand(result_key->bytes, view_of(info.bytes, info.size), ret_key->bytes, sizeof ret_key->bytes);
}

void derive_digest_keys(const AeadKey *result_key, uint64_t stage_and_job, uint64_t first, uint64_t end, uint8_t ret_keys[64])
{
    static const char LABEL[] = "covey result digest v1";
    Info info = {.size = 0};
    info_add(&info, LABEL, sizeof LABEL - 1);
    info_add_u64(&info, stage_and_job);
    info_add_u64(&info, first);
    info_add_u64(&info, end);
    hkdf_expand(result_key->bytes, view_of(info.bytes, info.size), ret_keys, 64);
}

void derive_wrap_key(const uint8_t session_key[32], AeadKey *ret_key)
{
    hkdf_expand(session_key, VIEW("covey wrap v1"), ret_key->bytes, sizeof ret_key->bytes);
}
