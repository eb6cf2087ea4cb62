/* Sizes and durations as people write them. One number, one optional unit, nothing between them. */
#include "base/units.h"

#include <stddef.h>
#include <string.h>

#include "base/limits.h"

typedef struct { const char *name; uint64_t factor; } Unit;

static const Unit SIZES[] = {
    {"", 1}, {"B", 1},
    {"KiB", KIB}, {"MiB", MIB}, {"GiB", GIB}, {"TiB", 1024 * GIB},
    {"kB", 1000}, {"KB", 1000}, {"MB", 1000000}, {"GB", 1000000000}, {"TB", 1000000000000},
};

static const Unit DURATIONS[] = {
    {"ns", 1}, {"us", 1000}, {"ms", NS_PER_MS}, {"s", NS_PER_S}, {"m", 60 * NS_PER_S}, {"min", 60 * NS_PER_S}, {"h", 3600 * NS_PER_S},
};

static bool parse(const char *text, const Unit *units, size_t count, uint64_t *ret_value)
{
    if (*text < '0' || *text > '9') return false;
    uint64_t value = 0;
    for (; *text >= '0' && *text <= '9'; text++)
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value)) return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, units[i].name) != 0) continue;
        if (__builtin_mul_overflow(value, units[i].factor, &value)) return false;
        *ret_value = value;
        return true;
    }
    return false;
}

bool size_parse(const char *text, uint64_t *ret_bytes) { return parse(text, SIZES, sizeof SIZES / sizeof *SIZES, ret_bytes); }

bool duration_parse(const char *text, uint64_t *ret_ns) { return parse(text, DURATIONS, sizeof DURATIONS / sizeof *DURATIONS, ret_ns); }
