/**
 * Fault injection: in the faulty build (libcovey_faults and covey-faults, never installed) the Nth system call of a process fails.
 * In the normal build all of this is nothing.
 *
 * Every system call that can fail stands in a FAULTABLE, in sys/ and wherever a raw one is made (the warden, the agent, the journal):
 *
 *     if (FAULTABLE("mount", mount(...)) < 0) return FAIL(errno);
 *
 * From outside: COVEY_FAULT="N[:ERRNO][@ROLE]" fails call N (from 1) with that error (a name such as ENOSPC; EIO without one), in the
 * process with that role ("covey" until fault_role() says otherwise; any role without one). COVEY_FAULT_COUNT=FILE appends one line
 * "ROLE CALLS" as a process exits: run once with it, then once for each N. A forked child goes on with its parent's count.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef COVEY_FAULTS

/** The value of `expr`, or -1 (MAP_FAILED for a pointer) with errno set when this is the call that shall fail. */
#define FAULTABLE(name, expr) (fault_strikes(name) ? (__typeof__(expr))-1 : (expr))

/** Counts a call; true, with errno set, when it is the one. */
bool fault_strikes(const char *name);
/** What this process is: "warden". Borrowed for ever. */
void fault_role(const char *role);
/** For tests in the same process: call `nth` from now (1 is the next) fails with `error`; 0 disarms. Starts counting at 0. */
void fault_arm(uint64_t nth, int error);
/** Calls since the start or the last fault_arm, and whether one of them was made to fail. */
uint64_t fault_calls(void);
bool fault_struck(void);
/** The name of the last call: what a function ends with when order matters, as with fsync. "" before the first. */
const char *fault_last(void);
/** Makes SQLite's own calls fail in the same way. Before the first connection. */
void fault_sqlite_install(void);

#else

#define FAULTABLE(name, expr) (expr)
static inline void fault_role(const char *role) { (void)role; }
static inline void fault_sqlite_install(void) { }

#endif
