/* One micro-job: from the ask in its slot to the answer. */
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "see/runtime.h"

Job job;

_Noreturn void job_end(Outcome outcome)
{
    job.inside_module = 0;
    siglongjmp(job.end, (int)outcome);
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
    job.answer.memory_peak = memory_size();
    uint64_t place = SLOT_JOB_OFFSET(index) + offsetof(SlotJob, answer);
    if (pwrite(job.slot_fd, &job.answer, sizeof job.answer, (off_t)place) != (ssize_t)sizeof job.answer) see_exit(3);
}

void job_run(int slot_fd, uint32_t index, const SlotAsk *ask)
{
    job.slot_fd = slot_fd;
    job.ask = *ask;
    job.answer = (SlotAnswer){0};
    job.input_cursor = job.clock_reads_ns = job.random_block = 0;
    job.stream_of_fd[0] = STREAM_INPUT;
    job.stream_of_fd[1] = STREAM_OUTPUT;
    job.stream_of_fd[2] = STREAM_LOG;
    job.memory_limit_hit = false;

    int outcome = sigsetjmp(job.end, 0);
    if (outcome == 0) {
        job.inside_module = 1;
        see_module.start();
        job.inside_module = 0;
        outcome = OUTCOME_OK;
    }
    write_answer(index, (Outcome)outcome);
}
