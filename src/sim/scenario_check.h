/** The last step of reading a scenario: do its values fit together? */
#pragma once
#include "base/schema.h"
#include "sim/scenario.h"

/** Also fills what follows from several values: sums, and the mean of each run time in seconds. */
MUST_USE Err scenario_check(const SchemaReading *r, const YamlNode *root);
