/** One field of a CSV record (RFC 4180), as the record scanners of swarm/split.h understand it. Pure. */
#pragma once
#include "base/bytes.h"

/** Appends field `column` (from 0), without its quotes, to ret_field; *ret_found false when the record has fewer. The record's newline may be
 *  there. */
MUST_USE Err csv_field(View record, size_t column, Buffer *ret_field, bool *ret_found);
/** The column with this name; false: none. A byte order mark in front is passed over. errors: ENOMEM */
MUST_USE Err csv_column(View header, View name, size_t *ret_column, bool *ret_found);
