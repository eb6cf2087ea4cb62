/* Are areas where the format wants them, and is nothing left in a slot for the next SEE? */
#include <unistd.h>

#include "base/test.h"
#include "node/slots.h"
#include "sys/memfd.h"

static const SecurityLevel LEVELS[] = {LEVEL_SHARED, LEVEL_PROCESS};

static SlotJob read_job(const Slot *s, uint32_t i)
{
    SlotJob job;
    ck_assert_int_eq(pread(s->fd, &job, sizeof job, (off_t)SLOT_JOB_OFFSET(i)), sizeof job);
    return job;
}

/* Every byte that the memfd holds is zero. */
static bool is_blank(const Slot *s)
{
    static uint8_t bytes[65536], zeros[65536];
    for (off_t at = lseek(s->fd, 0, SEEK_DATA); at >= 0; at = lseek(s->fd, at + (off_t)sizeof bytes, SEEK_DATA)) {
        ssize_t n = pread(s->fd, bytes, sizeof bytes, at);
        if (n < 0 || memcmp(bytes, zeros, (size_t)n) != 0) return false;
    }
    return true;
}

static uint64_t resident(const Slot *s)
{
    uint64_t bytes = 0;
    ck_assert_ok(memfd_resident(s->fd, &bytes));
    return bytes;
}

static void scribble(const Slot *s, uint64_t offset, size_t size)
{
    static uint8_t trash[1 << 20];
    memset(trash, 0xaa, sizeof trash);
    ck_assert_int_eq(pwrite(s->fd, trash, size, (off_t)offset), (ssize_t)size);
}

START_TEST(areas_are_page_aligned_disjoint_and_inside_the_slot)
{
    static const uint64_t OUTPUTS[] = {0, 1, 4096, SEE_OUTPUT_DEFAULT, SEE_OUTPUT_MAX};
    for (int n = 0; n < 10; n++) {
        SlotPlan plan = slot_plan(LEVELS[n % 2], OUTPUTS[n / 2], 8);
        Slot s;
        ck_assert_ok(slot_open(&plan, &s));
        uint32_t count = 0;
        while (count < SLOT_JOBS_MAX && slot_has_room(&s, &plan, count * 100)) {
            slot_add(&s, &plan, count, 1000 + count, 3, count * 100);
            count++;
        }
        slot_finish(&s);
        ck_assert_uint_eq(count, plan.jobs_max);
        uint64_t input_end = SLOT_DATA, area_end = 0;
        for (uint32_t i = 0; i < count; i++) {
            SlotAsk a = read_job(&s, i).ask;
            ck_assert_uint_eq(a.stage_and_job, 1000 + i);
            ck_assert_uint_eq(a.attempt, 3);
            ck_assert_uint_eq(a.input_size, i * 100);
            ck_assert_uint_eq((a.input_offset | a.output_offset | a.log_offset) % 4096, 0);
            ck_assert_uint_ge(a.input_offset, input_end);
            input_end = a.input_offset + a.input_size;
            ck_assert_uint_ge(a.output_offset, area_end);
            ck_assert_uint_ge(a.log_offset, a.output_offset + a.output_max);
            area_end = a.log_offset + a.log_max;
            ck_assert_uint_le(area_end, plan.size);
        }
        ck_assert_uint_le(input_end, read_job(&s, 0).ask.output_offset);
        slot_close(&s, &plan);
    }
}
END_TEST

START_TEST(the_largest_segment_fits_alone_and_nothing_joins_it)
{
    for (int n = 0; n < 2; n++) {
        SlotPlan plan = slot_plan(LEVELS[n], SEE_OUTPUT_MAX, 8);
        Slot s;
        ck_assert_ok(slot_open(&plan, &s));
        ck_assert(slot_has_room(&s, &plan, SEGMENT_BYTES_MAX + HEADER_BYTES_MAX));
        ck_assert(!slot_has_room(&s, &plan, SEGMENT_BYTES_MAX + HEADER_BYTES_MAX + 1));
        slot_add(&s, &plan, 0, 0, 1, SEGMENT_BYTES_MAX + HEADER_BYTES_MAX);
        SlotAsk a = read_job(&s, 0).ask;
        ck_assert_uint_le(a.log_offset + a.log_max, plan.size);
        ck_assert(!slot_has_room(&s, &plan, 0));
        slot_close(&s, &plan);
    }
}
END_TEST

