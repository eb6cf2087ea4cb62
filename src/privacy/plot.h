/**
 * Error against epsilon as a picture: an SVG with logarithmic axes, one line a series with its measured points, and beside it, dotted, what the
 * formula promises.
 * Deterministic; written from measured numbers only.
 */
#pragma once
#include "base/bytes.h"

enum { PLOT_SERIES_MAX = 8, PLOT_POINTS_MAX = 64 };

typedef struct { double epsilon, error, promised; } PlotPoint; /* error: root mean square relative to the answer's scale; promised 0: none */
/** answer: the one without noise, as text */
typedef struct { const char *name, *answer; PlotPoint points[PLOT_POINTS_MAX]; uint32_t count; } PlotSeries;

/** errors: ERR_LIMIT (too many series or points, or the buffer), ERR_BAD_INPUT (a number that is not above 0) */
MUST_USE Err plot_svg(const char *title, const PlotSeries *series, uint32_t count, Buffer *out);
