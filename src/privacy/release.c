/* The one moment at which noise is added, and what is said of each number. */
#include "privacy/state.h"
#include "privacy/wide.h"

enum { SQUARE_BITS = 20 }; /* binary digits after the point in a variance */

typedef struct {
    Aggregate *a;
    NoiseSource *source;
    Err (*each)(void *context, const Released *number);
    void *context;
} Release;

static const Part *part_of(const Aggregate *a, PartRole role)
{
    for (uint32_t i = 0; i < a->plan.part_count; i++)
        if (a->plan.parts[i].role == role) return &a->plan.parts[i];
    return NULL;
}

static Err noisy(Release *r, const Part *part, Int128 value, Int128 *ret)
{
    Int128 noise;
    TRY(law_sample(part->law, r->source, &noise));
    if (__builtin_add_overflow(value, noise, ret)) return FAIL(ERR_LIMIT);
    return OK;
}

/** num / den steps as a size and a sign; up: away from zero, for the ends of intervals. */
static bool in_unit(Int128 num, UInt128 den, Rational step, bool up, bool *ret_negative, Rational *ret)
{
    *ret_negative = num < 0;
    Rational steps = rational_make(num < 0 ? -(UInt128)num : (UInt128)num, den);
    return up ? rational_multiply_up(steps, step, ret) : rational_multiply_down(steps, step, ret);
}

/** value, low, high over den, in steps; ends away from the value. */
static Err report(Release *r, Released *number, Int128 value, Int128 low, Int128 high, UInt128 den, Rational step)
{
    if (!in_unit(value, den, step, false, &number->negative, &number->value)) return FAIL(ERR_LIMIT);
    if (!in_unit(low, den, step, low < 0, &number->low_negative, &number->low)) return FAIL(ERR_LIMIT);
    if (!in_unit(high, den, step, high >= 0, &number->high_negative, &number->high)) return FAIL(ERR_LIMIT);
    return r->each(r->context, number);
}

static Int128 at_least(Int128 v, Int128 least) { return v < least ? least : v; }
static Int128 at_most(Int128 v, Int128 most) { return v > most ? most : v; }
static Int128 between(Int128 v, Int128 least, Int128 most) { return at_most(at_least(v, least), most); }

/** A count or a sum with its noise. */
static Err plain(Release *r, const Part *part, View key, uint32_t index, Int128 value, bool is_count)
{
    const Int128 m = (Int128)part->interval;
    const Rational step = is_count ? rational_of(1) : r->a->query->bounds.step;
    Int128 low = value - m, high = value + m;
    if (is_count) low = at_least(low, 0);
    if (is_count) high = at_least(high, 0);
    if (is_count && r->a->query->truncate) value = at_least(value, 0);
    Released number = {.key = key, .role = part->role, .index = index, .part = part};
    return report(r, &number, value, low, high, 1, step);
}

static Err release_one(Release *r)
{
    const Part *part = part_of(r->a, PART_VALUE);
    Int128 value;
    TRY(noisy(r, part, r->a->cells[0], &value));
    return plain(r, part, (View){0}, 0, value, r->a->query->kind == QUERY_COUNT);
}

/** num / den in 1 / 2^SQUARE_BITS, rounded down; den > 0 */
static Int128 scaled(Int128 num, UInt128 den, unsigned bits)
{
    UInt128 got;
    if (!u128_muldiv(num < 0 ? -(UInt128)num : (UInt128)num, (UInt128)1 << bits, den, num < 0, &got) || got >> 126) got = (UInt128)1 << 126;
    return num < 0 ? -(Int128)got : (Int128)got;
}

/** Ends of sum / count when each is off by its interval at most; counts are at least 1. In 1 / 2^bits. */
typedef struct { Int128 value, low, high; } Range;

