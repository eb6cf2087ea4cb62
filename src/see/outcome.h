/**
 * How a micro-job ended. One table for the runtime that writes it, the agent that checks it and the people who read it.
 *
 * Origin `see`: written by the SEE into its slot. Origin `host`: found by the zygote or the agent, never believed from a slot.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/*       name                value  text                                                       retry  from_see */
#define OUTCOMES(X) \
    X(NONE,                  0,  "not run",                                                    true,  false) \
    X(OK,                    1,  "ok",                                                         false, true)  \
    X(EXIT_CODE,             2,  "exit code is not 0",                                         false, true)  \
    X(UNREACHABLE,           3,  "trap: unreachable instruction",                              false, true)  \
    X(OUT_OF_BOUNDS,         4,  "trap: access outside memory or table",                       false, true)  \
    X(STACK_OVERFLOW,        5,  "trap: call stack exhausted",                                 false, true)  \
    X(DIVISION_BY_ZERO,      6,  "trap: division by zero",                                     false, true)  \
    X(INTEGER_OVERFLOW,      7,  "trap: integer overflow",                                     false, true)  \
    X(BAD_CONVERSION,        8,  "trap: number is not an integer",                             false, true)  \
    X(BAD_INDIRECT_CALL,     9,  "trap: indirect call of a wrong or missing function",         false, true)  \
    X(MEMORY_LIMIT,          10, "memory limit reached",                                       false, true)  \
    X(OUTPUT_LIMIT,          11, "output limit reached",                                       false, true)  \
    X(INPUT_ERROR,           12, "the slot could not be read",                                 true,  true)  \
    X(LIFETIME,              13, "lifetime exceeded",                                          true,  false) \
    X(FORBIDDEN_CALL,        14, "killed for a forbidden system call",                         false, false) \
    X(CRASHED,               15, "the SEE was killed by a signal",                             true,  false) \
    X(LOST,                  16, "the SEE was lost",                                           true,  false) \
    X(MALFORMED,             17, "the SEE wrote a malformed slot",                             false, false) \
    X(SEAL_BROKEN,           18, "sealed data or its key is damaged, or not for this micro-job", true, true) \
    X(DISAGREED,             19, "its copies gave different results, and too few the same",    false, false)

typedef enum {
#define OUTCOME_NAME(name, value, text, retry, see) OUTCOME_##name = value,
    OUTCOMES(OUTCOME_NAME)
#undef OUTCOME_NAME
    OUTCOME_COUNT
} Outcome;

static inline const char *outcome_text(uint32_t outcome)
{
    static const char *const TEXT[] = {
#define OUTCOME_TEXT(name, value, text, retry, see) [value] = text,
        OUTCOMES(OUTCOME_TEXT)
#undef OUTCOME_TEXT
    };
    return outcome < OUTCOME_COUNT ? TEXT[outcome] : "unknown outcome";
}

/** Whether another attempt may end differently: micro-jobs are deterministic, so only what the world did is worth a retry. */
static inline bool outcome_may_retry(uint32_t outcome)
{
    static const bool RETRY[] = {
#define OUTCOME_RETRY(name, value, text, retry, see) [value] = retry,
        OUTCOMES(OUTCOME_RETRY)
#undef OUTCOME_RETRY
    };
    return outcome < OUTCOME_COUNT && RETRY[outcome];
}

/** Whether a slot may claim this outcome. */
static inline bool outcome_from_see(uint32_t outcome)
{
    static const bool FROM_SEE[] = {
#define OUTCOME_FROM_SEE(name, value, text, retry, see) [value] = see,
        OUTCOMES(OUTCOME_FROM_SEE)
#undef OUTCOME_FROM_SEE
    };
    return outcome < OUTCOME_COUNT && FROM_SEE[outcome];
}
