/** Repeated measurements of one thing, and what is said about them: the median, and the least and greatest as its spread. */
#pragma once

enum { SAMPLES_MAX = 64 };
typedef struct { double values[SAMPLES_MAX]; int count; } Samples;
typedef struct { double median, low, high; } Spread;

/** Drops what comes after SAMPLES_MAX. */
void samples_add(Samples *s, double value);
/** All zero without samples. */
Spread samples_spread(const Samples *s);
/** Median of the quotients round by round: what a slow moment of the machine did to both cancels out. */
double samples_ratio(const Samples *over, const Samples *under);
