/* Which answers are legal, and what the ways to end mean. */
#include "node/answer.h"

#include <signal.h>

static bool legal(const SlotAnswer *a, const AnswerLimits *limits)
{
    return outcome_from_see(a->outcome) && a->output_size <= limits->output_max && a->log_size <= limits->log_max &&
           a->log_truncated <= 1 && (a->outcome == OUTCOME_EXIT_CODE) == (a->exit_code != 0) && a->memory_peak <= UINT64_C(1) << 32;
}

Outcome answer_check(SlotAnswer *a, const AnswerLimits *limits)
{
    if (!legal(a, limits)) *a = (SlotAnswer){.outcome = OUTCOME_MALFORMED};
    if (a->outcome != OUTCOME_OK) a->output_size = 0;
    return (Outcome)a->outcome;
}

Outcome outcome_of_end(uint32_t how, uint32_t signal_number)
{
    switch (how) {
    case HOW_LIFETIME: return OUTCOME_LIFETIME;
    case HOW_SIGNAL: return signal_number == SIGSYS ? OUTCOME_FORBIDDEN_CALL : OUTCOME_CRASHED;
    case HOW_FORK_FAILED: return OUTCOME_LOST;
    default: return OUTCOME_MALFORMED; /* it ended in peace without an answer */
    }
}
