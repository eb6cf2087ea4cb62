/* covey: the command line. Finds the subcommand and leaves the rest to it. */
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/stream.h"
#include "cmd/suggest.h"

typedef struct {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary; /* NULL: not for people */
} Command;

static const Command COMMANDS[] = {
    {"run", command_run, "run a task to the end"},
    {"map", command_map, "a swarm as a Unix filter: standard input to standard output"},
    {"image", command_image, "build, inspect or verify SEE images"},
    {"key", command_key, "your keys, and those that you trust or revoke"},
    {"attest", command_attest, "this node's evidence, or a verdict on anybody's, claim by claim"},
    {"audit", command_audit, "show the audit log, or verify that nothing in it was changed"},
    {"budget", command_budget, "what was spent of privacy budgets, by what, and what is left"},
    {"seal", command_seal, "seal data, so that only the SEEs that its policy allows can open it"},
    {"unseal", command_unseal, "open a sealed dataset of yours, or a sealed result"},
    {"keybroker", command_keybroker, "release the keys of your sealed data to SEEs that its policy allows"},
    {"simulate", command_simulate, "a swarm of thousands of nodes, in simulation"},
    {"node", command_node, "give this machine's cores to the tasks of a bus"},
    {"serve", command_serve, "the tasks of a service over HTTP, each request in a SEE"},
    {"replay", command_replay, "a recorded log on a running service: what prefetching saves, and what it costs"},
    {"manager", command_manager, "run the tasks that are put into a folder, on the nodes of a bus"},
    {"pto", command_pto, "learn which task comes next, and have it ready: run, train, measure, explain"},
    {"bus", command_bus, "the configuration of a NATS server that machines find each other at"},
    {"doctor", command_doctor, "what this machine can give, and why not more"},
    {"bench", command_bench, "measure, beside peers"},
    {"warden", command_warden, NULL},
};
enum { COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0] };

static int help(FILE *out)
{
    fprintf(out, "usage: covey COMMAND [OPTION...]\n\n"
                 "Runs a computation on private data as a swarm of short-lived secure execution environments.\n\nCommands:\n");
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (COMMANDS[i].summary) fprintf(out, "  %-10s %s\n", COMMANDS[i].name, COMMANDS[i].summary);
    fprintf(out, "\nOptions:\n  --help     print this; covey COMMAND --help says more\n  --version  print the version\n\n"
                 "Exit codes: 0 done; 1 some micro-job failed for good; 2 bad usage or input; 3 refused; 4 system; 130 interrupted\n");
    return out == stdout ? COVEY_OK : COVEY_BAD_INPUT;
}

static int version(void)
{
    printf("covey %s\n", covey_version());
    return COVEY_OK;
}

static int unknown(const char *name)
{
    const char *best = NULL;
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (COMMANDS[i].summary) suggest_consider(name, COMMANDS[i].name, &best);
    if (best) fprintf(stderr, "covey: unknown command %s; did you mean %s?\n", name, best);
    else fprintf(stderr, "covey: unknown command %s; see covey --help\n", name);
    return COVEY_BAD_INPUT;
}

static int dispatch(int argc, char **argv)
{
    if (argc < 2) return help(stderr);
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) return help(stdout);
    if (strcmp(name, "--version") == 0 || strcmp(name, "version") == 0) return version();
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (strcmp(name, COMMANDS[i].name) == 0) return COMMANDS[i].run(argc - 2, argv + 2);
    return unknown(name);
}

/* tpm2-tss would print beside our own one line about what went wrong. */
static void silence_tpm_library(void) { setenv("TSS2_LOG", "all+NONE", 0); }

/* A machine with many cores has many slots, each a descriptor: what the system allows is what we use. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) < 0) return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit); /* refused: the limit of before holds, and a task that needs more says so */
}

/* Messages of up to 1 MiB come and go: their memory is kept, not given back and faulted in again for each (a seventh of the time of a node). */
static void keep_freed_memory(void)
{
    mallopt(M_MMAP_THRESHOLD, 4 << 20);
    mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int main(int argc, char **argv)
{
    keep_freed_memory();
    raise_descriptor_limit();
    silence_tpm_library();
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away is an error of that write; see stream.c */
    int code = dispatch(argc, argv);
    errno = 0;
    bool written = fflush(stdout) == 0 && !ferror(stdout);
    if (written) return code;
    stream_finish(&(Stream){.error = errno ? errno : EIO});
    return code ? code : COVEY_SYSTEM;
}
