/**
 * The service's end of the stream: a Unix socket on which orchestrators hear of every request and say what they want ready. Nothing here waits: a
 * connection that does not read misses packets, one that breaks the protocol is cut off.
 */
#pragma once
#include <sys/types.h>

#include "gateway/gateway.h"
#include "pto/stream_wire.h"

enum { STREAM_PEERS_MAX = 4, STREAM_PACKETS_PER_TURN = 64 };

typedef struct GatewayStream GatewayStream;
/** uid: whose processes may connect, beside this process's own user. errors: ERR_BUSY (somebody listens there), ERR_LIMIT, errno */
MUST_USE Err gateway_stream_open(Loop *loop, Gateway *gateway, const Service *service, const char *path, uid_t uid, GatewayStream **ret_stream,
                                 Diag *diag);
void gateway_stream_close(GatewayStream **stream);
void gateway_stream_event(GatewayStream *s, const RequestEvent *e);
void gateway_stream_place(GatewayStream *s, const StreamPlace *p);
typedef struct { uint32_t peers; uint64_t missed, strangers, cut_off; } GatewayStreamStats;
GatewayStreamStats gateway_stream_stats(const GatewayStream *s);
