/**
 * Writing a task's output to standard output. When the reader goes away (head, less) the task stops, and the program ends the way any
 * filter does: by SIGPIPE.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

typedef struct { int error; } Stream; /* errno of the write that failed; 0: none did */

/** For covey_events.output; not 0 when writing failed. */
int stream_write(Stream *s, const void *data, size_t size);
/** Ends the program by SIGPIPE if the reader went away; false and a message for any other failed write. */
bool stream_finish(const Stream *s);
