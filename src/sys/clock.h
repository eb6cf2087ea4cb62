/** Clocks, in nanoseconds. Pure code takes the time as an argument instead. */
#pragma once
#include <stdint.h>
uint64_t clock_monotonic_ns(void);
uint64_t clock_wall_ns(void);
