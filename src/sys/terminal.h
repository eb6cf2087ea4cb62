/** The user's terminal, to ask for what must not be seen or stand in a file. */
#pragma once
#include "base/error.h"

/** Prints the prompt and reads a line without showing it; at most room - 1 bytes. errors: ENXIO (no terminal), ERR_INTERRUPTED
 * (Ctrl-C, end), ERR_LIMIT (too long) */
MUST_USE Err terminal_ask(const char *prompt, char *ret_text, size_t room);
