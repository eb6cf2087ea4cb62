/* "Did you mean": edit distance (Levenshtein 1966), one row at a time. */
#include "cmd/suggest.h"

#include <limits.h>
#include <string.h>

unsigned suggest_distance(const char *a, const char *b)
{
    size_t m = strlen(a), n = strlen(b);
    if (m > SUGGEST_WORD_MAX || n > SUGGEST_WORD_MAX) return UINT_MAX;
    unsigned row[SUGGEST_WORD_MAX + 1];
    for (size_t j = 0; j <= n; j++) row[j] = (unsigned)j;
    for (size_t i = 1; i <= m; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= n; j++) {
            unsigned change = diagonal + (a[i - 1] != b[j - 1]);
            unsigned gap = (row[j] < row[j - 1] ? row[j] : row[j - 1]) + 1;
            diagonal = row[j];
            row[j] = change < gap ? change : gap;
        }
    }
    return row[n];
}

void suggest_consider(const char *word, const char *candidate, const char **best)
{
    unsigned near_enough = strlen(candidate) < 4 ? 1 : 2;
    unsigned d = suggest_distance(word, candidate);
    if (d <= near_enough && (!*best || d < suggest_distance(word, *best))) *best = candidate;
}
