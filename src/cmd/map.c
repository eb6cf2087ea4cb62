/* covey map: a swarm as a Unix filter. Its options become a task file (JSON is YAML), which the library reads like any other. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"

typedef struct {
    const char *image, *module, *split, *target, *combine, *level, *memory, *lifetime;
    unsigned jobs;
    bool json, quiet;
} MapOptions;

static bool parse(int argc, char **argv, MapOptions *o, Arguments *ret_arguments, int *ret_exit)
{
    const Option options[] = {
        {"image", 'i', OPTION_TEXT, &o->image, "FILE.see", "the SEE image to run on each segment"},
        {"module", 'm', OPTION_TEXT, &o->module, "FILE.wasm", "or a WASI module; its image is built and cached"},
        {"split", 's', OPTION_TEXT, &o->split, "HOW", "lines (default), csv, jsonl, or fixed:BYTES"},
        {"target", 't', OPTION_TEXT, &o->target, "SIZE", "aim of a segment's size; default 256KiB"},
        {"combine", 'c', OPTION_TEXT, &o->combine, "HOW", "concat (default), sum, sum-by-key, min, max, mean, top:N, module:FILE.wasm"},
        {"level", 'l', OPTION_TEXT, &o->level, "LEVEL", "shared or process (default)"},
        {"memory", 0, OPTION_TEXT, &o->memory, "SIZE", "memory of one SEE; default 64MiB"},
        {"lifetime", 0, OPTION_TEXT, &o->lifetime, "TIME", "of one SEE, then it is killed; default 60s"},
        {"jobs", 'j', OPTION_NUMBER, &o->jobs, "N", "SEEs at the same time; default: one per core"},
        {"json", 0, OPTION_FLAG, &o->json, NULL, "print one JSON object about the run on standard error at the end"},
        {"quiet", 'q', OPTION_FLAG, &o->quiet, NULL, "no progress bar"},
    };
    const Usage usage = {
        .command = "map", .usage = "covey map --image FILE.see|--module FILE.wasm [OPTION...] [-- ARGUMENT...]",
        .summary = "Cuts standard input into segments, runs each in a SEE of its own, writes the combined results to standard output.\n"
                   "What follows -- is the micro-job's argument list.",
        .examples = "  seq 100000 | covey map --image lines.see --split lines --combine concat | sha256sum\n"
                    "  covey map --module word-count.wasm --combine sum-by-key <book.txt\n",
        .options = options, .option_count = sizeof options / sizeof options[0], .rest_after_dashes = true};
    return options_parse(&usage, argc, argv, ret_arguments, ret_exit);
}

/* "fixed:100" -> {by: fixed, size: 100}; the library checks the values. */
static json_t *split_json(const MapOptions *o)
{
    const char *how = o->split ? o->split : "lines";
    size_t n = strcspn(how, ":");
    json_t *split = json_pack("{s:s%}", "by", how, n);
    if (how[n]) json_object_set_new(split, "size", json_string(how + n + 1));
    if (o->target) json_object_set_new(split, "target", json_string(o->target));
    return split;
}

static json_t *combine_json(const char *how)
{
    if (strncmp(how, "module:", 7) == 0) return json_pack("{s:s}", "module", how + 7);
    return json_string(how);
}

static json_t *security_json(const MapOptions *o)
{
    json_t *security = json_pack("{s:s}", "level", o->level ? o->level : "process");
    if (o->memory) json_object_set_new(security, "memory", json_string(o->memory));
    if (o->lifetime) json_object_set_new(security, "lifetime", json_string(o->lifetime));
    return security;
}

/* NULL when a word is not UTF-8 (or there is no memory). */
static char *task_text(const MapOptions *o, const Arguments *a)
{
    json_t *args = json_array();
    for (int i = 0; i < a->rest_count; i++)
        if (json_array_append_new(args, json_string(a->rest[i])) != 0) {
            json_decref(args);
            return NULL;
        }
    json_t *task = json_pack("{s:s, s:s, s:o, s:{s:s, s:o}, s:o, s:o, s:s}", "task", "map", o->module ? "module" : "image",
                             o->module ? o->module : o->image, "args", args, "input", "path", "-", "split", split_json(o), "combine",
                             combine_json(o->combine ? o->combine : "concat"), "security", security_json(o), "output", "-");
    char *text = task ? json_dumps(task, JSON_COMPACT) : NULL;
    json_decref(task);
    return text;
}

static int run_task(covey_task *t, const MapOptions *o)
{
    covey_task_set_concurrency(t, o->jobs);
    SessionOptions session = {.quiet = o->quiet, .progress = !o->quiet, .json = o->json ? stderr : NULL};
    return session_run(t, &session);
}

int command_map(int argc, char **argv)
{
    MapOptions o = {0};
    Arguments a;
    int code;
    if (!parse(argc, argv, &o, &a, &code)) return code;
    if (!o.image == !o.module) {
        fprintf(stderr, "covey map: give either --image FILE.see or --module FILE.wasm; see covey map --help\n");
        return COVEY_BAD_INPUT;
    }
    char *text = task_text(&o, &a);
    if (!text) {
        fprintf(stderr, "covey map: an argument is not UTF-8 text\n");
        return COVEY_BAD_INPUT;
    }
    covey *c = NULL;
    covey_task *t = NULL;
    covey_error e;
    if (covey_open(NULL, &c, &e) || covey_task_parse(c, text, strlen(text), NULL, &t, &e)) code = session_error(&e);
    else code = run_task(t, &o);
    free(text);
    covey_task_free(t);
    covey_close(c);
    return code;
}
