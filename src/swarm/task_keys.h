/** The table of the task file's keys. */
#pragma once
#include "swarm/task_schema.h"

extern const Field TASK_KEYS[];
