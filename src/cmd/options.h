/**
 * Command-line options from a table: `--name value`, `--name=value`, `-n value`, `-nvalue`, `--` ends them, `--help` prints the table.
 * An unknown option is answered with the nearest known one.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum {
    OPTION_FLAG,     /* target: bool */
    OPTION_TEXT,     /* target: const char * */
    OPTION_NUMBER,   /* target: unsigned */
    OPTION_NUMBER64, /* target: OptionNumber */
    OPTION_REAL,     /* target: double, finite */
    OPTION_LIST,     /* target: OptionList; may be given several times */
} OptionKind;

enum { OPTION_LIST_MAX = 256 };
typedef struct { const char *items[OPTION_LIST_MAX]; size_t count; } OptionList;
typedef struct { uint64_t value; bool given; } OptionNumber;

typedef struct {
    const char *name; /* without the dashes */
    char letter;      /* 0: none */
    OptionKind kind;
    void *target;
    const char *argument, *help;
} Option;

typedef struct {
    const char *command;  /* "run" */
    const char *usage;    /* "covey run TASK.yaml [OPTION...]" */
    const char *summary;  /* a sentence or two */
    const char *examples; /* lines, each indented by two spaces */
    const Option *options;
    size_t option_count;
    int positional_min, positional_max;
    bool rest_after_dashes; /* `--` introduces arguments of the micro-job, not further positional ones */
} Usage;

typedef struct {
    char **positional;
    int positional_count;
    char **rest; /* after `--`, see rest_after_dashes */
    int rest_count;
} Arguments;

/** Fills the options' targets and *ret_arguments (which point into argv; argv is reordered). false: all is said; exit with *ret_exit. */
bool options_parse(const Usage *usage, int argc, char **argv, Arguments *ret_arguments, int *ret_exit);
