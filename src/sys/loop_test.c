/* Is each handler called when it should be, only then, and never after its source was removed? */
#include "sys/loop.h"

#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/test.h"

typedef struct {
    int calls;
    uint32_t events;
    LoopSource *source, *victim;
    Err answer;
    int *order, place;
} Witness;

static Err note(void *context, uint32_t events)
{
    Witness *w = context;
    w->calls++;
    w->events = events;
    if (w->order) w->place = (*w->order)++;
    return w->answer;
}

static Err remove_self(void *context, uint32_t events)
{
    Witness *w = context;
    loop_remove(&w->source);
    return note(context, events);
}

static Err remove_other(void *context, uint32_t events)
{
    Witness *w = context;
    loop_remove(&w->victim);
    return note(context, events);
}

static Err mark_self(void *context, uint32_t events)
{
    Witness *w = context;
    loop_defer(w->source);
    return note(context, events);
}

static Loop *new_loop(void)
{
    Loop *l = NULL;
    ck_assert_ok(loop_new(&l));
    return l;
}

START_TEST(a_readable_descriptor_calls_its_handler_until_it_is_read)
{
    Loop *l = new_loop();
    int ends[2];
    ck_assert_ok(socket_pair(ends));
    Witness w = {0};
    ck_assert_ok(loop_add_fd(l, ends[1], EPOLLIN, note, &w, &w.source));
    ck_assert_ok(loop_turn(l, 0));
    ck_assert_int_eq(w.calls, 0);
    ck_assert_ok(socket_send(ends[0], VIEW("x"), NULL, 0));
    ck_assert_ok(loop_turn(l, 1000));
    ck_assert_ok(loop_turn(l, 1000));
    ck_assert_int_eq(w.calls, 2);
    ck_assert_uint_eq(w.events, EPOLLIN);
    ck_assert_ok(loop_set_events(w.source, EPOLLOUT));
    ck_assert_ok(loop_turn(l, 1000));
    ck_assert_uint_eq(w.events, EPOLLOUT);
    loop_remove(&w.source);
    ck_assert_ptr_null(w.source);
    ck_assert_ok(loop_turn(l, 0));
    ck_assert_int_eq(w.calls, 3);
    loop_free(&l);
    ck_assert_ptr_null(l);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(timers_fire_once_in_order_and_not_early)
{
    enum { COUNT = 50 };
    Loop *l = new_loop();
    int order = 0;
    Witness w[COUNT];
    uint64_t now = clock_monotonic_ns();
    for (int i = 0; i < COUNT; i++) { /* added in a shuffled order: 37 and 50 have no common divisor */
        int turn = i * 37 % COUNT;
        w[i] = (Witness){.order = &order, .place = -1};
        ck_assert_ok(loop_add_timer(l, now + (uint64_t)turn * NS_PER_MS, note, &w[i], &w[i].source));
    }
    while (order < COUNT) ck_assert_ok(loop_turn(l, -1));
    ck_assert_uint_ge(clock_monotonic_ns() - now, (COUNT - 1) * NS_PER_MS);
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(w[i].place, i * 37 % COUNT);
        ck_assert_int_eq(w[i].calls, 1);
        ck_assert_uint_eq(w[i].events, 0);
    }
    loop_free(&l);
}
END_TEST

START_TEST(a_timer_can_be_moved_switched_off_and_armed_again)
{
    Loop *l = new_loop();
    Witness w = {0};
    ck_assert_ok(loop_add_timer(l, clock_monotonic_ns(), note, &w, &w.source));
    loop_set_timer(w.source, UINT64_MAX);
    ck_assert_ok(loop_turn(l, 2));
    ck_assert_int_eq(w.calls, 0);
    loop_set_timer(w.source, clock_monotonic_ns() + 3600 * NS_PER_S);
    ck_assert_ok(loop_turn(l, 2));
    ck_assert_int_eq(w.calls, 0);
    for (int i = 1; i <= 3; i++) {
        loop_set_timer(w.source, clock_monotonic_ns());
        ck_assert_ok(loop_turn(l, -1));
        ck_assert_int_eq(w.calls, i);
    }
    ck_assert_ok(loop_turn(l, 0));
    ck_assert_int_eq(w.calls, 3);
    loop_remove(&w.source);
    loop_free(&l);
}
END_TEST

