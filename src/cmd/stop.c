/* SIGINT and SIGTERM as something to read. */
#include "cmd/stop.h"

#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>

int stop_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd >= 0) sigprocmask(SIG_BLOCK, &set, NULL);
    return fd;
}
