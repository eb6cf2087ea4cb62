/**
 * Digest of a micro-job's result: BLAKE2b-128 keyed by the task, so that copies of a result can be compared without being seen.
 */
#pragma once
#include "base/bytes.h"

enum { RESULT_DIGEST_BYTES = 16 };
typedef struct { uint8_t bytes[RESULT_DIGEST_BYTES]; } ResultDigest;

void result_digest(const uint8_t task_key[32], View result, ResultDigest *ret_digest);
