/* A module that nobody needs to trust: the median of the last column of its records, as often as asked for.   median [TIMES]
 * Its second number, where TIMES is "headers", is how many headers it was given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES_MAX = 1 << 20 };
static double values[VALUES_MAX];
static char header[65536], line[65536];

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    const char *times = argc > 1 ? argv[1] : "1";
    size_t count = 0;
    int headers = fgets(header, sizeof header, stdin) != NULL;
    while (count < VALUES_MAX && fgets(line, sizeof line, stdin)) {
        const char *comma = strrchr(line, ',');
        headers += strcmp(line, header) == 0;
        if (comma) values[count++] = atof(comma + 1);
    }
    qsort(values, count, sizeof *values, compare);
    const double median = count ? values[count / 2] : 0;
    printf("%g\n", median);
    for (int i = 1; i < atoi(times); i++) printf("%g\n", median);
    if (strcmp(times, "headers") == 0) printf("%d\n", headers);
    return 0;
}
