/* Error against epsilon as SVG: logarithmic axes in decades, lines through what was measured, dots over what was promised. */
#include "privacy/plot.h"

#include <math.h>

enum { WIDTH = 860, HEIGHT = 520, LEFT = 80, TOP = 50, RIGHT = 250, BOTTOM = 60, DECADES_MAX = 40 };
static const char *const COLOURS[PLOT_SERIES_MAX] = {"#1b6ca8", "#c0392b", "#27803b", "#8e44ad", "#b9770e", "#117a65", "#555555", "#d35400"};

/** Whole decades that hold all points. */
typedef struct { int x_low, x_high, y_low, y_high; } Axes;

static bool is_positive(double v) { return v > 0 && v < INFINITY; }

static void widen(int *low, int *high, double v)
{
    const int down = (int)floor(log10(v)), up = (int)ceil(log10(v));
    if (down < *low) *low = down;
    if (up > *high) *high = up;
}

static Err measure(const PlotSeries *series, uint32_t count, Axes *ret)
{
    Axes a = {1000, -1000, 1000, -1000};
    for (uint32_t s = 0; s < count; s++) {
        if (series[s].count > PLOT_POINTS_MAX) return FAIL(ERR_LIMIT);
        for (uint32_t i = 0; i < series[s].count; i++) {
            const PlotPoint *p = &series[s].points[i];
            if (!is_positive(p->epsilon) || !is_positive(p->error) || (p->promised != 0 && !is_positive(p->promised))) return FAIL(ERR_BAD_INPUT);
            widen(&a.x_low, &a.x_high, p->epsilon);
            widen(&a.y_low, &a.y_high, p->error);
            if (p->promised != 0) widen(&a.y_low, &a.y_high, p->promised);
        }
    }
    if (a.x_low > a.x_high) return FAIL(ERR_BAD_INPUT);
    a.x_high += a.x_high == a.x_low;
    a.y_high += a.y_high == a.y_low;
    if (a.x_high - a.x_low > DECADES_MAX || a.y_high - a.y_low > DECADES_MAX) return FAIL(ERR_LIMIT);
    *ret = a;
    return OK;
}

static double x_of(const Axes *a, double epsilon)
{
    return LEFT + (log10(epsilon) - a->x_low) / (a->x_high - a->x_low) * (WIDTH - LEFT - RIGHT);
}

static double y_of(const Axes *a, double error)
{
    return HEIGHT - BOTTOM - (log10(error) - a->y_low) / (a->y_high - a->y_low) * (HEIGHT - TOP - BOTTOM);
}

/** Text as it may stand in XML; control characters become blanks. */
static Err put_text(Buffer *out, const char *text)
{
    for (const char *c = text; *c; c++) {
        const char *as = *c == '&' ? "&amp;" : *c == '<' ? "&lt;" : *c == '>' ? "&gt;" : NULL;
        if (as) TRY(buffer_append(out, view_text(as)));
        else TRY(buffer_put_u8(out, (uint8_t)*c < 0x20 ? ' ' : (uint8_t)*c));
    }
    return OK;
}

static Err put_grid(const Axes *a, Buffer *out)
{
    for (int d = a->x_low; d <= a->x_high; d++) {
        const double x = x_of(a, pow(10, d));
        TRY(buffer_format(out, "<path class=\"grid\" d=\"M%.1f %d V%d\"/><text class=\"tick\" x=\"%.1f\" y=\"%d\">%g</text>\n", x, TOP, HEIGHT - BOTTOM, x,
            HEIGHT - BOTTOM + 18, pow(10, d)));
    }
    for (int d = a->y_low; d <= a->y_high; d++) {
        const double y = y_of(a, pow(10, d));
        TRY(buffer_format(out, "<path class=\"grid\" d=\"M%d %.1f H%d\"/><text class=\"side\" x=\"%d\" y=\"%.1f\">%g</text>\n", LEFT, y, WIDTH - RIGHT,
            LEFT - 8, y + 4, pow(10, d)));
    }
    return OK;
}

static Err put_line(const Axes *a, const PlotSeries *s, bool promised, const char *colour, Buffer *out)
{
    bool any = false;
    for (uint32_t i = 0; i < s->count; i++) {
        const double v = promised ? s->points[i].promised : s->points[i].error;
        if (v == 0) continue;
        TRY(buffer_format(out, "%s%.1f %.1f", any ? " L" : "<path d=\"M", x_of(a, s->points[i].epsilon), y_of(a, v)));
        any = true;
    }
    if (!any) return OK;
    return buffer_format(out, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"%s\"/>\n", colour, promised ? "1.5\" stroke-dasharray=\"2 4" : "2");
}

static Err put_series(const Axes *a, const PlotSeries *s, uint32_t index, Buffer *out)
{
    const char *colour = COLOURS[index];
    const int y = TOP + 10 + 48 * (int)index;
    TRY(put_line(a, s, false, colour, out));
    TRY(put_line(a, s, true, colour, out));
    for (uint32_t i = 0; i < s->count; i++)
        TRY(buffer_format(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\" fill=\"%s\"/>\n", x_of(a, s->points[i].epsilon), y_of(a, s->points[i].error),
            colour));
    TRY(buffer_format(out, "<circle cx=\"%d\" cy=\"%d\" r=\"5\" fill=\"%s\"/><text x=\"%d\" y=\"%d\">", WIDTH - RIGHT + 20, y, colour, WIDTH - RIGHT + 34,
        y + 4));
    TRY(put_text(out, s->name));
    TRY(buffer_format(out, "</text><text class=\"small\" x=\"%d\" y=\"%d\">without noise: ", WIDTH - RIGHT + 34, y + 20));
    TRY(put_text(out, s->answer));
    return buffer_format(out, "</text>\n");
}

static Err put_all(const char *title, const Axes *axes, const PlotSeries *series, uint32_t count, Buffer *out)
{
    TRY(buffer_format(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" font-family=\"sans-serif\" font-size=\"13\">\n"
        "<style>.grid{stroke:#ddd;fill:none}.tick{text-anchor:middle}.side{text-anchor:end}.small{font-size:11px;fill:#555}</style>\n"
        "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n<text x=\"%d\" y=\"28\" font-size=\"16\">", WIDTH, HEIGHT, WIDTH, HEIGHT, LEFT));
    TRY(put_text(out, title));
    TRY(buffer_format(out, "</text>\n"));
    TRY(put_grid(axes, out));
    TRY(buffer_format(out, "<text class=\"tick\" x=\"%d\" y=\"%d\">epsilon</text>\n", (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 18));
    TRY(buffer_format(out, "<text class=\"tick\" transform=\"rotate(-90)\" x=\"%d\" y=\"22\">relative error (root mean square)</text>\n",
        -(TOP + HEIGHT - BOTTOM) / 2));
    for (uint32_t i = 0; i < count; i++) TRY(put_series(axes, &series[i], i, out));
    TRY(buffer_format(out, "<text class=\"small\" x=\"%d\" y=\"%d\">lines: measured; dotted: promised</text>\n</svg>\n", WIDTH - RIGHT + 14, HEIGHT - BOTTOM));
    return OK;
}

Err plot_svg(const char *title, const PlotSeries *series, uint32_t count, Buffer *out)
{
    Axes axes;
    if (count == 0 || count > PLOT_SERIES_MAX) return FAIL(ERR_LIMIT);
    TRY(measure(series, count, &axes));
    const size_t before = out->size;
    Err error = put_all(title, &axes, series, count, out);
    if (error.code) out->size = before;
    return error;
}
