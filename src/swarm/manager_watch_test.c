/* When is a node given up that says nothing any more, by a clock of the test's own: within its lease, and not because the manager slept? And how much
 * may wait at one? */
#include <fcntl.h>

#include "swarm/manager_parts.h"
#include "swarm/manager_world.h"
#include "sys/fd.h"

enum { LINES = 40, TURNS_MAX = 1000 };
#define LEASE_NS (600 * NS_PER_S) /* so long that the real clock decides nothing here */

static World w;
static char image[PATH_MAX + 16];

/* One node, which has taken micro-jobs and answers nothing. */
static Member *begin(void)
{
    world_open(&w);
    world_input_lines(&w, LINES);
    world_task(&w, "input: {path: input, split: {by: lines, records: 4}}\ncombine: concat\n");
    snprintf(image, sizeof image, "%s/x.see", w.folder.path);
    ck_assert_ok(file_replace(AT_FDCWD, image, VIEW("an image"), 0600));
    w.request.image_path = image;
    w.request.remote = true;
    w.request.lease_ns = LEASE_NS;
    w.request.wait_ns = w.request.node_grace_ns = 100 * LEASE_NS;
    world_node(&w, (FakeNodeConfig){.silent = true});
    world_start(&w);
    ck_assert_ok(w.result);
    Member *member = &w.manager->members[0];
    for (int i = 0; i < TURNS_MAX && member->outstanding == 0; i++) ck_assert_ok(loop_turn(w.loop, 0));
    ck_assert_uint_gt(member->outstanding, 0);
    return member;
}

static void end(void)
{
    world_stop(&w);
    world_close(&w);
}

START_TEST(what_a_lost_node_had_is_wanted_elsewhere_when_three_quarters_of_its_lease_are_over)
{
    const Member *member = begin();
    const uint64_t heard = member->heard_ns, lost = heard + LEASE_NS - LEASE_NS / 4;
    const uint32_t owed = member->outstanding;
    uint64_t now = heard;
    while (member->state != MEMBER_FREE) {
        ck_assert_uint_eq(w.manager->window.wanted_count, 0);
        const uint64_t next = watch_next_ns(w.manager, now);
        ck_assert(next > now && next <= lost + 1);
        now = next;
        watch(w.manager, now);
    }
    ck_assert_uint_eq(now, lost + 1);
    ck_assert_uint_eq(w.manager->window.wanted_count, owed);
    ck_assert_uint_eq(w.manager->progress.replaced, owed);
    end();
}
END_TEST

START_TEST(a_manager_that_was_held_up_hears_first_what_lies_there_and_then_looks_who_is_silent)
{
    const Member *member = begin();
    uint64_t now = member->heard_ns + 2 * LEASE_NS;
    watch(w.manager, now);
    ck_assert_int_eq(member->state, MEMBER_READY);
    now = watch_next_ns(w.manager, now);
    watch(w.manager, now);
    ck_assert_int_eq(member->state, MEMBER_FREE);
    end();
}
END_TEST

START_TEST(a_node_that_spoke_meanwhile_is_not_lost)
{
    Member *member = begin();
    uint64_t now = member->heard_ns;
    for (int beat = 0; beat < 10; beat++) { /* each half a lease after the one before */
        for (const uint64_t until = now + LEASE_NS / 2; now < until;) {
            now = watch_next_ns(w.manager, now);
            watch(w.manager, now);
        }
        ck_assert_int_eq(member->state, MEMBER_READY);
        member->heard_ns = member->answered_ns = now;
    }
    ck_assert_uint_eq(w.manager->progress.nodes_lost, 0);
    end();
}
END_TEST

static uint32_t room_when(Member *member, double one_s, uint64_t segment)
{
    window_at(&w.manager->window, w.manager->window.next - 1)->size = segment;
    member->one_s = one_s;
    member_look(w.manager, member);
    return member->room;
}

START_TEST(more_than_a_few_for_each_core_wait_only_at_a_node_that_runs_them_in_a_moment)
{
    Member *member = begin();
    member->window = 4096;
    member->cores = 2;
    member->answers = 100000;
    const uint32_t out = member->outstanding, few = 2 * MEMBER_WINDOW_CORE, most = (uint32_t)(MEMBER_AHEAD_S * 2 / 0.0001);
    ck_assert_uint_eq(room_when(member, 0, 4096), few - out);      /* nothing is known of it yet */
    ck_assert_uint_eq(room_when(member, 1, 4096), few - out);
    ck_assert_uint_eq(room_when(member, 0.0001, 4096), most - out);
    ck_assert_uint_eq(room_when(member, 0.0001, MEMBER_AHEAD_BYTES / 1024), 1024 - out);
    ck_assert_uint_eq(room_when(member, 0.0001, MEMBER_AHEAD_BYTES), few - out);
    ck_assert_uint_eq(room_when(member, 1e-9, 1), 4096 - out);
    member->answers = 0; /* it says so, and has shown nothing */
    ck_assert_uint_eq(room_when(member, 0.0001, 4096), MEMBER_WINDOW_FIRST - out);
    end();
}
END_TEST

TEST_MAIN("swarm/manager_watch", what_a_lost_node_had_is_wanted_elsewhere_when_three_quarters_of_its_lease_are_over,
          a_manager_that_was_held_up_hears_first_what_lies_there_and_then_looks_who_is_silent, a_node_that_spoke_meanwhile_is_not_lost,
          more_than_a_few_for_each_core_wait_only_at_a_node_that_runs_them_in_a_moment)