static Range ratio(Int128 sum, Int128 sum_off, Int128 count, Int128 count_off, unsigned bits)
{
    const UInt128 least = (UInt128)at_least(count - count_off, 1), most = (UInt128)at_least(count + count_off, 1);
    const UInt128 middle = (UInt128)at_least(count, 1);
    const Int128 low = sum - sum_off, high = sum + sum_off;
    return (Range){scaled(sum, middle, bits), scaled(low, low < 0 ? least : most, bits), scaled(high, high < 0 ? most : least, bits) + 1};
}

static Err release_mean(Release *r)
{
    const Bounds *b = &r->a->query->bounds;
    const Part *sum_part = part_of(r->a, PART_VALUE), *count_part = part_of(r->a, PART_COUNT);
    const unsigned bits = SQUARE_BITS;
    Int128 count, sum;
    TRY(noisy(r, count_part, r->a->cells[0], &count));
    TRY(noisy(r, sum_part, r->a->cells[1], &sum));
    const Range y = ratio(sum, (Int128)sum_part->interval, count, (Int128)count_part->interval, bits);
    const Int128 one = (Int128)1 << bits, middle = ((Int128)b->lower + b->upper) * one, least = 2 * one * b->lower, most = 2 * one * b->upper;
    Released number = {.role = PART_VALUE, .part = sum_part};
    return report(r, &number, between(middle + y.value, least, most), between(middle + y.low, least, most), between(middle + y.high, least, most),
        (UInt128)one * 2, b->step);
}

static Int128 square(Int128 v) { return v * v; }

/** (mean of y^2 - (mean of y)^2) / 4, where mean of y^2 = (mean of z + W^2) / 2. */
static Err release_variance(Release *r)
{
    const Bounds *b = &r->a->query->bounds;
    const Part *parts[] = {part_of(r->a, PART_COUNT), part_of(r->a, PART_VALUE), part_of(r->a, PART_SQUARES)};
    Int128 noised[3], width = bounds_width(b);
    for (int i = 0; i < 3; i++) TRY(noisy(r, parts[i], r->a->cells[i], &noised[i]));
    const Int128 count_off = (Int128)parts[0]->interval, one = (Int128)1 << SQUARE_BITS;
    Range y = ratio(noised[1], (Int128)parts[1]->interval, noised[0], count_off, SQUARE_BITS);
    Range z = ratio(noised[2], (Int128)parts[2]->interval, noised[0], count_off, SQUARE_BITS);
    y = (Range){between(y.value, -width * one, width * one), between(y.low, -width * one, width * one), between(y.high, -width * one, width * one)};
    const Int128 least = -square(width) * one, most = square(width) * one;
    z = (Range){between(z.value, least, most), between(z.low, least, most), between(z.high, least, most)};
    const Int128 far = at_least(square(y.low), square(y.high)), near = y.low <= 0 && y.high >= 0 ? 0 : at_most(square(y.low), square(y.high));
    const Int128 top = 2 * square(width * one); /* 8 (W^2 / 4) in 2^-40 */
    const Int128 value = between((z.value + most) * one - 2 * square(y.value), 0, top);
    const Int128 low = between((z.low + most) * one - 2 * far, 0, top), high = between((z.high + most) * one - 2 * near, 0, top);
    Rational unit;
    if (!rational_multiply_up(b->step, b->step, &unit)) return FAIL(ERR_LIMIT);
    Released number = {.role = PART_VALUE, .part = parts[1]};
    return report(r, &number, value, low, high, (UInt128)8 * (UInt128)square(one), unit);
}

/** Minus by how much `target` lies outside of [from, to]; no branches. */
static int64_t closeness(Int128 from, Int128 to, Int128 target)
{
    Int128 below = from - target, above = target - to;
    below &= ~(below >> 127);
    above &= ~(above >> 127);
    return (int64_t)-(below | above); /* one of them is 0 */
}

/**
 * The score of each bin: minus the distance of the rank a / b, moved by `shift`, from the ranks that the bin covers, in 1 / b. The first and the
 * last choice are
 * what lies below and above all bins, so that some choice always has 0: then an end is off by what noise_choose is off, and no more.
 */