START_TEST(a_new_ask_starts_with_a_blank_answer_whatever_stood_there)
{
    SlotPlan plan = slot_plan(LEVEL_SHARED, 4096, 8);
    Slot s;
    ck_assert_ok(slot_open(&plan, &s));
    scribble(&s, 0, SLOT_DATA);
    slot_add(&s, &plan, 0, 0, 1, 10);
    slot_finish(&s);
    static const SlotAnswer blank;
    SlotJob job = read_job(&s, 0);
    ck_assert_mem_eq(&job.answer, &blank, sizeof blank);
    ck_assert_uint_eq(job.ask.reserved, 0);
    ck_assert_uint_eq(slot_count_answered(&s), 0);
    slot_close(&s, &plan);
}
END_TEST

START_TEST(a_see_that_changes_its_ask_does_not_move_the_agents_hand)
{
    SlotPlan plan = slot_plan(LEVEL_SHARED, 4096, 8);
    Slot s;
    ck_assert_ok(slot_open(&plan, &s));
    slot_add(&s, &plan, 0, 0, 1, 10);
    View output = slot_output(&s, 0, 100), log = slot_log(&s, 0, 100);
    uint8_t *first = slot_add(&s, &plan, 1, 0, 1, 5000);
    scribble(&s, 0, SLOT_DATA);
    ck_assert_ptr_eq(slot_output(&s, 0, 100).data, output.data);
    ck_assert_ptr_eq(slot_log(&s, 0, 100).data, log.data);
    slot_drop_last(&s);
    ck_assert_ptr_eq(slot_add(&s, &plan, 1, 0, 1, 5000), first);
    slot_close(&s, &plan);
}
END_TEST

START_TEST(at_process_nothing_stays_wherever_it_was_written)
{
    SlotPlan plan = slot_plan(LEVEL_PROCESS, SEE_OUTPUT_DEFAULT, 512);
    const struct { uint64_t offset; size_t size; } TRACES[] = {
        {0, SLOT_DATA}, {SLOT_DATA, 1}, {SLOT_DATA + 8192, 4096}, {SLOT_DATA, 300000}, {SLOT_DATA, 1 << 20}, {SEGMENT_BYTES_MAX / 2 + 17, 40000},
        {plan.size - 1, 1}, {plan.size - 9000, 9000}};
    Slot s;
    ck_assert_ok(slot_open(&plan, &s));
    for (size_t i = 0; i < sizeof TRACES / sizeof TRACES[0]; i++) {
        slot_begin(&s);
        memset(slot_add(&s, &plan, 0, 0, 1, 4096), 0x55, 4096);
        slot_finish(&s);
        scribble(&s, TRACES[i].offset, TRACES[i].size);
        ck_assert_ok(slot_recycle(&s, &plan));
        ck_assert(is_blank(&s));
        ck_assert_uint_le(resident(&s), plan.keep_bytes);
    }
    slot_close(&s, &plan);
}
END_TEST

START_TEST(a_see_that_scatters_pages_over_the_slot_makes_neither_memory_nor_traces)
{
    SlotPlan plan = slot_plan(LEVEL_PROCESS, SEE_OUTPUT_DEFAULT, 512);
    Slot s;
    ck_assert_ok(slot_open(&plan, &s));
    for (uint64_t page = 0; page < 2000; page += 2) scribble(&s, SLOT_DATA + page * 4096, 1);
    ck_assert_ok(slot_recycle(&s, &plan));
    ck_assert(is_blank(&s));
    ck_assert_uint_le(resident(&s), plan.keep_bytes);
    slot_close(&s, &plan);
}
END_TEST

START_TEST(at_shared_a_slot_keeps_its_pages_up_to_a_bound)
{
    SlotPlan plan = slot_plan(LEVEL_SHARED, SEE_OUTPUT_DEFAULT, 512);
    Slot s;
    ck_assert_ok(slot_open(&plan, &s));
    scribble(&s, SLOT_DATA, 100000);
    uint64_t before = resident(&s);
    ck_assert_ok(slot_recycle(&s, &plan));
    ck_assert_uint_eq(resident(&s), before);
    scribble(&s, SLOT_DATA, 1 << 20);
    scribble(&s, plan.size - (1 << 20), 1 << 20);
    ck_assert_ok(slot_recycle(&s, &plan));
    ck_assert_uint_le(resident(&s), SLOT_DATA);
    slot_close(&s, &plan);
}
END_TEST

TEST_MAIN("node/slots", areas_are_page_aligned_disjoint_and_inside_the_slot, the_largest_segment_fits_alone_and_nothing_joins_it,
          a_new_ask_starts_with_a_blank_answer_whatever_stood_there, a_see_that_changes_its_ask_does_not_move_the_agents_hand,
          at_process_nothing_stays_wherever_it_was_written, a_see_that_scatters_pages_over_the_slot_makes_neither_memory_nor_traces,
          at_shared_a_slot_keeps_its_pages_up_to_a_bound)
