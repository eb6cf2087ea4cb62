/* covey bench: hands over to the benchmark runner, which measures this program beside its peers. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/covey.h"
#include "cmd/commands.h"

/* $COVEY_BENCH; where it was installed; or, in a build folder, the source tree's. */
static bool find_runner(char *ret_path, size_t room)
{
    const char *named = getenv("COVEY_BENCH");
    if (named) {
        snprintf(ret_path, room, "%s", named);
        return access(ret_path, X_OK) == 0;
    }
    snprintf(ret_path, room, "%s/bench/run", COVEY_LIBDIR);
    if (access(ret_path, X_OK) == 0) return true;
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n < 0) return false;
    self[n] = '\0';
    char *slash = strrchr(self, '/');
    if (!slash) return false;
    *slash = '\0';
    int length = snprintf(ret_path, room, "%s/../bench/run", self);
    return length > 0 && (size_t)length < room && access(ret_path, X_OK) == 0;
}

int command_bench(int argc, char **argv)
{
    char runner[PATH_MAX];
    if (!find_runner(runner, sizeof runner)) {
        fprintf(stderr, "covey bench: the benchmark runner was not found; run it from a source tree (make bench) or set COVEY_BENCH\n");
        return COVEY_SYSTEM;
    }
    char **args = calloc((size_t)argc + 2, sizeof *args);
    if (!args) return COVEY_SYSTEM;
    args[0] = runner;
    memcpy(args + 1, argv, (size_t)argc * sizeof *argv);
    execv(runner, args);
    fprintf(stderr, "covey bench: %s: %s\n", runner, strerror(errno));
    free(args);
    return COVEY_SYSTEM;
}
