/* covey pto run and export: the predictive task orchestrator of a service, and what the service remembers. */
#include <stdio.h>
#include <unistd.h>

#include "cmd/options.h"
#include "cmd/pto_run.h"
#include "cmd/session.h"
#include "cmd/stop.h"

static void say(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "covey pto: %s\n", text);
}

int pto_run(covey *c, int argc, char **argv)
{
    covey_orchestrator_options o = {.notice_line = say, .speedup = 1};
    unsigned events = 0;
    OptionList attributes = {0};
    const Option options[] = {
        {"stream", 's', OPTION_TEXT, &o.stream, "PATH", "the socket that covey serve --stream made (needed)"},
        {"stage", 0, OPTION_TEXT, &o.stage, "PATH", "the socket that covey serve --stage made: what is wanted is signed and handed over there"},
        {"mode", 'm', OPTION_TEXT, &o.mode, "MODE", "learned (default), histogram, lookahead, off, or oracle, which is for measuring"},
        {"memory", 0, OPTION_TEXT, &o.memory, "SIZE", "of what is ready, at most; default: all that the service offers"},
        {"stage-rate", 0, OPTION_TEXT, &o.stage_rate, "SIZE", "bytes staged for each request in the long run, at most; default: no such limit"},
        {"stage-burst", 0, OPTION_TEXT, &o.stage_burst, "SIZE", "of these so much is saved up at most; default: those of 16 requests"},
        {"bin", 0, OPTION_TEXT, &o.bin, "TIME", "the unit of idle times; default 60s"},
        {"future", 0, OPTION_TEXT, &o.future, "FILE", "for oracle: the tasks that will be asked for, one a line"},
        {"no-history", 0, OPTION_FLAG, &o.no_history, NULL, "learn from what comes alone"},
        {"model", 0, OPTION_TEXT, &o.checkpoint, "FILE", "a checkpoint of trained models"},
        {"learn", 0, OPTION_TEXT, &o.learn, "LOG", "learn from this event log first (CSV or XES, also gzip)"},
        {"learn-events", 0, OPTION_NUMBER, &events, "N", "from its first N events; default: all"},
        {"speedup", 0, OPTION_REAL, &o.speedup, "N", "the service's time goes so much faster than the log's; default 1"},
        {"session-column", 0, OPTION_TEXT, &o.session_column, "NAME", "of a CSV log; default: by the usual names"},
        {"task-column", 0, OPTION_TEXT, &o.task_column, "NAME", "default: by the usual names"},
        {"time-column", 0, OPTION_TEXT, &o.time_column, "NAME", "default: by the usual names"},
        {"attribute", 'a', OPTION_LIST, &attributes, "COLUMN", "of --learn: what requests say as name=value; up to four times"},
        {"state", 0, OPTION_TEXT, &o.state_dir, "DIR", "its key and its audit log; default: pto in the state folder"},
        {"user", 'u', OPTION_TEXT, &o.user, "NAME", "become this user first; for root"},
    };
    const Usage usage = {
        .command = "pto run", .usage = "covey pto run SERVICE.yaml --stream PATH [OPTION...]",
        .summary = "Hears of every request for a service, predicts, and has likely tasks made ready within the staging budget. A\n"
                   "process of its own with few rights: when it dies, stops or lies, requests are only slower. Each decision is in its\n"
                   "audit log. Runs until it is stopped, and waits for a service that is not there.",
        .examples = "  covey pto run service.yaml --stream /run/covey/stream.sock\n  sudo covey pto run service.yaml --stream s.sock --user covey-pto\n",
        .options = options, .option_count = sizeof options / sizeof options[0], .positional_min = 1, .positional_max = 1};
    Arguments a;
    covey_error e;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!o.stream) {
        fprintf(stderr, "covey pto run: --stream is missing; see covey pto run --help\n");
        return COVEY_BAD_INPUT;
    }
    o.service_file = a.positional[0];
    o.learn_events = events;
    o.attributes = attributes.items;
    o.attribute_count = attributes.count;
    int stop = stop_signals();
    covey_code result = covey_pto_run(c, &o, stop, &e);
    if (stop >= 0) close(stop);
    return result ? session_error(&e) : COVEY_OK;
}

static int print_line(void *context, const char *line)
{
    (void)context;
    return puts(line) == EOF;
}

int pto_export(covey *c, int argc, char **argv)
{
    (void)c;
    const Usage usage = {
        .command = "pto export", .usage = "covey pto export HISTORY.db",
        .summary = "Prints a service's history as CSV: session, task, timestamp, attributes, status, start, sizes, seconds.",
        .examples = "  covey pto export history.db > log.csv\n", .positional_min = 1, .positional_max = 1};
    Arguments a;
    covey_error e;
    uint64_t skipped = 0;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (covey_pto_export(a.positional[0], print_line, NULL, &skipped, &e)) return session_error(&e);
    if (skipped) fprintf(stderr, "covey pto export: %llu rows made no sense and are left out\n", (unsigned long long)skipped);
    return COVEY_OK;
}
