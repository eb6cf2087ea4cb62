/* Does each request get exactly one answer, the right one, whatever the node does? The node is a subscriber of the bus that does as it is told. */
#include <fcntl.h>
#include <stdio.h>

#include "bus/message.h"
#include "bus/message_subject.h"
#include "gateway/gateway.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/test.h"

typedef enum { NODE_ANSWERS, NODE_LOSES, NODE_DAMAGES, NODE_IS_SILENT, NODE_REFUSES, NODE_LOSES_ONCE, NODE_GIVES_BACK, NODE_CLAIMS_ONCE_IN_VAIN,
               NODE_CLAIMS_IN_VAIN } Behaviour;

#define DATA "the data"
static TestFolder folder;
static Service service;
static Depot depot;
static Sha256 measurements[3];
static Loop *loop;
static Bus *bus;
static Gateway *gateway;
static BusSubscription *node;
static Behaviour behaviour;
enum { INPUTS = 8 };
static uint64_t inputs[INPUTS]; /* [which micro-job]: bytes of its input */
static unsigned opened, closed, jobs, events;
static bool data_is_staged;
static uint8_t key[32];
static ManagerId manager;

typedef struct { unsigned answers, status; char body[64], text[GATEWAY_TEXT_MAX]; uint32_t start; } Answered;

static void say(Buffer *message) { ck_assert_ok(bus_publish(bus, subject_manager(&manager, "local").text, message)); }

static void hear_open(View message)
{
    TaskOpen open;
    AUTO_BUFFER b = buffer_limited(KIB);
    ck_assert_ok(message_get_task_open(message, &open));
    opened++;
    manager = open.manager;
    memcpy(key, open.digest_key, sizeof key);
    const TaskRefused refused = {.id = open.id, .node = open.node, .code = ERR_UNTRUSTED, .text = VIEW("nobody trusts it")};
    const TaskReady ready = {.id = open.id, .node = open.node, .window = 8, .batch = 1};
    ck_assert_ok(behaviour == NODE_REFUSES ? message_put_task_refused(&b, &refused) : message_put_task_ready(&b, &ready));
    say(&b);
}

static void hear_jobs(View message)
{
    BatchReader r;
    JobItem item;
    bool more = false;
    AUTO_BUFFER b = buffer_limited(MIB);
    ck_assert_ok(message_open_batch(message, MESSAGE_JOBS, &r));
    ck_assert_ok(message_next_job(&r, &item, &more));
    ck_assert(more);
    jobs++;
    bool loses = behaviour == NODE_LOSES || (behaviour == NODE_LOSES_ONCE && item.attempt == 1);
    ResultItem result = {.job = item.job, .attempt = item.attempt, .outcome = loses ? OUTCOME_LOST : OUTCOME_OK,
                         .output = loses ? (View){0} : item.data};
    if (behaviour == NODE_GIVES_BACK) result = (ResultItem){.job = item.job, .attempt = item.attempt, .outcome = OUTCOME_NONE};
    if (behaviour == NODE_CLAIMS_IN_VAIN || (behaviour == NODE_CLAIMS_ONCE_IN_VAIN && item.attempt == 1))
        result = (ResultItem){.job = item.job, .attempt = item.attempt, .outcome = OUTCOME_EXIT_CODE, .exit_code = 75 /* sdk/covey_service.h */};
    inputs[jobs % INPUTS] = item.size;
    if (behaviour == NODE_IS_SILENT) return;
    ck_assert_ok(message_begin_results(&b, &r.head, 1));
    ck_assert_ok(message_add_result_digested(&b, &result, key));
    if (behaviour == NODE_DAMAGES) b.data[b.size - 1] ^= 1; /* of the output, which comes last */
    say(&b);
}

static Err on_node(void *context, const char *subject, View message)
{
    (void)context, (void)subject;
    if (message_type(message) == MESSAGE_TASK_OPEN) hear_open(message);
    if (message_type(message) == MESSAGE_JOBS) hear_jobs(message);
    closed += message_type(message) == MESSAGE_TASK_CLOSE;
    return OK;
}

static void on_event(void *context, const RequestEvent *e)
{
    (void)context, (void)e;
    events++;
}

static bool is_staged(void *context, const Sha256 *hash, const char *task)
{
    (void)context, (void)task;
    return data_is_staged && memcmp(hash, &depot.items[depot.of[depot.first[1] - 1]].hash, sizeof *hash) == 0; /* the last item of the first task */
}

