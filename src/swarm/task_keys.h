/** The table of the task file's keys. */
#pragma once
#include "base/schema.h"
#include "swarm/task.h"

/** Its fields are those of a TaskSpec. */
extern const Field TASK_KEYS[];
static inline TaskSpec *task_of(const SchemaReading *r) { return r->target; }
