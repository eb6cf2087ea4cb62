/**
 * Tasks of a service over sealed data (docs/services.md): which they are, whose key broker releases their keys, and how the result of a request
 * becomes a file that its recipients open. The same broker and the same file as `covey run` over sealed data has.
 */
#pragma once
#include "api/internal.h"
#include "bus/bus.h"
#include "gateway/gateway.h"

typedef struct ServeSealed ServeSealed;

/**
 * Looks at the data of every task. *ret_sealed stays NULL when none is sealed.
 *
 * folder     of the service's own: sealed results lie there while their footer is asked for
 * keybroker  unix:PATH of the owner's; NULL: this user's own, in this process
 * errors     ERR_BAD_INPUT, with the service file's line (several data, one of them sealed; more than one segment; `fallback`; a privacy budget;
 *            a sealed result), those of the keyring and of the broker
 */
MUST_USE Err serve_sealed_open(const covey *c, Loop *loop, Bus *bus, const Service *service, const char *service_path, const Depot *depot,
                               const char *folder, const char *keybroker, ServeSealed **ret_sealed, Diag *diag);
/** [task], for the gateway. */
const GatewaySealed *serve_sealed_tasks(const ServeSealed *s);
/** Where the agent finds the key broker; NULL: on the service's own bus. */
Bus *serve_sealed_broker_bus(const ServeSealed *s);
/** Whom results are given back to; before the first of them. */
void serve_sealed_use(ServeSealed *s, Gateway *gateway);
/** GatewayConfig.seal; the context is the ServeSealed. */
Err serve_sealed_result(ServeSealed *s, uint32_t task, const TaskId *id, uint64_t request, View result);
/** Results that have no footer yet are dropped. */
void serve_sealed_close(ServeSealed **sealed);
