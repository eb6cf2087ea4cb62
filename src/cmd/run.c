/* covey run: a task file, run to the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/cost.h"
#include "cmd/options.h"
#include "cmd/session.h"

typedef struct {
    bool resume, json, quiet, dry;
    const char *output, *keybroker, *wait, *lease;
    OptionNumber records, explain;
    covey_bus bus;
    OptionList data;
    unsigned jobs;
} RunOptions;

static bool parse(int argc, char **argv, RunOptions *o, const char **ret_file, int *ret_exit)
{
    const Option options[] = {
        {"resume", 0, OPTION_FLAG, &o->resume, NULL, "go on where an interrupted run stopped; try failed micro-jobs again"},
        {"output", 'o', OPTION_TEXT, &o->output, "FILE", "write here instead of the task's output; - is standard output"},
        {"jobs", 'j', OPTION_NUMBER, &o->jobs, "N", "SEEs at the same time; default: one per core"},
        {"json", 0, OPTION_FLAG, &o->json, NULL, "print one JSON object about the run on standard output"},
        {"quiet", 'q', OPTION_FLAG, &o->quiet, NULL, "no progress, no summary"},
        {"keybroker", 0, OPTION_TEXT, &o->keybroker, "ADDRESS", "of who sealed the input: unix:PATH or nats; default: your own, in this process"},
        {"bus", 'b', OPTION_TEXT, &o->bus.url, "URL", "run on the nodes of a bus: nats://HOST[:PORT] or tls://..."},
        {"wait", 0, OPTION_TEXT, &o->wait, "TIME", "for a node of the bus, while there is none; default 30s"},
        {"lease", 0, OPTION_TEXT, &o->lease, "TIME", "what a lost node had is with others within so long; default 5s"},
        {"replicas", 0, OPTION_NUMBER, &o->bus.replicas, "N", "of what waits for nodes, in a cluster of servers: 1, 3 or 5; default 1"},
        {"data", 'd', OPTION_LIST, &o->data, "DIR", "where inputs are that the task names by content; again for more"},
        {"explain", 0, OPTION_NUMBER64, &o->explain, "JOB", "say why this micro-job went to the node that it went to"},
        {"dry-run", 'n', OPTION_FLAG, &o->dry, NULL, "of a private task: only say what it would cost and how exact the answer would be"},
        {"records", 0, OPTION_NUMBER64, &o->records, "N", "with --dry-run: how many there are, about; default 1000"},
        {"tls-ca", 0, OPTION_TEXT, &o->bus.tls_ca, "FILE", "the certificates (PEM) that the server's must be signed by"},
        {"key", 0, OPTION_TEXT, &o->bus.key, "FILE", "another NKey seed or .creds file; default: your signing key"},
    };
    const Usage usage = {
        .command = "run", .usage = "covey run TASK.yaml [OPTION...]",
        .summary = "Runs a task to the end: builds its image if need be, cuts the input into segments, runs each in a SEE of its\n"
                   "own, combines the results. An interrupted run (Ctrl-C, kill, power) goes on with --resume.",
        .examples = "  covey run examples/birdstrikes/task.yaml\n  covey run task.yaml --output - | head\n"
                    "  covey run task.yaml --resume --json\n  covey run private.yaml --dry-run\n  covey run task.yaml --bus nats://10.0.0.1\n",
        .options = options, .option_count = sizeof options / sizeof options[0], .positional_min = 1, .positional_max = 1};
    Arguments a;
    if (!options_parse(&usage, argc, argv, &a, ret_exit)) return false;
    *ret_file = a.positional[0];
    return true;
}

/* For the shell: in single quotes unless every character is harmless. */
static void quote(FILE *out, const char *word)
{
    static const char HARMLESS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./+,:@%";
    if (*word && word[strspn(word, HARMLESS)] == '\0') {
        fputs(word, out);
        return;
    }
    fputc('\'', out);
    for (; *word; word++) fputs(*word == '\'' ? "'\\''" : (char[]){*word, '\0'}, out);
    fputc('\'', out);
}

static void hint_option(FILE *out, const char *option, const char *value)
{
    if (!value) return;
    fprintf(out, " %s ", option);
    quote(out, value);
}

/* The command that goes on where this run stops; NULL when there is no memory for it. */
static char *resume_hint(const RunOptions *o, const char *file)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f) return NULL;
    const struct { const char *option, *value; } given[] = {
        {"--output", o->output}, {"--keybroker", o->keybroker}, {"--bus", o->bus.url}, {"--wait", o->wait}, {"--lease", o->lease}, {"--tls-ca", o->bus.tls_ca},
        {"--key", o->bus.key}};
    fputs("covey run ", f);
    quote(f, file);
    for (size_t i = 0; i < sizeof given / sizeof given[0]; i++) hint_option(f, given[i].option, given[i].value);
    for (size_t i = 0; i < o->data.count; i++) hint_option(f, "--data", o->data.items[i]);
    fputs(" --resume", f);
    fclose(f);
    return text;
}

static void set_options(covey_task *t, const RunOptions *o)
{
    covey_task_set_resume(t, o->resume);
    covey_task_set_concurrency(t, o->jobs);
    if (o->output) covey_task_set_output(t, o->output);
    if (o->keybroker) covey_task_set_keybroker(t, o->keybroker);
    if (o->bus.url) covey_task_set_bus(t, &o->bus);
    if (o->wait) covey_task_set_wait(t, o->wait);
    if (o->lease) covey_task_set_lease(t, o->lease);
    covey_task_set_data(t, o->data.items, o->data.count);
}

static int run_task(covey_task *t, const RunOptions *o, const char *file)
{
    set_options(t, o);
    covey_summary summary;
    covey_task_summary(t, &summary);
    if (o->json && strcmp(summary.output, "-") == 0) {
        fprintf(stderr, "covey run: --json prints on standard output, and so does this task; add --output FILE\n");
        return COVEY_BAD_INPUT;
    }
    char *hint = summary.resumable ? resume_hint(o, file) : NULL;
    SessionOptions session = {.quiet = o->quiet, .progress = !o->quiet, .summary = !o->json, .json = o->json ? stdout : NULL,
                              .resume_hint = hint};
    int code = session_run(t, &session);
    free(hint);
    return code;
}

int command_run(int argc, char **argv)
{
    RunOptions o = {0};
    const char *file;
    int code;
    if (!parse(argc, argv, &o, &file, &code)) return code;
    if (!o.bus.url && (o.bus.tls_ca || o.bus.key || o.bus.replicas || o.wait || o.lease)) {
        fprintf(stderr, "covey run: --tls-ca, --key, --replicas, --wait and --lease go with --bus\n");
        return COVEY_BAD_INPUT;
    }
    covey *c = NULL;
    covey_task *t = NULL;
    covey_error e;
    if (covey_open(NULL, &c, &e) || covey_task_load(c, file, &t, &e)) code = session_error(&e);
    else {
        if (o.explain.given) covey_task_set_explain(t, o.explain.value);
        code = o.dry ? cost_print(t, o.records.value, o.json) : run_task(t, &o, file);
    }
    covey_task_free(t);
    covey_close(c);
    return code;
}
