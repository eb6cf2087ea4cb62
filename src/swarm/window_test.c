/* Does the window keep each micro-job in its place while it grows and moves, and stop at its limit? */
#include "swarm/window.h"

#include "base/test.h"
#include "bus/message.h"

START_TEST(jobs_keep_their_places_while_the_window_moves_and_grows)
{
    Window w = {0};
    WindowJob *job;
    for (uint64_t i = 0; i < 50000; i++) {
        ck_assert_ok(window_push(&w, &job));
        job->offset = i * 3;
        if (i % 5 != 4) continue;
        window_at(&w, w.base)->state = JOB_DONE;
        window_pop(&w);
    }
    ck_assert_uint_eq(w.base, 10000);
    ck_assert_uint_eq(w.next, 50000);
    for (uint64_t i = w.base; i < w.next; i++) ck_assert_uint_eq(window_at(&w, i)->offset, i * 3);
    ck_assert_ptr_null(window_at(&w, w.base - 1));
    ck_assert_ptr_null(window_at(&w, w.next));
    ck_assert_ptr_null(window_at(&w, UINT64_MAX));
    window_free(&w);
}
END_TEST

START_TEST(the_window_stops_at_its_limit_and_goes_on_when_the_oldest_leaves)
{
    Window w = {0};
    WindowJob *job;
    for (uint64_t i = 0; i < WINDOW_AHEAD_MAX; i++) ck_assert_ok(window_push(&w, &job));
    ck_assert_err(window_push(&w, &job), ERR_LIMIT);
    window_at(&w, 0)->state = JOB_FAILED;
    window_pop(&w);
    ck_assert_ok(window_push(&w, &job));
    window_free(&w);
}
END_TEST

START_TEST(wanted_copies_come_oldest_first_also_across_growth)
{
    Window w = {0};
    WindowJob *job;
    uint64_t index;
    uint8_t why;
    ck_assert(!window_take_wanted(&w, &index, &why));
    for (uint64_t i = 0; i < 4000; i++) ck_assert_ok(window_push(&w, &job));
    for (uint64_t i = 0; i < 4000; i += 2) ck_assert_ok(window_want(&w, i, (uint8_t)(i % 5)));
    for (uint64_t i = 0; i < 1000; i += 2) {
        ck_assert(window_take_wanted(&w, &index, &why));
        ck_assert_uint_eq(index, i);
        ck_assert_uint_eq(why, i % 5);
        ck_assert_uint_eq(window_at(&w, index)->wanted, 0);
    }
    for (uint64_t i = 0; i < 4000; i++) ck_assert_ok(window_push(&w, &job));
    for (uint64_t i = 0; i < 8000; i++) ck_assert_ok(window_want(&w, i, 9)); /* more than there are micro-jobs */
    for (uint64_t i = 1000; i < 4000; i += 2) {
        ck_assert(window_take_wanted(&w, &index, &why));
        ck_assert_uint_eq(index, i);
        ck_assert_uint_eq(window_at(&w, index)->wanted, 1);
    }
    for (uint64_t i = 0; i < 8000; i++) {
        ck_assert(window_take_wanted(&w, &index, &why));
        ck_assert(index == i && why == 9);
    }
    ck_assert(!window_take_wanted(&w, &index, &why));
    window_free(&w);
}
END_TEST

START_TEST(nothing_is_wanted_of_what_has_ended)
{
    Window w = {0};
    WindowJob *job;
    uint64_t index;
    uint8_t why;
    for (uint64_t i = 0; i < 4; i++) ck_assert_ok(window_push(&w, &job));
    for (uint64_t i = 0; i < 4; i++) ck_assert_ok(window_want(&w, i, 0));
    window_at(&w, 0)->state = JOB_DONE;
    window_pop(&w);
    window_at(&w, 2)->state = JOB_FAILED;
    ck_assert(window_take_wanted(&w, &index, &why) && index == 1);
    ck_assert(window_take_wanted(&w, &index, &why) && index == 3);
    ck_assert(!window_take_wanted(&w, &index, &why));
    window_free(&w);
}
END_TEST

START_TEST(a_shared_path_lives_as_long_as_its_last_segment)
{
    Window w = {0};
    WindowJob *job;
    SegmentPath *path;
    ck_assert_ok(segment_path_new("a/file", &path));
    for (int i = 0; i < 3; i++) {
        ck_assert_ok(window_push(&w, &job));
        job->kind = SEGMENT_RANGE;
        job->held.path = path;
        path->references++;
    }
    SegmentPath *borrowed = path;
    segment_path_drop(&path);
    ck_assert_ptr_null(path);
    window_release(&w, window_at(&w, 0));
    window_release(&w, window_at(&w, 0)); /* again: nothing is held any more */
    ck_assert_uint_eq(borrowed->references, 2);
    ck_assert_str_eq(borrowed->text, "a/file");
    window_free(&w); /* the sanitizer's leak check says whether the rest went */
}
END_TEST

START_TEST(inline_bytes_are_counted_while_they_are_held)
{
    Window w = {0};
    WindowJob *job;
    ck_assert_ok(window_push(&w, &job));
    job->kind = SEGMENT_INLINE;
    job->held.bytes = malloc(100);
    job->size = w.inline_bytes = 100;
    window_release(&w, job);
    ck_assert_uint_eq(w.inline_bytes, 0);
    ck_assert_ptr_null(job->held.bytes);
    window_free(&w);
}
END_TEST

TEST_MAIN("swarm/window", jobs_keep_their_places_while_the_window_moves_and_grows,
          the_window_stops_at_its_limit_and_goes_on_when_the_oldest_leaves, wanted_copies_come_oldest_first_also_across_growth,
          nothing_is_wanted_of_what_has_ended,
          a_shared_path_lives_as_long_as_its_last_segment, inline_bytes_are_counted_while_they_are_held)
