/* The result file, and the request for its footer. */
#include "api/sealed_output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "sys/clock.h"

enum { TURN_MS = 100, REQUEST_BYTES_MAX = 4096 };

static Err take_footer(SealedOutput *o, View footer)
{
    o->footer.size = 0;
    TRY(buffer_append(&o->footer, footer));
    o->answer = BROKER_FOOTER;
    return OK;
}

static void take_refusal(SealedOutput *o, const BrokerRefused *r)
{
    if (r->code == ERR_BUSY) return; /* asked again after a while */
    o->refused_code = r->code >= ERR_FIRST && r->code < ERR_LAST ? r->code : ERR_DENIED;
    snprintf(o->refused_text, sizeof o->refused_text, "%.*s", (int)r->text.size, (const char *)r->text.data);
    o->answer = BROKER_REFUSED;
}

static Err on_answer(void *context, const char *subject, View message)
{
    (void)subject;
    SealedOutput *o = context;
    BrokerAnswer a;
    if (broker_get_answer(message, &a).code || o->ask.token == 0 || a.token != o->ask.token) return OK;
    if (a.type == BROKER_FOOTER) return take_footer(o, a.is.footer.footer);
    if (a.type == BROKER_REFUSED) take_refusal(o, &a.is.refused);
    return OK;
}

Err sealed_output_open(SealedOutput *o, const char *path, const TaskId *id, Bus *broker_bus, Diag *diag)
{
    char subject[BUS_SUBJECT_MAX] = "covey.task.";
    *o = (SealedOutput){.id = *id, .footer = buffer_limited(BROKER_FOOTER_MAX)};
    for (size_t i = 0; i < sizeof id->bytes; i++) snprintf(subject + strlen(subject), 3, "%02x", id->bytes[i]);
    TRY_WHY(diag, broker_link_open(&o->broker, broker_bus, subject, 0, on_answer, o), "bus of the key broker");
    return result_writer_open(path, id->bytes, &o->writer, diag);
}

Err sealed_output_add(SealedOutput *o, View result) { return result_writer_add(o->writer, result); }

static Err ask(SealedOutput *o)
{
    ResultClaims claims;
    AUTO_BUFFER bytes = buffer_limited(BROKER_CLAIMS_MAX), message = buffer_limited(REQUEST_BYTES_MAX);
    result_writer_claims(o->writer, &claims);
    claims.is_answer = o->is_answer;
    TRY(result_claims_encode(&claims, &bytes));
    BrokerResult request = {.head = broker_link_head(&o->broker), .claims = view_buffer(&bytes)};
    memcpy(request.task_id, o->id.bytes, sizeof request.task_id);
    TRY(broker_put_result(&message, &request));
    return broker_link_ask(&o->broker, &o->ask, request.head.token, &message, clock_monotonic_ns());
}

static Err wait(SealedOutput *o, Loop *loop, const atomic_bool *interrupted, Diag *diag)
{
    while (!o->answer) {
        bool lost;
        if (atomic_load(interrupted)) return FAIL(ERR_INTERRUPTED);
        TRY_WHY(diag, loop_turn(loop, TURN_MS), "run");
        if (o->answer) break;
        TRY(broker_link_watch(&o->broker, &o->ask, clock_monotonic_ns(), &lost));
        if (lost)
            return FAIL_WHY(diag, ERR_CLOSED, "the key broker did not answer %d times; all is computed, but nobody could open the results yet: run again with --resume",
                            BROKER_TRIES_MAX);
    }
    return OK;
}

/* The broker may be far away: that the footer is sound and says how many may open the file is seen here, before anything is given its name. */
static Err count_recipients(View cose, unsigned *ret_recipients, Diag *diag)
{
    PublicKey signer;
    Footer *footer = calloc(1, sizeof *footer);
    if (!footer) return FAIL(ENOMEM);
    Err e = footer_open(cose, NULL, footer, &signer, diag);
    if (e.code == 0) *ret_recipients = (unsigned)footer->key_count;
    free(footer);
    return e;
}

Err sealed_output_finish(SealedOutput *o, Loop *loop, const atomic_bool *interrupted, unsigned *ret_recipients, Diag *diag)
{
    o->answer = 0;
    TRY_WHY(diag, ask(o), "asking the key broker to sign the results");
    TRY(wait(o, loop, interrupted, diag));
    broker_ask_end(&o->ask);
    if (o->answer == BROKER_REFUSED)
        return FAIL_WHY(diag, o->refused_code, "%s", o->refused_text[0] ? o->refused_text : "the key broker does not sign the results, and does not say why");
    TRY(count_recipients(view_buffer(&o->footer), ret_recipients, diag));
    return result_writer_finish(o->writer, view_buffer(&o->footer), diag);
}

void sealed_output_close(SealedOutput *o)
{
    broker_ask_end(&o->ask);
    broker_link_close(&o->broker);
    sealed_writer_free(&o->writer);
    buffer_free(&o->footer);
}
