/**
 * What tests around the system need: a folder of their own, and a count of what is open.
 */
#pragma once
#include <dirent.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"

/** A new empty folder under $TMPDIR; the test leaves it with test_folder_remove. */
typedef struct { char path[PATH_MAX / 2]; } TestFolder;

static inline TestFolder test_folder(void)
{
    TestFolder f;
    const char *base = getenv("TMPDIR");
    snprintf(f.path, sizeof f.path, "%s/covey-test-XXXXXX", base && *base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(f.path));
    return f;
}

static inline int test_remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
    (void)st, (void)type, (void)where;
    return remove(path);
}

static inline void test_folder_remove(const TestFolder *f) { nftw(f->path, test_remove_one, 8, FTW_DEPTH | FTW_PHYS); }

/** "FOLDER/name", in one of a few static places that are used in turn. */
static inline const char *test_path(const TestFolder *f, const char *name)
{
    static char places[4][PATH_MAX];
    static unsigned turn;
    char *path = places[turn++ % 4];
    snprintf(path, PATH_MAX, "%s/%s", f->path, name);
    return path;
}

static inline int test_count_entries(const char *path)
{
    DIR *d = opendir(path);
    ck_assert_ptr_nonnull(d);
    int count = 0;
    for (const struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.' || (e->d_name[1] != '\0' && (e->d_name[1] != '.' || e->d_name[2] != '\0'))) count++;
    closedir(d);
    return count;
}

/** Descriptors that this process has open: the same before and after, or something leaks. */
static inline int test_open_descriptors(void) { return test_count_entries("/proc/self/fd") - 1; /* its own */ }
