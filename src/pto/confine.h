/**
 * The orchestrator gives up what it does not need: its user (when it is root's to give), capabilities, new programs, other processes, networks.
 * It reads files of its user's and speaks on Unix sockets; keys of data owners belong to another user.
 */
#pragma once
#include "base/error.h"

/** Becomes that user, with its groups. folder: given to it before; NULL: none. errors: ERR_USAGE (no such user), ERR_DENIED (not root) */
MUST_USE Err confine_user(const char *user, const char *folder, Diag *diag);
/** For good: no privileges to gain, no core file, no programs, no processes (threads stay), no other process's memory, no sockets but Unix ones.
 *  errors: errno */
MUST_USE Err confine_calls(void);
