/**
 * A control group around one zygote, where the machine has a writable hierarchy (v2 "pids" and "memory", or v1): a second hold on what
 * resource limits already bound. Without one the zygote runs all the same, and STARTED says so.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { CGROUP_PATH_MAX = 512, CGROUP_DIRS = 2 };
typedef struct { char dirs[CGROUP_DIRS][CGROUP_PATH_MAX]; int count; } Cgroup;

/** Makes the group and puts `pid` into it; memory_max 0: no memory limit. false: there is none to be had here. */
bool cgroup_enter(pid_t pid, uint32_t id, uint32_t pids_max, uint64_t memory_max, Cgroup *ret_cgroup);
/** Removes it; its processes have ended. */
void cgroup_remove(Cgroup *c);
