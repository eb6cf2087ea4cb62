/**
 * A world for tests that build images: a new folder with a stand-in for the SEE runtime (build_test_runtime.c), so that what
 * is built can be run as an ordinary program; cache, temporary files and key are in it too.
 */
#pragma once
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/test.h"
#include "image/build.h"
#include "sys/fd.h"

static char home[64]; /* a new folder for each test: everything is below it */

static inline const char *in_home(const char *name)
{
    static char paths[8][256];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", home, name);
    return path;
}

__attribute__((format(printf, 1, 2))) static inline void shell(const char *format, ...)
{
    char command[4096];
    va_list args;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    ck_assert_msg(system(command) == 0, "failed: %s", command);
}

static inline const char *source_folder(void)
{
    const char *source = getenv("COVEY_SOURCE");
    return source ? source : ".";
}

static inline void put(const char *path, const char *text, mode_t mode)
{
    ck_assert_ok(file_replace(AT_FDCWD, path, view_text(text), mode));
}

static inline void set_up(void)
{
    strcpy(home, "/tmp/covey-build-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(home));
    shell("mkdir %s/see %s/tmp && ln -s %s/src %s/see/include && cd %s/see && gcc -O1 -fPIE -iquote include -c "
          "include/image/build_test_runtime.c && "
          "ar rcs libcovey-see.a build_test_runtime.o && rm build_test_runtime.o",
          home, home, source_folder(), home, home);
    setenv("COVEY_SEE_DIR", in_home("see"), 1);
    setenv("XDG_CACHE_HOME", in_home("cache"), 1);
    setenv("TMPDIR", in_home("tmp"), 1);
}

static inline void tear_down(void) { shell("rm -rf %s", home); }

/* A module in text form, as the file job.wasm. */
static inline void module(const char *text)
{
    put(in_home("job.wat"), text, 0644);
    shell("wat2wasm --enable-all %s -o %s", in_home("job.wat"), in_home("job.wasm"));
}

#define WRITES_B \
    "(module (import \"wasi_snapshot_preview1\" \"fd_write\" (func $write (param i32 i32 i32 i32) (result i32)))" \
    "(memory (export \"memory\") 1 3) (data (i32.const 0) \"\\10\\00\\00\\00\\01\\00\\00\\00\") (data (i32.const 16) \"B\")" \
    "(func $say (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))) (func (export \"_start\") (call " \
    "$say))"

static inline ImageBuildRequest request(const char *output)
{
    return (ImageBuildRequest){.module_path = in_home("job.wasm"), .output_path = output, .config_dir = in_home("config")};
}

static inline Buffer content_of(const char *path)
{
    Buffer content = buffer_limited(64 * MIB);
    ck_assert_ok(file_read(AT_FDCWD, path, &content));
    return content;
}
