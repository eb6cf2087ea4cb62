/* covey pto stage and key: staging by hand. */
#include "cmd/pto_stage.h"

#include <stdio.h>

#include "cmd/options.h"
#include "cmd/session.h"

static void say_outcome(void *context, const covey_staged *s)
{
    (void)context;
    printf("%-6s %-32s %10llu bytes  %-20s %s\n", s->kind, s->name, (unsigned long long)s->bytes, s->outcome, s->is_staged ? "" : s->why);
    if (s->is_staged) printf("       ready after %.1f ms; %llu bytes are staged\n", s->seconds * 1e3, (unsigned long long)s->held_bytes);
}

int pto_stage(covey *c, int argc, char **argv)
{
    covey_pto_stage_options o = {.outcome = say_outcome};
    const Option options[] = {
        {"stage", 0, OPTION_TEXT, &o.stage, "PATH", "the socket that covey serve --stage made (needed)"},
        {"zygotes", 'z', OPTION_NUMBER, &o.zygotes, "N", "of each task's image, to be started; default 1"},
        {"data-only", 0, OPTION_FLAG, &o.data_only, NULL, "not the image"},
        {"keep", 'k', OPTION_TEXT, &o.keep, "TIME", "until it expires; default 10min"},
        {"state", 0, OPTION_TEXT, &o.state_dir, "DIR", "with the orchestrator's key; default: pto in the state folder"},
    };
    const Usage usage = {
        .command = "pto stage", .usage = "covey pto stage SERVICE.yaml TASK... --stage PATH [OPTION...]",
        .summary = "Signs what tasks need and hands it to the stage of the service that runs: their data, which a micro-job may claim,\n"
                   "and their image, whose zygotes are started. What becomes of each is printed; something refused: exit code 3.\n"
                   "The node must know the orchestrator's key: covey pto key.",
        .examples = "  covey pto key >>~/.config/covey/orchestrators\n  covey pto stage service.yaml score --stage /run/covey/stage.sock\n",
        .options = options, .option_count = sizeof options / sizeof options[0], .positional_min = 2, .positional_max = 1024};
    Arguments a;
    covey_error e;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!o.stage) {
        fprintf(stderr, "covey pto stage: --stage is missing; see covey pto stage --help\n");
        return COVEY_BAD_INPUT;
    }
    o.service_file = a.positional[0];
    o.tasks = (const char *const *)a.positional + 1;
    o.task_count = (size_t)a.positional_count - 1;
    return covey_pto_stage(c, &o, &e) ? session_error(&e) : COVEY_OK;
}

int pto_key(covey *c, int argc, char **argv)
{
    const char *state_dir = NULL;
    const Option options[] = {{"state", 0, OPTION_TEXT, &state_dir, "DIR", "of the orchestrator; default: pto in the state folder"}};
    const Usage usage = {
        .command = "pto key", .usage = "covey pto key [--state DIR]",
        .summary = "Prints the orchestrator's public key, for the file `orchestrators` in the configuration folder of a node.",
        .examples = "  covey pto key >>~/.config/covey/orchestrators\n", .options = options, .option_count = 1};
    Arguments a;
    covey_error e;
    char key[COVEY_PTO_KEY_MAX];
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (covey_pto_key(c, state_dir, key, &e)) return session_error(&e);
    puts(key);
    return COVEY_OK;
}
