/* covey node: gives this machine's cores to the tasks of a bus. */
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
    fprintf(stderr, "covey node: %s\n", text);
}

static int serve(const covey_node_options *o)
{
    covey *c = NULL;
    covey_error e;
    int stop = stop_signals();
    covey_code code = covey_open(NULL, &c, &e);
    if (!code) code = covey_node_serve(c, o, stop, &e);
    covey_close(c);
    if (stop >= 0) close(stop);
    return code ? session_error(&e) : COVEY_OK;
}

int command_node(int argc, char **argv)
{
    covey_node_options o = {.notice_line = say};
    OptionList data = {.count = 0};
    const Option options[] = {
        {"bus", 'b', OPTION_TEXT, &o.bus.url, "URL", "nats://HOST[:PORT], or tls://...; several with commas between (needed)"},
        {"name", 'n', OPTION_TEXT, &o.name, "ID", "what the server's configuration calls this node; default: by its key"},
        {"zone", 0, OPTION_TEXT, &o.zone, "ZONE", "where it is: a task may ask for zones"},
        {"owner", 0, OPTION_TEXT, &o.owner, "OWNER", "whose it is: copies of a micro-job go to different owners"},
        {"price", 0, OPTION_TEXT, &o.price, "NUMBER", "of a core for an hour; default 0"},
        {"spot", 0, OPTION_FLAG, &o.spot, NULL, "it may be taken away"},
        {"notice", 0, OPTION_TEXT, &o.notice, "TIME", "how long it is still there after a notice (SIGTERM); default 30s"},
        {"notice-file", 0, OPTION_TEXT, &o.notice_file, "FILE", "the appearance of this file is a notice as well"},
        {"data", 'd', OPTION_LIST, &data, "DIR", "datasets that are at hand here; again for more"},
        {"cache", 0, OPTION_TEXT, &o.cache_dir, "DIR", "images and segments, kept by content"},
        {"cache-size", 0, OPTION_TEXT, &o.cache_size, "SIZE", "of the cache, at most; default 2GiB"},
        {"cores", 'j', OPTION_NUMBER, &o.cores, "N", "SEEs at the same time; default: one per core"},
        {"tls-ca", 0, OPTION_TEXT, &o.bus.tls_ca, "FILE", "the certificates (PEM) that the server's must be signed by"},
        {"key", 0, OPTION_TEXT, &o.bus.key, "FILE", "another NKey seed or .creds file; default: this node's own key"},
    };
    const Usage usage = {
        .command = "node", .usage = "covey node --bus URL [OPTION...]",
        .summary = "Gives this machine's cores to the tasks of a bus, until it is stopped: Ctrl-C and SIGTERM are a notice, after\n"
                   "which it takes nothing new and ends when what runs is done; a second one ends it at once. It comes back by\n"
                   "itself when the server was away. Its key (covey key show --node) is what managers and the server know it by.",
        .examples = "  covey node --bus nats://10.0.0.1\n"
                    "  covey node --bus tls://hub1,tls://hub2 --tls-ca ca.pem --zone rack-7 --data /srv/datasets --price 0.04 --spot\n",
        .options = options, .option_count = sizeof options / sizeof options[0]};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!o.bus.url) {
        fprintf(stderr, "covey node: --bus is missing; see covey node --help\n");
        return COVEY_BAD_INPUT;
    }
    o.data = data.items;
    o.data_count = data.count;
    return serve(&o);
}
