/** Commands that are several: covey key new, covey image build, covey audit show. */
#pragma once
#include <stddef.h>

#include "api/covey.h"

typedef struct {
    const char *name;
    int (*run)(covey *c, int argc, char **argv); /* arguments behind the name; returns the exit code */
} Subcommand;
typedef struct {
    const char *command;                         /* "key" */
    const char *help;                            /* printed for --help, and where nothing is asked for */
    const Subcommand *all;
    size_t count;
} Subcommands;

/** Runs the one that argv[0] names; returns the exit code. */
int subcommand_run(const Subcommands *s, int argc, char **argv);