static void score(Aggregate *a, Rational quantile, Int128 shift)
{
    const Int128 den = (Int128)quantile.den;
    Int128 all = 0, below = 0;
    for (uint32_t i = 0; i < a->cell_count; i++) all += a->cells[i];
    const Int128 target = (Int128)quantile.num * all + shift, far = (Int128)1 << 100;
    a->scores[0] = closeness(-far, 0, target);
    for (uint32_t i = 0; i < a->cell_count; i++) {
        a->scores[i + 1] = closeness(den * below, den * (below + a->cells[i]), target);
        below += a->cells[i];
    }
    a->scores[a->cell_count + 1] = closeness(den * all, far, target);
}

/** The value at which a bin begins: the upper bound behind the last one. */
static Int128 edge_value(const Query *q, uint32_t edge)
{
    const UInt128 values = (UInt128)bounds_width(&q->bounds) + 1, bins = state_bins(q);
    return at_most(q->bounds.lower + (Int128)((edge * values + bins - 1) / bins), q->bounds.upper);
}

/** One of the bins: its middle. */
static Err choose_value(Release *r, const Part *part, uint32_t index, Int128 *ret_value)
{
    Aggregate *a = r->a;
    uint32_t bin;
    score(a, a->query->quantiles[index], 0);
    TRY(noise_choose(r->source, a->scores + 1, a->cell_count, query_gamma(a->query, part, index), a->order, &bin));
    const Int128 first = edge_value(a->query, bin), next = edge_value(a->query, bin + 1), last = bin + 1 < a->cell_count ? next - 1 : next;
    *ret_value = first + (last - first) / 2;
    return OK;
}

/** An end: where the chosen bin begins, or the value behind it. */
static Err choose_end(Release *r, const Part *part, uint32_t index, Int128 shift, Int128 *ret_value)
{
    Aggregate *a = r->a;
    uint32_t choice;
    score(a, a->query->quantiles[index], shift);
    TRY(noise_choose(r->source, a->scores, a->cell_count + 2, query_gamma(a->query, part, index), a->order, &choice));
    const uint32_t below = choice ? choice - 1 : 0, behind = choice > a->cell_count ? a->cell_count : choice;
    *ret_value = edge_value(a->query, shift < 0 ? below : behind);
    return OK;
}

static Err release_quantiles(Release *r)
{
    const Query *q = r->a->query;
    const Part *value_part = part_of(r->a, PART_CHOICE), *ends = part_of(r->a, PART_ENDS);
    for (uint32_t i = 0; i < q->quantile_count; i++) {
        Int128 value, low, high, off = at_most((Int128)query_rank_interval(q, ends, i), (Int128)1 << 61);
        TRY(choose_value(r, value_part, i, &value));
        TRY(choose_end(r, ends, i, -off, &low));
        TRY(choose_end(r, ends, i, off, &high));
        Released number = {.role = PART_CHOICE, .index = i, .part = value_part};
        TRY(report(r, &number, value, at_most(low, value), at_least(high, value), 1, q->bounds.step));
    }
    return OK;
}

static Err release_blocks(Release *r)
{
    Aggregate *a = r->a;
    const Query *q = a->query;
    const Part *part = part_of(a, PART_VALUE);
    const Int128 missing = (Int128)(q->block_count - a->blocks) * bounds_clamp(&q->bounds, 0), count = (Int128)q->block_count;
    for (uint32_t i = 0; i < a->cell_count; i++) {
        Int128 value, m = (Int128)part->interval, least = count * q->bounds.lower, most = count * q->bounds.upper;
        TRY(noisy(r, part, a->cells[i] + missing, &value));
        Released number = {.role = PART_VALUE, .index = i, .part = part};
        Int128 low = between(value - m, least, most), high = between(value + m, least, most);
        if (q->truncate) value = between(value, least, most);
        TRY(report(r, &number, value, low, high, (UInt128)count, q->bounds.step));
    }
    return OK;
}

