/** "Did you mean": for error messages about names that nobody knows. */
#pragma once
#include <stddef.h>

/** The name nearest to what was written, or NULL when none is near. `names` is ended by NULL; `stride` is the distance between two name pointers. */
const char *suggest(const char *written, const void *names, size_t stride);
