/**
 * How much of what everybody learns comes from one client. A client counts for everybody while it stays below `burst` events and `share` of the whole
 * stream; both are halved as the stream goes on, so that an old flood is forgiven and a slow one is not. A full place forgets the client with the
 * fewest events, never one with many.
 */
#pragma once
#include "predict/predict.h"

typedef struct { uint64_t id; uint32_t counted, epoch; } Client;
typedef struct { Client *all; uint32_t mask, epoch, in_epoch; double burst, share, total; } Clients;

enum { CLIENT_EPOCH_EVENTS = 1 << 16 }; /* after so many events everything counts half */

MUST_USE Err clients_new(uint32_t max, uint32_t burst, double share, Clients *ret_clients);
void clients_free(Clients *c);
size_t clients_memory(const Clients *c);
/** One more event of this client: may everybody learn from it? */
bool client_counts(Clients *c, uint64_t id);
