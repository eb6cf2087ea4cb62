/*
 * WASI: the three standard streams and what was claimed. Input is the segment (seekable, as is staged data), output the result, standard error
 * the bounded log.
 */
#include <string.h>

#include "see/wasi.h"

enum { PARTS_MAX = 16 };
enum { FILETYPE_UNKNOWN = 0, FILETYPE_REGULAR = 4 };
enum { RIGHT_READ = 1 << 1, RIGHT_SEEK = 1 << 2, RIGHT_TELL = 1 << 5, RIGHT_WRITE = 1 << 6, RIGHT_FILESTAT = 1 << 21, RIGHT_POLL = 1 << 27 };

int wasi_stream(uint32_t fd) { return fd < WASI_FDS ? job.stream_of_fd[fd] : STREAM_NONE; }

static bool is_readable(int stream) { return stream == STREAM_INPUT || stream >= STREAM_CLAIM; }
static uint64_t size_of(int stream) { return stream == STREAM_INPUT ? input_size() : stream >= STREAM_CLAIM ? staging_size(stream) : 0; }
static uint64_t *cursor_of(int stream) { return stream == STREAM_INPUT ? &job.input_cursor : staging_cursor(stream); }

/* Part `i` of an array of (address, size) pairs in linear memory. */
static bool get_part(uint32_t parts, uint32_t i, struct iovec *ret_part)
{
    uint32_t pair[2];
    const uint8_t *at = memory_at((uint64_t)parts + 8 * (uint64_t)i, sizeof pair);
    if (!at) return false;
    memcpy(pair, at, sizeof pair);
    *ret_part = (struct iovec){memory_at(pair[0], pair[1]), pair[1]};
    return ret_part->iov_base != NULL;
}

static uint32_t read_at(int stream, uint32_t parts, uint32_t count, uint64_t from, uint32_t read_at_address, uint64_t *ret_cursor)
{
    const uint64_t end = size_of(stream);
    uint64_t cursor = from;
    for (uint32_t i = 0; i < count && cursor < end; i++) {
        struct iovec part;
        if (!get_part(parts, i, &part)) return WASI_FAULT;
        uint64_t left = end - cursor, size = part.iov_len < left ? part.iov_len : left;
        if (size > UINT32_MAX - (cursor - from)) break;
        if (stream == STREAM_INPUT) input_read(part.iov_base, size, cursor);
        else staging_read(stream, part.iov_base, size, cursor);
        cursor += size;
    }
    if (!wasi_put_u32(read_at_address, (uint32_t)(cursor - from))) return WASI_FAULT;
    *ret_cursor = cursor;
    return WASI_SUCCESS;
}

WASI(fd_read, SELF, uint32_t fd, uint32_t parts, uint32_t count, uint32_t read_address)
{
    int stream = wasi_stream(fd);
    if (!is_readable(stream)) return stream ? WASI_NOTCAPABLE : WASI_BADF;
    return read_at(stream, parts, count, *cursor_of(stream), read_address, cursor_of(stream));
}

WASI(fd_pread, SELF, uint32_t fd, uint32_t parts, uint32_t count, uint64_t offset, uint32_t read_address)
{
    int stream = wasi_stream(fd);
    if (!is_readable(stream)) return stream ? WASI_NOTCAPABLE : WASI_BADF;
    uint64_t unused_cursor;
    return read_at(stream, parts, count, offset, read_address, &unused_cursor);
}

/* Gathers up to PARTS_MAX parts; the sum is kept below 2^31 so that one call takes them all. */
static bool gather(uint32_t parts, uint32_t *i, uint32_t count, struct iovec *ret_list, int *ret_count, uint64_t *ret_bytes)
{
    *ret_count = 0;
    *ret_bytes = 0;
    for (; *i < count && *ret_count < PARTS_MAX; (*i)++) {
        struct iovec part;
        if (!get_part(parts, *i, &part)) return false;
        if (*ret_count > 0 && *ret_bytes + part.iov_len > INT32_MAX) break;
        *ret_bytes += part.iov_len;
        ret_list[(*ret_count)++] = part;
    }
    return true;
}

