/** "Did you mean": the known word nearest to a mistyped one. */
#pragma once
#include <stddef.h>

enum { SUGGEST_WORD_MAX = 32 };

/** Number of single-letter insertions, deletions and changes between two words of at most SUGGEST_WORD_MAX letters; else a large number. */
unsigned suggest_distance(const char *a, const char *b);

/** Keeps the nearer of *best (may be NULL) and `candidate`, and only if it is near enough to be meant. */
void suggest_consider(const char *word, const char *candidate, const char **best);
