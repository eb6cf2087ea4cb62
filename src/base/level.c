/* Names of the security levels. */
#include "base/level.h"

#include <stddef.h>
#include <string.h>

static const char *const NAMES[] = {
    [LEVEL_SHARED] = "shared", [LEVEL_PROCESS] = "process", [LEVEL_MICROVM] = "microvm", [LEVEL_CONFIDENTIAL] = "confidential"};

const char *level_name(SecurityLevel level)
{
    return level >= LEVEL_SHARED && level <= LEVEL_CONFIDENTIAL ? NAMES[level] : "unknown";
}

bool level_parse(const char *name, SecurityLevel *ret_level)
{
    for (int i = LEVEL_SHARED; i <= LEVEL_CONFIDENTIAL; i++) {
        if (strcmp(name, NAMES[i]) != 0) continue;
        *ret_level = (SecurityLevel)i;
        return true;
    }
    return false;
}