/** Noise on every declared key, or on every open key that passes its threshold: in the cells, with the indices of what passed in a->order. */
static Err noise_keys(Release *r, uint32_t *ret_count)
{
    Aggregate *a = r->a;
    const Part *part = part_of(a, PART_VALUE), *select = part_of(a, PART_SELECT);
    const bool open = state_is_open(a->query);
    uint32_t count = 0, all = open ? a->key_count : a->cell_count;
    if (open) state_sort_keys(a);
    for (uint32_t i = 0; i < all; i++) {
        Int128 *value = open ? &a->keys[i].value : &a->cells[i], persons = 0;
        if (open) TRY(noisy(r, select, (Int128)a->keys[i].persons, &persons));
        TRY(noisy(r, part, *value, value));
        if (!open || persons >= (Int128)select->threshold) a->order[count++] = i;
    }
    *ret_count = count;
    return OK;
}

static Int128 value_at(const Aggregate *a, uint32_t i) { return state_is_open(a->query) ? a->keys[i].value : a->cells[i]; }

/** Moves the n largest to the front, in order; equal ones in order of their keys. What is sorted is already noisy. */
static uint32_t take_top(const Aggregate *a, uint32_t *order, uint32_t count, uint32_t n)
{
    if (n > count) n = count;
    for (uint32_t place = 0; place < n; place++) {
        uint32_t best = place;
        for (uint32_t i = place + 1; i < count; i++)
            if (value_at(a, order[i]) > value_at(a, order[best]) ||
                (value_at(a, order[i]) == value_at(a, order[best]) && order[i] < order[best])) best = i;
        uint32_t found = order[best];
        order[best] = order[place];
        order[place] = found;
    }
    return n;
}

/** How many different open keys there are, and whether it is decided that all had room. One more than the room stands for any number beyond it. */
static Err release_room(Release *r, bool *ret_fits)
{
    const Aggregate *a = r->a;
    const Part *part = part_of(a, PART_ROOM);
    const Int128 most = (Int128)a->key_room + 1;
    Int128 keys;
    TRY(noisy(r, part, a->overflowed ? most : a->key_count, &keys));
    *ret_fits = keys + (Int128)part->threshold <= (Int128)a->key_room;
    return plain(r, part, (View){0}, 0, keys, true);
}

static Err release_keys(Release *r)
{
    Aggregate *a = r->a;
    const Query *q = a->query;
    uint32_t count;
    bool fits = true;
    if (state_is_open(q)) TRY(release_room(r, &fits));
    if (!fits) return OK;
    TRY(noise_keys(r, &count));
    if (q->kind == QUERY_TOP) count = take_top(a, a->order, count, q->top);
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = a->order[i];
        const View key = state_is_open(q) ? state_key(a, &a->keys[at]) : q->keys[at];
        TRY(plain(r, part_of(a, PART_VALUE), key, q->kind == QUERY_TOP ? i : 0, value_at(a, at), !state_sums_values(q)));
    }
    return OK;
}

static Err release_checked(Release *r)
{
    const Part *part = part_of(r->a, PART_CLAMPED);
    Int128 value;
    if (!part) return OK;
    TRY(noisy(r, part, (Int128)r->a->clamped, &value));
    return plain(r, part, (View){0}, 0, value, true);
}

static Err release_all(Release *r)
{
    TRY(release_checked(r));
    switch (r->a->query->kind) {
    case QUERY_COUNT: case QUERY_SUM: return release_one(r);
    case QUERY_MEAN: return release_mean(r);
    case QUERY_VARIANCE: return release_variance(r);
    case QUERY_QUANTILES: return release_quantiles(r);
    case QUERY_BLOCKS: return release_blocks(r);
    default: return release_keys(r);
    }
}

Err aggregate_release(Aggregate *a, NoiseSource *source, Err (*each)(void *context, const Released *number), void *context)
{
    if (a->released || a->plan.part_count == 0) return FAIL(ERR_PROTOCOL);
    Release r = {a, source, each, context};
    Err error = release_all(&r);
    aggregate_wipe(a);
    return error;
}
