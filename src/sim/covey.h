/** The policy `covey`: the real placement. */
#pragma once
#include "sim/world.h"

extern const Policy COVEY;

/** Looks for stragglers that are worth a copy, and for queues that are worth leaving. */
MUST_USE Err covey_tick(World *w);
