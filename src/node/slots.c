/* Slots: layout, asks, and the wiping between two SEEs. */
#include "node/slots.h"

#include <assert.h>
#include <sys/mman.h>

#include "sys/memfd.h"

enum { PAGE = 4096 };

static uint64_t page_up(uint64_t size) { return (size + PAGE - 1) & ~(uint64_t)(PAGE - 1); }

SlotPlan slot_plan(SecurityLevel level, uint64_t output_max, uint32_t slot_count)
{
    assert(output_max <= SEE_OUTPUT_MAX && slot_count > 0);

    SlotPlan p = {.is_process = level != LEVEL_SHARED, .log_max = SEE_LOG_MAX, .output_max = output_max};
    p.input_max = SEGMENT_BYTES_MAX + HEADER_BYTES_MAX;
    uint64_t keep = SLOTS_KEEP_BYTES / slot_count & ~(uint64_t)(PAGE - 1);
    p.keep_bytes = keep < SLOT_KEEP_BYTES_MIN ? SLOT_KEEP_BYTES_MIN : keep > SLOT_KEEP_BYTES_MAX ? SLOT_KEEP_BYTES_MAX : keep;
    p.output_stride = page_up(output_max) + page_up(p.log_max);
    /* the address space of all slots together stays far below 2^47 */
    uint64_t fit = SEE_OUTPUT_MAX / p.output_stride;
    p.jobs_max = p.is_process || fit < 1 ? 1 : fit < SLOT_JOBS_MAX ? (uint32_t)fit : SLOT_JOBS_MAX;
    p.size = SLOT_DATA + page_up(p.input_max) + p.jobs_max * p.output_stride;
    return p;
}

uint64_t slot_bytes_max(const SlotPlan *plan)
{
    return SLOT_DATA + plan->keep_bytes + plan->jobs_max * plan->output_stride;
}

Err slot_open(const SlotPlan *plan, Slot *ret_slot)
{
    Slot s = {.fd = -1};
    TRY(memfd_fixed("covey-slot", plan->size, &s.fd));
    void *map = NULL;
    Err e = fd_map(s.fd, plan->size, PROT_READ | PROT_WRITE, &map);
    if (e.code) {
        fd_close(&s.fd);
        return e;
    }
    s.map = map;
    *ret_slot = s;
    slot_begin(ret_slot);
    return OK;
}

void slot_close(Slot *s, const SlotPlan *plan)
{
    if (s->map) fd_unmap(s->map, plan->size);
    s->map = NULL;
    fd_close(&s->fd);
}

void slot_begin(Slot *s)
{
    s->job_count = 0;
    s->input_end = SLOT_DATA;
}

bool slot_has_room(const Slot *s, const SlotPlan *plan, uint64_t input_size)
{
    if (s->job_count == 0) return input_size <= plan->input_max;
    return s->job_count < plan->jobs_max && input_size <= SLOT_INPUT_TARGET &&
           s->input_end + input_size <= SLOT_DATA + SLOT_INPUT_TARGET;
}

static SlotJob *job_record(const Slot *s, uint32_t place) { return (SlotJob *)(void *)(s->map + SLOT_JOB_OFFSET(place)); }

uint8_t *slot_add(Slot *s, const SlotPlan *plan, uint32_t job, uint64_t stage_and_job, uint32_t attempt, uint64_t input_size)
{
    assert(slot_has_room(s, plan, input_size));

    uint32_t i = s->job_count++;
    uint64_t input = s->input_end;
    s->input_end = page_up(input + input_size);
    uint64_t outputs = plan->is_process ? s->input_end : SLOT_DATA + page_up(plan->input_max);
    SlotPlace *place = &s->places[i];
    place->job = job;
    place->input_offset = input;
    place->output_offset = outputs + i * plan->output_stride;
    place->log_offset = place->output_offset + page_up(plan->output_max);
    *job_record(s, i) = (SlotJob){.ask = {
        .stage_and_job = stage_and_job, .attempt = attempt,
        .input_offset = place->input_offset, .input_size = input_size,
        .output_offset = place->output_offset, .output_max = plan->output_max,
        .log_offset = place->log_offset, .log_max = plan->log_max}};
    return s->map + input;
}

void slot_set_keys(Slot *s, const SlotKey *keys, uint32_t count)
{
    assert(s->job_count > 0 && count >= 1 && count <= SLOT_KEYS_MAX && (count == 1 || s->job_count == 1));

    job_record(s, s->job_count - 1)->key = keys[0];
    for (uint32_t i = 1; i < count; i++) memcpy(s->map + SLOT_KEY_OFFSET(i), &keys[i], sizeof keys[i]);
}

void slot_set_staged(Slot *s, uint32_t place, uint64_t size)
{
    assert(s->job_count > 0);

    SlotAsk *ask = &job_record(s, s->job_count - 1)->ask;
    ask->staged = place + 1;
    ask->input_offset = 0;
    ask->input_size = size;
}

void slot_drop_last(Slot *s)
{
    assert(s->job_count > 0);

    s->job_count--;
    s->input_end = s->places[s->job_count].input_offset;
}

void slot_finish(Slot *s)
{
    *(SlotHeader *)(void *)s->map = (SlotHeader){.magic = SLOT_MAGIC, .job_count = s->job_count};
}

/* Between these the compiler must not look at the slot again: what was copied is what is used. */
static void copied(void) { __asm__ volatile("" ::: "memory"); }

void slot_copy_answer(const Slot *s, uint32_t place, SlotAnswer *ret_answer)
{
    assert(place < s->job_count);

    memcpy(ret_answer, &job_record(s, place)->answer, sizeof *ret_answer);
    copied();
}

uint32_t slot_count_answered(const Slot *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->job_count; i++) count += *(const volatile uint32_t *)&job_record(s, i)->answer.outcome != 0;
    return count;
}

View slot_output(const Slot *s, uint32_t place, uint64_t size) { return view_of(s->map + s->places[place].output_offset, size); }
View slot_log(const Slot *s, uint32_t place, uint32_t size) { return view_of(s->map + s->places[place].log_offset, size); }

/* Zeroing a page that is there costs a tenth of getting a fresh one, so what a slot usually holds is zeroed in place. Of a SEE that wrote
 * much, or here and there, the rest is taken away in one call: it can make neither the wiping long nor the memory large. */
static Err wipe(Slot *s, const SlotPlan *plan)
{
    uint64_t at = 0, left = plan->keep_bytes;
    for (int i = 0; i < SLOT_EXTENTS_KEPT && left > 0; i++) {
        uint64_t begin, size;
        TRY(memfd_next_extent(s->fd, at, &begin, &size));
        if (size == 0) return OK;
        if (size > left) size = left;
        memset(s->map + begin, 0, size);
        left -= size;
        at = begin + size;
    }
    return memfd_punch(s->fd, at, plan->size - at);
}

static Err trim(Slot *s, const SlotPlan *plan)
{
    uint64_t held;
    TRY(memfd_resident(s->fd, &held));
    return held > plan->keep_bytes ? memfd_punch(s->fd, SLOT_DATA, plan->size - SLOT_DATA) : OK;
}

Err slot_recycle(Slot *s, const SlotPlan *plan) { return plan->is_process ? wipe(s, plan) : trim(s, plan); }
