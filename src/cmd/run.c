/* covey run: a task file, run to the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"

typedef struct {
    bool resume, json, quiet;
    const char *output, *bus, *keybroker;
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
        {"keybroker", 0, OPTION_TEXT, &o->keybroker, "unix:PATH", "the key broker of who sealed the input; default: your own, in this process"},
        {"bus", 0, OPTION_TEXT, &o->bus, "URL", "run on the nodes of a bus (not in this version)"},
    };
    const Usage usage = {
        .command = "run", .usage = "covey run TASK.yaml [OPTION...]",
        .summary = "Runs a task to the end: builds its image if need be, cuts the input into segments, runs each in a SEE of its\n"
                   "own, combines the results. An interrupted run (Ctrl-C, kill, power) goes on with --resume.",
        .examples = "  covey run examples/birdstrikes/task.yaml\n  covey run task.yaml --output - | head\n"
                    "  covey run task.yaml --resume --json\n",
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

/* The command that goes on where this run stops; NULL when there is no memory for it. */
static char *resume_hint(const RunOptions *o, const char *file)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);
    if (!f) return NULL;
    fputs("covey run ", f);
    quote(f, file);
    if (o->output) {
        fputs(" --output ", f);
        quote(f, o->output);
    }
    if (o->keybroker) {
        fputs(" --keybroker ", f);
        quote(f, o->keybroker);
    }
    fputs(" --resume", f);
    fclose(f);
    return text;
}

static int run_task(covey_task *t, const RunOptions *o, const char *file)
{
    covey_task_set_resume(t, o->resume);
    covey_task_set_concurrency(t, o->jobs);
    if (o->output) covey_task_set_output(t, o->output);
    if (o->keybroker) covey_task_set_keybroker(t, o->keybroker);
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
    if (o.bus) {
        fprintf(stderr, "covey run: --bus %s: this version has only the in-memory bus of one machine; leave --bus out\n", o.bus);
        return COVEY_BAD_INPUT;
    }
    covey *c = NULL;
    covey_task *t = NULL;
    covey_error e;
    if (covey_open(NULL, &c, &e) || covey_task_load(c, file, &t, &e)) code = session_error(&e);
    else code = run_task(t, &o, file);
    covey_task_free(t);
    covey_close(c);
    return code;
}
