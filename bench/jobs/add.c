/* The combiner of figure run-private without noise: the sum of the numbers that come. */
#include <stdio.h>

int main(void)
{
    long sum = 0, value;
    while (scanf("%ld", &value) == 1) sum += value;
    printf("%ld\n", sum);
    return 0;
}
