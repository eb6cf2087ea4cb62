/*
 * When any one system call fails while a private task is charged: is no key given that was not charged for, nothing charged twice, and the
 * ledger whole and as new as the audit log says?
 */
#include <errno.h>

#include "keybroker/fixture.h"
#include "privacy/request_query.h"
#include "sys/fault.h"

enum { TASK = 1, CALLS_LEAST = 40 };

static World w;
static PrivacyRequest request;

static void make_request(void)
{
    request_begin(QUERY_COUNT, &request);
    for (int i = 0; i < PRIVACY_STRINGS; i++) ck_assert_ok(request_add(&request, i == PRIVACY_EPSILON ? "0.75" : ""));
}

static Zygote private_zygote(uint8_t task)
{
    Zygote z = zygote_of(&w, task);
    z.evidence.measurement = BUILT_IN;
    z.privacy = &request;
    return z;
}

static void begin(void)
{
    world_prepare(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.budget = (PolicyBudget){.is_set = true, .epsilon = "1"};
    world_seal(&w, &d);
}

typedef struct { bool granted; Diag why; } Life;

/* A challenge and an attestation, whose errors are no failures of the test. */
static Err ask(Zygote *z, Life *life)
{
    TRY(broker_challenge(w.broker, NOW, z->evidence.nonce, &life->why));
    z->cose = buffer_limited(EVIDENCE_BYTES_MAX);
    ck_assert_ok(evidence_encode(&z->evidence, &z->signer->secret, &z->cose));
    Err e = zygote_ask(&w, z);
    life->why = z->why;
    return e;
}

static Err serve(Life *life)
{
    const ResultClaims claims = {.results = 1, .is_answer = true, .head = {{1}}};
    AUTO_BUFFER said = buffer_limited(256), footer = buffer_limited(FOOTER_BYTES_MAX);
    Zygote z = private_zygote(TASK);
    Err e = ask(&z, life);
    buffer_free(&z.cose);
    TRY(e);
    life->granted = true;
    ck_assert_ok(result_claims_encode(&claims, &said));
    return broker_result_footer(w.broker, NOW, (const uint8_t[16]){TASK}, view_buffer(&said), &footer, &life->why);
}

static Err live(Life *life)
{
    const BrokerConfig config = world_config(&w);
    TRY(broker_new(&config, NOW, &w.broker, &life->why));
    Err e = serve(life);
    broker_free(&w.broker);
    return e;
}

static Err count_charge(void *context, const LedgerEntry *entry)
{
    (void)entry;
    ++*(unsigned *)context;
    return OK;
}

static unsigned charges(void)
{
    unsigned count = 0;
    Diag why = {{0}};
    Err e = broker_charges(w.broker, (const uint8_t[16]){7}, count_charge, &count, &why);
    ck_assert_msg(e.code == 0, "%s", why.text); /* among others: the ledger lacks what the audit log has */
    return count;
}

/* The task goes on under its one charge, and there is no room for another one. */
static void check_after(const Life *life)
{
    world_start(&w, NOW);
    const unsigned before = charges();
    ck_assert_uint_le(before, 1);
    if (life->granted) ck_assert_uint_eq(before, 1);
    Zygote own = private_zygote(TASK), other = private_zygote(TASK + 1);
    zygote_session(&w, &own);
    ck_assert_uint_eq(charges(), 1);
    zygote_refused(&w, &other, ERR_DENIED, "of the dataset's privacy budget epsilon 0.25 is left");
    broker_free(&w.broker);
}

/* false: no call was left to fail. */
static bool fail_call(unsigned nth, int error)
{
    Life life = {0};
    begin();
    fault_arm(nth, error);
    const Err e = live(&life);
    const bool struck = fault_struck();
    fault_arm(0, 0);
    ck_assert_msg(struck || e.code == 0, "call %u: %s: %s", nth, err_text(e.code), life.why.text);
    check_after(&life);
    world_end(&w);
    return struck;
}

START_TEST(a_broker_whose_calls_fail_charges_before_it_gives_and_never_twice)
{
    unsigned nth = 1;
    fault_sqlite_install();
    make_request();
    if (access("/dev/shm", W_OK) == 0) setenv("TMPDIR", "/dev/shm", 1); /* hundreds of brokers sync each of their commits */
    while (fail_call(nth, EIO)) nth++;
    ck_assert_uint_gt(nth, CALLS_LEAST);
    printf("# %u calls\n", nth - 1);
}
END_TEST

TEST_MAIN("keybroker/budget_faults", a_broker_whose_calls_fail_charges_before_it_gives_and_never_twice)
