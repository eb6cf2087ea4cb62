/** Signals that stop a command: as a descriptor that the library of a serving one can wait for, or as a flag that one that computes asks for. */
#pragma once
#include <stdbool.h>

/** Each SIGINT or SIGTERM can be read from it once. -1: the signals end the process, as they always do. */
int stop_signals(void);

/** The first SIGINT, SIGTERM or SIGHUP, unless it is ignored, is only remembered; a second one ends the process. */
void stop_catch(void);
bool stop_caught(void);
