/* Calls wasm2c and gcc, with every option in one place. */
#include "image/toolchain.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

#include "crypto/sha256.h"
#include "sys/fd.h"
#include "sys/process.h"

enum { ARGUMENTS_MAX = 64, ENVIRONMENT_TEXT_BYTES = PATH_BYTES_MAX + 16 };

/*
 * Compiling. What a SEE needs of the code, and why:
 *   -fwrapv, -fno-strict-aliasing         the prelude's arithmetic and memory accesses rely on both
 *   -ffp-contract=off                     a*b+c rounded once where the processor can would differ between kinds of nodes
 *   -fstack-clash-protection              a function with a large frame must not step over the guard page
 *   -fno-finite-loops                     an endless loop is the module's right; its lifetime ends it
 *   -fno-math-errno, -fno-trapping-math   nobody reads errno after sqrt, or the floating-point exception flags
 *   -O3                                   geometric mean over bench/kernels 1.02 -> 0.97 of native gcc -O2: vectorises what
 *                                         clang's wasm cannot
 *   -fno-tree-reassoc                     clang has ordered the operations; gcc's second go lengthens dependency chains (SHA-256,
 *                                         minimums)
 *   -DNDEBUG                              the generated assertions would pull in standard I/O, for what cannot happen
 *   -w                                    the code is generated; nobody reads its warnings
 */
static const char *const COMPILE_OPTIONS[] = {
    "-std=gnu17", "-O3", "-fno-tree-reassoc", "-fPIE", "-fwrapv", "-fno-strict-aliasing", "-fno-finite-loops",
    "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-fstack-clash-protection", "-fvisibility=hidden",
    "-ffunction-sections", "-fdata-sections", "-fno-asynchronous-unwind-tables", "-fno-ident", "-DNDEBUG", "-w",
};

/* Linking: one file that needs no loader, nothing writable and executable, nothing that names this machine or this moment. */
static const char *const LINK_OPTIONS[] = {
    "-static-pie", "-s", "-Wl,--gc-sections", "-Wl,--build-id=none", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack",
    "-Wl,-z,separate-code",
};

typedef struct { const char *argv[ARGUMENTS_MAX + 1]; size_t count; } Command;

static void add(Command *c, const char *argument)
{
    assert(c->count < ARGUMENTS_MAX);
    c->argv[c->count++] = argument;
}

#define ADD_ALL(c, list) do { for (size_t i_ = 0; i_ < sizeof(list) / sizeof((list)[0]); i_++) add((c), (list)[i_]); } while (0)

/* An empty environment but for these: CPATH, LIBRARY_PATH and the like would change what gcc makes; its own temporary files go
 * where they are removed. */
typedef struct { char path[ENVIRONMENT_TEXT_BYTES], temporary[ENVIRONMENT_TEXT_BYTES]; } Environment;

static Err add_environment(Command *c, Environment *e, const char *directory)
{
    const char *path = getenv("PATH");
    int path_size = snprintf(e->path, sizeof e->path, "PATH=%s", path ? path : "/usr/bin:/bin");
    int temporary_size = snprintf(e->temporary, sizeof e->temporary, "TMPDIR=%s", directory);
    if (path_size >= (int)sizeof e->path || temporary_size >= (int)sizeof e->temporary) return FAIL(ENAMETOOLONG);
    add(c, "env");
    add(c, "-i");
    add(c, e->path);
    add(c, e->temporary);
    add(c, "LC_ALL=C");
    return OK;
}

/* The line that says most: the first with "error" in it, or else the last. */
static View telling_line(View log)
{
    View last = {NULL, 0};
    while (log.size > 0) {
        const uint8_t *newline = memchr(log.data, '\n', log.size);
        size_t size = newline ? (size_t)(newline - log.data) : log.size;
        if (size > 0) last = view_of(log.data, size);
        if (memmem(log.data, size, "error", 5)) return last;
        log = newline ? view_of(newline + 1, log.size - size - 1) : view_of(NULL, 0);
    }
    return last;
}

