/** Sizes and durations as people write them: "4096", "64KiB", "500ms". One whole number, one optional unit, nothing between them. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

/** B, KiB, MiB, GiB, TiB; kB, MB, GB, TB; a bare number is bytes. */
bool size_parse(const char *text, uint64_t *ret_bytes);
/** ns, us, ms, s, m or min, h; a bare number is none. */
bool duration_parse(const char *text, uint64_t *ret_ns);
