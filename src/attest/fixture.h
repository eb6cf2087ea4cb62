/** What tests of this folder share: a collateral folder of their own, filled from the project's data, and looking claims up. */
#pragma once
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "attest/collateral.h"
#include "base/test_data.h"
#include "sys/fd.h"

typedef struct { char path[64]; } Folder;

static inline Folder folder_new(void)
{
    static const char *const PARTS[] = {"amd", "intel", "tpm", "reference"};
    Folder f = {"/tmp/covey-attest-XXXXXX"};
    ck_assert_ptr_nonnull(mkdtemp(f.path));
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", f.path, PARTS[i]);
        ck_assert_ok(dir_make_all(path, 0700));
    }
    return f;
}

static inline void folder_free(Folder *f)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", f->path);
    ck_assert_int_eq(system(command), 0);
}

static inline void folder_put(const Folder *f, const char *name, View content)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", f->path, name);
    ck_assert_ok(file_replace(AT_FDCWD, path, content, 0600));
}

/** A data file's content, or false where there is no data. */
static inline bool data_read(const char *name, Buffer *ret_content)
{
    const char *path = test_data(name);
    if (!path) return false;
    *ret_content = buffer_limited(1 << 20);
    ck_assert_ok(file_read(AT_FDCWD, path, ret_content));
    return true;
}

static inline void folder_copy(const Folder *f, const char *data, const char *name)
{
    AUTO_BUFFER content = {0};
    ck_assert(data_read(data, &content));
    folder_put(f, name, view_buffer(&content));
}

static inline Collateral *folder_load(const Folder *f)
{
    Collateral *c = NULL;
    Diag why = {0};
    Err e = collateral_load(f->path, &c, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    return c;
}

static inline const VerdictClaim *claim_of(const Verdict *v, const char *name)
{
    for (size_t i = 0; i < v->count; i++)
        if (strcmp(v->claims[i].claim, name) == 0) return &v->claims[i];
    return NULL;
}

/** Prints the claims that failed: what one wants to see when a test does. */
static inline void verdict_print(const Verdict *v)
{
    for (size_t i = 0; i < v->count; i++)
        fprintf(stderr, "# %s %s: %s\n", v->claims[i].passed ? "ok" : "no", v->claims[i].claim, v->claims[i].reason);
}

#define ck_assert_claim(v, name, expected, text) \
    do { const VerdictClaim *c_ = claim_of((v), (name)); \
         ck_assert_msg(c_ != NULL, "no claim %s", (name)); \
         ck_assert_msg(c_->passed == (expected) && strstr(c_->reason, (text)), "%s: %s: %s", c_->claim, c_->passed ? "passed" : "failed", c_->reason); } while (0)
