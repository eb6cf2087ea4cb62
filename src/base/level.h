/** Security levels (DESIGN: how a SEE is walled in). The order is the order of strength; a bit mask has bit `level`. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

typedef enum { LEVEL_SHARED = 1, LEVEL_PROCESS = 2, LEVEL_MICROVM = 3, LEVEL_CONFIDENTIAL = 4 } SecurityLevel;

const char *level_name(SecurityLevel level);
bool level_parse(const char *name, SecurityLevel *ret_level);