static void begin_tasks(Behaviour how, const char *more, const char *of_a)
{
    char yaml[512];
    Diag diag = {{0}};
    const char *image;
    folder = test_folder();
    image = test_path(&folder, "image");
    ck_assert_ok(file_replace(AT_FDCWD, image, VIEW("an image"), 0600));
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&folder, "d"), VIEW(DATA), 0600));
    snprintf(yaml, sizeof yaml, "service: s\n%stasks:\n  - {task: a, image: i%s}\n  - {task: b, image: i}\n  - {task: c, image: i}\n", more, of_a);
    ck_assert_ok(service_parse(view_text(yaml), "s.yaml", folder.path, &service, &diag));
    ck_assert_ok(depot_open(&service, "s.yaml", (const char *const[]){image, image, image}, &depot, &diag));
    ck_assert_ok(loop_new(&loop));
    ck_assert_ok(bus_memory_new(loop, &bus));
    ck_assert_ok(bus_subscribe(bus, subject_node("local").text, on_node, NULL, &node));
    const GatewayConfig config = {.service = &service, .depot = &depot, .measurements = measurements, .node_id = "local", .event = on_event,
                                  .is_staged = is_staged};
    ck_assert_ok(gateway_new(loop, bus, &config, &gateway, &diag));
    behaviour = how;
}

static void begin(Behaviour how, const char *more) { begin_tasks(how, more, ""); }

static void end(void)
{
    gateway_free(&gateway);
    bus_unsubscribe(&node);
    bus_free(&bus);
    loop_free(&loop);
    depot_close(&depot);
    service_free(&service);
    test_folder_remove(&folder);
}

static void on_answer(void *context, const GatewayAnswer *a)
{
    Answered *into = context;
    into->answers++;
    into->status = a->status;
    into->start = a->event->start;
    snprintf(into->body, sizeof into->body, "%.*s", (int)a->body.size, (const char *)a->body.data);
    snprintf(into->text, sizeof into->text, "%s", a->text);
}

static GatewayRequest *ask(uint32_t task, const char *body, Answered *into)
{
    Buffer b = buffer_limited(KIB);
    GatewayRequest *r;
    ck_assert_ok(buffer_append(&b, view_text(body)));
    const GatewayAsk a = {.task = task, .session = "s", .attributes = "", .body = &b, .answered = on_answer, .context = into};
    ck_assert_ok(gateway_ask(gateway, &a, &r));
    buffer_free(&b);
    return r;
}

static void settle(const Answered *until)
{
    for (int i = 0; i < 3000 && !until->answers; i++) ck_assert_ok(loop_turn(loop, 10));
}

START_TEST(a_request_is_answered_with_its_output_and_the_next_one_finds_the_task_warm)
{
    Answered first = {0}, second = {0};
    begin(NODE_ANSWERS, "");
    ask(0, "hello", &first);
    settle(&first);
    ask(0, "again", &second);
    settle(&second);
    ck_assert_uint_eq(first.status, 200);
    ck_assert_str_eq(first.body, "hello");
    ck_assert_uint_eq(first.start, START_COLD);
    ck_assert_str_eq(second.body, "again");
    ck_assert_uint_eq(second.start, START_WARM);
    ck_assert_uint_eq(opened, 1);
    ck_assert_uint_eq(events, 2);
    end();
}
END_TEST

START_TEST(a_see_that_is_lost_is_tried_again_and_three_times_at_most)
{
    Answered once = {0}, never = {0};
    begin(NODE_LOSES_ONCE, "");
    ask(0, "x", &once);
    settle(&once);
    ck_assert_uint_eq(once.status, 200);
    ck_assert_uint_eq(jobs, 2);
    behaviour = NODE_LOSES;
    ask(0, "x", &never);
    settle(&never);
    ck_assert_uint_eq(never.status, 503);
    ck_assert_uint_eq(jobs, 2 + GATEWAY_ATTEMPTS_MAX);
    end();
}
END_TEST

START_TEST(an_output_that_is_not_that_of_its_digest_is_no_answer)
{
    Answered a = {0};
    begin(NODE_DAMAGES, "");
    ask(0, "hello", &a);
    settle(&a);
    ck_assert_uint_eq(a.status, 503);
    ck_assert_str_eq(a.text, "the node's answer is damaged");
    end();
}
END_TEST

START_TEST(a_silent_node_costs_its_deadline_and_a_late_answer_is_dropped)
{
    Answered a = {0};
    begin(NODE_IS_SILENT, "limits: {deadline: 100ms}\n");
    ask(0, "hello", &a);
    settle(&a);
    ck_assert_uint_eq(a.status, 504);
    ck_assert_uint_eq(a.answers, 1);
    ck_assert(gateway_idle(gateway));
    end();
}
END_TEST

