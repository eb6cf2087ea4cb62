/**
 * Test data that is not part of the project: in $COVEY_DATA, or in ../shared/data beside the source tree. Where there is none a test says so and
 * ends; with CI=true that is a failure.
 */
#pragma once
#include <stdio.h>
#include <unistd.h>

#include "base/test.h"

/** The path of a data file, or NULL when there is none here (and CI is not set). The text lives until the next call. */
static inline const char *test_data(const char *name)
{
    static char path[4096];
    const char *folder = getenv("COVEY_DATA"), *source = getenv("COVEY_SOURCE"), *ci = getenv("CI");
    if (folder) snprintf(path, sizeof path, "%s/%s", folder, name);
    else snprintf(path, sizeof path, "%s/../shared/data/%s", source ? source : ".", name);
    if (access(path, R_OK) == 0) return path;
    ck_assert_msg(!ci || strcmp(ci, "true") != 0, "%s is missing; set COVEY_DATA to the folder of test data", path);
    fprintf(stderr, "# %s is not here: this part is not tested (set COVEY_DATA)\n", path);
    return NULL;
}
