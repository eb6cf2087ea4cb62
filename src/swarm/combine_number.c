/* Reading, comparing and printing the numbers of results. */
#include "swarm/combine_number.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_digit(uint8_t c) { return c >= '0' && c <= '9'; }

/** The parts of a number's text; `point` and `exponent` say whether it is a decimal. */
typedef struct { bool negative, point, exponent; uint64_t digits; unsigned significant, fraction; } Shape;

static size_t scan_digits(View text, size_t at, Shape *shape)
{
    for (; at < text.size && is_digit(text.data[at]); at++) {
        if (shape->significant || text.data[at] != '0') shape->significant++;
        if (shape->significant <= 18) shape->digits = shape->digits * 10 + (text.data[at] - '0');
        shape->fraction += shape->point;
    }
    return at;
}

/** Checks the grammar and gathers what the fast paths need. */
static bool scan(View text, Shape *shape)
{
    size_t at = 0;
    if (text.size && (text.data[0] == '+' || text.data[0] == '-')) shape->negative = text.data[at++] == '-';
    size_t first = at;
    at = scan_digits(text, at, shape);
    size_t count = at - first;
    if (at < text.size && text.data[at] == '.') {
        shape->point = true;
        first = ++at;
        at = scan_digits(text, at, shape);
        count += at - first;
    }
    if (count == 0) return false;
    if (at < text.size && (text.data[at] | 0x20) == 'e') {
        shape->exponent = true;
        at++;
        if (at < text.size && (text.data[at] == '+' || text.data[at] == '-')) at++;
        first = at;
        while (at < text.size && is_digit(text.data[at])) at++;
        if (at == first) return false;
    }
    return at == text.size;
}

static NumberResult parse_long_integer(View text, bool negative, Number *ret_number)
{
    Int128 value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (!is_digit(text.data[i])) continue; /* the sign */
        int digit = text.data[i] - '0';
        bool over = __builtin_mul_overflow(value, (Int128)10, &value);
        over |= negative ? __builtin_sub_overflow(value, (Int128)digit, &value) : __builtin_add_overflow(value, (Int128)digit, &value);
        if (over) return NUMBER_OUT_OF_RANGE;
    }
    *ret_number = (Number){.exact = value};
    return NUMBER_OK;
}

/** Both numbers of a quotient below 2^53 and 10^22 are exact, so one division rounds once, which is correct rounding (Clinger 1990). */
static bool parse_short_decimal(const Shape *shape, Number *ret_number)
{
    static const double POWERS[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    if (shape->exponent || shape->significant > 15 || shape->fraction > 15) return false;
    double value = (double)shape->digits / POWERS[shape->fraction];
    *ret_number = (Number){.approximate = shape->negative ? -value : value, .decimal = true};
    return true;
}

static NumberResult parse_any_decimal(View text, Number *ret_number)
{
    char copy[NUMBER_BYTES_MAX + 1];
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    double value = strtod(copy, NULL);
    if (!isfinite(value)) return NUMBER_OUT_OF_RANGE;
    *ret_number = (Number){.approximate = value, .decimal = true};
    return NUMBER_OK;
}

NumberResult number_parse(View text, Number *ret_number)
{
    Shape shape = {0};
    if (text.size > NUMBER_BYTES_MAX || !scan(text, &shape)) return NUMBER_MALFORMED;
    if (shape.point || shape.exponent)
        return parse_short_decimal(&shape, ret_number) ? NUMBER_OK : parse_any_decimal(text, ret_number);
    if (shape.significant > 18) return parse_long_integer(text, shape.negative, ret_number);
    *ret_number = (Number){.exact = shape.negative ? -(Int128)shape.digits : (Int128)shape.digits};
    return NUMBER_OK;
}

static int sign_of(double difference) { return (difference > 0) - (difference < 0); }

static int compare_mixed(Int128 exact, double decimal)
{
    const double limit = 0x1p127;
    if (decimal >= limit) return -1;
    if (decimal < -limit) return 1;
    Int128 whole = (Int128)decimal; /* towards zero; exact for what is left of it */
    if (exact != whole) return exact < whole ? -1 : 1;
    return -sign_of(decimal - (double)whole);
}

int number_compare(const Number *a, const Number *b)
{
    if (a->decimal && b->decimal) return (a->approximate > b->approximate) - (a->approximate < b->approximate);
    if (a->decimal) return -compare_mixed(b->exact, a->approximate);
    if (b->decimal) return compare_mixed(a->exact, b->approximate);
    return (a->exact > b->exact) - (a->exact < b->exact);
}

static void print_integer(Int128 value, char ret_text[NUMBER_TEXT_MAX])
{
    char digits[NUMBER_TEXT_MAX];
    size_t count = 0;
    UInt128 rest = value < 0 ? -(UInt128)value : (UInt128)value;
    do digits[count++] = (char)('0' + (int)(rest % 10));
    while (rest /= 10);
    if (value < 0) *ret_text++ = '-';
    while (count) *ret_text++ = digits[--count];
    *ret_text = '\0';
}

void number_print(const Number *n, char ret_text[NUMBER_TEXT_MAX])
{
    if (!n->decimal) {
        print_integer(n->exact, ret_text);
        return;
    }
    double value = n->approximate == 0 ? 0 : n->approximate; /* no "-0" */
    for (int precision = 15; precision <= 17; precision++) { /* 17 digits always read back the same */
        snprintf(ret_text, NUMBER_TEXT_MAX, "%.*g", precision, value);
        if (strtod(ret_text, NULL) == value) return;
    }
}

static void compensate(Sum *s, double value)
{
    double total = s->sum + value;
    bool larger = fabs(s->sum) >= fabs(value);
    s->lost += larger ? (s->sum - total) + value : (value - total) + s->sum;
    s->sum = total;
}

bool sum_add(Sum *s, const Number *n)
{
    Sum next = *s;
    if (n->decimal) compensate(&next, n->approximate);
    else if (__builtin_add_overflow(next.exact, n->exact, &next.exact)) return false;
    if (!isfinite(next.sum) || !isfinite(next.lost)) return false;
    *s = next;
    return true;
}

bool sum_total(const Sum *s, Number *ret_total)
{
    if (s->sum == 0 && s->lost == 0) {
        *ret_total = (Number){.exact = s->exact};
        return true;
    }
    Sum all = *s;
    double high = (double)s->exact;
    double low = fabs(high) < 0x1p127 ? (double)(s->exact - (Int128)high) : 0;
    compensate(&all, high);
    compensate(&all, low);
    double total = all.sum + all.lost;
    if (!isfinite(total)) return false;
    *ret_total = (Number){.approximate = total, .decimal = true};
    return true;
}

bool sum_mean(const Sum *s, uint64_t count, Number *ret_mean)
{
    assert(count > 0);

    Number total;
    if (!sum_total(s, &total)) return false;
    if (total.decimal) {
        *ret_mean = (Number){.approximate = total.approximate / (double)count, .decimal = true};
        return true;
    }
    Int128 quotient = total.exact / (Int128)count, rest = total.exact % (Int128)count;
    bool small = total.exact > -((Int128)1 << 53) && total.exact < (Int128)1 << 53; /* then one division rounds once */
    double mean = small ? (double)total.exact / (double)count : (double)quotient + (double)rest / (double)count;
    *ret_mean = rest == 0 ? (Number){.exact = quotient} : (Number){.approximate = mean, .decimal = true};
    return true;
}
