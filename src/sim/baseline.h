/** The policies that the swarm's own is compared with. */
#pragma once
#include "sim/pick.h"
#include "sim/world.h"

enum { BASELINE_COUNT = 6 };
extern const Policy BASELINES[BASELINE_COUNT];
