/**
 * A lease: at most one of several processes holds a name at a time, so that a standby takes over from a manager that died. Over NATS, a key of
 * the bucket `covey-leases` that is written with compare-and-set.
 *
 * All who want a lease give the same ttl_ms. Clocks need not agree: who wants one watches that the key did not change for ttl_ms on its own clock,
 * then overwrites exactly the revision that it saw. The holder renews every ttl_ms / 3 and counts from when it sent the last renewal that went
 * through, so it knows that it has lost the lease before another can have it; a holder that was stopped (SIGSTOP) may find out late: what it
 * does must carry the fencing number, and who receives that must refuse a number lower than the highest seen.
 */
#pragma once
#include "bus/bus.h"

typedef struct BusLease BusLease;
typedef enum { LEASE_WAITING, LEASE_HELD, LEASE_LOST } LeaseState; /* LOST: was held; it is being asked for again */

enum { LEASE_NAME_MAX = 63, LEASE_TTL_MS_MIN = 300, LEASE_TTL_MS_MAX = 600000 };

/** fence: grows with every holder (HELD only, else 0). Called from the loop, after each change. It may close the lease. */
typedef Err (*BusLeaseHandler)(void *context, LeaseState state, uint64_t fence);

/**
 * Asks for the lease until it is closed. `name`: as an id (bus/nats.h). On a bus in one process it is held from the loop's next turn, fence 1.
 *
 * errors  ERR_USAGE (name or ttl), ERR_LIMIT, ENOMEM
 */
MUST_USE Err bus_lease_take(Bus *bus, const char *name, uint32_t ttl_ms, BusLeaseHandler handler, void *context, BusLease **ret_lease);
LeaseState bus_lease_state(const BusLease *lease, uint64_t *ret_fence);
/** Gives it back if it is held: the next one need not wait for the ttl. Before bus_free. */
void bus_lease_release(BusLease **lease);
