/* covey keybroker: releases the keys of the user's sealed datasets to SEEs that their policies allow. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"

static void say_ready(void *context, const char *address)
{
    (void)context;
    fprintf(stderr, "covey keybroker: listening at %s\n", address);
}

/* A descriptor that becomes readable at Ctrl-C or SIGTERM, so that the broker closes its log and state. -1: the signals end
 * it at once. */
static int watch_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd >= 0) sigprocmask(SIG_BLOCK, &set, NULL);
    return fd;
}

static int serve(const covey_keybroker_options *o)
{
    covey *c = NULL;
    covey_error e;
    int stop = watch_signals();
    covey_code code = covey_open(NULL, &c, &e);
    if (!code) code = covey_keybroker_serve(c, o, stop, &e);
    covey_close(c);
    if (stop >= 0) close(stop);
    return code ? session_error(&e) : COVEY_OK;
}

int command_keybroker(int argc, char **argv)
{
    covey_keybroker_options o = {.ready = say_ready};
    OptionList nodes = {.count = 0};
    const Option options[] = {
        {"listen", 'l', OPTION_TEXT, &o.listen, "unix:PATH", "the socket that agents connect to (needed)"},
        {"state", 0, OPTION_TEXT, &o.state_dir, "DIR", "where runs are counted and the audit log is"},
        {"collateral", 0, OPTION_TEXT, &o.collateral_dir, "DIR", "certificates and reference values for hardware evidence"},
        {"node", 0, OPTION_LIST, &nodes, "KEY", "a node that may be given keys where a policy names none; again for more"},
    };
    const Usage usage = {
        .command = "keybroker",
        .usage = "covey keybroker --listen unix:PATH [OPTION...]",
        .summary =
            "Releases the keys of datasets that you sealed to SEEs whose evidence passes the dataset's policy, until it is\n"
            "stopped. Reached over a Unix socket by processes of the same user. Each release and refusal is in the audit log.",
        .examples = "  covey keybroker --listen unix:/run/user/1000/keys --node \"$(cat node.pub)\"\n  covey run TASK.yaml "
                    "--keybroker unix:/run/user/1000/keys\n",
        .options = options,
        .option_count = sizeof options / sizeof options[0]};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!o.listen) {
        fprintf(stderr, "covey keybroker: --listen is missing; see covey keybroker --help\n");
        return COVEY_BAD_INPUT;
    }
    o.nodes = nodes.items;
    o.node_count = nodes.count;
    return serve(&o);
}
