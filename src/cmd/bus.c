/* covey bus config: writes the configuration of a NATS server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"

static int print_config(const covey_bus_config *config)
{
    char *text = NULL;
    covey_error e;
    if (covey_bus_configure(config, &text, &e)) return session_error(&e);
    fputs(text, stdout);
    free(text);
    return COVEY_OK;
}

static int command_config(int argc, char **argv)
{
    static OptionList nodes, managers, brokers, routes; /* large for a stack */
    covey_bus_config c = {0};
    const Option options[] = {
        {"store", 's', OPTION_TEXT, &c.store, "DIR", "the folder that the server keeps its streams in (needed)"},
        {"node", 'n', OPTION_LIST, &nodes, "[NAME=]KEY", "a node, by covey key show --node; again for more"},
        {"manager", 'm', OPTION_LIST, &managers, "KEY", "who may run tasks, by covey key show; again for more"},
        {"broker", 0, OPTION_LIST, &brokers, "KEY", "whose key broker may serve, by covey key show; again for more"},
        {"listen", 'l', OPTION_TEXT, &c.listen, "HOST:PORT", "default: 127.0.0.1:4222"},
        {"tls-cert", 0, OPTION_TEXT, &c.tls_cert, "FILE", "the server's certificate (PEM); connections are encrypted then"},
        {"tls-key", 0, OPTION_TEXT, &c.tls_key, "FILE", "its key"},
        {"tls-ca", 0, OPTION_TEXT, &c.tls_ca, "FILE", "servers of the cluster must show a certificate that these signed"},
        {"name", 0, OPTION_TEXT, &c.server_name, "NAME", "of the server; needed in a cluster"},
        {"cluster", 0, OPTION_TEXT, &c.cluster, "NAME", "one of several servers: the cluster's name"},
        {"cluster-listen", 0, OPTION_TEXT, &c.cluster_listen, "HOST:PORT", "where the other servers reach this one"},
        {"route", 0, OPTION_LIST, &routes, "URL", "nats://HOST:PORT of another server; again for more"},
    };
    const Usage usage = {
        .command = "bus config", .usage = "covey bus config --store DIR --node KEY... --manager KEY... [OPTION...]",
        .summary = "Writes the configuration of a NATS server (2.9 or later) to standard output: each key may do the least that its part\n"
                   "needs. A node can read its own work and nothing else. A server that runs takes a new one with nats-server --signal reload.",
        .examples = "  covey bus config --store /var/lib/nats --listen 0.0.0.0:4222 --manager \"$(covey key show)\" \\\n"
                    "      --node covey-ed25519:... --node covey-ed25519:... >nats.conf\n  GOGC=400 nats-server -c nats.conf\n",
        .options = options, .option_count = sizeof options / sizeof options[0]};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!c.store) {
        fprintf(stderr, "covey bus config: --store is missing; see covey bus config --help\n");
        return COVEY_BAD_INPUT;
    }
    c.nodes = nodes.items, c.node_count = nodes.count;
    c.managers = managers.items, c.manager_count = managers.count;
    c.brokers = brokers.items, c.broker_count = brokers.count;
    c.routes = routes.items, c.route_count = routes.count;
    return print_config(&c);
}

int command_bus(int argc, char **argv)
{
    if (argc > 0 && strcmp(argv[0], "config") == 0) return command_config(argc - 1, argv + 1);
    const bool help = argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
    fprintf(help ? stdout : stderr, "usage: covey bus config --store DIR --node KEY... --manager KEY... [OPTION...]\n\n"
                                    "  config  the configuration of a NATS server, with the least rights for each party\n\n"
                                    "Examples:\n  covey bus config --help\n");
    return help ? COVEY_OK : COVEY_BAD_INPUT;
}
