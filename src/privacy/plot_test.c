/* Does a plot show every point that was measured, where it belongs, and nothing that would not be XML? */
#include "privacy/plot.h"

#include <math.h>
#include <stdio.h>

#include "base/test.h"

static PlotSeries series(const char *name)
{
    return (PlotSeries){.name = name, .answer = "42", .points = {{0.1, 0.1, 0.09}, {1, 0.01, 0.009}, {10, 0.001, 0}}, .count = 3};
}

static size_t count_of(const Buffer *b, const char *what)
{
    size_t count = 0;
    const uint8_t *at = b->data, *end = b->data + b->size;
    while ((at = memmem(at, (size_t)(end - at), what, strlen(what)))) {
        count++;
        at++;
    }
    return count;
}

START_TEST(every_point_is_drawn_on_logarithmic_axes)
{
    const PlotSeries s[] = {series("count"), series("mean")};
    AUTO_BUFFER out = buffer_limited(1 << 20), again = buffer_limited(1 << 20);
    ck_assert_ok(plot_svg("title", s, 2, &out));
    ck_assert_uint_eq(count_of(&out, "r=\"3.5\""), 6);
    ck_assert_uint_eq(count_of(&out, "stroke-dasharray"), 2);
    /* two decades across 530 points from 80, two down 410 from 50 */
    ck_assert_uint_eq(count_of(&out, "cx=\"80.0\" cy=\"50.0\""), 2);
    ck_assert_uint_eq(count_of(&out, "cx=\"345.0\" cy=\"255.0\""), 2);
    ck_assert_uint_eq(count_of(&out, "cx=\"610.0\" cy=\"460.0\""), 2);
    ck_assert_ok(plot_svg("title", s, 2, &again));
    ck_assert(view_equal(view_buffer(&out), view_buffer(&again)));
}
END_TEST

START_TEST(names_are_escaped)
{
    const PlotSeries s = series("a<b>&\n");
    AUTO_BUFFER out = buffer_limited(1 << 20);
    ck_assert_ok(plot_svg("</svg>", &s, 1, &out));
    ck_assert_uint_eq(count_of(&out, "a&lt;b&gt;&amp; "), 1);
    ck_assert_uint_eq(count_of(&out, "</svg>"), 1);
}
END_TEST

START_TEST(what_has_no_place_on_a_logarithmic_axis_is_refused)
{
    const double wrong[] = {0, -1, NAN, INFINITY};
    AUTO_BUFFER out = buffer_limited(1 << 20);
    for (int i = 0; i < 4; i++) {
        PlotSeries s = series("x");
        s.points[1].error = wrong[i];
        ck_assert_err(plot_svg("t", &s, 1, &out), ERR_BAD_INPUT);
        s = series("x");
        s.points[1].epsilon = wrong[i];
        ck_assert_err(plot_svg("t", &s, 1, &out), ERR_BAD_INPUT);
    }
    PlotSeries s = series("x");
    ck_assert_err(plot_svg("t", &s, 0, &out), ERR_LIMIT);
    s.count = PLOT_POINTS_MAX + 1;
    ck_assert_err(plot_svg("t", &s, 1, &out), ERR_LIMIT);
    ck_assert_uint_eq(out.size, 0);
    Buffer small = buffer_limited(100);
    s = series("x");
    ck_assert_err(plot_svg("t", &s, 1, &small), ERR_LIMIT);
    ck_assert_uint_eq(small.size, 0);
    buffer_free(&small);
}
END_TEST

TEST_MAIN("privacy/plot", every_point_is_drawn_on_logarithmic_axes, names_are_escaped, what_has_no_place_on_a_logarithmic_axis_is_refused)
