/** Parts of a Transformer that are not matrices: normalisation, the inner curve, attention over a window. Forward and backward, row by row. */
#pragma once
#include <stddef.h>
#include <stdint.h>

/** ret = normalised(x) * gain + bias, over each row. ret_normal and ret_scale are for the way back; they may be NULL. */
void norm_apply(const float *x, const float *gain, const float *bias, size_t rows, size_t width, float *ret, float *ret_normal, float *ret_scale);
/** Adds to dx, dgain, dbias. */
void norm_back(const float *dy, const float *normal, const float *scale, const float *gain, size_t rows, size_t width, float *dx, float *dgain,
               float *dbias);

/** x sigmoid(x) (SiLU). */
void curve_apply(const float *x, size_t count, float *ret);
/** dy becomes dx. */
void curve_back(const float *x, size_t count, float *dy);

/** Of one sequence. queries, keys, values: beside each other in rows of 3 * width. bias: [heads][window], by distance. */
typedef struct { size_t rows, width, heads, window; } Attention;
/** ret_p: [rows][heads][window], by distance; what is before the sequence is 0. */
void attention_apply(const Attention *a, const float *qkv, const float *bias, float *ret_p, float *ret);
/** dqkv is added to, as is dbias. */
void attention_back(const Attention *a, const float *qkv, const float *p, const float *dy, float *dqkv, float *dbias);
