/* covey doctor: what this machine can give. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"

static void print_line(void *context, const char *what, bool ok, const char *why)
{
    (void)context;
    printf("%-4s %-26s %s\n", ok ? "ok" : "no", what, why);
}

/* "level process" -> levels.process; the other checks go into a list. */
static void add_json(void *context, const char *what, bool ok, const char *why)
{
    json_t *o = context;
    if (strncmp(what, "level ", 6) == 0) json_object_set_new(json_object_get(o, "levels"), what + 6, json_boolean(ok));
    json_array_append_new(json_object_get(o, "checks"), json_pack("{s:s, s:b, s:s}", "what", what, "ok", (int)ok, "why", why));
}

static covey_code doctor_json(covey *c, covey_error *e)
{
    json_t *o = json_pack("{s:{}, s:[]}", "levels", "checks");
    covey_code code = covey_doctor(c, add_json, o, e);
    json_object_set_new(o, "verdict", json_string(code ? e->text : "this machine can build SEE images and run tasks"));
    json_dumpf(o, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(o);
    return code;
}

int command_doctor(int argc, char **argv)
{
    bool json = false;
    const Option options[] = {{"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object"}};
    const Usage usage = {.command = "doctor", .usage = "covey doctor [--json]",
                         .summary = "Says what this machine can give: security levels, tools, keys, hardware; and why not more.\n"
                                    "Exit code 0 if tasks can run here and images can be built.",
                         .examples = "  covey doctor\n  covey doctor --json | jq .levels\n", .options = options, .option_count = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey *c = NULL;
    covey_error e;
    if (covey_open(NULL, &c, &e)) return session_error(&e);
    code = json ? (int)doctor_json(c, &e) : (int)covey_doctor(c, print_line, NULL, &e);
    covey_close(c);
    if (code) session_error(&e);
    return code;
}
