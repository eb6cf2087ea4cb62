/* covey keybroker: releases the keys of the user's sealed datasets to SEEs that their policies allow. */
#include <stdio.h>
#include <unistd.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"
#include "cmd/stop.h"

static void say_ready(void *context, const char *address)
{
    (void)context;
    fprintf(stderr, "covey keybroker: listening at %s\n", address);
}

static int serve(const covey_keybroker_options *o)
{
    covey *c = NULL;
    covey_error e;
    int stop = stop_signals();
    covey_code code = covey_open(NULL, &c, &e);
    if (!code) code = covey_keybroker_serve(c, o, stop, &e);
    covey_close(c);
    if (stop >= 0) close(stop);
    return code ? session_error(&e) : COVEY_OK;
}

int command_keybroker(int argc, char **argv)
{
    covey_keybroker_options o = {.ready = say_ready};
    covey_bus bus = {0};
    OptionList nodes = {.count = 0};
    const Option options[] = {
        {"listen", 'l', OPTION_TEXT, &o.listen, "unix:PATH", "a socket that agents on this machine connect to"},
        {"bus", 'b', OPTION_TEXT, &bus.url, "URL", "nats://HOST[:PORT] or tls://...: serve nodes elsewhere; this or --listen is needed"},
        {"tls-ca", 0, OPTION_TEXT, &bus.tls_ca, "FILE", "the certificates (PEM) that the server's must be signed by"},
        {"key", 0, OPTION_TEXT, &bus.key, "FILE", "another NKey seed or .creds file; default: your signing key"},
        {"state", 0, OPTION_TEXT, &o.state_dir, "DIR", "where runs are counted and the audit log is"},
        {"collateral", 0, OPTION_TEXT, &o.collateral_dir, "DIR", "certificates and reference values for hardware evidence"},
        {"node", 0, OPTION_LIST, &nodes, "KEY", "a node that may be given keys where a policy names none; again for more"},
    };
    const Usage usage = {
        .command = "keybroker",
        .usage = "covey keybroker --listen unix:PATH|--bus URL [OPTION...]",
        .summary =
            "Releases the keys of datasets that you sealed to SEEs whose evidence passes the dataset's policy, until it is\n"
            "stopped. Reached over a Unix socket by processes of the same user, or over a bus by nodes anywhere. Each release and\n"
            "refusal is in the audit log.",
        .examples = "  covey keybroker --listen unix:/run/user/1000/keys --node \"$(cat node.pub)\"\n  covey run TASK.yaml "
                    "--keybroker unix:/run/user/1000/keys\n  covey keybroker --bus nats://10.0.0.1\n",
        .options = options,
        .option_count = sizeof options / sizeof options[0]};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!o.listen && !bus.url) {
        fprintf(stderr, "covey keybroker: --listen or --bus is missing; see covey keybroker --help\n");
        return COVEY_BAD_INPUT;
    }
    o.bus = bus.url ? &bus : NULL;
    o.nodes = nodes.items;
    o.node_count = nodes.count;
    return serve(&o);
}
