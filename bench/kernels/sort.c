/* Quicksort with insertion sort below 16 elements: unpredictable branches over an array. */
#include "kernel.h"

enum { COUNT = 1000000, ROUNDS = 2 };

static uint32_t values[COUNT];

static void insertion_sort(uint32_t *v, int count)
{
    for (int i = 1; i < count; i++) {
        uint32_t x = v[i];
        int j = i;
        for (; j > 0 && v[j - 1] > x; j--) v[j] = v[j - 1];
        v[j] = x;
    }
}

static uint32_t median(uint32_t a, uint32_t b, uint32_t c)
{
    if (a > b) { uint32_t t = a; a = b; b = t; }
    return c < a ? a : c > b ? b : c;
}

static void quicksort(uint32_t *v, int count)
{
    while (count > 16) {
        uint32_t pivot = median(v[0], v[count / 2], v[count - 1]);
        int i = 0, j = count - 1;
        while (i <= j) {
            while (v[i] < pivot) i++;
            while (v[j] > pivot) j--;
            if (i <= j) {
                uint32_t t = v[i];
                v[i++] = v[j];
                v[j--] = t;
            }
        }
        quicksort(v, j + 1);
        v += i;
        count -= i;
    }
    insertion_sort(v, count);
}

int main(void)
{
    uint64_t seed = 4, sum = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++) values[i] = (uint32_t)(kernel_random(&seed) >> 32);
        quicksort(values, COUNT);
        for (int i = 0; i < COUNT; i += 97) sum = kernel_fold(sum, values[i]);
    }
    return kernel_done(sum);
}
