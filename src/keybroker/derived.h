/**
 * The keys that the broker hands out, all derived from the owner's sealing key, so that a restarted broker gives the same ones
 * and its state holds none.
 *
 *   root         extract("covey broker v1", the owner's X25519 secret)
 *   session key  expand(root, "covey session key v1" | task id (16) | dataset id (16) | version u64 le |
 *                       node's Ed25519 key (32) | stage u32 le)
 *   answer key   expand(root, "covey task answer v1" | task id (16) | dataset id (16) | version u64 le): of private tasks
 *   result key   expand(root, "covey task result v1" | task id (16) | dataset id (16) | version u64 le)
 */
#pragma once
#include "crypto/derive.h"
#include "dataset/footer.h"

typedef struct { uint8_t bytes[32]; } BrokerRoot;

void derive_root(const SealSecretKey *sealing, BrokerRoot *ret_root);
void derive_session_key(const BrokerRoot *root, const uint8_t task_id[16], const DatasetName *dataset, const PublicKey *node,
                        uint32_t stage, uint8_t ret_key[32]);
void derive_task_result_key(const BrokerRoot *root, const uint8_t task_id[16], const DatasetName *dataset, AeadKey *ret_key);
/** Under which the built-in image seals what it makes of all segments of a private task. */
void derive_task_answer_key(const BrokerRoot *root, const uint8_t task_id[16], const DatasetName *dataset, AeadKey *ret_key);
/** The wrap of one segment's key: see keybroker/broker.h. plain_size < 2^32 */
MUST_USE Err derive_wrap(const AeadKey *wrap_key, const uint8_t task_id[16], uint64_t job, const AeadKey *segment_key,
                         uint64_t plain_size, uint8_t *ret_wrap);