START_TEST(what_a_full_node_gives_back_is_not_sent_again_at_once)
{
    Answered a = {0};
    begin(NODE_GIVES_BACK, "limits: {deadline: 200ms}\n");
    uint64_t begun = clock_monotonic_ns();
    ask(0, "hello", &a);
    settle(&a);
    uint64_t took_ms = (clock_monotonic_ns() - begun) / NS_PER_MS;
    ck_assert_uint_eq(a.status, 504);
    ck_assert_uint_ge(jobs, 1);
    ck_assert_uint_le(jobs, took_ms / 25 + 1);
    end();
}
END_TEST

/* With `fallback: input` a task whose data were staged and could not be claimed is given them in its input, once. */
START_TEST(a_request_whose_claim_failed_is_sent_again_with_the_data_in_its_input_and_not_a_third_time)
{
    static const char STORE[] = "store: {path: .}\n", OF_A[] = ", data: [d], fallback: input";
    for (int i = 0; i < 2; i++) {
        Answered a = {0};
        jobs = 0;
        data_is_staged = true;
        begin_tasks(i ? NODE_CLAIMS_IN_VAIN : NODE_CLAIMS_ONCE_IN_VAIN, STORE, OF_A);
        ask(0, "body", &a);
        settle(&a);
        ck_assert_uint_eq(jobs, 2);
        ck_assert_uint_eq(inputs[2] - inputs[1], sizeof DATA - 1); /* what was staged has come along */
        ck_assert_uint_eq(a.status, i ? 500 : 200);
        if (!i) ck_assert(strncmp(a.body, "body" DATA, sizeof "body" DATA - 1) == 0);
        ck_assert(gateway_idle(gateway));
        data_is_staged = false;
        end();
    }
}
END_TEST

START_TEST(a_task_that_is_refused_answers_503_and_says_why)
{
    Answered a = {0}, b = {0};
    begin(NODE_REFUSES, "");
    ask(0, "hello", &a);
    settle(&a);
    ck_assert_uint_eq(a.status, 503);
    ck_assert_str_eq(a.text, "nobody trusts it");
    ask(0, "hello", &b);
    ck_assert_uint_eq(b.status, 503); /* at once: it was tried a moment ago */
    ck_assert_uint_eq(opened, 1);
    end();
}
END_TEST

START_TEST(what_is_abandoned_is_not_answered_and_what_comes_while_it_ends_is_turned_away)
{
    Answered gone = {0}, late = {0};
    begin(NODE_IS_SILENT, "");
    gateway_abandon(ask(0, "x", &gone));
    gateway_drain(gateway);
    ck_assert_ptr_null(ask(1, "x", &late));
    ck_assert_uint_eq(late.status, 503);
    ck_assert_uint_eq(gone.answers, 0);
    ck_assert(gateway_idle(gateway));
    end();
}
END_TEST

START_TEST(more_tasks_than_may_be_warm_give_way_to_each_other_and_staged_ones_have_a_budget_of_their_own)
{
    Answered a[3] = {{0}};
    begin(NODE_ANSWERS, "warm: {zygotes: 1}\nstaged: {tasks: 1}\n");
    ck_assert_ok(gateway_want(gateway, 2));
    ck_assert_ok(gateway_want(gateway, 1)); /* beyond the budget */
    for (uint32_t i = 0; i < 2; i++) {
        ask(i, "x", &a[i]);
        settle(&a[i]);
    }
    ck_assert_uint_eq(closed, 1);
    ck_assert(!gateway_task_is_warm(gateway, 0) && gateway_task_is_warm(gateway, 1) && gateway_task_is_warm(gateway, 2));
    ask(2, "x", &a[2]);
    settle(&a[2]);
    ck_assert_uint_eq(a[2].start, START_STAGED);
    ck_assert_uint_eq(gateway_stats(gateway).staged_refused, 1);
    gateway_drop(gateway, 2, false); /* used: an ordinary place now */
    ck_assert(gateway_task_is_warm(gateway, 2));
    gateway_drop(gateway, 2, true);
    ck_assert(!gateway_task_is_warm(gateway, 2));
    end();
}
END_TEST

TEST_MAIN("gateway/gateway", a_request_is_answered_with_its_output_and_the_next_one_finds_the_task_warm,
          a_see_that_is_lost_is_tried_again_and_three_times_at_most, an_output_that_is_not_that_of_its_digest_is_no_answer,
          a_silent_node_costs_its_deadline_and_a_late_answer_is_dropped, what_a_full_node_gives_back_is_not_sent_again_at_once,
          a_request_whose_claim_failed_is_sent_again_with_the_data_in_its_input_and_not_a_third_time,
          a_task_that_is_refused_answers_503_and_says_why,
          what_is_abandoned_is_not_answered_and_what_comes_while_it_ends_is_turned_away,
          more_tasks_than_may_be_warm_give_way_to_each_other_and_staged_ones_have_a_budget_of_their_own)
