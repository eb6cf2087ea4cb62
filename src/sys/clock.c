/* Clocks. clock_gettime with these clocks and a valid pointer cannot fail, so it is not faultable. */
#include "sys/clock.h"

#include <time.h>

#include "base/limits.h"

static uint64_t now_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

uint64_t clock_monotonic_ns(void) { return now_ns(CLOCK_MONOTONIC); }
uint64_t clock_wall_ns(void) { return now_ns(CLOCK_REALTIME); }
