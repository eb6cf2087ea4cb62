/* Floating-point matrix product, doubles, rows and columns walked in the textbook order that caches like (i, k, j). */
#include "kernel.h"

enum { N = 320, ROUNDS = 16 };

static double a[N][N], b[N][N], c[N][N];

static void multiply(void)
{
    for (int i = 0; i < N; i++)
        for (int k = 0; k < N; k++) {
            double factor = a[i][k];
            for (int j = 0; j < N; j++) c[i][j] += factor * b[k][j];
        }
}

int main(void)
{
    uint64_t seed = 1, sum = 0;
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            a[i][j] = (double)(kernel_random(&seed) >> 40) / 16777216.0;
            b[i][j] = (double)(kernel_random(&seed) >> 40) / 16777216.0;
        }
    for (int round = 0; round < ROUNDS; round++) multiply();
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) sum = kernel_fold(sum, kernel_double_bits(c[i][j]));
    return kernel_done(sum);
}
