/* Random values as functions: a 64-bit mixer over (seed, stream, index), and the usual inverse transforms. */
#include "sim/random.h"

#include <math.h>

/* The finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

uint64_t draw_bits(uint64_t seed, Draw what, uint64_t index)
{
    uint64_t stream = mix(seed + 0x9e3779b97f4a7c15u * (uint64_t)what);
    return mix(stream + 0x9e3779b97f4a7c15u * (index + 1));
}

double draw_unit(uint64_t seed, Draw what, uint64_t index) { return (double)(draw_bits(seed, what, index) >> 11) * 0x1p-53; }

__extension__ typedef unsigned __int128 Wide;

/* The bias of the multiplication is below limit / 2^64. */
uint64_t draw_below(uint64_t seed, Draw what, uint64_t index, uint64_t limit)
{
    return (uint64_t)((Wide)draw_bits(seed, what, index) * limit >> 64);
}

/* Box and Muller (1958); the second uniform value is a stream of its own. */
static double normal(uint64_t seed, Draw what, uint64_t index)
{
    double u = 1 - draw_unit(seed, what, index), v = draw_unit(~seed, what, index);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

double spread_draw(const Spread *s, uint64_t seed, Draw what, uint64_t index)
{
    double value = s->mean, variance = log1p(s->cv * s->cv), half = sqrt(3) * s->cv;
    switch (s->shape) {
    case SHAPE_FIXED: break;
    case SHAPE_UNIFORM: value = s->mean * (1 + half * (2 * draw_unit(seed, what, index) - 1)); break;
    case SHAPE_EXPONENTIAL: value = -s->mean * log(1 - draw_unit(seed, what, index)); break;
    case SHAPE_LOGNORMAL: value = s->mean * exp(sqrt(variance) * normal(seed, what, index) - variance / 2); break;
    case SHAPE_PARETO: { /* type I; mean = a m / (a - 1) and cv^2 = 1 / (a (a - 2)) give a and m */
        double a = 1 + sqrt(1 + 1 / (s->cv * s->cv)), least = s->mean * (a - 1) / a;
        value = least * pow(1 - draw_unit(seed, what, index), -1 / a);
        break;
    }
    }
    return value > 0 ? value : 0;
}
