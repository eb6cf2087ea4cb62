/** Runs a program to its end and says how long it took, how much memory it had, and what it wrote. */
#pragma once
#include <stdint.h>

#include "base/bytes.h"

typedef struct {
    double seconds;         /* from before posix_spawn until it was reaped */
    double processor;       /* seconds, of all processors, with the children that it waited for */
    uint64_t memory_peak;   /* largest resident set, bytes; of the program, or of a child that it waited for if that was larger */
    int status;             /* as waitpid */
} ProgramRun;

/** argv[0] is looked up in $PATH. `ret_output` (may be NULL) gets standard output; standard error is ours. */
MUST_USE Err program_run(const char *const *argv, ProgramRun *ret_run, Buffer *ret_output);
/** The same; an exit code other than 0 is an error with text. */
MUST_USE Err program_must_run(const char *const *argv, ProgramRun *ret_run, Buffer *ret_output, Diag *diag);
/** For programs that print one number. */
MUST_USE Err program_number(const char *const *argv, double *ret_number, Diag *diag);
bool program_exists(const char *name);
