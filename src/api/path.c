/* Paths that fit, or an error. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "api/internal.h"

Err path_format(char ret_path[PATH_BYTES_MAX], const char *format, ...)
{
    char path[PATH_BYTES_MAX];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(path, sizeof path, format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof path) return FAIL(ERR_LIMIT);
    memcpy(ret_path, path, (size_t)n + 1);
    return OK;
}
