/** covey attest --enrol, --challenge, --activate, --accept: a TPM is enrolled. One of the four is set. */
#pragma once
#include <stdbool.h>

#include "api/covey.h"

typedef struct { bool ask; const char *challenge, *activate, *accept; covey_enrolment place; } Enrolment;

static inline int enrolment_steps(const Enrolment *e) { return e->ask + !!e->challenge + !!e->activate + !!e->accept; }
/** Returns the exit code. */
int enrolment_step(covey *c, const Enrolment *e);
