/* covey bench: hands over to the benchmark runner, `bench/run BUILD [NAME] [--json]`, which measures this program beside its peers. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/covey.h"
#include "cmd/commands.h"

/* The folder this program runs from: in a source tree, the build folder. */
static bool own_folder(char *ret_path, size_t room)
{
    ssize_t n = readlink("/proc/self/exe", ret_path, room - 1);
    if (n < 0) return false;
    ret_path[n] = '\0';
    char *slash = strrchr(ret_path, '/');
    if (slash) *slash = '\0';
    return slash != NULL;
}

/* $COVEY_BENCH, else the source tree's. */
static bool find_runner(const char *folder, char *ret_path, size_t room)
{
    const char *named = getenv("COVEY_BENCH");
    int length = named ? snprintf(ret_path, room, "%s", named) : snprintf(ret_path, room, "%s/../bench/run", folder);
    return length > 0 && (size_t)length < room && access(ret_path, X_OK) == 0;
}

int command_bench(int argc, char **argv)
{
    char folder[PATH_MAX], runner[PATH_MAX];
    if (!own_folder(folder, sizeof folder) || !find_runner(folder, runner, sizeof runner)) {
        fprintf(stderr, "covey bench: the benchmark runner was not found; run it from a source tree (make bench) or set COVEY_BENCH\n");
        return COVEY_SYSTEM;
    }
    char **args = calloc((size_t)argc + 3, sizeof *args);
    if (!args) return COVEY_SYSTEM;
    args[0] = runner;
    args[1] = folder;
    memcpy(args + 2, argv, (size_t)argc * sizeof *argv);
    execv(runner, args);
    fprintf(stderr, "covey bench: %s: %s\n", runner, strerror(errno));
    free(args);
    return COVEY_SYSTEM;
}
