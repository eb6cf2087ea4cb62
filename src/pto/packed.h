/** Files that may be packed with gzip, as logs and workflows come: told apart by their first bytes. */
#pragma once
#include "base/bytes.h"

/** The unpacked content, appended. errors: ERR_LIMIT (more than the buffer takes, also unpacked), ERR_CORRUPT, errno */
MUST_USE Err packed_file_read(const char *path, Buffer *ret_content);
MUST_USE Err packed_bytes_read(View bytes, Buffer *ret_content);
