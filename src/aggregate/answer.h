/**
 * The answer of a private task as its recipient reads it: JSON, or CSV on demand. Every number comes with the mechanism that made it, its
 * parameters, and an interval that holds the answer without noise with the confidence that is said. docs/formats/privacy.md
 */
#pragma once
#include "privacy/aggregate.h"
#include "privacy/request_query.h"

typedef struct {
    const PrivacyRequest *request;
    const RequestQuery *query;
    uint64_t segments;
    uint64_t numbers;       /* written so far */
    Buffer *out;
} Answer;

MUST_USE Err answer_begin(Answer *a);
/** For aggregate_release. */
MUST_USE Err answer_number(void *context, const Released *number);
/** Then zeros, up to a size that follows from the request alone. */
MUST_USE Err answer_end(Answer *a);
