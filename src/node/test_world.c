/* The manager's side for tests of the agent. */
#include "node/test_world.h"

#include <stdio.h>
#include <unistd.h>

#include "bus/message_subject.h"
#include "node/fake_warden.h"
#include "sys/clock.h"

static void take_result(World *w, const ResultItem *item)
{
    ck_assert_uint_lt(item->job, WORLD_JOBS_MAX);
    WorldJob *j = &w->jobs[item->job];
    ck_assert_uint_gt(w->outstanding, 0);
    ck_assert_uint_eq(item->attempt, j->attempt);
    w->outstanding--;
    ResultDigest digest;
    result_digest(w->open.digest_key, item->output, &digest);
    ck_assert_mem_eq(digest.bytes, item->digest.bytes, sizeof digest.bytes);
    j->outcome = item->outcome;
    j->output_size = (uint32_t)item->output.size;
    snprintf(j->output, sizeof j->output, "%.*s", (int)item->output.size, (const char *)item->output.data);
    snprintf(j->log, sizeof j->log, "%.*s", (int)item->log.size, (const char *)item->log.data);
    w->unrun += item->outcome == OUTCOME_NONE;
    bool again = item->outcome == OUTCOME_NONE || (outcome_may_retry(item->outcome) && j->attempt < WORLD_ATTEMPTS);
    if (again && !w->no_retries) {
        w->retried += item->outcome != OUTCOME_NONE;
        return; /* sent again below */
    }
    j->answers++;
    w->answered++;
}

/* Sealed, it must be as long as the ciphertext of something. */
static JobItem item_of(const World *w, uint32_t job, char *text, size_t room)
{
    static const char TAG[] = "................";
    bool sealed = w->open.sealed == SEALED_SEGMENTS;
    int plain = snprintf(text, room, "segment %u", job);
    snprintf(text + plain, room - (size_t)plain, "%s", sealed ? TAG : "");
    return (JobItem){.job = job, .attempt = w->jobs[job].attempt, .kind = SEGMENT_INLINE, .size = strlen(text), .data = view_text(text),
                     .plain_size = sealed ? (uint64_t)plain : 0};
}

static void send_again(World *w, const ResultItem *item)
{
    WorldJob *j = &w->jobs[item->job];
    if (j->answers) return;
    j->attempt += item->outcome != OUTCOME_NONE;
    AUTO_BUFFER message = buffer_limited(MIB);
    char segment[64];
    const JobItem again = item_of(w, (uint32_t)item->job, segment, sizeof segment);
    BatchHead head = {w->open.id, w->open.stage, w->open.node, w->open.manager};
    ck_assert_ok(message_begin_jobs(&message, &head));
    ck_assert_ok(message_add_job(&message, &again));
    w->outstanding++;
    world_send(w, &message);
}

static void take_results(World *w, View message)
{
    BatchReader r;
    ck_assert_ok(message_open_batch(message, MESSAGE_RESULTS, &r));
    ck_assert_uint_eq(r.head.node, w->open.node);
    w->sees_started += r.sees_started;
    for (;;) {
        ResultItem item;
        bool more = false;
        ck_assert_ok(message_next_result(&r, &item, &more));
        if (!more) return;
        take_result(w, &item);
        send_again(w, &item);
    }
}

static Err on_message(void *context, const char *subject, View message)
{
    World *w = context;
    ck_assert_str_eq(subject_speaker(subject), "test");
    NodeMessage node;
    TaskRefused refused;
    switch (message_type(message)) {
    case MESSAGE_NODE:
        ck_assert_ok(message_get_node(message, &node));
        ck_assert_str_eq(node.node_id, "test");
        w->joined = true;
        return OK;
    case MESSAGE_TASK_READY:
        ck_assert(!w->ready);
        ck_assert_ok(message_get_task_ready(message, &w->window));
        w->ready = true;
        return OK;
    case MESSAGE_TASK_REFUSED:
        ck_assert_ok(message_get_task_refused(message, &refused));
        w->refused = true;
        w->refused_code = refused.code;
        snprintf(w->refused_text, sizeof w->refused_text, "%.*s", (int)refused.text.size, (const char *)refused.text.data);
        return OK;
    default:
        ck_assert_int_eq(message_type(message), MESSAGE_RESULTS);
        take_results(w, message);
        return OK;
    }
}

static void arm_misbehaviour(const char *behaviour, bool once)
{
    char path[64];
    snprintf(path, sizeof path, "/tmp/covey-test-once-%d", (int)getpid());
    unlink(path);
    setenv(FAKE_BEHAVIOUR, behaviour ? behaviour : "good", 1);
    if (once) setenv(FAKE_ONCE, path, 1);
    else unsetenv(FAKE_ONCE);
}

