/* covey image build|inspect|verify. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"
#include "cmd/subcommand.h"

static int print_json(json_t *o)
{
    if (!o) {
        fprintf(stderr, "covey image: a name in it is not UTF-8, or there is no memory\n");
        return COVEY_SYSTEM;
    }
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(o);
    return COVEY_OK;
}

static int print_built(const covey_image_built *b, bool json)
{
    if (json)
        return print_json(json_pack("{s:s, s:s, s:b, s:f}", "image", b->path, "measurement", b->measurement, "from_cache",
                                    (int)b->from_cache, "seconds", b->seconds));
    printf("%s\nmeasurement %s%s\n", b->path, b->measurement, b->from_cache ? " (from the cache)" : "");
    return COVEY_OK;
}

static int build(covey *c, int argc, char **argv)
{
    const char *output = NULL;
    bool json = false;
    const Option options[] = {
        {"output", 'o', OPTION_TEXT, &output, "FILE.see", "where the image goes; default: MODULE.see beside you"},
        {"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object"},
    };
    const Usage usage = {.command = "image build", .usage = "covey image build MODULE.wasm [-o FILE.see]",
                         .summary = "Makes a signed SEE image from a WASI preview 1 command module. The same module gives the same image.",
                         .examples = "  covey image build job.wasm -o job.see\n", .options = options, .option_count = 2,
                         .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;

    char beside[4096];
    const char *base = strrchr(a.positional[0], '/');
    base = base ? base + 1 : a.positional[0];
    size_t stem = strlen(base);
    if (stem > 5 && strcmp(base + stem - 5, ".wasm") == 0) stem -= 5;
    snprintf(beside, sizeof beside, "%.*s.see", (int)stem, base);
    covey_image_built built;
    covey_error e;
    if (covey_image_build(c, a.positional[0], output ? output : beside, &built, &e)) return session_error(&e);
    return print_built(&built, json);
}

static int print_info(const covey_image_info *i, bool json)
{
    const char *valid = i->trusted ? "valid, trusted" : "valid, key not trusted here";
    const char *signature = !i->signer[0] ? "none" : i->signature_valid ? valid : "WRONG";
    if (json)
        return print_json(json_pack("{s:s, s:s, s:i, s:s, s:s, s:I, s:I, s:I, s:b, s:s, s:b, s:b}", "measurement", i->measurement,
                                    "module_hash", i->module_hash, "abi_version", (int)i->abi_version, "builder", i->builder, "entry",
                                    i->entry, "memory_initial", (json_int_t)i->memory_initial, "memory_max", (json_int_t)i->memory_max,
                                    "file_size", (json_int_t)i->file_size, "uses_see_api", (int)i->uses_see_api, "signer", i->signer,
                                    "signature_valid", (int)i->signature_valid, "trusted", (int)i->trusted));
    printf("measurement  %s\nmodule       %s (SHA-256)\nabi          %u%s\nbuilder      %s\nentry        %s\n", i->measurement,
           i->module_hash, i->abi_version, i->uses_see_api ? ", uses the see API" : "", i->builder, i->entry);
    printf("memory       %llu KiB at first, %llu KiB at most\nfile         %llu bytes\nsigner       %s\nsignature    %s\n",
           (unsigned long long)(i->memory_initial >> 10), (unsigned long long)(i->memory_max >> 10), (unsigned long long)i->file_size,
           i->signer[0] ? i->signer : "-", signature);
    return COVEY_OK;
}

static int inspect(covey *c, int argc, char **argv)
{
    bool json = false;
    const Option options[] = {{"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object"}};
    const Usage usage = {.command = "image inspect", .usage = "covey image inspect FILE.see [--json]",
                         .summary = "Prints what an image says of itself and who signed it. Runs nothing, trusts nothing.",
                         .examples = "  covey image inspect job.see\n", .options = options, .option_count = 1,
                         .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey_image_info info;
    covey_error e;
    if (covey_image_inspect(c, a.positional[0], &info, &e)) return session_error(&e);
    return print_info(&info, json);
}

static int verify(covey *c, int argc, char **argv)
{
    const Usage usage = {.command = "image verify", .usage = "covey image verify FILE.see",
                         .summary = "Exit code 0 if a trusted key signed the image (yours, or one listed in the file `trusted` of the\n"
                                    "configuration folder), 3 if not.",
                         .examples = "  covey image verify job.see && echo may run here\n", .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey_image_info info;
    covey_error e;
    if (covey_image_verify(c, a.positional[0], &info, &e)) return session_error(&e);
    printf("%s: signed by a trusted key, measurement %s\n", a.positional[0], info.measurement);
    return COVEY_OK;
}

static const char HELP[] =
    "usage: covey image build MODULE.wasm [-o FILE.see]\n       covey image inspect FILE.see [--json]\n"
    "       covey image verify FILE.see\n\n"
    "Example:\n  covey image build job.wasm -o job.see && covey image inspect job.see\n";

int command_image(int argc, char **argv)
{
    static const Subcommand ALL[] = {{"build", build}, {"inspect", inspect}, {"verify", verify}};
    return subcommand_run(&(Subcommands){"image", HELP, ALL, sizeof ALL / sizeof ALL[0]}, argc, argv);
}
