/* Does the bus deliver each message once, in order, in a later turn, and say so when it cannot? */
#include "bus/bus.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/test.h"

enum { LOG_MAX = 10000 };

typedef struct { Bus *bus; char log[LOG_MAX]; size_t size; BusSubscription *leave; const char *answer_to; int error; } Listener;

static Loop *loop;
static Bus *bus;

static void begin(void)
{
    ck_assert_ok(loop_new(&loop));
    ck_assert_ok(bus_memory_new(loop, &bus));
}

static void end(void)
{
    bus_free(&bus);
    loop_free(&loop);
}

static Err publish(const char *subject, const char *text)
{
    AUTO_BUFFER message = buffer_limited(KIB);
    TRY(buffer_append(&message, view_text(text)));
    Err e = bus_publish(bus, subject, &message);
    ck_assert_uint_eq(message.size, e.code ? strlen(text) : 0); /* taken, or left as it was */
    return e;
}

static Err listen(void *context, const char *subject, View message)
{
    Listener *l = context;
    l->size += (size_t)snprintf(l->log + l->size, sizeof l->log - l->size, "%s=%.*s ", subject, (int)message.size, (const char *)message.data);
    if (l->leave) bus_unsubscribe(&l->leave);
    if (l->answer_to) ck_assert_ok(publish(l->answer_to, "answer"));
    return l->error ? FAIL(l->error) : OK;
}

static void turn(void) { ck_assert_ok(loop_turn(loop, 0)); }

START_TEST(messages_arrive_in_order_and_not_before_the_next_turn)
{
    begin();
    Listener a = {0}, b = {0};
    BusSubscription *sa, *sb;
    ck_assert_ok(bus_subscribe(bus, "a", listen, &a, &sa));
    ck_assert_ok(bus_subscribe(bus, "b", listen, &b, &sb));
    ck_assert_ok(publish("a", "1"));
    ck_assert_ok(publish("b", "2"));
    ck_assert_ok(publish("a", "3"));
    ck_assert_str_eq(a.log, "");
    turn();
    ck_assert_str_eq(a.log, "a=1 a=3 ");
    ck_assert_str_eq(b.log, "b=2 ");
    turn();
    ck_assert_str_eq(a.log, "a=1 a=3 ");
    bus_unsubscribe(&sa);
    bus_unsubscribe(&sb);
    end();
}
END_TEST

START_TEST(all_who_listen_to_a_subject_get_a_copy)
{
    begin();
    Listener a = {0}, b = {0}, c = {0};
    BusSubscription *s[3];
    ck_assert_ok(bus_subscribe(bus, "x", listen, &a, &s[0]));
    ck_assert_ok(bus_subscribe(bus, "x", listen, &b, &s[1]));
    ck_assert_ok(bus_subscribe(bus, "x.y", listen, &c, &s[2]));
    ck_assert_ok(publish("x", "m"));
    turn();
    ck_assert_str_eq(a.log, "x=m ");
    ck_assert_str_eq(b.log, "x=m ");
    ck_assert_str_eq(c.log, "");
    end(); /* the bus takes its subscriptions with it */
}
END_TEST

START_TEST(nobody_there_is_an_error)
{
    begin();
    Listener a = {0};
    BusSubscription *s;
    ck_assert_err(publish("a", "1"), ERR_NO_ENTRY);
    ck_assert_ok(bus_subscribe(bus, "a", listen, &a, &s));
    bus_unsubscribe(&s);
    ck_assert_ptr_null(s);
    ck_assert_err(publish("a", "1"), ERR_NO_ENTRY);
    end();
}
END_TEST

START_TEST(a_full_queue_is_busy_until_it_is_emptied)
{
    begin();
    Listener a = {0};
    BusSubscription *s;
    ck_assert_ok(bus_subscribe(bus, "a", listen, &a, &s));
    for (int i = 0; i < BUS_QUEUE_MESSAGES_MAX; i++) ck_assert_ok(publish("a", ""));
    ck_assert_err(publish("a", "one too many"), ERR_BUSY);
    a.size = 0;
    s = NULL;
    bus_free(&bus); /* with messages in the queue: none leaks */
    loop_free(&loop);
}
END_TEST

