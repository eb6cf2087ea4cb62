/* Normalisation, curve, attention. */
#include "predict/net_layers.h"

#include <math.h>

#include "predict/vector.h"

static const float EPSILON = 1e-5f;

static void norm_row(const float *x, const float *gain, const float *bias, size_t width, float *ret, float *normal, float *scale)
{
    float mean = 0, square = 0;
    for (size_t k = 0; k < width; k++) mean += x[k];
    mean /= (float)width;
    for (size_t k = 0; k < width; k++) square += (x[k] - mean) * (x[k] - mean);
    float s = 1 / sqrtf(square / (float)width + EPSILON);
    for (size_t k = 0; k < width; k++) {
        float z = (x[k] - mean) * s;
        if (normal) normal[k] = z;
        ret[k] = z * gain[k] + bias[k];
    }
    if (scale) *scale = s;
}

void norm_apply(const float *x, const float *gain, const float *bias, size_t rows, size_t width, float *ret, float *ret_normal, float *ret_scale)
{
    for (size_t r = 0; r < rows; r++)
        norm_row(x + r * width, gain, bias, width, ret + r * width, ret_normal ? ret_normal + r * width : NULL, ret_scale ? ret_scale + r : NULL);
}

/* dx = scale (g - mean(g) - normal mean(g normal)), where g = dy gain. */
static void norm_row_back(const float *dy, const float *normal, float scale, const float *gain, size_t width, float *dx, float *dgain, float *dbias)
{
    float mean = 0, along = 0;
    for (size_t k = 0; k < width; k++) {
        float g = dy[k] * gain[k];
        mean += g;
        along += g * normal[k];
        dgain[k] += dy[k] * normal[k];
        dbias[k] += dy[k];
    }
    mean /= (float)width;
    along /= (float)width;
    for (size_t k = 0; k < width; k++) dx[k] += scale * (dy[k] * gain[k] - mean - normal[k] * along);
}

void norm_back(const float *dy, const float *normal, const float *scale, const float *gain, size_t rows, size_t width, float *dx, float *dgain,
               float *dbias)
{
    for (size_t r = 0; r < rows; r++) norm_row_back(dy + r * width, normal + r * width, scale[r], gain, width, dx + r * width, dgain, dbias);
}

VECTORIZED void curve_apply(const float *x, size_t count, float *ret)
{
    for (size_t i = 0; i < count; i++) ret[i] = x[i] / (1 + exp_of(-x[i]));
}

VECTORIZED void curve_back(const float *x, size_t count, float *dy)
{
    for (size_t i = 0; i < count; i++) {
        float s = 1 / (1 + exp_of(-x[i]));
        dy[i] *= s * (1 + x[i] * (1 - s));
    }
}

void attention_apply(const Attention *a, const float *qkv, const float *bias, float *ret_p, float *ret)
{
    size_t width = a->width, stride = 3 * width, part = width / a->heads;
    float scale = 1 / sqrtf((float)part);
    memset(ret, 0, a->rows * width * sizeof *ret);
    memset(ret_p, 0, a->rows * a->heads * a->window * sizeof *ret_p);
    for (size_t r = 0; r < a->rows; r++) {
        size_t seen = r + 1 < a->window ? r + 1 : a->window;
        for (size_t h = 0; h < a->heads; h++) {
            const float *q = qkv + r * stride + h * part;
            float *p = ret_p + (r * a->heads + h) * a->window;
            for (size_t d = 0; d < seen; d++)
                p[d] = scale * vector_dot(q, qkv + (r - d) * stride + width + h * part, part) + bias[h * a->window + d];
            vector_softmax(p, seen);
            for (size_t d = 0; d < seen; d++) vector_add(ret + r * width + h * part, qkv + (r - d) * stride + 2 * width + h * part, p[d], part);
        }
    }
}

void attention_back(const Attention *a, const float *qkv, const float *p_all, const float *dy, float *dqkv, float *dbias)
{
    enum { WINDOW = 64 };
    size_t width = a->width, stride = 3 * width, part = width / a->heads;
    float scale = 1 / sqrtf((float)part), dp[WINDOW];
    for (size_t r = 0; r < a->rows; r++) {
        size_t seen = r + 1 < a->window ? r + 1 : a->window;
        for (size_t h = 0; h < a->heads; h++) {
            const float *q = qkv + r * stride + h * part, *p = p_all + (r * a->heads + h) * a->window, *d_out = dy + r * width + h * part;
            float along = 0, *dq = dqkv + r * stride + h * part;
            for (size_t d = 0; d < seen; d++) {
                dp[d] = vector_dot(d_out, qkv + (r - d) * stride + 2 * width + h * part, part);
                along += dp[d] * p[d];
                vector_add(dqkv + (r - d) * stride + 2 * width + h * part, d_out, p[d], part);
            }
            for (size_t d = 0; d < seen; d++) {
                float ds = p[d] * (dp[d] - along);
                dbias[h * a->window + d] += ds;
                vector_add(dq, qkv + (r - d) * stride + width + h * part, scale * ds, part);
                vector_add(dqkv + (r - d) * stride + width + h * part, q, scale * ds, part);
            }
        }
    }
}
