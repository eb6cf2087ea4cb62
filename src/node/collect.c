/*
 * From slots into results. Everything a SEE wrote is copied once and checked before it is used. A micro-job that did not get its turn
 * because another one before it in the slot ended the SEE waits again, and nobody hears of it.
 */
#include "node/answer.h"
#include "node/task.h"

static Err send_result(Task *t, uint32_t job, ResultItem *item)
{
    const JobItem *asked = &jobs_get(&t->jobs, job)->item;
    item->job = asked->job;
    item->attempt = asked->attempt;
    TRY(results_add(&t->results, item));
    task_release_object(t, job);
    jobs_release(&t->jobs, job);
    return OK;
}

Err task_answer_unrun(Task *t, uint32_t job, Outcome outcome, View log)
{
    return send_result(t, job, &(ResultItem){.outcome = outcome, .log = log});
}

static Err answer(Post *p, const Slot *s, uint32_t place, const SlotAnswer *a)
{
    Task *t = p->task;
    if (t->shelf) stage_shelf_look(t->node->stage, t->shelf, a);
    if (a->outcome != OUTCOME_LOST) {
        p->failures = 0;
        t->deaths = 0;
        t->node->job_finished = true;
    }
    return send_result(t, s->places[place].job, &(ResultItem){
        .outcome = a->outcome, .exit_code = a->exit_code, .log_truncated = a->log_truncated, .memory_peak = a->memory_peak,
        .output = slot_output(s, place, a->output_size), .log = slot_log(s, place, a->log_size)});
}

/* Ended by the world, not by itself: of what it wrote, only its log is worth keeping. */
static SlotAnswer ended(const SlotAnswer *a, const AnswerLimits *limits, Outcome outcome)
{
    bool has_log = a->log_size <= limits->log_max && a->log_truncated <= 1;
    return (SlotAnswer){.outcome = outcome, .log_size = has_log ? a->log_size : 0, .log_truncated = has_log ? a->log_truncated : 0};
}

/*
 * Reads a slot that will not be run any further. Answers count when `believed`; the first micro-job without one gets `outcome`, those
 * behind it never started. *ret_malformed: the SEE broke its side of the format.
 */
static Err read_slot(Post *p, const Slot *s, bool believed, Outcome outcome, bool *ret_malformed)
{
    Task *t = p->task;
    const AnswerLimits limits = {.output_max = t->plan.output_max, .log_max = t->plan.log_max};
    uint32_t i = 0;
    for (bool going = true; going && i < s->job_count; i++) {
        SlotAnswer a;
        slot_copy_answer(s, i, &a);
        going = believed && a.outcome != OUTCOME_NONE;
        if (going) answer_check(&a, &limits);
        else a = ended(&a, &limits, outcome);
        *ret_malformed |= a.outcome == OUTCOME_MALFORMED;
        TRY(answer(p, s, i, &a));
    }
    for (uint32_t k = s->job_count; k > i; k--) jobs_put_back(&t->jobs, s->places[k - 1].job);
    return OK;
}

Err post_salvage(Post *p, uint32_t slot, Outcome outcome)
{
    bool malformed = false;
    return read_slot(p, &p->zygote.slots[slot], !p->task->plan.is_process, outcome, &malformed);
}

static void count_sees(Task *t, uint32_t how)
{
    if (t->plan.is_process) t->results.sees_started += how != HOW_FORK_FAILED;
    else t->results.sees_started += how != HOW_ANSWERED; /* a new worker took over */
}

/* How long a micro-job takes decides how much work is put ahead of a zygote; a moving average over the last few rounds is enough. */
static void learn_pace(Task *t, ZygoteLink *z, uint32_t jobs, uint64_t now_ns)
{
    uint64_t elapsed = now_ns > z->since_ns ? now_ns - z->since_ns : 0;
    if (jobs) t->job_ns = (3 * t->job_ns + elapsed / jobs) / 4;
    z->since_ns = now_ns;
    z->answered = 0;
}

Err post_collect(Post *p, const ChannelReport *done, uint64_t now_ns)
{
    Task *t = p->task;
    ZygoteLink *z = &p->zygote;
    bool malformed = false, clean = true;
    uint32_t jobs = 0;
    for (uint32_t i = 0; i < done->count; i++) {
        const ChannelSlotDone *d = &done->slots[i];
        Slot *s = &z->slots[d->slot];
        jobs += s->job_count;
        count_sees(t, d->how);
        bool believed = d->how == HOW_ANSWERED || !t->plan.is_process;
        TRY(read_slot(p, s, believed, outcome_of_end(d->how, d->signal_number), &malformed));
        Err e = slot_recycle(s, &t->plan);
        clean &= e.code == 0;
        slot_begin(s);
        zygote_link_slot_idle(z, d->slot);
    }
    learn_pace(t, z, jobs, now_ns);
    /* At `shared` the SEE lives on: one that breaks the format has broken out of wasm. A slot that cannot be wiped is not used again. */
    if (!clean || (malformed && !t->plan.is_process)) return post_lose(p, OUTCOME_LOST);
    return post_end_cancelled(p);
}
