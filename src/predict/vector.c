/* Loops over arrays of floats. */
#include "predict/vector.h"

VECTORIZED void vector_log(const float *x, float *ret_logs, size_t count)
{
    for (size_t i = 0; i < count; i++) ret_logs[i] = log_of(x[i]);
}

VECTORIZED static void exp_less(float *x, float less, size_t count)
{
    for (size_t i = 0; i < count; i++) x[i] = exp_of(x[i] - less);
}

VECTORIZED float vector_softmax(float *x, size_t count)
{
    float most = x[0], sum = 0;
    for (size_t i = 1; i < count; i++) most = x[i] > most ? x[i] : most;
    exp_less(x, most, count);
    for (size_t i = 0; i < count; i++) sum += x[i];
    float scale = 1 / sum;
    for (size_t i = 0; i < count; i++) x[i] *= scale;
    return most + log_of(sum);
}

VECTORIZED void vector_add(float *y, const float *x, float a, size_t count)
{
    for (size_t i = 0; i < count; i++) y[i] += a * x[i];
}

/* Four rows at a time: y is read and written a quarter as often. */
VECTORIZED void vector_matrix_add(const float *x, const float *w, size_t inputs, size_t outputs, float *y)
{
    size_t i = 0;
    for (; i + 4 <= inputs; i += 4) {
        const float *r = w + i * outputs, *s = r + outputs, *t = s + outputs, *u = t + outputs;
        float a = x[i], b = x[i + 1], c = x[i + 2], d = x[i + 3];
        for (size_t k = 0; k < outputs; k++) y[k] += (a * r[k] + b * s[k]) + (c * t[k] + d * u[k]);
    }
    for (; i < inputs; i++) vector_add(y, w + i * outputs, x[i], outputs);
}

/* Eight sums side by side: an order of additions that does not depend on the compiler. */
VECTORIZED float vector_dot(const float *x, const float *y, size_t count)
{
    float part[8] = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8)
        for (size_t k = 0; k < 8; k++) part[k] += x[i + k] * y[i + k];
    for (; i < count; i++) part[i & 7] += x[i] * y[i];
    return ((part[0] + part[1]) + (part[2] + part[3])) + ((part[4] + part[5]) + (part[6] + part[7]));
}
