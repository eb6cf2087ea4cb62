/* covey seal and covey unseal. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"

static int print_json(const covey_sealed_info *i, const char *file)
{
    json_t *o = json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:b, s:f}", "file", file, "id", i->id, "policy", i->name, "version", (json_int_t)i->version, "segments",
                          (json_int_t)i->segments, "plain_bytes", (json_int_t)i->plain_bytes, "result", (int)i->is_result, "seconds", i->seconds);
    if (!o) {
        fprintf(stderr, "covey: the file's name is not UTF-8, or there is no memory\n");
        return COVEY_SYSTEM;
    }
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(o);
    return COVEY_OK;
}

static void print_info(const covey_sealed_info *i, FILE *out)
{
    fprintf(out, "%s %s, ", i->is_result ? "result of task" : "dataset", i->id);
    if (!i->is_result) fprintf(out, "version %" PRIu64 ", ", i->version);
    fprintf(out, "policy %s, %" PRIu64 " segment%s, %" PRIu64 " bytes\n", i->name, i->segments, i->segments == 1 ? "" : "s", i->plain_bytes);
}

static int seal(const char *input, const char *output, const covey_seal_options *options, bool json)
{
    covey *c = NULL;
    covey_error e;
    covey_sealed_info info = {0};
    int code = covey_open(NULL, &c, &e) || covey_seal(c, input, output, options, &info, &e) ? session_error(&e) : COVEY_OK;
    covey_close(c);
    if (code) return code;
    if (json) return print_json(&info, output);
    print_info(&info, stdout);
    return COVEY_OK;
}

int command_seal(int argc, char **argv)
{
    const char *output = NULL;
    bool json = false;
    covey_seal_options o = {0};
    const Option options[] = {
        {"output", 'o', OPTION_TEXT, &output, "FILE.sealed", "where the sealed dataset goes"},
        {"policy", 'p', OPTION_TEXT, &o.policy, "FILE.yaml", "who may open it, with what, and who receives results"},
        {"by", 'b', OPTION_TEXT, &o.by, "HOW", "cut by lines, csv, jsonl, fixed:SIZE or file; default: by the input's name"},
        {"target", 't', OPTION_TEXT, &o.target, "SIZE", "size of a segment; default 256KiB. Records are never cut"},
        {"no-header", 0, OPTION_FLAG, &o.no_header, NULL, "the CSV has no header; otherwise every segment begins with it"},
        {"group-by", 'g', OPTION_TEXT, &o.group_by, "COLUMN", "all records with the same value in this CSV column in one segment"},
        {"segments", 'n', OPTION_NUMBER, &o.segments, "N", "how many segments to group into; default: by the input's size"},
        {"supersedes", 0, OPTION_TEXT, &o.supersedes, "OLD.sealed", "make the next version of this dataset of yours"},
        {"hide-columns", 0, OPTION_FLAG, &o.hide_columns, NULL, "with a budget: do not say in the open what the columns are called"},
        {"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object"},
    };
    const Usage usage = {.command = "seal", .usage = "covey seal INPUT -o FILE.sealed --policy POLICY.yaml [OPTION...]",
                         .summary = "Seals a file (or -, standard input) for your key alone, cut into segments that a task's SEEs are given one by one\n"
                                    "when what they prove of themselves passes the policy. The input stays as it is.",
                         .examples = "  covey seal flights.csv -o flights.sealed --policy policy.yaml\n"
                                     "  covey seal visits.csv -o visits.sealed --policy policy.yaml --group-by patient --segments 500\n",
                         .options = options, .option_count = sizeof options / sizeof options[0], .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!output) {
        fprintf(stderr, "covey seal: where shall it go? give -o FILE.sealed\n");
        return COVEY_BAD_INPUT;
    }
    return seal(a.positional[0], output, &o, json);
}

static int inspect(covey *c, const char *path, bool json)
{
    static char policy[1 << 20];
    covey_sealed_info info = {0};
    covey_error e;
    if (covey_sealed_inspect(c, path, &info, policy, sizeof policy, &e)) return session_error(&e);
    if (json) return print_json(&info, path);
    print_info(&info, stdout);
    fputs(policy, stdout);
    return COVEY_OK;
}

static int unseal(covey *c, const char *path, const char *output, unsigned version_min, bool json)
{
    covey_sealed_info info = {0};
    covey_error e;
    if (covey_unseal(c, path, output, version_min, &info, &e)) return session_error(&e);
    bool to_file = output && strcmp(output, "-") != 0;
    if (to_file && json) return print_json(&info, output);
    if (to_file) print_info(&info, stdout);
    return COVEY_OK;
}

int command_unseal(int argc, char **argv)
{
    const char *output = NULL;
    unsigned version_min = 0;
    bool only_inspect = false, json = false;
    const Option options[] = {
        {"output", 'o', OPTION_TEXT, &output, "FILE", "where the plaintext goes, with mode 0600; default: standard output"},
        {"at-least", 0, OPTION_NUMBER, &version_min, "VERSION", "refuse an older version of the dataset"},
        {"inspect", 0, OPTION_FLAG, &only_inspect, NULL, "only say what the file is, and print its policy; needs no key"},
        {"json", 0, OPTION_FLAG, &json, NULL, "print one JSON object; with --output or --inspect"},
    };
    const Usage usage = {.command = "unseal", .usage = "covey unseal FILE.sealed [-o FILE]",
                         .summary = "Opens a sealed dataset of yours, or a sealed result that you are a recipient of. Whatever was changed, cut off,\n"
                                    "reordered or exchanged is found, and then nothing is written to FILE.",
                         .examples = "  covey unseal flights.sealed -o flights.csv\n  covey unseal busiest.sealed | head\n  covey unseal --inspect flights.sealed\n",
                         .options = options, .option_count = sizeof options / sizeof options[0], .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey *c = NULL;
    covey_error e;
    if (covey_open(NULL, &c, &e)) return session_error(&e);
    code = only_inspect ? inspect(c, a.positional[0], json) : unseal(c, a.positional[0], output, version_min, json);
    covey_close(c);
    return code;
}
