/* The micro-job of figure run-private: the sum of the second column of a CSV segment. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    static char line[4096];
    long sum = 0;
    if (!fgets(line, sizeof line, stdin)) return 1; /* the header */
    while (fgets(line, sizeof line, stdin)) {
        const char *comma = strchr(line, ',');
        if (comma) sum += atol(comma + 1);
    }
    printf("%ld\n", sum);
    return 0;
}
