/* Why a micro-job went where it went: what placement weighed at that moment, for a person. */
#include <stdio.h>
#include <stdlib.h>

#include "swarm/manager_parts.h"

enum { LINE_MAX_BYTES = 256, CANDIDATES_MAX = 64 };

static void say(Manager *m, const char *line) { m->request.events.explain(m->request.events.context, line); }

static void say_candidate(Manager *m, const PlacementCandidate *c, bool best)
{
    char line[LINE_MAX_BYTES];
    if (c->limit != PLACEMENT_FITS && c->limit != PLACEMENT_NO_ROOM)
        snprintf(line, sizeof line, "  %-24s excluded: %s", c->node_id, placement_limit_text(c->limit));
    else
        snprintf(line, sizeof line, "%s %-24s score %.4g: queue %.4g s, transfer %.4g s, start %.4g s, run %.4g s, price %.4g%s", best ? "*" : " ",
                 c->node_id, c->score, c->queue_s, c->transfer_s, c->start_s, c->run_s, c->price,
                 c->limit == PLACEMENT_NO_ROOM ? "; no room now" : "");
    say(m, line);
}

Err explain(Manager *m, uint64_t index, const JobNeed *need, const PlacementWho *avoid, size_t avoid_count)
{
    if (!m->request.events.explain) return OK;
    const uint64_t now = (window_at(&m->window, index)->attempts + UINT64_C(1)) << 32 | m->next_number;
    if (now == m->explained) return OK; /* it waits, and nothing has changed */
    m->explained = now;
    PlacementCandidate candidates[CANDIDATES_MAX];
    size_t count, total;
    TRY(placement_explain(m->placement, m->task, need, avoid, avoid_count, candidates, CANDIDATES_MAX, &count, &total));
    char line[LINE_MAX_BYTES];
    snprintf(line, sizeof line, "micro-job %llu, copy %u, %llu bytes to move: %zu of %zu candidates, best first", (unsigned long long)index,
             window_at(&m->window, index)->attempts + 1u, (unsigned long long)need->bytes, count, total);
    say(m, line);
    for (size_t i = 0; i < count; i++) say_candidate(m, &candidates[i], i == 0 && candidates[i].limit == PLACEMENT_FITS);
    return OK;
}

void explain_stuck(Manager *m, uint64_t index, char *ret_text, size_t room)
{
    uint32_t by_limit[PLACEMENT_NO_ROOM + 1] = {0};
    PlacementCandidate *candidates = calloc(MANAGER_MEMBERS_MAX, sizeof *candidates);
    PlacementWho avoid[PLACEMENT_AVOID_MAX];
    WindowJob *job = window_at(&m->window, index);
    size_t count = 0, total;
    if (candidates && job) {
        JobNeed need = facts_of_job(m, job);
        size_t avoid_count = dispatch_avoid(m, job, avoid);
        Err e = placement_explain(m->placement, m->task, &need, avoid, avoid_count, candidates, MANAGER_MEMBERS_MAX, &count, &total);
        if (e.code) count = 0;
    }
    for (size_t i = 0; i < count; i++) by_limit[candidates[i].limit]++;
    free(candidates);
    int used = snprintf(ret_text, room, "micro-job %llu waits for %s node that may have it; of %zu nodes", (unsigned long long)index,
                        job && job->attempts > 0 ? "another" : "a", count);
    for (int limit = PLACEMENT_FITS + 1; limit <= PLACEMENT_NO_ROOM && used > 0 && (size_t)used < room; limit++)
        if (by_limit[limit]) used += snprintf(ret_text + used, room - (size_t)used, ", %u: %s", by_limit[limit], placement_limit_text((PlacementLimit)limit));
}
