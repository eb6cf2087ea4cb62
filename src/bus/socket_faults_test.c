/* When any one system call of the bus between processes fails: is there a clean error or a lost message, and nothing left open or behind? */
#include <errno.h>
#include <stdio.h>

#include "base/limits.h"
#include "bus/socket.h"
#include "sys/fault.h"
#include "sys/test.h"

enum { TURNS = 60, CALLS_LEAST = 20, MESSAGES = 3 };

typedef struct { Loop *loop; Bus *hub, *peer; BusSubscription *at_hub, *at_peer; unsigned heard, answered; } Line;

static Err hear(void *context, const char *subject, View message)
{
    (void)subject;
    Line *l = context;
    AUTO_BUFFER answer = buffer_limited(KIB);
    l->heard++;
    ck_assert(view_equal(message, VIEW("question")));
    ck_assert_ok(buffer_append(&answer, VIEW("answer")));
    Err e = bus_publish(l->hub, "me", &answer);
    (void)e; /* lost: the asker asks again */
    return OK;
}

static Err hear_answer(void *context, const char *subject, View message)
{
    (void)subject;
    Line *l = context;
    ck_assert(view_equal(message, VIEW("answer")));
    l->answered++;
    return OK;
}

static Err talk(Line *l, const char *path, Diag *why)
{
    TRY_WHY(why, loop_new(&l->loop), "loop");
    TRY_WHY(why, bus_socket_listen(l->loop, path, &l->hub, why), "listening");
    TRY_WHY(why, bus_subscribe(l->hub, "service", hear, l, &l->at_hub), "subscription");
    TRY_WHY(why, bus_socket_connect(l->loop, path, &l->peer, why), "connecting");
    TRY_WHY(why, bus_subscribe(l->peer, "me", hear_answer, l, &l->at_peer), "subscription");
    for (int i = 0; i < MESSAGES; i++) {
        AUTO_BUFFER question = buffer_limited(KIB);
        ck_assert_ok(buffer_append(&question, VIEW("question")));
        Err e = bus_publish(l->peer, "service", &question);
        ck_assert_msg(e.code == 0 || e.code == ERR_NO_ENTRY || e.code == ERR_BUSY || e.code == EIO, "%s", err_text(e.code));
        for (int k = 0; k < TURNS; k++) TRY_WHY(why, loop_turn(l->loop, 0), "loop");
    }
    return OK;
}

static void hang_up(Line *l)
{
    bus_unsubscribe(&l->at_peer);
    bus_unsubscribe(&l->at_hub);
    bus_free(&l->peer);
    bus_free(&l->hub);
    loop_free(&l->loop);
}

/* false: no call was left to fail. */
static bool fail_call(unsigned nth, const TestFolder *f)
{
    Line l = {0};
    Diag why = {{0}};
    char path[100];
    snprintf(path, sizeof path, "%.80s/bus", f->path);
    const int open_before = test_open_descriptors();
    fault_arm(nth, EIO);
    const Err e = talk(&l, path, &why);
    hang_up(&l);
    const bool struck = fault_struck();
    fault_arm(0, 0);
    ck_assert_int_eq(test_open_descriptors(), open_before);
    ck_assert_msg(e.code == 0 || (struck && why.text[0] && !strchr(why.text, '\n')), "call %u: %s: %s", nth, err_text(e.code), why.text);
    ck_assert_uint_le(l.heard, MESSAGES);
    ck_assert_uint_le(l.answered, l.heard);
    if (!struck) ck_assert_uint_eq(l.answered, MESSAGES);
    return struck;
}

START_TEST(each_call_fails_cleanly_and_the_next_bus_is_whole)
{
    const TestFolder f = test_folder();
    unsigned nth = 1;
    while (fail_call(nth, &f)) nth++;
    ck_assert_uint_gt(nth, CALLS_LEAST);
    test_folder_remove(&f);
}
END_TEST

TEST_MAIN("bus/socket_faults", each_call_fails_cleanly_and_the_next_bus_is_whole)
