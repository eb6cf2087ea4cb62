/* The list of claims that a verdict is. */
#include <stdarg.h>
#include <stdio.h>

#include "attest/appraise.h"

void verdict_add(Verdict *v, const char *claim, bool passed, const char *format, ...)
{
    v->accepted = passed && (v->count == 0 || v->accepted);
    if (v->count == VERDICT_CLAIMS_MAX) { /* a claim that nobody can read must not count for anybody */
        v->accepted = false;
        return;
    }
    VerdictClaim *c = &v->claims[v->count++];
    c->passed = passed;
    snprintf(c->claim, sizeof c->claim, "%s", claim);
    va_list args;
    va_start(args, format);
    vsnprintf(c->reason, sizeof c->reason, format, args);
    va_end(args);
}
