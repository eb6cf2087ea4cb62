/* gzip by zlib, into a buffer that says how much it takes: a small file that unpacks to a huge one is an error like any other. */
#include "pto/packed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <zlib.h>

#include "base/limits.h"
#include "sys/fd.h"

enum { GZIP_WINDOW = 16 + MAX_WBITS, STEP_BYTES = 256 << 10 };

static Err unpack(z_stream *z, Buffer *b)
{
    for (int rc = Z_OK; rc != Z_STREAM_END;) {
        TRY(buffer_reserve(b, STEP_BYTES));
        z->next_out = b->data + b->size;
        z->avail_out = STEP_BYTES;
        rc = inflate(z, Z_NO_FLUSH);
        if (rc == Z_MEM_ERROR) return FAIL(ENOMEM);
        if (rc != Z_OK && rc != Z_STREAM_END) return FAIL(ERR_CORRUPT);
        b->size += STEP_BYTES - z->avail_out;
    }
    return z->avail_in == 0 ? OK : FAIL(ERR_CORRUPT);
}

Err packed_bytes_read(View bytes, Buffer *ret_content)
{
    bool packed = bytes.size > 2 && bytes.data[0] == 0x1f && bytes.data[1] == 0x8b;
    if (!packed) return buffer_append(ret_content, bytes);
    if (bytes.size > UINT_MAX) return FAIL(ERR_LIMIT);
    z_stream z = {.next_in = (z_const Bytef *)(uintptr_t)bytes.data, .avail_in = (uInt)bytes.size};
    if (inflateInit2(&z, GZIP_WINDOW) != Z_OK) return FAIL(ENOMEM);
    size_t before = ret_content->size;
    Err e = unpack(&z, ret_content);
    inflateEnd(&z);
    if (e.code) ret_content->size = before;
    return e;
}

Err packed_file_read(const char *path, Buffer *ret_content)
{
    AUTO_BUFFER file = buffer_limited(ret_content->limit);
    TRY(file_read(AT_FDCWD, path, &file));
    return packed_bytes_read(view_buffer(&file), ret_content);
}
