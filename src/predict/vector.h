/** Logarithms and exponentials over arrays, to about 1e-6; loops without branches, so that the compiler can do several at once. */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#define VECTORIZED __attribute__((optimize("O3")))
#else
#define VECTORIZED
#endif

/* x > 0. x = m 2^e with m around 1, then the series of atanh. */
static inline float log_of(float x)
{
    int32_t bits, e;
    float m;
    memcpy(&bits, &x, sizeof bits);
    e = (bits - 0x3f3504f3) >> 23;
    bits -= (int32_t)((uint32_t)e << 23);
    memcpy(&m, &bits, sizeof m);
    float s = (m - 1) / (m + 1), q = s * s;
    return (float)e * 0.69314718f + 2 * s * (1 + q * (1 / 3.0f + q * (1 / 5.0f + q * (1 / 7.0f + q * (1 / 9.0f)))));
}

static inline float exp_of(float x)
{
    x = x < -80 ? -80 : x > 80 ? 80 : x;
    float k = x * 1.44269504f + 12582912.0f - 12582912.0f, r = x - k * 0.693145752f - k * 1.42860677e-6f, y;
    int32_t bits = ((int32_t)k + 127) << 23;
    memcpy(&y, &bits, sizeof y);
    return y * (1 + r * (1 + r * (1 / 2.0f + r * (1 / 6.0f + r * (1 / 24.0f + r * (1 / 120.0f + r * (1 / 720.0f)))))));
}

void vector_log(const float *x, float *ret_logs, size_t count);
/** In place: exp(x - max), divided by its sum. Returns the logarithm of the sum of exp(x). */
float vector_softmax(float *x, size_t count);
/** y += a * x. */
void vector_add(float *y, const float *x, float a, size_t count);
/** y [outputs] += x [inputs] W [inputs][outputs]. */
void vector_matrix_add(const float *x, const float *w, size_t inputs, size_t outputs, float *y);
float vector_dot(const float *x, const float *y, size_t count);
