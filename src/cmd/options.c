/* Command-line options from a table. */
#include "cmd/options.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/covey.h"
#include "cmd/suggest.h"

static void print_option(const Option *o)
{
    char left[64], letter[8] = "    ";
    if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    printf("  %-30s %s\n", left, o->help);
}

static void print_help(const Usage *u)
{
    printf("usage: %s\n\n%s\n", u->usage, u->summary);
    printf("\nOptions:\n");
    for (size_t i = 0; i < u->option_count; i++) print_option(&u->options[i]);
    print_option(&(Option){.name = "help", .letter = 'h', .help = "print this"});
    printf("\nExamples:\n%s", u->examples);
}

static const Option *find_long(const Usage *u, const char *name, size_t length)
{
    for (size_t i = 0; i < u->option_count; i++)
        if (strlen(u->options[i].name) == length && memcmp(u->options[i].name, name, length) == 0) return &u->options[i];
    return NULL;
}

static const Option *find_letter(const Usage *u, char letter)
{
    for (size_t i = 0; i < u->option_count; i++)
        if (u->options[i].letter == letter) return &u->options[i];
    return NULL;
}

static bool complain(const Usage *u, const char *what, const char *which)
{
    fprintf(stderr, "covey %s: %s%s; see covey %s --help\n", u->command, what, which, u->command);
    return false;
}

static bool complain_unknown(const Usage *u, const char *option)
{
    const char *best = NULL;
    if (strncmp(option, "--", 2) == 0) {
        char name[SUGGEST_WORD_MAX + 1];
        snprintf(name, sizeof name, "%.*s", (int)strcspn(option + 2, "="), option + 2);
        suggest_consider(name, "help", &best);
        for (size_t i = 0; i < u->option_count; i++) suggest_consider(name, u->options[i].name, &best);
    }
    if (!best) return complain(u, "unknown option ", option);
    fprintf(stderr, "covey %s: unknown option %s; did you mean --%s?\n", u->command, option, best);
    return false;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || errno || n > max) return false;
    *ret = n;
    return true;
}

static bool parse_real(const char *text, double *ret)
{
    char *end;
    errno = 0;
    double v = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(v)) return false;
    *ret = v;
    return true;
}

static bool set_number(const Option *o, const char *value)
{
    uint64_t n = 0;
    if (o->kind == OPTION_REAL) return parse_real(value, o->target);
    if (!parse_number(value, o->kind == OPTION_NUMBER ? UINT_MAX : UINT64_MAX, &n)) return false;
    if (o->kind == OPTION_NUMBER) *(unsigned *)o->target = (unsigned)n;
    else *(OptionNumber *)o->target = (OptionNumber){n, true};
    return true;
}

static bool add_to_list(const Usage *u, const Option *o, const char *value)
{
    OptionList *list = o->target;
    if (list->count == OPTION_LIST_MAX) {
        fprintf(stderr, "covey %s: --%s may be given %d times\n", u->command, o->name, OPTION_LIST_MAX);
        return false;
    }
    list->items[list->count++] = value;
    return true;
}

static bool set_option(const Usage *u, const Option *o, const char *value)
{
    switch (o->kind) {
    case OPTION_FLAG: *(bool *)o->target = true; return true;
    case OPTION_TEXT: *(const char **)o->target = value; return true;
    case OPTION_LIST: return add_to_list(u, o, value);
    case OPTION_NUMBER:
    case OPTION_NUMBER64:
    case OPTION_REAL:
        if (set_number(o, value)) return true;
        fprintf(stderr, "covey %s: --%s: '%s' is not a number\n", u->command, o->name, value);
        return false;
    }
    return false;
}

/* One option at argv[i]; *ret_used says whether its value was the next word. */
static bool parse_one(const Usage *u, const char *word, const char *next, bool *ret_used)
{
    const Option *o;
    const char *value = NULL;
    if (word[1] == '-') {
        size_t length = strcspn(word + 2, "=");
        o = find_long(u, word + 2, length);
        if (word[2 + length] == '=') value = word + 2 + length + 1;
    } else {
        o = find_letter(u, word[1]);
        if (word[2]) value = word + 2;
    }
    if (!o || (o->kind == OPTION_FLAG && value && word[1] != '-')) return complain_unknown(u, word);
    if (o->kind == OPTION_FLAG && value) return complain(u, "no value belongs to ", word);
    *ret_used = o->kind != OPTION_FLAG && !value;
    if (*ret_used && !next) return complain(u, "a value is missing after ", word);
    return set_option(u, o, value ? value : next);
}

static bool parse_all(const Usage *u, int argc, char **argv, Arguments *a)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0 && u->rest_after_dashes) {
            a->rest = argv + i + 1;
            a->rest_count = argc - i - 1;
            return true;
        }
        if (strcmp(argv[i], "--") == 0) {
            while (++i < argc) a->positional[a->positional_count++] = argv[i];
            return true;
        }
        if (argv[i][0] != '-' || !argv[i][1]) {
            a->positional[a->positional_count++] = argv[i];
            continue;
        }
        bool used = false;
        if (!parse_one(u, argv[i], i + 1 < argc ? argv[i + 1] : NULL, &used)) return false;
        i += used;
    }
    return true;
}

static bool asks_for_help(const Usage *u, int argc, char **argv)
{
    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--") == 0 && u->rest_after_dashes) return false;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return true;
    }
    return false;
}

bool options_parse(const Usage *usage, int argc, char **argv, Arguments *ret_arguments, int *ret_exit)
{
    if (asks_for_help(usage, argc, argv)) {
        print_help(usage);
        *ret_exit = COVEY_OK;
        return false;
    }
    *ret_exit = COVEY_BAD_INPUT;
    Arguments a = {.positional = argv};
    if (!parse_all(usage, argc, argv, &a)) return false;
    if (a.positional_count < usage->positional_min) {
        fprintf(stderr, "covey %s: something is missing; usage: %s\n", usage->command, usage->usage);
        return false;
    }
    if (a.positional_count > usage->positional_max) return complain(usage, "one too many: ", a.positional[usage->positional_max]);
    *ret_arguments = a;
    return true;
}
