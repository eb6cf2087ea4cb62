/**
 * Points in time as people write them in files: RFC 3339 in UTC and whole seconds, "2027-01-01T00:00:00Z". No other offset, no fractions: one text
 * for one time. Years 1970 to 9999.
 */
#pragma once
#include "base/bytes.h"

enum { RFC3339_TEXT_MAX = sizeof "2027-01-01T00:00:00Z" };

/** errors: ERR_BAD_INPUT */
MUST_USE Err rfc3339_parse(View text, uint64_t *ret_unix_seconds);
/** Times after the year 9999 are printed as its last second. */
void rfc3339_print(uint64_t unix_seconds, char ret_text[RFC3339_TEXT_MAX]);
