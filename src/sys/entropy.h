/** Real randomness from the kernel. */
#pragma once
#include "base/error.h"
MUST_USE Err random_bytes(void *data, size_t size);
