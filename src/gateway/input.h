/** What a micro-job of a task with `fallback: input` is given (sdk/covey_service.h): the body, the data that is not staged, where they are. */
#pragma once
#include "gateway/parts.h"

/** Whether all is at hand: staged (unless everything must be in the input), or fetched. */
bool input_is_here(const Place *p, bool all_inline);
/** Appends everything that comes behind the body. errors: ERR_LIMIT, errno */
MUST_USE Err input_put_data(const Place *p, uint64_t body_size, bool all_inline, Buffer *b);
