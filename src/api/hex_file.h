/** Files that hold bytes, or the same as hex digits, as commands print them. */
#pragma once
#include "base/bytes.h"

/** Appends what the file ("-": standard input) holds. Hex digits and white space alone are taken as the bytes they stand for. */
MUST_USE Err hex_file_read(const char *path, Buffer *content, Diag *diag);
