/* covey budget: what was spent of the privacy budgets of your sealed data, by what, and what is left; and another budget in the policy's place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"
#include "cmd/subcommand.h"

typedef struct { bool json, any, charges; } Showing;

static void print_json_text(const char *text)
{
    putchar('"');
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        if (*c == '"' || *c == '\\') printf("\\%c", *c);
        else if (*c < 0x20 || *c == 0x7f) printf("\\u%04x", *c);
        else putchar(*c);
    }
    putchar('"');
}

static void print_member(const char *name, const char *value)
{
    printf("\"%s\": ", name);
    print_json_text(value);
}

/* Whatever bytes a column's name has: nothing that a terminal obeys. */
static void print_plain(const char *text)
{
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) putchar(*c < 0x20 || *c == 0x7f ? '?' : *c);
}

static void begin_json(Showing *s, const covey_budget *b)
{
    printf("%s{", s->any ? "]},\n" : "[");
    print_member("dataset", b->id);
    printf(", \"version\": %llu, ", (unsigned long long)b->version);
    print_member("name", b->name);
    printf(", ");
    print_member("unit", b->person[0] ? b->person : "record");
    printf(", ");
    print_member("limit", b->limit);
    printf(", ");
    print_member("spent", b->spent);
    printf(", ");
    print_member("left", b->left);
    if (b->holds[0]) printf(", ");
    if (b->holds[0]) print_member("holds", b->holds);
    printf(", \"set_by_owner\": %s, \"entries\": [", b->is_set ? "true" : "false");
    s->charges = false;
}

static void charge_json(Showing *s, const covey_charge *c)
{
    printf("%s\n  {\"entry\": %llu, ", s->charges ? "," : "", (unsigned long long)c->number);
    print_member("time", c->time);
    printf(", ");
    print_member("kind", c->is_set ? "budget" : "charge");
    printf(", ");
    print_member(c->is_set ? "limit" : "price", c->price);
    if (!c->is_set) {
        printf(", ");
        print_member("what", c->what);
        printf(", ");
        print_member("task", c->task);
    }
    putchar('}');
    s->charges = true;
}

static void begin_text(const Showing *s, const covey_budget *b)
{
    if (s->any) putchar('\n');
    print_plain(b->name);
    printf("  %s, version %llu, by ", b->id, (unsigned long long)b->version);
    print_plain(b->person[0] ? b->person : "record");
    printf("\n  budget  %s%s\n  spent   %s\n  left    %s\n", b->limit, b->is_set ? " (set by covey budget set)" : "", b->spent, b->left);
    if (b->holds[0]) printf("  holds   %s, whenever one looks\n", b->holds);
}

static void charge_text(const covey_charge *c)
{
    printf("  %s  %s%s  ", c->time, c->is_set ? "budget set to " : "", c->price);
    print_plain(c->what);
    if (!c->is_set) printf("  task %s", c->task);
    putchar('\n');
}

static int visit(void *context, const covey_budget *budget, const covey_charge *charge)
{
    Showing *s = context;
    if (!charge) {
        if (s->json) begin_json(s, budget);
        else begin_text(s, budget);
        s->any = true;
    } else if (s->json) {
        charge_json(s, charge);
    } else {
        charge_text(charge);
    }
    return ferror(stdout);
}

static int show(covey *c, int argc, char **argv)
{
    Showing s = {0};
    const char *state = NULL;
    const Option options[] = {{"json", 0, OPTION_FLAG, &s.json, NULL, "print one JSON list"},
                              {"state", 0, OPTION_TEXT, &state, "DIR", "of covey keybroker; default: where runs over your own data keep it"}};
    const Usage usage = {.command = "budget show", .usage = "covey budget show [--json] [--state DIR]",
                         .summary = "Prints, for each sealed dataset of yours with a privacy budget that was used: the budget, what was spent, what is\n"
                                    "left, and each task that it was spent for.",
                         .examples = "  covey budget show\n  covey budget show --json | jq '.[].left'\n", .options = options, .option_count = 2};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey_error e;
    code = covey_budget_each(c, state, visit, &s, &e);
    if (s.json) printf(s.any ? "]}]\n" : "[]\n");
    else if (!code && !s.any) printf("no dataset with a privacy budget was used yet\n");
    return code ? session_error(&e) : COVEY_OK;
}

static int set(covey *c, int argc, char **argv)
{
    covey_budget_wish w = {0};
    const Option options[] = {{"epsilon", 0, OPTION_TEXT, &w.epsilon, "NUMBER", "such as 2, 0.5 or 1/3"},
                              {"delta", 0, OPTION_TEXT, &w.delta, "NUMBER", "with epsilon, such as 1e-9"},
                              {"rho", 0, OPTION_TEXT, &w.rho, "NUMBER", "in place of epsilon: zCDP"},
                              {"zcdp", 0, OPTION_FLAG, &w.zcdp, NULL, "account epsilon and delta in zCDP"},
                              {"state", 0, OPTION_TEXT, &w.state_dir, "DIR", "of covey keybroker; default: where runs over your own data keep it"}};
    const Usage usage = {.command = "budget set", .usage = "covey budget set FILE (--epsilon NUMBER [--delta NUMBER] [--zcdp] | --rho NUMBER)",
                         .summary = "Sets another budget for a sealed dataset of yours, in place of the one in its policy. What was spent stays spent:\n"
                                    "a budget below it leaves nothing. It is written into the ledger and the audit log.",
                         .examples = "  covey budget set flights.sealed --epsilon 2\n", .options = options,
                         .option_count = sizeof options / sizeof options[0], .positional_min = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey_error e;
    return covey_budget_set(c, a.positional[0], &w, &e) ? session_error(&e) : COVEY_OK;
}

static const char HELP[] =
    "usage: covey budget show [--json] [--state DIR]\n       covey budget set FILE (--epsilon NUMBER [--delta NUMBER] [--zcdp] | --rho NUMBER)\n\n"
    "Examples:\n  covey budget show\n  covey budget set flights.sealed --epsilon 2\n";

int command_budget(int argc, char **argv)
{
    static const Subcommand ALL[] = {{"show", show}, {"set", set}};
    return subcommand_run(&(Subcommands){"budget", HELP, ALL, sizeof ALL / sizeof ALL[0]}, argc, argv);
}
