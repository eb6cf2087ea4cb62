/** What the files of a replay share: replay.c (modes, one after the other), replay_log.c (which requests, when), replay_drive.c (asking). */
#pragma once
#include "api/http_ask.h"
#include "api/internal.h"
#include "pto/service.h"
#include "pto/stream_wire.h"

enum { REPLAY_IN_FLIGHT_MAX = 512, REPLAY_SAMPLE_MS = 250, REPLAY_REQUESTS_MAX = 1 << 20 };

typedef struct { uint64_t at_ns; uint32_t task, session; } ReplayRequest; /* at: since the first one, as it is replayed */

typedef struct {
    const covey_replay_options *options;
    Service service;
    HttpTarget target;
    char token[600];
    ReplayRequest *requests;      /* the part that is replayed */
    size_t count;
    char **sessions;
    uint32_t session_count;
    uint64_t stage_rate, stage_burst; /* of the orchestrators to come; 0: no limit */
    size_t before;                /* events of the log before the part */
    char first_time[40], last_time[40];
    Buffer body;
    Loop *loop;
    atomic_bool *interrupted;
} Replay;

/** Reads the log and takes the part: requests [from, from + count) of those whose tasks the service has. errors: ERR_BAD_INPUT, ERR_NO_ENTRY */
MUST_USE Err replay_read(Replay *r, Diag *diag);
/** Writes the tasks to come, one a line. */
MUST_USE Err replay_write_future(const Replay *r, const char *path, Diag *diag);
void replay_free(Replay *r);

/** Asks every request at its time and fills the figures of the answers. */
MUST_USE Err replay_drive(Replay *r, const char *mode, covey_replayed *ret_figures, Diag *diag);
/** The service's statistics: those that replaying reads. errors: ERR_NO_ENTRY (nobody answers), ERR_PROTOCOL */
typedef struct { uint64_t staged, used, bytes, wasted_bytes, warm_bytes, warm, orchestrators; bool simulated; } ReplayStatistics;
MUST_USE Err replay_statistics(Replay *r, ReplayStatistics *ret_statistics, Diag *diag);
