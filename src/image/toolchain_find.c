/* Finds the tools and the runtime, and says what to install where they are missing. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/toolchain.h"
#include "sys/fault.h"
#include "sys/process.h"

enum { ANSWER_BYTES_MAX = 16 << 10 };

/* The first line of what a tool answers to one option. */
static Err ask(const char *tool, const char *option, const char *package, char *ret_line, size_t room, Diag *diag)
{
    const char *const argv[] = {tool, option, NULL};
    AUTO_BUFFER answer = buffer_limited(ANSWER_BYTES_MAX);
    int status = 0;
    Err started = process_run(argv, NULL, &answer, &status);
    if (started.code == ENOENT)
        return FAIL_WHY(diag, ERR_NO_ENTRY, "%s is not installed; run: apt-get install %s", tool, package);
    TRY_WHY(diag, started, "cannot run %s", tool);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return FAIL_WHY(diag, ERR_TOOL, "%s %s fails; reinstall it: apt-get install --reinstall %s", tool, option, package);

    const uint8_t *newline = answer.size ? memchr(answer.data, '\n', answer.size) : NULL;
    size_t size = newline ? (size_t)(newline - answer.data) : answer.size;
    if (size >= room) size = room - 1;
    if (size) memcpy(ret_line, answer.data, size);
    ret_line[size] = '\0';
    return OK;
}

/* A library that goes into every image: when it is replaced (a security update, say) images are built anew. */
static Err find_library(const char *option, const char *package, char ret_text[LIBRARY_TEXT_BYTES], Diag *diag)
{
    char path[PATH_BYTES_MAX];
    TRY(ask("gcc", option, "gcc", path, sizeof path, diag));
    struct stat st;
    if (path[0] != '/' || FAULTABLE("stat", stat(path, &st)) < 0) /* gcc answers with the bare name when there is none */
        return FAIL_WHY(diag, ERR_NO_ENTRY, "the static library %s is not installed; run: apt-get install %s",
                        strchr(option, '=') + 1, package);
    snprintf(ret_text, LIBRARY_TEXT_BYTES, "%s %lld %lld.%09ld", path, (long long)st.st_size, (long long)st.st_mtim.tv_sec,
             st.st_mtim.tv_nsec);
    return OK;
}

static bool is_there(const char *directory, const char *file, char *ret_path)
{
    int size = snprintf(ret_path, PATH_BYTES_MAX, "%s/%s", directory, file);
    return size > 0 && size < PATH_BYTES_MAX && access(ret_path, R_OK) == 0;
}

/* A folder with the archive has the headers below include/, or, in a build tree, is src/see itself. */
static bool runtime_in(const char *directory, Toolchain *t)
{
    static const char *const INCLUDES[] = {"include", ".."};
    if (!is_there(directory, "libcovey-see.a", t->archive)) return false;
    for (size_t i = 0; i < sizeof INCLUDES / sizeof INCLUDES[0]; i++) {
        char prelude[PATH_BYTES_MAX];
        int size = snprintf(t->include, sizeof t->include, "%s/%s", directory, INCLUDES[i]);
        if (size > 0 && size < (int)sizeof t->include && is_there(t->include, "see/prelude.h", prelude)) return true;
    }
    return false;
}

static Err find_runtime(Toolchain *t, Diag *diag)
{
    const char *set = getenv("COVEY_SEE_DIR");
    if (set && *set) {
        char whole[PATH_BYTES_MAX]; /* gcc runs in another folder */
        if (realpath(set, whole) && runtime_in(whole, t)) return OK;
        return FAIL_WHY(diag, ERR_NO_ENTRY, "COVEY_SEE_DIR=%s: no libcovey-see.a with its headers there; unset it or correct it",
                        set);
    }
    char own[PATH_BYTES_MAX - 16], beside[PATH_BYTES_MAX];
    TRY_WHY(diag, process_own_directory(own, sizeof own), "cannot find the folder of the running program");
    snprintf(beside, sizeof beside, "%s/src/see", own);
    if (runtime_in(beside, t) || runtime_in(COVEY_LIBDIR, t)) return OK;
    return FAIL_WHY(diag, ERR_NO_ENTRY,
                    "the SEE runtime, libcovey-see.a, is neither in %s nor in %s; install Covey again, or set "
                    "COVEY_SEE_DIR to the folder that has it",
                    beside, COVEY_LIBDIR);
}

Err toolchain_find(Toolchain *ret_toolchain, Diag *diag)
{
    assert(ret_toolchain);

    Toolchain t = {.archive = ""};
    TRY(ask("wasm2c", "--version", "wabt", t.wasm2c, sizeof t.wasm2c, diag));
    TRY(ask("gcc", "--version", "gcc", t.gcc, sizeof t.gcc, diag));
    TRY(ask("ld", "--version", "binutils", t.ld, sizeof t.ld, diag));
    TRY(find_library("-print-file-name=libc.a", "libc6-dev", t.libc, diag));
    TRY(find_library("-print-file-name=libcrypto.a", "libssl-dev", t.libcrypto, diag));
    TRY(find_library("-print-file-name=libIPSec_MB.a", "libipsec-mb-dev", t.libipsec_mb, diag));
    TRY(find_library("-print-file-name=libsodium.a", "libsodium-dev", t.libsodium, diag));
    TRY(find_runtime(&t, diag));
    *ret_toolchain = t;
    return OK;
}
