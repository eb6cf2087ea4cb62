/* covey attest: this node's evidence, or a verdict on anybody's, claim by claim. */
#include <jansson.h>
#include <stdio.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/enrol.h"
#include "cmd/options.h"
#include "cmd/session.h"

static void print_claim(void *context, const char *claim, bool passed, const char *reason)
{
    (void)context;
    printf("%-4s %-20s %s\n", passed ? "ok" : "no", claim, reason);
}

static void add_claim(void *context, const char *claim, bool passed, const char *reason)
{
    json_array_append_new(context, json_pack("{s:s, s:b, s:s}", "claim", claim, "passed", (int)passed, "reason", reason));
}

typedef struct { const char *file, *collateral, *time; bool json; } Appraisal;

static int appraise_json(covey *c, const Appraisal *a)
{
    covey_error e;
    json_t *claims = json_array();
    covey_code code = covey_appraise(c, a->file, a->collateral, a->time, add_claim, claims, &e);
    if (json_array_size(claims) == 0) {
        json_decref(claims);
        return session_error(&e);
    }
    json_t *o = json_pack("{s:b, s:o}", "accepted", (int)(code == COVEY_OK), "claims", claims);
    json_dumpf(o, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(o);
    return (int)code;
}

static int appraise(covey *c, const Appraisal *a)
{
    if (a->json) return appraise_json(c, a);
    covey_error e;
    if (covey_appraise(c, a->file, a->collateral, a->time, print_claim, NULL, &e)) return session_error(&e);
    puts("accepted");
    return COVEY_OK;
}

static int attest(covey *c, const char *kind, const char *nonce)
{
    covey_evidence evidence;
    covey_error e;
    if (covey_attest(c, kind, nonce, &evidence, &e)) return session_error(&e);
    for (size_t i = 0; i < evidence.size; i++) printf("%02x", evidence.data[i]);
    putchar('\n');
    fprintf(stderr, "covey attest: evidence of kind %s, %zu bytes\n", evidence.kind, evidence.size);
    covey_evidence_free(&evidence);
    return COVEY_OK;
}

/* NULL when the options go together. */
static const char *mistake(const Appraisal *a, const Enrolment *enrolment, bool attests)
{
    int steps = enrolment_steps(enrolment);
    bool named = enrolment->challenge || enrolment->accept;
    if (steps > 1) return "only one of --enrol, --challenge, --activate and --accept at a time";
    if (steps && (a->file || a->time || a->json || attests)) return "--appraise, --time, --json, --kind and --nonce do not go with enrolling";
    if (named != (enrolment->place.name != NULL)) return "--challenge and --accept need --name NAME, and nothing else does";
    if (!a->file && !named && a->collateral) return "--collateral goes with --appraise, --challenge and --accept";
    if (!a->file && (a->time || a->json)) return "--time and --json go with --appraise";
    if (a->file && attests) return "--kind and --nonce do not go with --appraise";
    return NULL;
}

int command_attest(int argc, char **argv)
{
    Appraisal appraisal = {0};
    Enrolment enrolment = {0};
    const char *kind = NULL, *nonce = NULL;
    const Option options[] = {
        {"appraise", 0, OPTION_TEXT, &appraisal.file, "FILE", "judge evidence, an SEV-SNP report or a TDX quote; - is standard input"},
        {"collateral", 0, OPTION_TEXT, &appraisal.collateral, "DIR", "certificates and reference values; default: collateral/ beside your keys"},
        {"time", 0, OPTION_TEXT, &appraisal.time, "RFC3339", "judge as of then, as 2027-01-01T00:00:00Z; default: now"},
        {"json", 0, OPTION_FLAG, &appraisal.json, NULL, "with --appraise: print one JSON object"},
        {"kind", 0, OPTION_TEXT, &kind, "KIND", "node-key, tpm2, sev-snp or tdx; default: the best that there is"},
        {"nonce", 0, OPTION_TEXT, &nonce, "HEX", "64 hex digits that the evidence answers; default: random"},
        {"enrol", 0, OPTION_FLAG, &enrolment.ask, NULL, "on the node: print a request to enrol its TPM"},
        {"challenge", 0, OPTION_TEXT, &enrolment.challenge, "FILE", "on the operator's side: answer a request, if a maker in tpm-makers/ vouches for that TPM"},
        {"activate", 0, OPTION_TEXT, &enrolment.activate, "FILE", "on the node: have its TPM answer a challenge"},
        {"accept", 0, OPTION_TEXT, &enrolment.accept, "FILE", "on the operator's side: believe that TPM from now on, if the answer is right"},
        {"name", 0, OPTION_TEXT, &enrolment.place.name, "NAME", "with --challenge and --accept: what the operator calls the node"},
    };
    const Usage usage = {.command = "attest", .usage = "covey attest [--kind KIND] [--nonce HEX]\n"
                                  "       covey attest --appraise FILE [--collateral DIR] [--time RFC3339] [--json]\n"
                                  "       covey attest --enrol | --activate FILE\n"
                                  "       covey attest --challenge FILE | --accept FILE --name NAME [--collateral DIR]",
                         .summary = "Prints this node's evidence in hex, or says claim by claim whether evidence convinces, and why not.\n"
                                    "Nothing is fetched: what is missing or stale is named with the place to get it. Exit code 0 if all\n"
                                    "claims pass, 3 if one does not.\n"
                                    "A node's TPM is enrolled in four steps, each of which prints what the next one reads.",
                         .examples = "  covey attest | covey attest --appraise -\n  covey attest --appraise report.bin --collateral collateral/\n"
                                     "  covey attest --challenge request --name node7 >challenge\n",
                         .options = options, .option_count = sizeof options / sizeof options[0]};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    enrolment.place.collateral = appraisal.collateral;
    const char *wrong = mistake(&appraisal, &enrolment, kind || nonce);
    if (wrong) {
        fprintf(stderr, "covey attest: %s\n", wrong);
        return COVEY_BAD_INPUT;
    }
    covey *c = NULL;
    covey_error e;
    if (covey_open(NULL, &c, &e)) return session_error(&e);
    code = enrolment_steps(&enrolment) ? enrolment_step(c, &enrolment) : appraisal.file ? appraise(c, &appraisal) : attest(c, kind, nonce);
    covey_close(c);
    return code;
}
