/* Exact numbers: reading, printing, and arithmetic that never wraps. */
#include "privacy/rational.h"

#include "privacy/wide.h"

enum { DIGITS_MAX = 30, POWER_MAX = 38 };

static UInt128 divisor(UInt128 a, UInt128 b)
{
    while (b) {
        UInt128 rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

Rational rational_make(UInt128 num, UInt128 den)
{
    UInt128 common = divisor(num, den);
    return (Rational){num / common, den / common};
}

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

/** Times ten to the power; false beyond 128 bits. */
static bool times_ten(UInt128 *v, unsigned power)
{
    if (*v == 0) return true;
    while (power--)
        if (__builtin_mul_overflow(*v, (UInt128)10, v)) return false;
    return true;
}

/** Digits from *at on, into *value; `fraction` counts those after a point, zeros at the end of them left out. false: beyond 128 bits. */
static bool read_digits(View text, size_t *at, bool after_point, UInt128 *value, unsigned *fraction, size_t *count)
{
    unsigned zeros = 0;
    for (; *at < text.size && is_digit(text.data[*at]); ++*at, ++*count) {
        unsigned digit = text.data[*at] - '0';
        if (after_point && digit == 0) {
            zeros++;
            continue;
        }
        unsigned power = after_point ? zeros + 1 : 1;
        if (!times_ten(value, power) || __builtin_add_overflow(*value, (UInt128)digit, value)) return false;
        if (after_point) *fraction += power;
        zeros = 0;
    }
    return true;
}

/** [+-]digits at the end of the text; false: malformed or beyond 1000. */
static bool read_exponent(View text, size_t at, int *ret)
{
    bool negative = at < text.size && text.data[at] == '-';
    if (at < text.size && (text.data[at] == '-' || text.data[at] == '+')) at++;
    if (at >= text.size) return false;
    int value = 0;
    for (; at < text.size; at++) {
        if (!is_digit(text.data[at])) return false;
        value = value * 10 + (text.data[at] - '0');
        if (value > 1000) return false;
    }
    *ret = negative ? -value : value;
    return true;
}

static bool read_whole(View text, UInt128 *ret)
{
    size_t at = 0, count = 0;
    unsigned fraction = 0;
    *ret = 0;
    return read_digits(text, &at, false, ret, &fraction, &count) && count > 0 && at == text.size;
}

/** num / 10^fraction * 10^exponent */
static bool scale(UInt128 num, int power, Rational *ret)
{
    UInt128 den = 1;
    if (num == 0) power = 0;
    for (; power < 0 && num % 10 == 0; power++) num /= 10;
    if (power < -POWER_MAX || power > POWER_MAX) return false;
    if (!times_ten(power < 0 ? &den : &num, (unsigned)(power < 0 ? -power : power))) return false;
    *ret = rational_make(num, den);
    return true;
}

bool rational_parse(View text, Rational *ret)
{
    if (text.size == 0 || text.size > RATIONAL_INPUT_MAX) return false;
    const uint8_t *slash = memchr(text.data, '/', text.size);
    if (slash) {
        size_t before = (size_t)(slash - text.data);
        UInt128 num, den;
        if (!read_whole(view_of(text.data, before), &num) || !read_whole(view_of(slash + 1, text.size - before - 1), &den) || den == 0) return false;
        *ret = rational_make(num, den);
        return true;
    }
    UInt128 value = 0;
    unsigned fraction = 0;
    size_t at = 0, count = 0;
    int exponent = 0;
    if (!read_digits(text, &at, false, &value, &fraction, &count)) return false;
    if (at < text.size && text.data[at] == '.') {
        at++;
        if (!read_digits(text, &at, true, &value, &fraction, &count)) return false;
    }
    if (count == 0) return false;
    if (at < text.size) {
        if ((text.data[at] | 0x20) != 'e' || !read_exponent(text, at + 1, &exponent)) return false;
    }
    return scale(value, exponent - (int)fraction, ret);
}

static size_t print_whole(UInt128 v, unsigned least_digits, char *text)
{
    char digits[40];
    unsigned count = 0;
    do digits[count++] = (char)('0' + (int)(v % 10));
    while ((v /= 10) || count < least_digits);
    for (unsigned i = 0; i < count; i++) text[i] = digits[count - 1 - i];
    return count;
}

void rational_print(Rational r, char ret_text[RATIONAL_TEXT_MAX])
{
    unsigned digits = 0;
    UInt128 power = 1, whole;
    while (digits < DIGITS_MAX && power % r.den) {
        power *= 10;
        digits++;
    }
    size_t at;
    if (power % r.den == 0 && !__builtin_mul_overflow(r.num, power / r.den, &whole)) { /* else it would not read back */
        at = print_whole(r.num / r.den, 1, ret_text);
        if (digits) {
            ret_text[at++] = '.';
            at += print_whole(r.num % r.den * (power / r.den), digits, ret_text + at);
        }
    } else {
        at = print_whole(r.num, 1, ret_text);
        ret_text[at++] = '/';
        at += print_whole(r.den, 1, ret_text + at);
    }
    ret_text[at] = '\0';
}

int rational_compare(Rational a, Rational b)
{
    while (true) { /* continued fractions: no product that could overflow */
        UInt128 whole_a = a.num / a.den, whole_b = b.num / b.den;
        if (whole_a != whole_b) return whole_a < whole_b ? -1 : 1;
        a.num %= a.den;
        b.num %= b.den;
        if (a.num == 0 || b.num == 0) return (a.num != 0) - (b.num != 0);
        Rational turned = {a.den, a.num};
        a = (Rational){b.den, b.num};
        b = turned;
    }
}

/** Both over a common denominator; false when that does not fit. */
static bool align(Rational a, Rational b, UInt128 *ret_a, UInt128 *ret_b, UInt128 *ret_den)
{
    UInt128 common = divisor(a.den, b.den);
    return !__builtin_mul_overflow(a.num, b.den / common, ret_a) && !__builtin_mul_overflow(b.num, a.den / common, ret_b) &&
        !__builtin_mul_overflow(a.den, b.den / common, ret_den);
}

bool rational_add(Rational a, Rational b, Rational *ret)
{
    UInt128 x, y, den;
    if (!align(a, b, &x, &y, &den) || __builtin_add_overflow(x, y, &x)) return false;
    *ret = rational_make(x, den);
    return true;
}

bool rational_subtract(Rational a, Rational b, Rational *ret)
{
    UInt128 x, y, den;
    if (!align(a, b, &x, &y, &den) || x < y) return false;
    *ret = rational_make(x - y, den);
    return true;
}

bool rational_multiply(Rational a, Rational b, Rational *ret)
{
    Rational x = rational_make(a.num, b.den), y = rational_make(b.num, a.den), product;
    if (__builtin_mul_overflow(x.num, y.num, &product.num) || __builtin_mul_overflow(x.den, y.den, &product.den)) return false;
    *ret = product;
    return true;
}

bool rational_divide(Rational a, Rational b, Rational *ret)
{
    return b.num != 0 && rational_multiply(a, (Rational){b.den, b.num}, ret);
}

static bool steps_of(Rational a, bool up, UInt128 *ret) { return u128_muldiv(a.num, RATIONAL_STEPS, a.den, up, ret); }

bool rational_add_up(Rational a, Rational b, Rational *ret)
{
    UInt128 x, y;
    if (rational_add(a, b, ret)) return true;
    if (!steps_of(a, true, &x) || !steps_of(b, true, &y) || __builtin_add_overflow(x, y, &x)) return false;
    *ret = rational_make(x, RATIONAL_STEPS);
    return true;
}

Rational rational_subtract_down(Rational a, Rational b)
{
    Rational difference;
    if (rational_compare(a, b) <= 0) return RATIONAL_ZERO;
    if (rational_subtract(a, b, &difference)) return difference;
    UInt128 x, y;
    if (!steps_of(a, false, &x) || !steps_of(b, true, &y) || x <= y) return RATIONAL_ZERO;
    return rational_make(x - y, RATIONAL_STEPS);
}

static bool multiply_steps(Rational a, Rational b, bool up, Rational *ret)
{
    UInt128 x, y;
    if (rational_multiply(a, b, ret)) return true;
    if (!steps_of(a, up, &x) || !steps_of(b, up, &y) || !u128_muldiv(x, y, RATIONAL_STEPS, up, &x)) return false;
    *ret = rational_make(x, RATIONAL_STEPS);
    return true;
}

bool rational_multiply_up(Rational a, Rational b, Rational *ret) { return multiply_steps(a, b, true, ret); }
bool rational_multiply_down(Rational a, Rational b, Rational *ret) { return multiply_steps(a, b, false, ret); }

static bool divide_steps(Rational a, Rational b, bool up, Rational *ret)
{
    UInt128 x, y;
    if (rational_divide(a, b, ret)) return true;
    if (!steps_of(a, up, &x) || !steps_of(b, !up, &y) || !u128_muldiv(x, RATIONAL_STEPS, y, up, &x)) return false;
    *ret = rational_make(x, RATIONAL_STEPS);
    return true;
}

bool rational_divide_up(Rational a, Rational b, Rational *ret) { return divide_steps(a, b, true, ret); }
bool rational_divide_down(Rational a, Rational b, Rational *ret) { return divide_steps(a, b, false, ret); }

Rational rational_root_down(Rational a)
{
    UInt128 steps = RATIONAL_STEPS, square;
    while (steps > 1 && !u128_muldiv(a.num, steps * steps, a.den, false, &square)) steps /= 10;
    if (!u128_muldiv(a.num, steps * steps, a.den, false, &square)) return RATIONAL_ZERO; /* cannot be: a.num / a.den fits */
    return rational_make(u128_root(square), steps);
}
