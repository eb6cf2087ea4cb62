/* Commands that are several: finds which one is meant, and gives it a handle. */
#include "cmd/subcommand.h"

#include <stdio.h>
#include <string.h>

#include "cmd/session.h"

static int run(const Subcommand *s, int argc, char **argv)
{
    covey *c = NULL;
    covey_error e;
    int code = covey_open(NULL, &c, &e) ? session_error(&e) : s->run(c, argc, argv);
    covey_close(c);
    return code;
}

static int unknown(const Subcommands *s, const char *name)
{
    fprintf(stderr, "covey %s: unknown %s; it is ", s->command, name);
    for (size_t i = 0; i < s->count; i++) fprintf(stderr, "%s%s", s->all[i].name, i + 2 < s->count ? ", " : i + 2 == s->count ? " or " : "\n");
    return COVEY_BAD_INPUT;
}

int subcommand_run(const Subcommands *s, int argc, char **argv)
{
    bool asked = argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
    if (argc < 1 || asked) {
        fputs(s->help, asked ? stdout : stderr);
        return asked ? COVEY_OK : COVEY_BAD_INPUT;
    }
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(argv[0], s->all[i].name) == 0) return run(&s->all[i], argc - 1, argv + 1);
    return unknown(s, argv[0]);
}
