/** One HTTP/1.1 request to a server on this machine or near it, in the loop: a client as small as replaying needs it. */
#pragma once
#include "base/bytes.h"
#include "sys/loop.h"

enum { HTTP_ASK_BYTES_MAX = 64 << 20 };

/** "http://ADDRESS:PORT/v1/services/NAME", numeric. */
typedef struct { char host[64], path[256]; uint16_t port; bool is_v6; } HttpTarget;
MUST_USE Err http_target(const char *url, HttpTarget *ret_target, Diag *diag);

typedef struct {
    bool ok;                  /* an answer came */
    unsigned status;
    char start[16];           /* Covey-Start */
    double seconds, waited;   /* Covey-Seconds, Covey-Waited; negative: not said */
    View body;
    uint64_t begun_ns, ended_ns;
} HttpAnswered;
typedef void (*HttpAskDone)(void *context, const HttpAnswered *answer);

typedef struct HttpAsk HttpAsk;
/** done is called once, from the loop; then it is freed. path: behind the target's own. token: NULL, or what to authorise with.
 *  errors: ENOMEM, errno */
MUST_USE Err http_ask(Loop *loop, const HttpTarget *target, const char *method, const char *path, const char *token, View body, HttpAskDone done,
                      void *context, HttpAsk **ret_ask);
/** Before done. */
void http_ask_cancel(HttpAsk *a);