START_TEST(many_timers_keep_the_heap_in_order_while_some_are_removed)
{
    enum { COUNT = 1000 };
    static Witness w[COUNT];
    Loop *l = new_loop();
    unsigned seed = 12345;
    uint64_t past = clock_monotonic_ns() - COUNT;
    static uint64_t deadline[COUNT];
    int order = 0;
    for (int i = 0; i < COUNT; i++) {
        deadline[i] = past + (uint64_t)(rand_r(&seed) % COUNT);
        w[i] = (Witness){.order = &order};
        ck_assert_ok(loop_add_timer(l, deadline[i], note, &w[i], &w[i].source));
    }
    for (int i = 0; i < COUNT; i += 3) loop_remove(&w[i].source);
    for (int i = 1; i < COUNT; i += 3) loop_set_timer(w[i].source, deadline[i] = past + (uint64_t)(rand_r(&seed) % COUNT));
    ck_assert_ok(loop_turn(l, 0));
    uint64_t at_place[COUNT] = {0};
    for (int i = 0; i < COUNT; i++) {
        ck_assert_int_eq(w[i].calls, i % 3 ? 1 : 0);
        if (i % 3) at_place[w[i].place] = deadline[i];
    }
    for (int i = 1; i < order; i++) ck_assert_uint_ge(at_place[i], at_place[i - 1]);
    loop_free(&l);
}
END_TEST

START_TEST(deferred_work_runs_once_for_each_mark_and_keeps_the_loop_from_waiting)
{
    Loop *l = new_loop();
    int order = 0;
    Witness a = {.order = &order}, b = {.order = &order};
    ck_assert_ok(loop_add_deferred(l, note, &a, &a.source));
    ck_assert_ok(loop_add_deferred(l, note, &b, &b.source));
    ck_assert_ok(loop_turn(l, 0));
    ck_assert_int_eq(a.calls, 0);
    loop_defer(b.source);
    loop_defer(a.source);
    loop_defer(b.source);
    ck_assert_ok(loop_turn(l, -1));
    ck_assert_int_eq(a.calls, 1);
    ck_assert_int_eq(b.calls, 1);
    ck_assert_int_lt(b.place, a.place);
    ck_assert_ok(loop_turn(l, 0));
    ck_assert_int_eq(a.calls + b.calls, 2);
    loop_free(&l);
}
END_TEST

