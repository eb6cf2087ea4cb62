/* Escape times over a grid: a tight floating-point recurrence with a data-dependent exit. */
#include "kernel.h"

enum { SIDE = 800, ITERATIONS_MAX = 400 };

static int escape_time(double cx, double cy)
{
    double x = 0, y = 0;
    int n = 0;
    while (n < ITERATIONS_MAX && x * x + y * y <= 4.0) {
        double next = x * x - y * y + cx;
        y = 2 * x * y + cy;
        x = next;
        n++;
    }
    return n;
}

int main(void)
{
    uint64_t sum = 0;
    for (int i = 0; i < SIDE; i++)
        for (int j = 0; j < SIDE; j++)
            sum = kernel_fold(sum, (uint64_t)escape_time(-2.0 + 3.0 * j / SIDE, -1.5 + 3.0 * i / SIDE));
    return kernel_done(sum);
}
