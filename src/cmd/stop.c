/* Signals as something to read, or to ask about. */
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

static volatile sig_atomic_t caught;

/* SA_RESETHAND: the second signal ends the program at once. */
static void on_signal(int number)
{
    (void)number;
    caught = 1;
}

void stop_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND}, before;
    static const int STOP[] = {SIGINT, SIGTERM, SIGHUP};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof STOP / sizeof STOP[0]; i++)
        if (sigaction(STOP[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN) sigaction(STOP[i], &action, NULL);
}

bool stop_caught(void) { return caught; }
