/* One micro-job: from the ask in its slot to the answer. */
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "see/sealed.h"

_Alignas(512) Job job; /* on one page */

/* Must not become a part of who waits for it: the compiler's jumps do not end in the function that they began in. */
_Noreturn __attribute__((noinline)) void job_end(Outcome outcome)
{
    job.inside_module = 0;
    job.ended = outcome;
    __builtin_longjmp(job.end, 1);
}

bool job_read(int slot_fd, uint32_t count, SlotJob *ret_records)
{
    size_t size = count * sizeof *ret_records;
    return pread(slot_fd, ret_records, size, (off_t)SLOT_JOB_OFFSET(0)) == (ssize_t)size;
}

/* A module that fails after it was refused memory failed for that reason: malloc returned NULL, and it did what it does then. */
static Outcome explain(Outcome outcome)
{
    bool failed = outcome != OUTCOME_OK && outcome != OUTCOME_OUTPUT_LIMIT;
    return failed && job.memory_limit_hit ? OUTCOME_MEMORY_LIMIT : outcome;
}

static void write_answer(uint32_t index, Outcome outcome)
{
    job.answer.outcome = explain(outcome);
    job.answer.memory_peak = is_hiding() ? 0 : memory_size();
    if (is_hiding()) job.answer.exit_code = job.answer.log_truncated = 0;
    uint64_t place = SLOT_JOB_OFFSET(index) + offsetof(SlotJob, answer);
    if (pwrite(job.slot_fd, &job.answer, sizeof job.answer, (off_t)place) != (ssize_t)sizeof job.answer) see_exit(3);
}

/* The last chunk of a sealed result, which can still find the slot full. */
static int finish_output(void)
{
    int outcome = __builtin_setjmp(job.end) ? (int)job.ended : 0;
    if (outcome) return outcome;
    output_end();
    return OUTCOME_OK;
}

static void begin(int slot_fd, const SlotAsk *ask)
{
    job.slot_fd = job.input_fd = slot_fd;
    job.ask = *ask;
    job.answer = (SlotAnswer){0};
    job.input_cursor = job.clock_reads_ns = job.random_block = 0;
    memset(job.stream_of_fd, STREAM_NONE, sizeof job.stream_of_fd);
    job.stream_of_fd[0] = STREAM_INPUT;
    job.stream_of_fd[1] = STREAM_OUTPUT;
    job.stream_of_fd[2] = STREAM_LOG;
    job.memory_limit_hit = false;
}

void job_default(int slot_fd, const SlotAsk *ask)
{
    begin(slot_fd, ask);
    int outcome = __builtin_setjmp(job.end) ? (int)job.ended : 0;
    if (outcome == 0) {
        output_begin();
        outcome = finish_output();
    }
    write_answer(0, (Outcome)outcome);
}

/* What a module does to its segment ends here: a private value is the same size and ends well, or is not said. Damage that was there before
 * the module ran is no secret. */
static int hide(int outcome)
{
    if (outcome != OUTCOME_OK) output_forget();
    return OUTCOME_OK;
}

void job_run(int slot_fd, uint32_t index, const SlotAsk *ask, bool genuine)
{
    begin(slot_fd, ask);
    static volatile bool started; /* a compiler that does not see the jump back would leave the store out */
    started = false;
    int outcome = __builtin_setjmp(job.end) ? (int)job.ended : 0;
    if (outcome == 0) {
        if (!genuine) job_end(OUTCOME_SEAL_BROKEN);
        if (ask->staged && !staging_take_input(ask->staged - 1, ask->input_size, &job.input_fd)) job_end(OUTCOME_INPUT_ERROR);
        input_begin();
        if (is_hiding()) input_check();
        output_begin();
        started = true;
        job.inside_module = 1;
        see_module.start();
        job_end(OUTCOME_OK);
    }
    if (is_hiding() && started) outcome = hide(outcome);
    if (outcome == OUTCOME_OK) outcome = finish_output();
    write_answer(index, (Outcome)outcome);
}
