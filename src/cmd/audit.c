/* covey audit show|verify. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/session.h"
#include "cmd/subcommand.h"
#include "cmd/suggest.h"

typedef struct { const char *event, *task; bool json; } Filter;

/* As JSON text without its quotes: what is in a log that somebody else wrote cannot move the cursor. */
static void print_word(const char *text)
{
    json_t *word = json_string(text);
    char *escaped = word ? json_dumps(word, JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    json_decref(word);
    if (escaped) printf("%.*s", (int)strlen(escaped) - 2, escaped + 1);
    free(escaped);
}

static void print_entry(const covey_audit_entry *e)
{
    printf("%llu  %s  ", (unsigned long long)e->seq, e->time);
    print_word(e->event);
    printf("  by ");
    print_word(e->by);
    if (e->task[0]) {
        printf("  task ");
        print_word(e->task);
    }
    json_t *entry = json_loads(e->json, 0, NULL), *detail = json_object_get(entry, "detail");
    if (json_object_size(detail) > 0) {
        printf("  ");
        json_dumpf(detail, stdout, JSON_ENSURE_ASCII);
    }
    json_decref(entry);
    putchar('\n');
}

static int visit(void *context, const covey_audit_entry *e)
{
    const Filter *f = context;
    if (f->event && strcmp(f->event, e->event) != 0) return 0;
    if (f->task && strcmp(f->task, e->task) != 0) return 0;
    if (f->json) puts(e->json);
    else print_entry(e);
    return ferror(stdout);
}

/* Else a mistyped one would look like one that never happened. */
static bool known_event(const char *event)
{
    const char *best = NULL, *name;
    for (unsigned i = 0; (name = covey_audit_event(i)) != NULL; i++) {
        if (strcmp(name, event) == 0) return true;
        suggest_consider(event, name, &best);
    }
    fprintf(stderr, "covey audit show: unknown event %s; ", event);
    if (best) fprintf(stderr, "did you mean %s?\n", best);
    else fprintf(stderr, "it is one of");
    for (unsigned i = 0; !best && (name = covey_audit_event(i)) != NULL; i++) fprintf(stderr, "%s %s", i ? "," : "", name);
    if (!best) fputc('\n', stderr);
    return false;
}

static int show(covey *c, int argc, char **argv)
{
    Filter f = {0};
    const Option options[] = {
        {"event", 'e', OPTION_TEXT, &f.event, "EVENT", "only these: key-release, key-refusal, image-trust and so on"},
        {"task", 't', OPTION_TEXT, &f.task, "TASK", "only entries of this task"},
        {"json", 0, OPTION_FLAG, &f.json, NULL, "the lines as they stand in the log"},
    };
    const Usage usage = {.command = "audit show", .usage = "covey audit show [FILE] [--event EVENT] [--task TASK] [--json]",
                         .summary = "Prints the entries of an audit log; this node's without FILE. It does not ask whether they are genuine:\n"
                                    "covey audit verify does.",
                         .examples = "  covey audit show --event key-refusal\n", .options = options, .option_count = 3,
                         .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (f.event && !known_event(f.event)) return COVEY_BAD_INPUT;
    covey_error e;
    bool stopped = covey_audit_each(c, a.positional_count ? a.positional[0] : NULL, visit, &f, &e) == COVEY_INTERRUPTED && ferror(stdout);
    if (stopped) return COVEY_SYSTEM; /* main says what became of standard output */
    return e.code ? session_error(&e) : COVEY_OK;
}

static void print_report(const covey_audit_report *r)
{
    printf("%s: whole, %s; entries: %llu, checkpoints: %llu\n", r->path, r->closed ? "closed" : "open", (unsigned long long)r->entries,
           (unsigned long long)r->checkpoints);
    if (r->entries) printf("from %s to %s\n", r->first, r->last);
    if (r->lines) printf("line %llu has the hash %s\n", (unsigned long long)r->lines, r->last_hash);
    if (r->unsigned_lines)
        printf("no signature covers the last %llu lines yet: it is being written, or its writer died\n", (unsigned long long)r->unsigned_lines);
    if (r->torn_bytes) printf("%llu bytes of an unfinished line follow\n", (unsigned long long)r->torn_bytes);
}

static int verify(covey *c, int argc, char **argv)
{
    const char *key = NULL;
    const Option options[] = {{"key", 'k', OPTION_TEXT, &key, "KEY", "the public key of its writer; default: yours or this node's"}};
    const Usage usage = {.command = "audit verify", .usage = "covey audit verify [FILE] [--key KEY]",
                         .summary = "Is an audit log (this node's without FILE) whole? Finds, and names the line of, an edited, removed,\n"
                                    "inserted or moved line, a forged checkpoint, a cut tail (against FILE.head) and a swapped file. Exit\n"
                                    "code 3 if it is not whole.",
                         .examples = "  covey audit verify\n  covey audit verify keybroker/audit.log --key covey-ed25519:...\n",
                         .options = options, .option_count = 1, .positional_max = 1};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    covey_audit_report report;
    covey_error e;
    if (covey_audit_verify(c, a.positional_count ? a.positional[0] : NULL, key, &report, &e)) return session_error(&e);
    print_report(&report);
    return COVEY_OK;
}

static const char HELP[] =
    "usage: covey audit show [FILE] [--event EVENT] [--task TASK] [--json]\n       covey audit verify [FILE] [--key KEY]\n\n"
    "Examples:\n  covey audit verify && covey audit show --event key-refusal\n";

int command_audit(int argc, char **argv)
{
    static const Subcommand ALL[] = {{"show", show}, {"verify", verify}};
    return subcommand_run(&(Subcommands){"audit", HELP, ALL, sizeof ALL / sizeof ALL[0]}, argc, argv);
}
