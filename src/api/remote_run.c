/* A run on a bus that leaves the process: connecting. */
#include "api/remote_run.h"

#include "base/units.h"
#include "bus/message_subject.h"
#include "sys/clock.h"

#define WAIT_DEFAULT_NS (30 * NS_PER_S)
#define LEASE_NS_MIN (2 * NS_PER_S)

bool remote_run_wanted(const covey_task *t) { return t->bus.url != NULL; }

static void on_state(void *context, bool connected, const char *text)
{
    (void)connected;
    const covey_events *events = ((RemoteRun *)context)->events;
    if (events->notice) events->notice(events->context, text);
}

Err remote_run_open(RemoteRun *r, const covey_task *t, const covey_events *events, Loop *loop, Bus **ret_bus, Diag *diag)
{
    *r = (RemoteRun){.events = events, .wait_ns = WAIT_DEFAULT_NS};
    if (t->wait && !duration_parse(t->wait, &r->wait_ns)) return FAIL_WHY(diag, ERR_USAGE, "wait %s: not a time, such as 30s or 5m", t->wait);
    if (t->lease && (!duration_parse(t->lease, &r->lease_ns) || r->lease_ns < LEASE_NS_MIN))
        return FAIL_WHY(diag, ERR_USAGE, "lease %s: not a time of at least 2s, such as 5s: nodes must be heard several times in it", t->lease);
    TRY_WHY(diag, manager_id_new(&r->id), "manager");
    const BusParty party = {.config_dir = t->owner->config_dir, .role = BUS_MANAGER, .id = r->id.text, .on_state = on_state, .context = r};
    return bus_address_connect(&t->bus, &party, loop, ret_bus, diag);
}
