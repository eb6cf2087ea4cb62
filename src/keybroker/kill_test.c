/*
 * Is a run counted once, and does a task go on, when the broker is killed (SIGKILL) at any moment? A broker on a socket in a
 * process of its own is killed and started again while a client asks, attests and has keys wrapped; the seed of the moments is
 * printed.
 */

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "audit/audit.h"
#include "base/limits.h"
#include "bus/broker_message.h"
#include "bus/socket.h"
#include "crypto/derive.h"
#include "keybroker/fixture.h"
#include "keybroker/service.h"
#include "sys/clock.h"

enum { KILLS = 60, TASKS = 6, PATIENCE_MS = 40, TRIES_MAX = 2000 };

static World w;
static char path[120];
static pid_t broker_pid;
static Loop *loop;
static Bus *bus;
static BusSubscription *subscription;
static Buffer last;
static uint64_t token, random_state;

static uint64_t test_clock(void) { return NOW; }

static uint64_t next_random(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

/* --- the broker's process --- */

static void serve(void)
{
    Loop *own_loop;
    Bus *own_bus;
    BrokerService *service;
    Diag why;
    const BrokerConfig config = world_config(&w);
    if (broker_new(&config, NOW, &w.broker, &why).code || loop_new(&own_loop).code ||
        bus_socket_listen(own_loop, path, &own_bus, &why).code ||
        broker_service_new(own_loop, own_bus, w.broker, test_clock, &service).code)
        _exit(1);
    while (loop_turn(own_loop, -1).code == 0) { }
    _exit(2);
}

static void start_process(void)
{
    fflush(stdout);
    broker_pid = fork();
    if (broker_pid == 0) serve();
    ck_assert_int_gt(broker_pid, 0);
}

static void kill_process(void)
{
    int status;
    kill(broker_pid, SIGKILL);
    ck_assert_int_eq(waitpid(broker_pid, &status, 0), broker_pid);
    ck_assert_msg(WIFSIGNALED(status), "the broker ended by itself: exit code %d", WEXITSTATUS(status));
}

/* --- the client --- */

static Err listen_to(void *context, const char *subject, View message)
{
    (void)context, (void)subject;
    uint64_t got;
    if (broker_get_token(message, &got).code || got != token) return OK; /* a late answer */
    buffer_free(&last);
    last = buffer_limited(4 * MIB);
    return buffer_append(&last, message);
}

static BrokerHead head(void) { return (BrokerHead){.token = ++token, .reply_to = VIEW("me")}; }

/* Asks until there is an answer; false: it waited a while and there was none. */
static bool ask_once(View message)
{
    AUTO_BUFFER copy = buffer_limited(4 * MIB);
    buffer_free(&last);
    ck_assert_ok(buffer_append(&copy, message));
    Err e = bus_publish(bus, BROKER_SUBJECT, &copy);
    ck_assert_msg(e.code == 0 || e.code == ERR_NO_ENTRY, "%s", err_text(e.code));
    const uint64_t end = clock_monotonic_ns() + PATIENCE_MS * NS_PER_MS;
    while (last.size == 0 && clock_monotonic_ns() < end) ck_assert_ok(loop_turn(loop, 1));
    return last.size > 0;
}

static void ask(View message)
{
    for (int i = 0; i < TRIES_MAX; i++)
        if (ask_once(message)) return;
    ck_abort_msg("no answer");
}

static int refusal(void)
{
    BrokerRefused r;
    return broker_get_refused(view_buffer(&last), &r).code ? 0 : r.code;
}

/* The ATTEST message of a zygote over the nonce in `last`. */
static Buffer attest_message(Zygote *z)
{
    Buffer b = buffer_limited(4 * MIB);
    BrokerNonce nonce;
    ck_assert_ok(broker_get_nonce(view_buffer(&last), &nonce));
    memcpy(z->evidence.nonce, nonce.nonce, sizeof nonce.nonce);
    z->cose = buffer_limited(EVIDENCE_BYTES_MAX);
    ck_assert_ok(evidence_encode(&z->evidence, &w.node.secret, &z->cose));
    BrokerAttest m = {.head = head(),
                      .task_id = {z->task},
                      .node_id = VIEW("local"),
                      .footer = view_buffer(&w.footer),
                      .evidence = view_buffer(&z->cose)};
    ck_assert_ok(broker_put_attest(&b, &m));
    return b;
}

static Buffer challenge_message(void)
{
    Buffer b = buffer_limited(KIB);
    ck_assert_ok(broker_put_challenge(&b, &(BrokerChallenge){head()}));
    return b;
}

/* One attempt, as far as the broker lives. */
static void try_attest(uint8_t task)
{
    Zygote z = zygote_of(&w, task);
    AUTO_BUFFER c = challenge_message();
    if (!ask_once(view_buffer(&c))) return;
    AUTO_BUFFER a = attest_message(&z);
    if (ask_once(view_buffer(&a))) ck_assert_int_eq(refusal(), 0);
    buffer_free(&z.cose);
}

/* What the SEE would be given: a grant that it can open. */
static uint64_t take_grant(Zygote *z)
{
    BrokerGrant grant;
    ck_assert_int_eq(refusal(), 0);
    ck_assert_ok(broker_get_grant(view_buffer(&last), &grant));
    memcpy(z->grant.encapsulated, grant.encapsulated, sizeof grant.encapsulated);
    memcpy(z->grant.sealed, grant.sealed, sizeof grant.sealed);
    ck_assert_uint_eq(zygote_payload(&w, z).session_id, grant.session_id);
    return grant.session_id;
}

/* Until it is granted, from the challenge on when the nonce was that of the broker before: as an agent does it. */
static uint64_t attest(uint8_t task)
{
    for (int i = 0; i < TRIES_MAX; i++) {
        Zygote z = zygote_of(&w, task);
        AUTO_BUFFER c = challenge_message();
        ask(view_buffer(&c));
        AUTO_BUFFER a = attest_message(&z);
        ask(view_buffer(&a));
        uint64_t session = refusal() == ERR_BUSY ? 0 : take_grant(&z);
        buffer_free(&z.cose);
        if (session) return session;
    }
    ck_abort_msg("no grant");
    return 0;
}

static void wrap(uint64_t session, uint8_t ret_wrap[WRAP_BYTES])
{
    static BrokerWrap m;
    BrokerWraps wraps;
    AUTO_BUFFER b = buffer_limited(KIB);
    m = (BrokerWrap){.head = head(), .session_id = session, .count = 1, .jobs = {3}, .plain_sizes = {100}};
    ck_assert_ok(broker_put_wrap(&b, &m));
    ask(view_buffer(&b));
    ck_assert_int_eq(refusal(), 0); /* the session lives through every restart */
    ck_assert_ok(broker_get_wraps(view_buffer(&last), &wraps));
    memcpy(ret_wrap, wraps.wraps.data, WRAP_BYTES);
}

static void begin(void)
{
    world_prepare(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.runs_max = TASKS;
    world_seal(&w, &d);
    snprintf(path, sizeof path, "%.90s/keys", w.folder.path);
    const char *seed = getenv("COVEY_SEED");
    random_state = seed ? strtoull(seed, NULL, 10) : clock_wall_ns();
    printf("# COVEY_SEED=%llu\n", (unsigned long long)random_state);
    ck_assert_ok(loop_new(&loop));
    start_process();
    while (bus_socket_connect(loop, path, &bus, NULL).code) nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    ck_assert_ok(bus_subscribe(bus, "me", listen_to, NULL, &subscription));
}

/* A process that kills the broker at a moment of its own choosing, while this one asks. */
static pid_t strike_later(uint64_t delay_us)
{
    const pid_t target = broker_pid;
    const pid_t killer = fork();
    if (killer != 0) return killer;
    nanosleep(&(struct timespec){.tv_nsec = (long)delay_us * 1000}, NULL);
    kill(target, SIGKILL);
    _exit(0);
}

/* Attests again and again until the broker is dead, then starts it anew. */
static void live_through_a_kill(uint8_t task)
{
    const pid_t killer = strike_later(next_random() % 15000);
    int status;
    while (waitpid(broker_pid, &status, WNOHANG) == 0) try_attest(task);
    ck_assert_msg(WIFSIGNALED(status), "the broker ended by itself: exit code %d", WEXITSTATUS(status));
    ck_assert_int_eq(waitpid(killer, NULL, 0), killer);
    start_process();
}

/* Had a run been counted twice, not all of them would fit into the policy; one more does not. */
static void check_runs(void)
{
    for (uint8_t task = 1; task <= (uint8_t)TASKS; task++) attest(task);
    kill_process();
    Zygote more = zygote_of(&w, TASKS + 1);
    world_start(&w, NOW);
    ck_assert_refused(zygote_attest(&w, &more), more, ERR_DENIED, "all are used");
    buffer_free(&more.cose);
    broker_free(&w.broker);
}

static void check_audit(void)
{
    AuditReport report;
    Diag why = {{0}};
    Err e = audit_verify(test_path(&w.folder, "audit.log"), &w.owner.public_key, &report, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    ck_assert_uint_gt(report.entries, KILLS);
}

static void end(void)
{
    bus_free(&bus);
    loop_free(&loop);
    buffer_free(&last);
    world_end(&w);
}

START_TEST(a_broker_killed_at_any_moment_counts_each_run_once_and_goes_on)
{
    uint8_t first[TASKS + 1][WRAP_BYTES], again[WRAP_BYTES];
    uint64_t sessions[TASKS + 1] = {0};
    begin();
    for (int i = 0; i < KILLS; i++) {
        const uint8_t task = (uint8_t)(1 + next_random() % TASKS);
        live_through_a_kill(task);
        const uint64_t session = attest(task);
        if (sessions[task] == 0) wrap(session, first[task]);
        else ck_assert_uint_eq(session, sessions[task]);
        sessions[task] = session;
        wrap(session, again);
        ck_assert_mem_eq(first[task], again, WRAP_BYTES);
    }
    check_runs();
    check_audit();
    end();
}
END_TEST

TEST_MAIN("keybroker/kill", a_broker_killed_at_any_moment_counts_each_run_once_and_goes_on)
