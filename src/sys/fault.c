/* Counting calls, and failing the one that was asked for. Only part of the faulty build. */
#include "sys/fault.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *own_role = "covey";
static _Atomic uint64_t calls;
static _Atomic uint64_t target;       /* 0: none */
static _Atomic int target_errno = EIO;
static atomic_bool struck;
static char target_role[32];          /* empty: any */
static bool announce;                 /* says on standard error which call failed; on when armed from outside */
static pthread_once_t configured = PTHREAD_ONCE_INIT;

static int errno_by_name(const char *name, size_t size)
{
    for (int i = 1; i < 200; i++) {
        const char *known = strerrorname_np(i);
        if (known && strlen(known) == size && memcmp(known, name, size) == 0) return i;
    }
    fprintf(stderr, "COVEY_FAULT: no errno is called %.*s\n", (int)size, name);
    exit(2);
}

static void configure(void)
{
    const char *text = getenv("COVEY_FAULT");
    if (!text || !*text) return;
    char *rest;
    uint64_t nth = strtoull(text, &rest, 10);
    if (*rest == ':') {
        size_t size = strcspn(rest + 1, "@");
        target_errno = errno_by_name(rest + 1, size);
        rest += 1 + size;
    }
    if (*rest == '@') snprintf(target_role, sizeof target_role, "%s", rest + 1);
    target = nth;
    announce = true;
}

static _Thread_local const char *last = "";

bool fault_strikes(const char *name)
{
    last = name;
    pthread_once(&configured, configure);
    uint64_t n = atomic_fetch_add(&calls, 1) + 1;
    if (n != target || (target_role[0] && strcmp(target_role, own_role) != 0)) return false;
    struck = true;
    if (announce) fprintf(stderr, "fault: call %llu (%s) of %s: %s\n", (unsigned long long)n, name, own_role, strerrorname_np(target_errno));
    errno = target_errno;
    return true;
}

void fault_role(const char *role) { own_role = role; }

void fault_arm(uint64_t nth, int error)
{
    pthread_once(&configured, configure);
    target_role[0] = '\0';
    announce = false;
    target_errno = error;
    target = nth;
    struck = false;
    calls = 0;
}

uint64_t fault_calls(void) { return calls; }
bool fault_struck(void) { return struck; }
const char *fault_last(void) { return last; }

__attribute__((destructor)) static void report_count(void)
{
    const char *path = getenv("COVEY_FAULT_COUNT");
    if (!path) return;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) return;
    dprintf(fd, "%s %llu\n", own_role, (unsigned long long)calls);
    close(fd);
}
