/**
 * One zygote, driven as the agent drives it and with the agent's own parts (node/), behind the warden's real walls; without a swarm around
 * it. The figures about single SEEs are measured through this.
 */
#pragma once
#include "node/zygote_link.h"

typedef struct {
    TrustedKeys trusted;
    char config[PATH_BYTES_MAX];
    WardenLink warden;
    SlotPlan plan;
    ZygoteLink link;
    pid_t pid;                /* of the zygote */
    uint64_t resident_pages;  /* of the zygote when READY: pages that are its own, not the file's */
} BenchZygote;

/** Ready to run micro-jobs of `image` (signed by the user's key). */
MUST_USE Err bench_zygote_open(BenchZygote *z, const char *covey, const char *image, SecurityLevel level, uint32_t slots, Diag *diag);
void bench_zygote_close(BenchZygote *z);

/** Fills every idle slot with micro-jobs without input, as many as it takes but at most *left, and sends them off. */
MUST_USE Err bench_zygote_send(BenchZygote *z, uint64_t *left);
/** Waits for a DONE, checks that every micro-job in its slots ended well, and makes the slots idle. `output` may be NULL, and gets the first
 *  micro-job's result. */
MUST_USE Err bench_zygote_receive(BenchZygote *z, uint64_t *ret_jobs, Buffer *output, Diag *diag);
/** Processor time of the zygote's child (at `shared`: the process that runs the micro-jobs), in nanoseconds.
 *  0 when there is none to be seen. source: proc_pid_schedstat, kernel's Documentation/scheduler/sched-stats.rst */
uint64_t bench_zygote_child_cpu_ns(const BenchZygote *z);
/** Both, until `jobs` are done. */
MUST_USE Err bench_zygote_run(BenchZygote *z, uint64_t jobs, Diag *diag);
