/*
 * From the queue into slots. Work goes to the zygote that has the least before it; how many micro-jobs share a slot and how many slots
 * wait before one zygote follows from how long micro-jobs take: enough to never let a zygote wait for the agent, little enough that the
 * last ones are spread evenly.
 */
#include <stdio.h>

#include "node/input.h"
#include "node/task.h"

enum { SLOT_NS = 1000000, AHEAD_NS = 5000000, INPUT_ERROR_TEXT_MAX = PATH_BYTES_MAX + 256 };

static uint64_t between(uint64_t low, uint64_t value, uint64_t high) { return value < low ? low : value > high ? high : value; }

static uint32_t jobs_per_slot(const Task *t)
{
    uint64_t by_time = SLOT_NS / (t->job_ns + 1);
    uint64_t evenly = (t->jobs.waiting + 2 * t->post_count - 1) / (2 * t->post_count);
    return (uint32_t)between(1, by_time < evenly ? by_time : evenly, t->plan.jobs_max);
}

static uint32_t slots_ahead(const Task *t)
{
    uint64_t slot_ns = (t->job_ns + 1) * between(1, SLOT_NS / (t->job_ns + 1), t->plan.jobs_max);
    return (uint32_t)between(1, AHEAD_NS / slot_ns, t->slots_each);
}

static Err answer_input_error(Task *t, uint32_t job, Err why)
{
    const JobItem *item = &jobs_get(&t->jobs, job)->item;
    char text[INPUT_ERROR_TEXT_MAX];
    int n = snprintf(text, sizeof text, "cannot read %.*s at byte %llu: %s\n", (int)item->path.size, (const char *)item->path.data,
                     (unsigned long long)item->offset, why.code == ERR_CORRUPT ? "the file ends before that" : err_text(why.code));
    size_t size = n < 0 ? 0 : (size_t)n < sizeof text ? (size_t)n : sizeof text - 1;
    return task_answer_unrun(t, job, OUTCOME_INPUT_ERROR, view_of(text, size));
}

static uint64_t next_size(const Task *t) { return input_size(&jobs_get(&t->jobs, jobs_first(&t->jobs))->item, t->open.header); }

/* Puts the first of the queue into the slot and its input into its place, or into the run. */
static Err place_job(Task *t, Slot *s, InputRun *run)
{
    uint32_t job = jobs_take(&t->jobs);
    const JobItem *item = &jobs_get(&t->jobs, job)->item;
    uint64_t stage_and_job = (uint64_t)t->open.stage << STAGE_SHIFT | item->job;
    uint32_t shelf_place;
    if (task_has_staged(t, item, &shelf_place)) {
        slot_add(s, &t->plan, job, stage_and_job, item->attempt, 0);
        slot_set_staged(s, shelf_place, item->size);
        return OK;
    }
    uint8_t *place = slot_add(s, &t->plan, job, stage_and_job, item->attempt, input_size(item, t->open.header));
    if (t->wraps) wraps_put(t->wraps, &t->jobs, job, s);
    TRY(input_place(&t->files, run, item, t->open.header, place));
    return item->kind == SEGMENT_OBJECT ? task_read_object(t, job, place + input_size(item, t->open.header) - item->size) : OK;
}

static bool wants_more(const Task *t, const Slot *s, uint32_t wanted)
{
    return s->job_count < wanted && t->jobs.waiting && slot_has_room(s, &t->plan, next_size(t));
}

/* The fast way: neighbouring ranges in one read. False: something could not be read; the queue is as it was, the slot is empty. */
static bool fill_at_once(Task *t, Slot *s, uint32_t wanted)
{
    InputRun run = {.count = 0};
    Err e = OK;
    while (!e.code && wants_more(t, s, wanted)) e = place_job(t, s, &run);
    if (!e.code) e = input_read(&t->files, &run);
    if (!e.code) return true;
    for (uint32_t i = s->job_count; i > 0; i--) jobs_put_back(&t->jobs, s->places[i - 1].job);
    slot_begin(s);
    return false;
}

/* One by one: a micro-job whose input cannot be read is answered with the reason, and leaves nothing for the next SEE. */
static Err fill_one_by_one(Task *t, Slot *s, uint32_t wanted, bool *ret_clean)
{
    while (wants_more(t, s, wanted)) {
        Err e = place_job(t, s, NULL);
        if (e.code == 0) continue;
        uint32_t job = s->places[s->job_count - 1].job;
        slot_drop_last(s);
        bool object = jobs_get(&t->jobs, job)->item.kind == SEGMENT_OBJECT;
        TRY(object ? task_object_failed(t, job, e) : answer_input_error(t, job, e));
        if (t->plan.is_process && slot_recycle(s, &t->plan).code) {
            *ret_clean = false;
            return OK;
        }
    }
    return OK;
}

static Err fill(Post *p, uint64_t now_ns)
{
    Task *t = p->task;
    ZygoteLink *z = &p->zygote;
    Slot *s = &z->slots[zygote_link_idle_slot(z)];
    const uint32_t wanted = jobs_per_slot(t);
    bool clean = true;
    slot_begin(s);
    if (wanted == 1 || !fill_at_once(t, s, wanted)) TRY(fill_one_by_one(t, s, wanted, &clean));
    if (!clean) return post_lose(p, OUTCOME_LOST);
    if (s->job_count == 0) return OK;
    if (z->told_count == 0) {
        z->since_ns = now_ns;
        z->answered = 0;
    }
    zygote_link_tell(z);
    return OK;
}

static Err flush(Task *t)
{
    for (uint32_t i = 0; i < t->post_count; i++) {
        Err e = zygote_link_flush(&t->posts[i].zygote);
        if (e.code == 0 || e.code == ERR_CLOSED) continue; /* closed: what it still said is read first, then its end is seen */
        TRY(post_lose(&t->posts[i], OUTCOME_LOST));
    }
    return OK;
}

Err task_dispatch(Task *t, uint64_t now_ns)
{
    for (uint32_t ahead = 0; ahead < slots_ahead(t) && t->jobs.waiting; ahead++) {
        for (uint32_t i = 0; i < t->post_count && t->jobs.waiting; i++) {
            Post *p = &t->posts[i];
            if (outbox_blocked(&t->node->outbox)) return flush(t);
            TRY(task_drop_cancelled(t));
            if (p->zygote.state == ZYGOTE_READY && p->zygote.told_count <= ahead && p->zygote.idle_count > 0) TRY(fill(p, now_ns));
        }
    }
    return flush(t);
}
