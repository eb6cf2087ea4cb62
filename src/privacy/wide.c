/* Arithmetic beyond 128 bits, in the same time for all numbers of a size where that is promised. */
#include "privacy/wide.h"

unsigned u128_bits(UInt128 v)
{
    uint64_t high = (uint64_t)(v >> 64), low = (uint64_t)v;
    if (high) return 128 - (unsigned)__builtin_clzll(high);
    return low ? 64 - (unsigned)__builtin_clzll(low) : 0;
}

UInt128 u128_root(UInt128 v)
{
    UInt128 root = 0, bit = (UInt128)1 << 126;
    while (bit > v) bit >>= 2;
    for (; bit; bit >>= 2) {
        bool fits = v >= root + bit;
        if (fits) v -= root + bit;
        root = (root >> 1) + (fits ? bit : 0);
    }
    return root;
}

/** 128 x 128 bits, exactly. */
static void multiply(UInt128 a, UInt128 b, UInt128 *ret_high, UInt128 *ret_low)
{
    uint64_t a1 = (uint64_t)(a >> 64), a0 = (uint64_t)a, b1 = (uint64_t)(b >> 64), b0 = (uint64_t)b;
    UInt128 low = (UInt128)a0 * b0, middle = (UInt128)a1 * b0 + (low >> 64);
    UInt128 other = (UInt128)a0 * b1 + (uint64_t)middle;
    *ret_low = (other << 64) | (uint64_t)low;
    *ret_high = (UInt128)a1 * b1 + (middle >> 64) + (other >> 64);
}

bool u128_muldiv(UInt128 a, UInt128 b, UInt128 d, bool up, UInt128 *ret)
{
    if (d == 0) return false;
    UInt128 high, low, quotient = 0;
    multiply(a, b, &high, &low);
    if (high >= d) return false;
    if (high == 0) {
        quotient = low / d;
        high = low % d;
    } else {
        for (int i = 127; i >= 0; i--) { /* long division; `high` is the rest so far, below d */
            bool carry = high >> 127;
            high = high << 1 | (low >> i & 1);
            if (!carry && high < d) continue;
            high -= d;
            quotient |= (UInt128)1 << i;
        }
    }
    if (up && high && ++quotient == 0) return false;
    *ret = quotient;
    return true;
}

UInt128 u128_divide_steady(UInt128 a, UInt128 d)
{
    UInt128 rest = 0, quotient = 0;
    for (int i = 127; i >= 0; i--) {
        UInt128 carry = rest >> 127;
        rest = rest << 1 | (a >> i & 1);
        UInt128 fits = carry | (UInt128)(rest >= d);
        rest -= d & -fits;
        quotient |= fits << i;
    }
    return quotient;
}

Wide wide_of(UInt128 v) { return (Wide){{(uint64_t)v, (uint64_t)(v >> 64)}}; }

Wide wide_multiply(const Wide *a, const Wide *b, unsigned n)
{
    Wide product = {{0}};
    for (unsigned i = 0; i < n; i++) {
        UInt128 carry = 0;
        for (unsigned j = 0; i + j < n; j++) {
            carry += (UInt128)a->limb[i] * b->limb[j] + product.limb[i + j];
            product.limb[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
    }
    return product;
}

unsigned wide_less(const Wide *a, const Wide *b, unsigned n)
{
    unsigned borrow = 0;
    for (unsigned i = 0; i < n; i++) {
        UInt128 difference = (UInt128)a->limb[i] - b->limb[i] - borrow;
        borrow = (unsigned)(difference >> 64) & 1;
    }
    return borrow;
}

void wide_subtract_when(unsigned when, Wide *a, const Wide *b, unsigned n)
{
    uint64_t mask = -(uint64_t)when;
    unsigned borrow = 0;
    for (unsigned i = 0; i < n; i++) {
        UInt128 difference = (UInt128)a->limb[i] - (b->limb[i] & mask) - borrow;
        a->limb[i] = (uint64_t)difference;
        borrow = (unsigned)(difference >> 64) & 1;
    }
}
