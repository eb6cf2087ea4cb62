/* covey attest: the four steps of enrolling a node's TPM. */
#include "cmd/enrol.h"

#include <stdio.h>

#include "cmd/session.h"

/* Messages go to standard output as hex digits, so that they can be pasted; what comes next to standard error. */
static int print_message(covey_evidence *message, const char *next)
{
    for (size_t i = 0; i < message->size; i++) printf("%02x", message->data[i]);
    putchar('\n');
    fprintf(stderr, "covey attest: %s of %zu bytes; next: %s\n", message->kind, message->size, next);
    covey_evidence_free(message);
    return COVEY_OK;
}

static int accept_answer(covey *c, const Enrolment *s)
{
    covey_error e;
    if (covey_enrol_accept(c, &s->place, s->accept, &e)) return session_error(&e);
    printf("enrolled as ak-%s.pub\n", s->place.name);
    return COVEY_OK;
}

int enrolment_step(covey *c, const Enrolment *s)
{
    covey_evidence message;
    covey_error e;
    if (s->accept) return accept_answer(c, s);
    if (s->ask) return covey_enrol_request(c, &message, &e) ? session_error(&e) : print_message(&message, "the operator's covey attest --challenge FILE --name NAME");
    if (s->challenge)
        return covey_enrol_challenge(c, &s->place, s->challenge, &message, &e) ? session_error(&e)
                                                                              : print_message(&message, "the node's covey attest --activate FILE");
    return covey_enrol_activate(c, s->activate, &message, &e) ? session_error(&e)
                                                              : print_message(&message, "the operator's covey attest --accept FILE --name NAME");
}
