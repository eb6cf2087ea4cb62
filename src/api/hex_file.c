/* Messages that people carry: evidence, requests, answers. */
#include "api/hex_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "sys/fd.h"

static Err read_stream(int fd, Buffer *content)
{
    for (size_t got = 1; got > 0;) {
        uint8_t part[4096];
        TRY(fd_read(fd, part, sizeof part, &got));
        TRY(buffer_append(content, view_of(part, got)));
    }
    return OK;
}

/* Hex digits and white space become bytes, in place; everything else is taken as it is. */
static void from_hex(Buffer *b)
{
    size_t size = 0;
    const char *text = (const char *)b->data, *end = NULL;
    if (b->size == 0) return;
    uint8_t *bytes = malloc(b->size);
    if (bytes && sodium_hex2bin(bytes, b->size, text, b->size, " \t\r\n", &size, &end) == 0 && end == text + b->size && size > 0) {
        memcpy(b->data, bytes, size);
        b->size = size;
    }
    free(bytes);
}

Err hex_file_read(const char *path, Buffer *content, Diag *diag)
{
    bool is_stdin = strcmp(path, "-") == 0;
    TRY_WHY(diag, is_stdin ? read_stream(STDIN_FILENO, content) : file_read(AT_FDCWD, path, content), "%s", is_stdin ? "standard input" : path);
    from_hex(content);
    return OK;
}
