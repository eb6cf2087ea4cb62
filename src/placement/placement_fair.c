/*
 * Fair between tenants, then between a tenant's tasks: start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996), two levels. Each has a
 * start tag in served core-seconds by share; the smallest is next. Who comes back after having nothing to do starts where
 * the others are: rest is not saved up.
 */
#include "placement/placement_parts.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

Err fair_join(Placement *p, PlacementTaskRef task)
{
    Task *t = &p->tasks[task];
    if (!p->tenants && !(p->tenants = calloc(PLACEMENT_TASKS_MAX, sizeof *p->tenants))) return FAIL(ENOMEM);
    uint32_t unused = UINT32_MAX, i = 0;
    for (; i < p->tenant_end; i++) {
        if (p->tenants[i].tasks && p->tenants[i].id == t->need.tenant) break;
        if (!p->tenants[i].tasks && unused == UINT32_MAX) unused = i;
    }
    if (i == p->tenant_end) { /* as many tenants as tasks at most: there is room */
        i = unused != UINT32_MAX ? unused : p->tenant_end++;
        p->tenants[i] = (Tenant){.id = t->need.tenant, .virtual_s = p->virtual_s};
    }
    p->tenants[i].tasks++;
    t->tenant = i;
    t->virtual_s = p->tenants[i].task_virtual_s;
    return OK;
}

void fair_leave(Placement *p, PlacementTaskRef task) { p->tenants[p->tasks[task].tenant].tasks--; }

static bool waits(const Placement *p, uint32_t tenant)
{
    for (uint32_t i = 0; i < p->task_end; i++)
        if (p->tasks[i].used && p->tasks[i].tenant == tenant && p->tasks[i].left) return true;
    return false;
}

void fair_wake(Placement *p, PlacementTaskRef task)
{
    Task *t = &p->tasks[task];
    Tenant *tenant = &p->tenants[t->tenant];
    if (!waits(p, t->tenant)) tenant->virtual_s = fmax(tenant->virtual_s, p->virtual_s);
    t->virtual_s = fmax(t->virtual_s, tenant->task_virtual_s);
}

void fair_charge(Placement *p, PlacementTaskRef task)
{
    Task *t = &p->tasks[task];
    Tenant *tenant = &p->tenants[t->tenant];
    p->virtual_s = tenant->virtual_s;
    tenant->task_virtual_s = t->virtual_s;
    tenant->virtual_s += t->run_s;
    t->virtual_s += t->run_s / t->need.share;
}

bool placement_next_task(const Placement *p, PlacementTaskRef *ret_task)
{
    const Task *best = NULL;
    for (uint32_t i = 0; i < p->task_end; i++) {
        const Task *t = &p->tasks[i];
        if (!t->used || !t->left) continue;
        if (best) {
            const double a = p->tenants[t->tenant].virtual_s, b = p->tenants[best->tenant].virtual_s;
            if (a > b || (a == b && t->tenant > best->tenant)) continue;
            if (t->tenant == best->tenant && t->virtual_s >= best->virtual_s) continue;
        }
        best = t;
    }
    if (!best) return false;
    *ret_task = (PlacementTaskRef)(best - p->tasks);
    return true;
}