static Err run(const Command *c, const char *tool, const char *directory, Buffer *log, Diag *diag)
{
    int status;
    TRY_WHY(diag, process_run(c->argv, directory, log, &status), "cannot run %s", tool);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return OK;
    if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGHUP))
        return FAIL_WHY(diag, ERR_INTERRUPTED, "interrupted while %s ran", tool);

    char how[40];
    if (WIFSIGNALED(status)) snprintf(how, sizeof how, "was killed by signal %d", WTERMSIG(status));
    else snprintf(how, sizeof how, "failed with exit code %d", WEXITSTATUS(status));
    View line = telling_line(view_buffer(log));
    return FAIL_WHY(diag, ERR_TOOL, "%s %s%s%.*s", tool, how, line.size ? ": " : "", line.size < 400 ? (int)line.size : 400,
                    (const char *)line.data);
}

Err toolchain_translate(const char *directory, Buffer *log, Diag *diag)
{
    Command c = {.count = 0};
    Environment environment = {.path = ""};
    TRY(add_environment(&c, &environment, directory));
    static const char *const ARGUMENTS[] = {"wasm2c", TOOLCHAIN_WASM, "--module-name", "module", "-o", TOOLCHAIN_C};
    ADD_ALL(&c, ARGUMENTS);
    return run(&c, "wasm2c", directory, log, diag);
}

Err toolchain_compile(const Toolchain *t, const char *directory, Buffer *log, Diag *diag)
{
    Command c = {.count = 0};
    Environment environment = {.path = ""};
    char map[PATH_BYTES_MAX + 32];
    TRY(add_environment(&c, &environment, directory));
    snprintf(map, sizeof map, "-ffile-prefix-map=%s=.", t->include);
    add(&c, "gcc");
    ADD_ALL(&c, COMPILE_OPTIONS);
    ADD_ALL(&c, LINK_OPTIONS);
    add(&c, map);
    add(&c, "-iquote");
    add(&c, t->include);
    static const char *const FILES[] = {"-o", TOOLCHAIN_ELF, TOOLCHAIN_SOURCE};
    ADD_ALL(&c, FILES);
    add(&c, t->archive);
    add(&c, "-lcrypto");
    add(&c, "-lIPSec_MB");
    add(&c, "-lsodium");
    add(&c, "-lm");
    return run(&c, "gcc", directory, log, diag);
}

static Err describe_file(const Toolchain *t, const char *name, Buffer *text, Diag *diag)
{
    char path[PATH_BYTES_MAX + 32], hex[65];
    if (name) snprintf(path, sizeof path, "%s/see/%s", t->include, name);
    else snprintf(path, sizeof path, "%s", t->archive);

    AUTO_BUFFER content = buffer_limited(IMAGE_BYTES_MAX);
    TRY_WHY(diag, file_read(AT_FDCWD, path, &content), "%s", path);
    Sha256 hash;
    TRY_WHY(diag, sha256_large(view_buffer(&content), &hash), "%s", path);
    sha256_hex(&hash, hex);
    return buffer_format(text, "%s %s\n", name ? name : "runtime", hex);
}

Err toolchain_describe(const Toolchain *t, Buffer *text, Diag *diag)
{
    assert(t && text);

    static const char *const HEADERS[] = {"manifest.h", "module.h", "note.h", "prelude.h"};
    TRY(buffer_format(text, "covey %s\nwasm2c %s\ngcc %s\nld %s\nlibc %s\nlibcrypto %s\nlibIPSec_MB %s\nlibsodium %s\n", COVEY_VERSION, t->wasm2c, t->gcc,
                      t->ld, t->libc, t->libcrypto, t->libipsec_mb, t->libsodium));
    for (size_t i = 0; i < sizeof COMPILE_OPTIONS / sizeof COMPILE_OPTIONS[0]; i++)
        TRY(buffer_format(text, "%s ", COMPILE_OPTIONS[i]));
    for (size_t i = 0; i < sizeof LINK_OPTIONS / sizeof LINK_OPTIONS[0]; i++) TRY(buffer_format(text, "%s ", LINK_OPTIONS[i]));
    TRY(buffer_format(text, "\n"));
    TRY(describe_file(t, NULL, text, diag));
    for (size_t i = 0; i < sizeof HEADERS / sizeof HEADERS[0]; i++) TRY(describe_file(t, HEADERS[i], text, diag));
    return OK;
}

void toolchain_builder(const Toolchain *t, char ret_text[BUILDER_TEXT_BYTES])
{
    snprintf(ret_text, BUILDER_TEXT_BYTES, "covey %s, wasm2c %.16s, %.48s", COVEY_VERSION, t->wasm2c, t->gcc);
    for (char *c = ret_text; *c; c++)
        if (!isprint((unsigned char)*c) || *c == '"' || *c == '\\') *c = '?'; /* it becomes a C string */
}
