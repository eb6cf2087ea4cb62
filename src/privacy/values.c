/* Values as steps between bounds: whatever the text is, something within them comes out. */
#include "privacy/values.h"

#include "privacy/wide.h"

enum { STEP_BITS_MAX = 62 };
static const UInt128 STEPS_MAX = (UInt128)1 << VALUE_BITS;

static bool is_blank(uint8_t c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static View trim(View text)
{
    while (text.size && is_blank(text.data[0])) text = view_of(text.data + 1, text.size - 1);
    while (text.size && is_blank(text.data[text.size - 1])) text.size--;
    return text;
}

bool value_parse(View text, bool *ret_negative, Rational *ret_size)
{
    bool sign = text.size && (text.data[0] == '-' || text.data[0] == '+'), negative = sign && text.data[0] == '-';
    Rational size;
    if (!rational_parse(sign ? view_of(text.data + 1, text.size - 1) : text, &size)) return false;
    *ret_negative = negative;
    *ret_size = size;
    return true;
}

/** Twice the size over the step, rounded down; all ones when it is larger than anything. */
static UInt128 half_steps(Rational size, Rational step)
{
    UInt128 got;
    if (!u128_muldiv(size.num, step.den * 2, size.den, false, &got)) return (UInt128)1 << 120;
    return got / step.num;
}

/** A bound in steps, rounded away from the middle of the bounds. */
static bool bound_steps(View text, Rational step, bool upper, int64_t *ret)
{
    bool negative;
    Rational size, ratio;
    if (!value_parse(text, &negative, &size) || !rational_divide(size, step, &ratio)) return false;
    UInt128 whole = ratio.num / ratio.den + (ratio.num % ratio.den && upper != negative);
    if (whole >= STEPS_MAX) return false;
    *ret = negative ? -(int64_t)whole : (int64_t)whole;
    return true;
}

Err bounds_parse(View lower, View upper, View step, Bounds *ret)
{
    Bounds b;
    if (!rational_parse(step, &b.step) || b.step.num == 0 || b.step.num >> STEP_BITS_MAX || b.step.den >> STEP_BITS_MAX)
        return FAIL(ERR_BAD_INPUT);
    if (!bound_steps(lower, b.step, false, &b.lower) || !bound_steps(upper, b.step, true, &b.upper) || b.lower > b.upper)
        return FAIL(ERR_BAD_INPUT);
    *ret = b;
    return OK;
}

int64_t bounds_clamp(const Bounds *bounds, Int128 steps)
{
    Int128 lower = bounds->lower, upper = bounds->upper;
    steps ^= (steps ^ lower) & -(Int128)(steps < lower);
    steps ^= (steps ^ upper) & -(Int128)(steps > upper);
    return (int64_t)steps;
}

int64_t bounds_read(const Bounds *bounds, View text, bool *ret_clamped)
{
    bool negative = false;
    Rational size = RATIONAL_ZERO;
    bool number = value_parse(trim(text), &negative, &size);
    UInt128 half = half_steps(size, bounds->step);
    if (half >> 100) half = (UInt128)1 << 100;
    Int128 steps = (Int128)((half + 1) / 2), mask = -(Int128)negative;
    steps = number ? (steps ^ mask) - mask : 0;
    int64_t got = bounds_clamp(bounds, steps);
    if (ret_clamped) *ret_clamped = !number | (got != steps);
    return got;
}

uint64_t bounds_reach(const Bounds *bounds)
{
    uint64_t low = (uint64_t)(bounds->lower < 0 ? -bounds->lower : bounds->lower);
    uint64_t high = (uint64_t)(bounds->upper < 0 ? -bounds->upper : bounds->upper);
    return low > high ? low : high;
}

uint64_t bounds_width(const Bounds *bounds) { return (uint64_t)bounds->upper - (uint64_t)bounds->lower; }