START_TEST(work_that_marks_itself_does_not_starve_descriptors)
{
    Loop *l = new_loop();
    int ends[2];
    ck_assert_ok(socket_pair(ends));
    Witness w = {0}, reader = {0};
    ck_assert_ok(loop_add_deferred(l, mark_self, &w, &w.source));
    ck_assert_ok(loop_add_fd(l, ends[1], EPOLLIN, note, &reader, &reader.source));
    ck_assert_ok(socket_send(ends[0], VIEW("x"), NULL, 0));
    loop_defer(w.source);
    for (int i = 1; i <= 3; i++) {
        ck_assert_ok(loop_turn(l, -1));
        ck_assert_int_eq(w.calls, i);
        ck_assert_int_eq(reader.calls, i);
    }
    loop_remove(&w.source); /* while it is marked */
    ck_assert_ok(loop_turn(l, 0));
    ck_assert_int_eq(w.calls, 3);
    loop_free(&l);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_handler_may_remove_its_own_source)
{
    Loop *l = new_loop();
    int ends[2];
    ck_assert_ok(socket_pair(ends));
    Witness fd = {0}, timer = {0}, work = {0};
    ck_assert_ok(loop_add_fd(l, ends[0], EPOLLOUT, remove_self, &fd, &fd.source));
    ck_assert_ok(loop_add_timer(l, 0, remove_self, &timer, &timer.source));
    ck_assert_ok(loop_add_deferred(l, remove_self, &work, &work.source));
    loop_defer(work.source);
    ck_assert_ok(loop_turn(l, -1));
    ck_assert_ok(loop_turn(l, 0));
    ck_assert_int_eq(fd.calls, 1);
    ck_assert_int_eq(timer.calls, 1);
    ck_assert_int_eq(work.calls, 1);
    loop_free(&l);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(a_source_removed_by_anothers_handler_is_not_called_in_the_same_turn)
{
    Loop *l = new_loop();
    int ends[2];
    ck_assert_ok(socket_pair(ends));
    Witness w[2] = {0}; /* both ready: whichever comes first removes the other */
    for (int i = 0; i < 2; i++) ck_assert_ok(loop_add_fd(l, ends[i], EPOLLOUT, remove_other, &w[i], &w[i].source));
    w[0].victim = w[1].source;
    w[1].victim = w[0].source;
    ck_assert_ok(loop_turn(l, -1));
    ck_assert_int_eq(w[0].calls + w[1].calls, 1);

    Witness timers[2] = {0}, work[2] = {0};
    for (int i = 0; i < 2; i++) {
        ck_assert_ok(loop_add_timer(l, (uint64_t)i, remove_other, &timers[i], &timers[i].source));
        ck_assert_ok(loop_add_deferred(l, remove_other, &work[i], &work[i].source));
        loop_defer(work[i].source);
    }
    timers[0].victim = timers[1].source;
    work[0].victim = work[1].source;
    ck_assert_ok(loop_turn(l, -1));
    ck_assert_int_eq(timers[0].calls, 1);
    ck_assert_int_eq(timers[1].calls, 0);
    ck_assert_int_eq(work[0].calls, 1);
    ck_assert_int_eq(work[1].calls, 0);
    loop_free(&l);
    close(ends[0]);
    close(ends[1]);
}
END_TEST

START_TEST(an_error_of_a_handler_ends_the_turn_and_loses_nothing)
{
    Loop *l = new_loop();
    Witness bad = {.answer = FAIL(ERR_CORRUPT)}, good = {0}, timer = {0};
    ck_assert_ok(loop_add_deferred(l, note, &bad, &bad.source));
    ck_assert_ok(loop_add_deferred(l, note, &good, &good.source));
    ck_assert_ok(loop_add_timer(l, 0, note, &timer, &timer.source));
    loop_defer(bad.source);
    loop_defer(good.source);
    ck_assert_err(loop_turn(l, -1), ERR_CORRUPT);
    ck_assert_int_eq(good.calls + timer.calls, 0);
    ck_assert_ok(loop_turn(l, -1));
    ck_assert_int_eq(good.calls, 1);
    ck_assert_int_eq(timer.calls, 1);
    ck_assert_int_eq(bad.calls, 1);
    loop_free(&l);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_watched_is_an_error_and_leaves_nothing)
{
    Loop *l = new_loop();
    LoopSource *untouched = (LoopSource *)l;
    Witness w = {0};
    ck_assert_err(loop_add_fd(l, 999, EPOLLIN, note, &w, &untouched), EBADF);
    ck_assert_ptr_eq(untouched, l);
    loop_free(&l);
}
END_TEST

TEST_MAIN("sys/loop", a_readable_descriptor_calls_its_handler_until_it_is_read, timers_fire_once_in_order_and_not_early,
          a_timer_can_be_moved_switched_off_and_armed_again, many_timers_keep_the_heap_in_order_while_some_are_removed,
          deferred_work_runs_once_for_each_mark_and_keeps_the_loop_from_waiting, work_that_marks_itself_does_not_starve_descriptors,
          a_handler_may_remove_its_own_source, a_source_removed_by_anothers_handler_is_not_called_in_the_same_turn,
          an_error_of_a_handler_ends_the_turn_and_loses_nothing, a_descriptor_that_cannot_be_watched_is_an_error_and_leaves_nothing)
