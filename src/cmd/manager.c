/* covey manager: runs the task files that are put into a folder, on the nodes of a bus. */
#include <stdio.h>
#include <unistd.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"
#include "cmd/stop.h"

static void say(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "covey manager: %s\n", text);
}

static int serve(const covey_manager_options *o)
{
    covey *c = NULL;
    covey_error e;
    int stop = stop_signals();
    covey_code code = covey_open(NULL, &c, &e);
    if (!code) code = covey_manager_serve(c, o, stop, &e);
    covey_close(c);
    if (stop >= 0) close(stop);
    return code ? session_error(&e) : COVEY_OK;
}

int command_manager(int argc, char **argv)
{
    covey_manager_options o = {.notice_line = say};
    OptionList data = {.count = 0};
    const Option options[] = {
        {"bus", 'b', OPTION_TEXT, &o.bus.url, "URL", "nats://HOST[:PORT], or tls://...; several with commas between (needed)"},
        {"tasks", 't', OPTION_TEXT, &o.tasks_dir, "DIR", "the folder that is watched for *.yaml (needed)"},
        {"state", 0, OPTION_TEXT, &o.state_dir, "DIR", "journals; the same for all managers of the folder"},
        {"at-once", 0, OPTION_NUMBER, &o.at_once, "N", "tasks at the same time; default 4"},
        {"lease", 0, OPTION_TEXT, &o.lease, "TIME", "a manager that is silent for so long loses its tasks to others; default 10s"},
        {"replicas", 0, OPTION_NUMBER, &o.bus.replicas, "N", "of what waits for nodes, in a cluster of servers: 1, 3 or 5; default 1"},
        {"data", 'd', OPTION_LIST, &data, "DIR", "where inputs are that tasks name by content; again for more"},
        {"tls-ca", 0, OPTION_TEXT, &o.bus.tls_ca, "FILE", "the certificates (PEM) that the server's must be signed by"},
        {"key", 0, OPTION_TEXT, &o.bus.key, "FILE", "another NKey seed or .creds file; default: your signing key"},
    };
    const Usage usage = {
        .command = "manager", .usage = "covey manager --bus URL --tasks DIR [OPTION...]",
        .summary = "Runs each task file that is renamed into the folder to its end, several at a time. The output goes where the task\n"
                   "says; a summary appears beside the task file as NAME.done or NAME.failed. Several managers may watch one folder:\n"
                   "when one dies, another goes on where its journal ends.",
        .examples = "  covey manager --bus nats://10.0.0.1 --tasks /srv/tasks --state /srv/journals\n"
                    "  mv task.yaml.new /srv/tasks/task.yaml; until [ -e /srv/tasks/task.done ]; do sleep 1; done\n",
        .options = options, .option_count = sizeof options / sizeof options[0]};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!o.bus.url || !o.tasks_dir) {
        fprintf(stderr, "covey manager: %s is missing; see covey manager --help\n", o.bus.url ? "--tasks" : "--bus");
        return COVEY_BAD_INPUT;
    }
    o.data = data.items;
    o.data_count = data.count;
    return serve(&o);
}
