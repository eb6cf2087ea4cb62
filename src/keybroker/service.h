/**
 * A key broker on a bus: listens to BROKER_SUBJECT and answers each request to its `reply_to` (bus/broker_message.h). What
 * cannot be read, and what nobody waits for, is dropped: the asker asks again. A second copy of an attestation is given the
 * answer of the first, byte for byte, though its nonce is used up: the bus may deliver twice.
 */
#pragma once
#include "bus/bus.h"
#include "keybroker/broker.h"

enum { SERVICE_ANSWERS_MAX = 1024, SERVICE_ANSWER_LIFETIME_S = NONCE_LIFETIME_S, SERVICE_SWEEP_EVERY_S = 60 };

typedef struct BrokerService BrokerService;
/** Wall-clock seconds; NULL: the system's. For tests. */
typedef uint64_t (*ServiceClock)(void);

/** All three are borrowed until broker_service_free. errors: ENOMEM */
MUST_USE Err broker_service_new(Loop *loop, Bus *bus, Broker *broker, ServiceClock clock, BrokerService **ret_service);
void broker_service_free(BrokerService **service);
