/** Error against epsilon of count, mean, histogram and an untrusted median, on the birdstrikes records. */
#pragma once
#include "bench/runner/figure.h"

/** Adds rows of error over what was promised at epsilon 1, and writes the picture. A note alone where the data is not on this machine. */
MUST_USE Err measure_privacy_error(const Bench *b, const char *picture, Figure *f, Diag *diag);
