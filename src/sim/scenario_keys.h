/** The table of a scenario's keys, and what is true before it is read. */
#pragma once
#include "base/schema.h"
#include "sim/scenario.h"

/** Its fields are those of a Scenario. */
extern const Field SCENARIO_KEYS[];
