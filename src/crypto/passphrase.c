/* Where passphrases come from: a file that the environment names, or the terminal. Never an argument, which other users can see. */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/key_parts.h"
#include "sys/fd.h"
#include "sys/terminal.h"

#define FILE_VARIABLE "COVEY_PASSPHRASE_FILE"

/* Up to its first newline; the file is another program's answer as well as a file, so it is read to its end. */
static Err first_line(int fd, char *ret_text, size_t room)
{
    size_t size = 0, got;
    do {
        if (size == room) return FAIL(ERR_LIMIT);
        TRY(fd_read(fd, ret_text + size, room - size, &got));
        size += got;
    } while (got > 0 && !memchr(ret_text, '\n', size));
    char *newline = memchr(ret_text, '\n', size);
    if (!newline && size == room) return FAIL(ERR_LIMIT);
    size_t length = newline ? (size_t)(newline - ret_text) : size;
    if (memchr(ret_text, '\0', length)) return FAIL(ERR_BAD_INPUT);
    sodium_memzero(ret_text + length, room - length);
    return length ? OK : FAIL(ERR_BAD_INPUT);
}

static Err read_file(const char *path, char *ret_text, size_t room, Diag *diag)
{
    AUTO_FD fd = -1;
    TRY_WHY(diag, fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, &fd), FILE_VARIABLE " names %s", path);
    TRY(file_check_private(fd, path, "passphrase", diag));
    Err error = first_line(fd, ret_text, room);
    if (error.code) sodium_memzero(ret_text, room);
    TRY_WHY(diag, error, "%s: its first line is no passphrase", path);
    return OK;
}

static Err from_file(char *ret_text, size_t room, bool *ret_given, Diag *diag)
{
    const char *path = getenv(FILE_VARIABLE);
    *ret_given = path && *path;
    return *ret_given ? read_file(path, ret_text, room, diag) : OK;
}

Err passphrase_ask(void *context, const char *key_name, char *ret_text, size_t room)
{
    Diag *diag = context;
    bool given;
    TRY(from_file(ret_text, room, &given, diag));
    if (given) return OK;
    char prompt[PATH_BYTES_MAX + 32];
    snprintf(prompt, sizeof prompt, "Passphrase of %s: ", key_name);
    Err error = terminal_ask(prompt, ret_text, room);
    return error.code == ENXIO ? FAIL(ERR_DENIED) : error;
}

Err passphrase_new(char ret_text[PASSPHRASE_MAX], Diag *diag)
{
    char again[PASSPHRASE_MAX];
    bool given;
    TRY(from_file(ret_text, PASSPHRASE_MAX, &given, diag));
    if (given) return OK;
    Err error = terminal_ask("New passphrase: ", ret_text, PASSPHRASE_MAX);
    if (error.code == ENXIO)
        return FAIL_WHY(diag, ERR_DENIED, "no terminal to ask for a passphrase; write it to a file (mode 600) and name that in " FILE_VARIABLE);
    TRY_WHY(diag, error, "the passphrase");
    if (!ret_text[0]) return FAIL_WHY(diag, ERR_BAD_INPUT, "the passphrase is empty");
    error = terminal_ask("Once more: ", again, sizeof again);
    bool same = error.code == 0 && strcmp(ret_text, again) == 0;
    sodium_memzero(again, sizeof again);
    if (!same) sodium_memzero(ret_text, PASSPHRASE_MAX);
    TRY_WHY(diag, error, "the passphrase");
    return same ? OK : FAIL_WHY(diag, ERR_BAD_INPUT, "the two passphrases differ; nothing was changed");
}
