/**
 * Lower bounds: what no way of choosing nodes can beat in this scenario, computed from it and from when its nodes were there. Each is a
 * relaxation (it forgets constraints and never adds one), so that it holds for every policy:
 *
 *   work     cores do no more than their speed: the earliest time by which the nodes that may run a set of tasks could have done its work, were it
 *            cut as fine as sand; for each task, and for all tasks that arrive from some moment on
 *   longest  a micro-job is not cut: its way there and back, and its run on the fastest core that may have it
 *   bytes    what must travel, over all links at once, and over the origin's
 *   cost     each micro-job on the core where it costs least
 *   in time  the cheapest way to do the work within a given time: the linear program  min sum c_i x_i,  sum x_i = work,  0 <= x_i <= capacity_i
 *            has the greedy solution (Dantzig 1957): fill the cheapest node first
 *   busy     each micro-job on the fastest core that may have it; over the core-seconds that were there: utilisation
 *   moved    segments that are at hand on no node that may run them, once for each copy that must agree; results; images that are warm nowhere
 */
#pragma once
#include "sim/world.h"

/** After a run: w->now_ns is its end. errors: ENOMEM */
MUST_USE Err bounds_compute(const World *w, SimBounds *ret_bounds);
