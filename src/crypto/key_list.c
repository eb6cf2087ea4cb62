/* Lists of keys in files: reading them line by line, and appending. */
#include "crypto/key_list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypto/key_store.h"
#include "sys/fault.h"
#include "sys/fd.h"

enum { AT_MAX = PATH_BYTES_MAX + 32 };

static Err check_owner(const char *path, Diag *diag)
{
    struct stat st;
    if (FAULTABLE("stat", stat(path, &st)) < 0) return FAIL(errno);
    if (st.st_uid != geteuid() && geteuid() != 0 && st.st_uid != 0) return FAIL_WHY(diag, ERR_DENIED, "%s: belongs to another user", path);
    if (st.st_mode & 022)
        return FAIL_WHY(diag, ERR_DENIED, "%s: others can change it (mode %03o); run: chmod go-w %s", path, (unsigned)(st.st_mode & 0777), path);
    return OK;
}

/* *ret_exists false: there is no such file, and that is well. */
static Err load(const char *path, Buffer *content, bool *ret_exists, Diag *diag)
{
    Err error = check_owner(path, diag);
    if (error.code == 0) error = file_read(AT_FDCWD, path, content);
    *ret_exists = error.code == 0;
    if (error.code == ENOENT) return OK;
    TRY_WHY(diag, error, "%s", path);
    return OK;
}

static size_t split(char *line, char *ret_words[KEY_LINE_WORDS_MAX])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(line, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
        if (count == KEY_LINE_WORDS_MAX) return count + 1;
        ret_words[count++] = word;
    }
    return count;
}

static Err visit_line(const char *at, size_t number, View line, KeyLineVisit visit, void *context, Diag *diag)
{
    char text[KEY_LINE_BYTES_MAX], *words[KEY_LINE_WORDS_MAX];
    const uint8_t *hash = line.size ? memchr(line.data, '#', line.size) : NULL;
    size_t size = hash ? (size_t)(hash - line.data) : line.size;
    if (size >= sizeof text) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: the line is too long", at);
    if (size && memchr(line.data, '\0', size)) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: not text", at);
    if (size) memcpy(text, line.data, size);
    text[size] = '\0';

    size_t count = split(text, words);
    if (count > KEY_LINE_WORDS_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: too many words; a comment begins with #", at);
    return count == 0 ? OK : visit(context, &(KeyLine){at, number, words, count}, diag);
}

Err key_list_each(const char *directory, const char *name, size_t bytes_max, KeyLineVisit visit, void *context, Diag *diag)
{
    char path[PATH_BYTES_MAX], at[AT_MAX];
    bool exists = false;
    AUTO_BUFFER content = buffer_limited(bytes_max);
    TRY_WHY(diag, key_store_path(directory, name, path, sizeof path), "%s", directory);
    TRY(load(path, &content, &exists, diag));

    View rest = view_buffer(&content);
    for (size_t number = 1; rest.size > 0; number++) {
        const uint8_t *newline = memchr(rest.data, '\n', rest.size);
        size_t length = newline ? (size_t)(newline - rest.data) : rest.size;
        snprintf(at, sizeof at, "%s:%zu", path, number);
        TRY(visit_line(at, number, view_of(rest.data, length), visit, context, diag));
        size_t taken = newline ? length + 1 : length;
        rest = view_of(rest.data + taken, rest.size - taken);
    }
    return OK;
}

Err key_list_append(const char *directory, const char *name, size_t bytes_max, const char *line, Diag *diag)
{
    char path[PATH_BYTES_MAX];
    bool exists = false;
    AUTO_BUFFER content = buffer_limited(bytes_max);
    TRY_WHY(diag, key_store_path(directory, name, path, sizeof path), "%s", directory);
    TRY(load(path, &content, &exists, diag));
    if (content.size && content.data[content.size - 1] != '\n') TRY_WHY(diag, buffer_put_u8(&content, '\n'), "%s", path);
    TRY_WHY(diag, buffer_append(&content, view_text(line)), "%s", path);
    TRY_WHY(diag, buffer_put_u8(&content, '\n'), "%s", path);
    TRY_WHY(diag, file_replace(AT_FDCWD, path, view_buffer(&content), 0644), "%s", path);
    return OK;
}
