/**
 * A module whose wasm wall has fallen: native code that runs where the module would, inside the SEE, with the runtime around it.
 * Each attack is named by the micro-job's segment. What it finds out it says in its result; being killed says the rest.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct { const char *name; void (*run)(void); } Attack;

/** Tables that end with a NULL name. */
extern const Attack SYSTEM_CALL_ATTACKS[], PROCESS_ATTACKS[], MEMORY_ATTACKS[], SLOT_ATTACKS[];

/** Adds a line to the result. */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Says "BREACH: <what> returned <result>" or "refused: <errno>", by what a system call returned. */
void verdict(const char *what, long result);
/** Says "refused: <errno>". */
void refused(void);
