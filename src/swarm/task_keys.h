/** The table of the task file's keys. */
#pragma once
#include "base/schema.h"
#include "swarm/task.h"

/** Its fields are those of a TaskSpec. */
extern const Field TASK_KEYS[];
/** swarm/task_privacy.c */
MUST_USE Err task_read_privacy(const SchemaReading *r, const YamlNode *value);
static inline TaskSpec *task_of(const SchemaReading *r) { return r->target; }