START_TEST(what_a_handler_publishes_comes_in_a_later_turn)
{
    begin();
    Listener a = {.answer_to = "b"}, b = {0};
    BusSubscription *s[2];
    ck_assert_ok(bus_subscribe(bus, "b", listen, &b, &s[0]));
    ck_assert_ok(bus_subscribe(bus, "a", listen, &a, &s[1]));
    ck_assert_ok(publish("a", "1"));
    for (int i = 0; i < 3; i++) turn();
    ck_assert_str_eq(b.log, "b=answer ");
    end();
}
END_TEST

START_TEST(a_handler_that_answers_itself_does_not_hold_the_loop)
{
    begin();
    Listener a = {.answer_to = "a"};
    BusSubscription *s;
    ck_assert_ok(bus_subscribe(bus, "a", listen, &a, &s));
    ck_assert_ok(publish("a", "1"));
    turn();
    ck_assert_str_eq(a.log, "a=1 ");
    turn();
    ck_assert_str_eq(a.log, "a=1 a=answer ");
    end();
}
END_TEST

START_TEST(who_leaves_while_messages_are_delivered_gets_no_more)
{
    begin();
    Listener a = {0}, b = {0};
    BusSubscription *sa, *sb;
    ck_assert_ok(bus_subscribe(bus, "a", listen, &a, &sa));
    a.leave = sa;
    ck_assert_ok(publish("a", "1"));
    ck_assert_ok(publish("a", "2"));
    turn();
    ck_assert_str_eq(a.log, "a=1 ");
    ck_assert_err(publish("a", "3"), ERR_NO_ENTRY);
    /* One handler may also end another's subscription. */
    ck_assert_ok(bus_subscribe(bus, "b", listen, &b, &sb));
    ck_assert_ok(bus_subscribe(bus, "a", listen, &a, &sa));
    a.leave = sb;
    ck_assert_ok(publish("a", "4"));
    ck_assert_ok(publish("b", "5"));
    turn();
    ck_assert_str_eq(a.log, "a=1 a=4 ");
    ck_assert_str_eq(b.log, "");
    end();
}
END_TEST

START_TEST(an_error_of_a_handler_ends_the_turn_and_loses_nothing_behind_it)
{
    begin();
    Listener a = {.error = ERR_DENIED};
    BusSubscription *s;
    ck_assert_ok(bus_subscribe(bus, "a", listen, &a, &s));
    ck_assert_ok(publish("a", "1"));
    ck_assert_ok(publish("a", "2"));
    ck_assert_err(loop_turn(loop, 0), ERR_DENIED);
    a.error = 0;
    turn();
    ck_assert_str_eq(a.log, "a=1 a=2 ");
    end();
}
END_TEST

START_TEST(a_subject_that_is_too_long_is_refused)
{
    begin();
    char subject[BUS_SUBJECT_MAX + 1];
    memset(subject, 'a', sizeof subject);
    subject[BUS_SUBJECT_MAX] = '\0';
    BusSubscription *s = NULL;
    ck_assert_err(bus_subscribe(bus, subject, listen, NULL, &s), ERR_LIMIT);
    ck_assert_ptr_null(s);
    end();
}
END_TEST

TEST_MAIN("bus/memory", messages_arrive_in_order_and_not_before_the_next_turn, all_who_listen_to_a_subject_get_a_copy, nobody_there_is_an_error,
          a_full_queue_is_busy_until_it_is_emptied, what_a_handler_publishes_comes_in_a_later_turn,
          a_handler_that_answers_itself_does_not_hold_the_loop, who_leaves_while_messages_are_delivered_gets_no_more,
          an_error_of_a_handler_ends_the_turn_and_loses_nothing_behind_it, a_subject_that_is_too_long_is_refused)
