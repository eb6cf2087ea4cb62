/** Signals that stop a serving command, as a descriptor that the library can wait for. */
#pragma once

/** Each SIGINT or SIGTERM can be read from it once. -1: the signals end the process, as they always do. */
int stop_signals(void);
