/*
 * When any one system call of the key broker fails, SQLite's included: is the error a clean one, is a key given only for a run that is on the
 * disk, and does a broker that is started afterwards find its state whole?
 */
#include <errno.h>

#include "keybroker/fixture.h"
#include "sys/fault.h"

enum { TASK = 1, OTHER_TASK = 2, CALLS_LEAST = 40 };

static World w;

typedef struct { bool granted; Diag why; } Life;

static Err attest(Zygote *z, Diag *why)
{
    TRY(broker_challenge(w.broker, NOW, z->evidence.nonce, why));
    z->cose = buffer_limited(EVIDENCE_BYTES_MAX);
    ck_assert_ok(evidence_encode(&z->evidence, &z->signer->secret, &z->cose));
    Err e = zygote_ask(&w, z);
    *why = z->why;
    return e;
}

static Err serve(Life *life)
{
    static const uint64_t JOBS[] = {0, 3}, SIZES[] = {10, 20};
    const uint8_t task[16] = {TASK};
    uint8_t wraps[2][WRAP_BYTES];
    AUTO_BUFFER claims = buffer_limited(256);
    AUTO_BUFFER footer = buffer_limited(FOOTER_BYTES_MAX);
    Zygote z = zygote_of(&w, TASK);
    Err e = attest(&z, &life->why);
    buffer_free(&z.cose);
    TRY(e);
    life->granted = true;
    TRY(broker_wrap(w.broker, NOW, z.grant.session_id, JOBS, SIZES, 2, wraps, &life->why));
    ck_assert_ok(result_claims_encode(&(ResultClaims){.results = SEGMENTS}, &claims));
    TRY(broker_result_footer(w.broker, NOW, task, view_buffer(&claims), &footer, &life->why));
    return broker_sweep(w.broker, NOW);
}

/* A broker from start to end, over one task. */
static Err live(Life *life)
{
    const BrokerConfig config = world_config(&w);
    TRY(broker_new(&config, NOW, &w.broker, &life->why));
    Err e = serve(life);
    broker_free(&w.broker);
    return e;
}

/* The policy allows one run: it is the first task's, whatever became of it, and nobody else's. */
static void check_state(void)
{
    world_start(&w, NOW);
    Zygote own = zygote_of(&w, TASK), other = zygote_of(&w, OTHER_TASK);
    ck_assert_granted(zygote_attest(&w, &own), own);
    buffer_free(&own.cose);
    zygote_refused(&w, &other, ERR_DENIED, "the policy allows 1 runs, and all are used");
    broker_free(&w.broker);
}

static void begin(bool had_a_life)
{
    Life before = {0};
    world_prepare(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.runs_max = 1;
    world_seal(&w, &d);
    if (had_a_life) ck_assert_ok(live(&before));
}

static void check_granted_is_counted(void)
{
    Zygote other = zygote_of(&w, OTHER_TASK);
    world_start(&w, NOW);
    zygote_refused(&w, &other, ERR_DENIED, "the policy allows 1 runs, and all are used");
    broker_free(&w.broker);
}

/* false: no call was left to fail. */
static bool fail_call(unsigned nth, int error, bool had_a_life)
{
    Life life = {0};
    begin(had_a_life);
    const int open_before = test_open_descriptors();
    fault_arm(nth, error);
    const Err e = live(&life);
    const bool struck = fault_struck();
    fault_arm(0, 0);
    ck_assert_int_eq(test_open_descriptors(), open_before);
    ck_assert_msg(struck || e.code == 0, "call %u: %s: %s", nth, err_text(e.code), life.why.text);
    ck_assert_msg(e.code == 0 || !strchr(life.why.text, '\n'), "call %u: %s", nth, life.why.text);
    if (life.granted) check_granted_is_counted();
    check_state();
    world_end(&w);
    return struck;
}

static void fail_each_call(int error, bool had_a_life)
{
    unsigned nth = 1;
    fault_sqlite_install();
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 1); /* hundreds of brokers sync each of their commits */
    while (fail_call(nth, error, had_a_life)) nth++;
    ck_assert_uint_gt(nth, CALLS_LEAST);
    printf("# %u calls\n", nth - 1);
}

START_TEST(a_new_broker_whose_calls_fail_loses_nothing_and_gives_nothing_uncounted) { fail_each_call(EIO, false); }
END_TEST

START_TEST(a_restarted_broker_whose_calls_fail_loses_nothing_and_gives_nothing_uncounted) { fail_each_call(ENOSPC, true); }
END_TEST

TEST_MAIN("keybroker/broker_faults", a_new_broker_whose_calls_fail_loses_nothing_and_gives_nothing_uncounted,
          a_restarted_broker_whose_calls_fail_loses_nothing_and_gives_nothing_uncounted)
