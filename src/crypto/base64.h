/** Base64 (RFC 4648 section 4) without padding, and only its one encoding of the bytes. */
#pragma once
#include "base/bytes.h"

enum { BASE64_BYTES_MAX = 256 };

/** Whether `length` characters are the encoding of exactly `size` (at most BASE64_BYTES_MAX) bytes; then they are written. */
bool base64_decode(const char *text, size_t length, uint8_t *ret_bytes, size_t size);
