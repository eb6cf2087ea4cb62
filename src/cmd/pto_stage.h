/** covey pto stage and key: staging by hand. */
#pragma once
#include "api/covey.h"

int pto_stage(covey *c, int argc, char **argv);
int pto_key(covey *c, int argc, char **argv);
