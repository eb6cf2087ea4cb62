/* covey serve: the tasks of a service over HTTP. */
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
    fprintf(stderr, "covey serve: %s\n", text);
}

static void say_ready(void *context, const covey_serving *s)
{
    (void)context;
    fprintf(stderr, "covey serve: %s: %u task%s at level %s, at %s/v1/services/%s\n", s->service, s->tasks, s->tasks == 1 ? "" : "s", s->level, s->url, s->service);
    if (s->store_is_simulated) fprintf(stderr, "covey serve: the delay of the resource store is SIMULATED (store: in the service file)\n");
}

static int serve(const char *file, const covey_serve_options *o)
{
    covey *c = NULL;
    covey_error e;
    int stop = stop_signals();
    covey_code code = covey_open(NULL, &c, &e);
    if (!code) code = covey_serve(c, file, o, stop, &e);
    covey_close(c);
    if (stop >= 0) close(stop);
    return code ? session_error(&e) : COVEY_OK;
}

int command_serve(int argc, char **argv)
{
    covey_serve_options o = {.ready = say_ready, .notice_line = say};
    const Option options[] = {
        {"listen", 'l', OPTION_TEXT, &o.listen, "ADDRESS:PORT", "where to listen; default 127.0.0.1:8080"},
        {"token-file", 0, OPTION_TEXT, &o.token_file, "FILE", "clients must send its first line: Authorization: Bearer TOKEN"},
        {"tls-cert", 0, OPTION_TEXT, &o.tls_cert, "FILE", "HTTPS with this certificate chain (PEM)"},
        {"tls-key", 0, OPTION_TEXT, &o.tls_key, "FILE", "and its key"},
        {"client-ca", 0, OPTION_TEXT, &o.tls_client_ca, "FILE", "clients must show a certificate that these (PEM) signed"},
        {"stream", 0, OPTION_TEXT, &o.stream, "PATH", "a Unix socket on which orchestrators (covey pto run) hear of requests"},
        {"pto-user", 0, OPTION_TEXT, &o.pto_user, "NAME", "whose orchestrators may connect; default: your own"},
        {"stage", 0, OPTION_TEXT, &o.stage, "PATH", "a Unix socket on which orchestrators stage signed code and data (covey pto stage)"},
        {"stage-memory", 0, OPTION_TEXT, &o.stage_memory, "SIZE", "of what is staged, at most; default 512MiB"},
        {"keybroker", 0, OPTION_TEXT, &o.keybroker, "unix:PATH", "of who sealed the data of tasks; default: your own"},
        {"cores", 'j', OPTION_NUMBER, &o.cores, "N", "SEEs at the same time; default: one per core"},
    };
    const Usage usage = {
        .command = "serve", .usage = "covey serve SERVICE.yaml [OPTION...]",
        .summary = "Serves the tasks of a service over HTTP: POST /v1/services/S/tasks/T?session=ID runs T in a SEE with the body as\n"
                   "its input and answers with its output. Ctrl-C finishes what runs and ends; a second one ends at once. Another\n"
                   "address than loopback needs a token or client certificates.",
        .examples = "  covey serve service.yaml\n  curl -d @request.json 'http://127.0.0.1:8080/v1/services/photos/tasks/resize?session=42'\n",
        .options = options, .option_count = sizeof options / sizeof options[0], .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    return serve(a.positional[0], &o);
}
