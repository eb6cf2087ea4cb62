/* "Did you mean": the nearest name by optimal string alignment distance (Damerau 1964: insert, delete, replace, swap neighbours). */
#include "base/suggest.h"

#include <stdbool.h>
#include <string.h>

enum { SUGGEST_BYTES_MAX = 32 };

static unsigned min_of(unsigned a, unsigned b) { return a < b ? a : b; }

static unsigned distance(const char *a, size_t a_size, const char *b, size_t b_size)
{
    unsigned rows[3][SUGGEST_BYTES_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_size; j++) above[j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned replaced = above[j - 1] + (a[i - 1] != b[j - 1]);
            row[j] = min_of(replaced, min_of(above[j], row[j - 1]) + 1);
            bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) row[j] = min_of(row[j], before[j - 2] + 1);
        }
        unsigned *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b_size];
}

const char *suggest(const char *written, const void *names, size_t stride)
{
    size_t size = strlen(written);
    if (size == 0 || size > SUGGEST_BYTES_MAX) return NULL;
    const char *best = NULL;
    unsigned best_distance = size < 4 ? 2 : 3; /* must be below */
    for (const char *at = names;; at += stride) {
        const char *name;
        memcpy(&name, at, sizeof name);
        if (!name) return best;
        size_t name_size = strlen(name);
        if (name_size > SUGGEST_BYTES_MAX) continue;
        unsigned d = distance(written, size, name, name_size);
        if (d >= best_distance || d >= name_size) continue;
        best = name;
        best_distance = d;
    }
}
