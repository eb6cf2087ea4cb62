/* The broker's derived keys, and the wrap of one segment's key. */
#include "keybroker/derived.h"

#include <sodium.h>

#include "see/session_payload.h"

typedef struct { uint8_t bytes[128]; size_t size; } Info; /* labels and fixed-size fields: no two can be read as each other */

static void add(Info *info, const void *data, size_t size)
{
    memcpy(info->bytes + info->size, data, size);
    info->size += size;
}

static void add_number(Info *info, uint64_t v, size_t size)
{
    for (size_t i = 0; i < size; i++) info->bytes[info->size++] = (uint8_t)(v >> 8 * i);
}

static Info info_of(View label, const uint8_t task_id[16], const DatasetName *dataset)
{
    Info info = {.size = 0};
    add(&info, label.data, label.size);
    add(&info, task_id, 16);
    add(&info, dataset->id, sizeof dataset->id);
    add_number(&info, dataset->version, 8);
    return info;
}

void derive_root(const SealSecretKey *sealing, BrokerRoot *ret_root)
{
    hkdf_extract(VIEW("covey broker v1"), view_of(sealing->bytes, sizeof sealing->bytes), ret_root->bytes);
}

void derive_session_key(const BrokerRoot *root, const uint8_t task_id[16], const DatasetName *dataset, const PublicKey *node,
                        uint32_t stage, uint8_t ret_key[32])
{
    Info info = info_of(VIEW("covey session key v1"), task_id, dataset);
    add(&info, node->bytes, sizeof node->bytes);
    add_number(&info, stage, 4);
    hkdf_expand(root->bytes, view_of(info.bytes, info.size), ret_key, 32);
}

void derive_task_result_key(const BrokerRoot *root, const uint8_t task_id[16], const DatasetName *dataset, AeadKey *ret_key)
{
    const Info info = info_of(VIEW("covey task result v1"), task_id, dataset);
    hkdf_expand(root->bytes, view_of(info.bytes, info.size), ret_key->bytes, sizeof ret_key->bytes);
}

void derive_task_answer_key(const BrokerRoot *root, const uint8_t task_id[16], const DatasetName *dataset, AeadKey *ret_key)
{
    const Info info = info_of(VIEW("covey task answer v1"), task_id, dataset);
    hkdf_expand(root->bytes, view_of(info.bytes, info.size), ret_key->bytes, sizeof ret_key->bytes);
}

Err derive_wrap(const AeadKey *wrap_key, const uint8_t task_id[16], uint64_t job, const AeadKey *segment_key, uint64_t plain_size,
                uint8_t *ret_wrap)
{
    Info nonce = {.size = 0}, aad = {.size = 0}, plain = {.size = 0};
    add_number(&nonce, job, 8);
    add_number(&nonce, plain_size, 4);
    add(&aad, task_id, 16);
    add_number(&aad, job, 8);
    add(&plain, segment_key->bytes, sizeof segment_key->bytes);
    add_number(&plain, plain_size, 8);
    Err e = aead_seal(wrap_key, nonce.bytes, view_of(aad.bytes, aad.size), view_of(plain.bytes, plain.size), ret_wrap,
                      ret_wrap + WRAP_PLAIN_BYTES);
    sodium_memzero(plain.bytes, sizeof plain.bytes);
    return e;
}
