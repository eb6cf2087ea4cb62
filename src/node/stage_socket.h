/**
 * The socket on which orchestrators hand resources over (bus/stage_wire.h). It is an untrusted peer: at most STAGE_PEERS_MAX connections of the
 * allowed user, so many packets a turn, nothing is ever waited for. Whoever breaks the protocol is cut off, and nobody is let in for
 * STAGE_PENALTY_MS.
 */
#pragma once
#include <sys/types.h>

#include "node/stage.h"

enum { STAGE_PEERS_MAX = 4, STAGE_PACKETS_PER_TURN = 16, STAGE_PENALTY_MS = 500 };

typedef struct StageSocket StageSocket;
/** Listens at `path` (mode 0660; what lies there is replaced when nobody listens on it). uid: the orchestrators' user, by SO_PEERCRED.
 *  errors: ERR_BUSY (somebody listens there), ERR_LIMIT (the path is too long), errno */
MUST_USE Err stage_socket_open(Stage *stage, Loop *loop, const char *path, uid_t uid, StageSocket **ret_socket, Diag *diag);
void stage_socket_close(StageSocket **socket);

typedef struct { uint32_t peers; uint64_t accepted, strangers /* of another user */, cut_off, missed; } StageSocketStats;
StageSocketStats stage_socket_stats(const StageSocket *socket);
