/* Task files and their input for the figures about whole commands. */
#include "bench/runner/task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "bench/floors/fnv.h"
#include "sys/fd.h"

enum { PIECE_SEGMENTS = 256 };

/* xorshift64*: no two segments alike, the same on every machine. */
static void fill(uint64_t *state, uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        words[i] = *state * UINT64_C(2685821657736338717);
    }
}

static Err write_input(int fd)
{
    static uint64_t piece[PIECE_SEGMENTS * FNV_SEGMENT_BYTES / sizeof(uint64_t)];
    uint64_t state = 1;
    for (int segment = 0; segment < TASK_JOBS; segment += PIECE_SEGMENTS) {
        size_t segments = TASK_JOBS - segment < PIECE_SEGMENTS ? (size_t)(TASK_JOBS - segment) : PIECE_SEGMENTS;
        fill(&state, piece, segments * FNV_SEGMENT_BYTES / sizeof piece[0]);
        TRY(fd_write_all(fd, view_of(piece, segments * FNV_SEGMENT_BYTES)));
    }
    return OK;
}

Err task_input(const Bench *b, char *ret_path, size_t room, Diag *diag)
{
    snprintf(ret_path, room, "%s/segments.bin", b->work);
    struct stat st;
    if (stat(ret_path, &st) == 0 && st.st_size == (off_t)TASK_JOBS * FNV_SEGMENT_BYTES) return OK;
    AUTO_FD fd = -1;
    TRY_WHY(diag, fd_open(AT_FDCWD, ret_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600, &fd), "%s", ret_path);
    TRY_WHY(diag, write_input(fd), "%s", ret_path);
    return OK;
}

Err task_write(const Bench *b, const char *level, uint64_t count, char *ret_path, size_t room, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(TASK_FILE_BYTES_MAX);
    TRY(buffer_format(&text, "task: bench-%s\nimage: %s/%s.see\n", level, b->folder, count ? "noop" : "fnv"));
    if (count) TRY(buffer_format(&text, "input: {split: {by: count, count: %llu}}\n", (unsigned long long)count));
    else TRY(buffer_format(&text, "input: {path: segments.bin, split: {by: fixed, size: %d, records: 1}}\n", FNV_SEGMENT_BYTES));
    TRY(buffer_format(&text, "combine: concat\nsecurity: {level: %s, lifetime: 60s, memory: 16MiB}\noutput: output-%s\n", level, level));
    snprintf(ret_path, room, "%s/%s.yaml", b->work, level);
    TRY_WHY(diag, file_replace(AT_FDCWD, ret_path, view_buffer(&text), 0600), "%s", ret_path);
    return OK;
}

Err task_compare(const char *path, const char *expected, Diag *diag)
{
    AUTO_BUFFER a = buffer_limited(GIB), b = buffer_limited(GIB);
    TRY_WHY(diag, file_read(AT_FDCWD, path, &a), "%s", path);
    TRY_WHY(diag, file_read(AT_FDCWD, expected, &b), "%s", expected);
    if (view_equal(view_buffer(&a), view_buffer(&b))) return OK;
    return FAIL_WHY(diag, ERR_CORRUPT, "%s differs from %s: a wrong result has no speed", path, expected);
}
