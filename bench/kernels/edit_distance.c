/* Levenshtein distance of two sequences by dynamic programming, two rows: dependent minimums over integers. */
#include "kernel.h"

enum { SIZE = 4000, ROUNDS = 6 };

static uint8_t a[SIZE], b[SIZE];
static uint32_t row[SIZE + 1];

static uint32_t distance(void)
{
    for (uint32_t j = 0; j <= SIZE; j++) row[j] = j;
    for (uint32_t i = 1; i <= SIZE; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= SIZE; j++) {
            uint32_t change = diagonal + (a[i - 1] != b[j - 1]), drop = row[j] + 1, add = row[j - 1] + 1;
            diagonal = row[j];
            uint32_t best = change < drop ? change : drop;
            row[j] = best < add ? best : add;
        }
    }
    return row[SIZE];
}

int main(void)
{
    uint64_t seed = 9, sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < SIZE; i++) {
            a[i] = (uint8_t)(kernel_random(&seed) >> 62);
            b[i] = (uint8_t)(kernel_random(&seed) >> 62);
        }
        sum = kernel_fold(sum, distance());
    }
    return kernel_done(sum);
}