WASI(fd_write, SELF, uint32_t fd, uint32_t parts, uint32_t count, uint32_t written_address)
{
    int stream = wasi_stream(fd);
    if (stream != STREAM_OUTPUT && stream != STREAM_LOG) return stream ? WASI_NOTCAPABLE : WASI_BADF;
    if (!memory_at(written_address, 4)) return WASI_FAULT;

    struct iovec list[PARTS_MAX];
    uint64_t total = 0;
    for (uint32_t i = 0; i < count;) {
        int gathered;
        uint64_t bytes;
        if (!gather(parts, &i, count, list, &gathered, &bytes)) return WASI_FAULT;
        if (total + bytes > UINT32_MAX) break;
        if (stream == STREAM_OUTPUT) output_write(list, gathered, bytes);
        else output_log(list, gathered);
        total += bytes;
    }
    wasi_put_u32(written_address, (uint32_t)total);
    return WASI_SUCCESS;
}

WASI(fd_pwrite, SELF, uint32_t fd, uint32_t parts, uint32_t count, uint64_t offset, uint32_t written_address)
{
    (void)parts, (void)count, (void)offset, (void)written_address;
    return wasi_stream(fd) ? WASI_SPIPE : WASI_BADF;
}

WASI(fd_seek, SELF, uint32_t fd, uint64_t delta, uint32_t whence, uint32_t at)
{
    int stream = wasi_stream(fd);
    if (!is_readable(stream)) return stream ? WASI_SPIPE : WASI_BADF;
    if (whence > 2) return WASI_INVAL;
    uint64_t base = whence == 0 ? 0 : whence == 1 ? *cursor_of(stream) : size_of(stream);
    uint64_t target = base + delta;
    bool backwards = (int64_t)delta < 0;
    if (backwards ? target > base : target < base || target > INT64_MAX) return WASI_INVAL;
    if (!wasi_put_u64(at, target)) return WASI_FAULT;
    *cursor_of(stream) = target;
    return WASI_SUCCESS;
}

WASI(fd_tell, SELF, uint32_t fd, uint32_t at)
{
    int stream = wasi_stream(fd);
    if (!is_readable(stream)) return stream ? WASI_SPIPE : WASI_BADF;
    return wasi_put_u64(at, *cursor_of(stream)) ? WASI_SUCCESS : WASI_FAULT;
}

WASI(fd_close, SELF, uint32_t fd)
{
    int stream = wasi_stream(fd);
    if (!stream) return WASI_BADF;
    if (stream >= STREAM_CLAIM) staging_close(stream);
    job.stream_of_fd[fd] = STREAM_NONE;
    return WASI_SUCCESS;
}

WASI(fd_renumber, SELF, uint32_t from, uint32_t to)
{
    if (!wasi_stream(from) || !wasi_stream(to)) return WASI_BADF;
    if (from == to) return WASI_SUCCESS;
    if (wasi_stream(to) >= STREAM_CLAIM) staging_close(wasi_stream(to));
    job.stream_of_fd[to] = job.stream_of_fd[from];
    job.stream_of_fd[from] = STREAM_NONE;
    return WASI_SUCCESS;
}

WASI(fd_fdstat_get, SELF, uint32_t fd, uint32_t at)
{
    int stream = wasi_stream(fd);
    if (!stream) return WASI_BADF;
    struct { uint8_t filetype, pad0; uint16_t flags; uint32_t pad1; uint64_t rights, inheriting; } stat = {
        .filetype = is_readable(stream) ? FILETYPE_REGULAR : FILETYPE_UNKNOWN,
        .rights = is_readable(stream) ? RIGHT_READ | RIGHT_SEEK | RIGHT_TELL | RIGHT_FILESTAT | RIGHT_POLL : RIGHT_WRITE | RIGHT_POLL};
    return wasi_put(at, &stat, sizeof stat) ? WASI_SUCCESS : WASI_FAULT;
}

WASI(fd_filestat_get, SELF, uint32_t fd, uint32_t at)
{
    int stream = wasi_stream(fd);
    if (!stream) return WASI_BADF;
    struct { uint64_t device, inode; uint8_t filetype, pad[7]; uint64_t links, size, accessed, modified, changed; } stat = {
        .filetype = is_readable(stream) ? FILETYPE_REGULAR : FILETYPE_UNKNOWN, .links = 1,
        .size = size_of(stream)};
    return wasi_put(at, &stat, sizeof stat) ? WASI_SUCCESS : WASI_FAULT;
}

WASI(fd_fdstat_set_flags, SELF, uint32_t fd, uint32_t flags)
{
    if (!wasi_stream(fd)) return WASI_BADF;
    return flags == 0 ? WASI_SUCCESS : WASI_NOTSUP;
}
