/* Largest singular value of an infinite matrix's corner by power iteration: integer index arithmetic feeding floating-point division. */
#include "kernel.h"

#include <math.h>

enum { N = 900, ROUNDS = 30 };

static double u[N], v[N], t[N];

static double entry(int i, int j)
{
    return 1.0 / ((i + j) * (i + j + 1) / 2 + i + 1);
}

static void multiply(const double *in, double *out, int transposed)
{
    for (int i = 0; i < N; i++) {
        double sum = 0;
        for (int j = 0; j < N; j++) sum += (transposed ? entry(j, i) : entry(i, j)) * in[j];
        out[i] = sum;
    }
}

int main(void)
{
    for (int i = 0; i < N; i++) u[i] = 1;
    for (int round = 0; round < ROUNDS; round++) {
        multiply(u, t, 0);
        multiply(t, v, 1);
        multiply(v, t, 0);
        multiply(t, u, 1);
    }
    double uv = 0, vv = 0;
    for (int i = 0; i < N; i++) {
        uv += u[i] * v[i];
        vv += v[i] * v[i];
    }
    return kernel_done(kernel_double_bits(sqrt(uv / vv)));
}
