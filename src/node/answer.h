/**
 * Judging what a SEE answered. Pure: takes copies, gives a verdict. The SEE is hostile; the zygote's word counts for how it ended.
 */
#pragma once
#include "see/channel.h"
#include "see/outcome.h"
#include "see/slot.h"

typedef struct { uint64_t output_max; uint32_t log_max; } AnswerLimits;

/**
 * The verdict on one micro-job whose SEE says that it has finished. An answer that is not legal becomes MALFORMED with nothing else in it,
 * so that every size in *a may be used afterwards. Output counts only with OK.
 */
Outcome answer_check(SlotAnswer *a, const AnswerLimits *limits);

/** What befell the micro-job that was running when its SEE ended this way. `how` comes from a zygote: any value. */
Outcome outcome_of_end(uint32_t how, uint32_t signal_number);