World *world_without_agent(const char *behaviour, bool once, SecurityLevel level)
{
    arm_misbehaviour(behaviour, once);
    World *w = calloc(1, sizeof *w);
    ck_assert_ptr_nonnull(w);
    w->jobs = calloc(WORLD_JOBS_MAX, sizeof *w->jobs);
    ck_assert_ptr_nonnull(w->jobs);
    w->open = (TaskOpen){.id = {{7}}, .stage = 3, .node = 11, .manager = {"00112233445566aa"}, .image_path = VIEW("/proc/self/exe"), .level = level, .zygotes = 2,
                         .lifetime_ns = 10 * NS_PER_S, .memory_max = MIB, .output_max = 4 * MIB, .digest_key = {5},
                         .args = VIEW("a\0b\0"), .arg_count = 2, .env = VIEW("X=1\0"), .env_count = 1};
    ck_assert_ok(loop_new(&w->loop));
    ck_assert_ok(bus_memory_new(w->loop, &w->bus));
    ck_assert_ok(bus_subscribe(w->bus, SUBJECT_ALL_NODES, on_message, w, &w->records));
    ck_assert_ok(bus_subscribe(w->bus, subject_manager(&w->open.manager, "*").text, on_message, w, &w->subscription));
    return w;
}

Err world_join(World *w, Diag *diag)
{
    AgentConfig config = {.node_id = "test", .warden_program = "/proc/self/exe", .cores = 2, .trusted.count = 1,
                          .broker_patience_ns = WORLD_PATIENCE_MS * NS_PER_MS, .decided = w->decided, .decided_context = w->decided_context};
    TRY(agent_new(w->loop, w->bus, &config, &w->agent, diag));
    while (!w->joined) TRY(loop_turn(w->loop, 100));
    return OK;
}

World *world_new(const char *behaviour, bool once, SecurityLevel level)
{
    World *w = world_without_agent(behaviour, once, level);
    Diag diag = {0};
    Err e = world_join(w, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
    return w;
}

void world_free(World *w)
{
    agent_free(&w->agent);
    if (w->broker) fake_broker_close(w->broker);
    free(w->broker);
    bus_unsubscribe(&w->records);
    bus_unsubscribe(&w->subscription);
    bus_free(&w->bus);
    loop_free(&w->loop);
    if (getenv(FAKE_ONCE)) unlink(getenv(FAKE_ONCE));
    free(w->jobs);
    free(w);
}

void world_seal(World *w, ChannelSealed sealed, const char *broker_behaviour)
{
    w->open.sealed = sealed;
    w->open.footer = VIEW(FAKE_FOOTER);
    w->broker = calloc(1, sizeof *w->broker);
    ck_assert_ptr_nonnull(w->broker);
    fake_broker_open(w->broker, w->bus, broker_behaviour);
    w->broker->stage = w->open.stage;
}

void world_send(World *w, Buffer *message) { ck_assert_ok(bus_publish(w->bus, "covey.node.test", message)); }

void world_open(World *w)
{
    AUTO_BUFFER message = buffer_limited(MIB);
    ck_assert_ok(message_put_task_open(&message, &w->open));
    world_send(w, &message);
}

static void send_batch(World *w, uint32_t first, uint32_t count)
{
    AUTO_BUFFER message = buffer_limited(64 * MIB);
    BatchHead head = {w->open.id, w->open.stage, w->open.node, w->open.manager};
    ck_assert_ok(message_begin_jobs(&message, &head));
    for (uint32_t i = first; i < first + count; i++) {
        char segment[64];
        w->jobs[i].attempt = 1;
        const JobItem item = item_of(w, i, segment, sizeof segment);
        ck_assert_ok(message_add_job(&message, &item));
    }
    w->outstanding += count;
    world_send(w, &message);
}

Err world_try(World *w, uint32_t count)
{
    if (!w->ready) world_open(w);
    const uint64_t end = clock_monotonic_ns() + 60 * NS_PER_S;
    uint32_t sent = 0;
    while (!w->refused && (sent < count || w->answered < count)) {
        ck_assert_msg(clock_monotonic_ns() < end, "%u of %u answered after a minute", w->answered, count);
        uint32_t room = w->window.window - w->outstanding, left = count - sent; /* no room before TASK_READY */
        uint32_t batch = room < w->window.batch ? room : w->window.batch;
        if (batch > left) batch = left;
        if (batch) send_batch(w, sent, batch);
        sent += batch;
        TRY(loop_turn(w->loop, batch ? 0 : 1000));
    }
    return OK;
}

void world_run(World *w, uint32_t count)
{
    ck_assert_ok(world_try(w, count));
    for (uint32_t i = 0; !w->refused && i < count; i++) ck_assert_msg(w->jobs[i].answers == 1, "micro-job %u: %u answers", i, w->jobs[i].answers);
}

bool world_right(const World *w, uint32_t job)
{
    char expected[WORLD_TEXT_MAX];
    snprintf(expected, sizeof expected, "%u.%u:segment %u%s", job, w->jobs[job].attempt, job,
             w->open.sealed == SEALED_SEGMENTS ? "................" : "");
    return w->jobs[job].outcome == OUTCOME_OK && strcmp(w->jobs[job].output, expected) == 0;
}

uint32_t world_count_right(const World *w, uint32_t count)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < count; i++) right += world_right(w, i);
    return right;
}

uint32_t world_count_outcome(const World *w, uint32_t count, Outcome outcome)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < count; i++) found += w->jobs[i].outcome == outcome;
    return found;
}
