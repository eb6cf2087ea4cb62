/* Writing a task's output to standard output. */
#include "cmd/stream.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int stream_write(Stream *s, const void *data, size_t size)
{
    const char *p = data;
    while (size) {
        ssize_t n = write(STDOUT_FILENO, p, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            s->error = errno;
            return -1;
        }
        p += n;
        size -= (size_t)n;
    }
    return 0;
}

bool stream_finish(const Stream *s)
{
    if (s->error == 0) return true;
    if (s->error == EPIPE) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    fprintf(stderr, "covey: standard output: %s\n", strerror(s->error));
    return false;
}
