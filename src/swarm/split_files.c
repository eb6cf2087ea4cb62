/* Globbing, in an order that no locale changes. */
#include "swarm/split_files.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/limits.h"
#include "swarm/split.h"
#include "sys/fault.h"

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void file_list_free(FileList *list)
{
    globfree(&list->names);
    free(list->facts);
    *list = (FileList){0};
}

/** Looks at each name; folders leave the list (their names move behind the others, for globfree). */
static Err look(FileList *list, Diag *diag)
{
    char **names = list->names.gl_pathv;
    for (size_t i = 0; i < list->names.gl_pathc; i++) {
        struct stat st;
        char *name = names[i];
        if (FAULTABLE("stat", stat(name, &st)) < 0) return FAIL_WHY(diag, errno, "%s: can't be read: %s", name, err_text(errno));
        if (S_ISDIR(st.st_mode)) continue;
        if (!S_ISREG(st.st_mode)) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: is not a regular file", name);
        if ((uint64_t)st.st_size > SEGMENT_BYTES_MAX)
            return FAIL_WHY(diag, ERR_BAD_INPUT,
                "%s: is larger than a segment may be (%" PRIu64 " bytes); split it by records", name, SEGMENT_BYTES_MAX);
        names[i] = names[list->count];
        names[list->count] = name;
        list->facts[list->count++] = (FileFacts){.size = (uint64_t)st.st_size, .changed = st.st_mtim};
        list->total += (uint64_t)st.st_size;
    }
    return OK;
}

static Err fill(const char *pattern, FileList *list, Diag *diag)
{
    int rc = glob(pattern, GLOB_NOSORT, NULL, &list->names);
    if (rc == GLOB_NOSPACE) return FAIL(ENOMEM);
    if (rc == GLOB_ABORTED) return FAIL_WHY(diag, EIO, "%s: a folder can't be read", pattern);
    size_t count = list->names.gl_pathc;
    if (count > SPLIT_FILES_MAX) return FAIL_WHY(diag, ERR_LIMIT, "%s: matches more than %d files", pattern, SPLIT_FILES_MAX);
    if (count) qsort(list->names.gl_pathv, count, sizeof *list->names.gl_pathv, by_name);
    list->facts = calloc(count + 1, sizeof *list->facts);
    if (!list->facts) return FAIL(ENOMEM);
    TRY(look(list, diag));
    if (list->count == 0) return FAIL_WHY(diag, ERR_NO_ENTRY, "%s: no file matches", pattern);
    return OK;
}

Err file_list_open(const char *pattern, FileList *ret_list, Diag *diag)
{
    FileList list = {0};
    Err e = fill(pattern, &list, diag);
    if (e.code) {
        file_list_free(&list);
        return e;
    }
    *ret_list = list;
    return OK;
}
