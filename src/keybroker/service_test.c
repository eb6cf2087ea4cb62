/* Does a broker on a bus answer everything once, the same to a second copy, and live through whatever comes? */
#include "keybroker/service.h"

#include "base/limits.h"
#include "bus/broker_message.h"
#include "keybroker/fixture.h"

static World w;
static Loop *loop;
static Bus *bus;
static BrokerService *service;
static BusSubscription *subscription;
static Buffer last;           /* the last answer */
static int answers;
static uint64_t now = NOW;

static uint64_t test_clock(void) { return now; }

static Err listen(void *context, const char *subject, View message)
{
    (void)context, (void)subject;
    buffer_free(&last);
    last = buffer_limited(4 * MIB);
    answers++;
    return buffer_append(&last, message);
}

static void begin(void)
{
    world_begin(&w);
    ck_assert_ok(loop_new(&loop));
    ck_assert_ok(bus_memory_new(loop, &bus));
    ck_assert_ok(broker_service_new(loop, bus, w.broker, test_clock, &service));
    ck_assert_ok(bus_subscribe(bus, "me", listen, NULL, &subscription));
}

static void end(void)
{
    broker_service_free(&service);
    bus_free(&bus);
    loop_free(&loop);
    buffer_free(&last);
    world_end(&w);
}

/* Sends a copy; how many answers came. */
static int send(View message)
{
    AUTO_BUFFER copy = buffer_limited(4 * MIB);
    int before = answers;
    ck_assert_ok(buffer_append(&copy, message));
    ck_assert_ok(bus_publish(bus, BROKER_SUBJECT, &copy));
    for (int i = 0; i < 3; i++) ck_assert_ok(loop_turn(loop, 0));
    return answers - before;
}

static const BrokerHead HEAD = {.token = 55, .reply_to = {(const uint8_t *)"me", 2}};

static void ask_nonce(uint8_t ret_nonce[32])
{
    AUTO_BUFFER b = buffer_limited(KIB);
    const BrokerChallenge m = {.head = HEAD};
    BrokerNonce nonce;
    ck_assert_ok(broker_put_challenge(&b, &m));
    ck_assert_int_eq(send(view_buffer(&b)), 1);
    ck_assert_ok(broker_get_nonce(view_buffer(&last), &nonce));
    ck_assert_uint_eq(nonce.token, 55);
    memcpy(ret_nonce, nonce.nonce, 32);
}

/* A whole ATTEST message for this zygote, over a fresh nonce. */
static Buffer attest_message(Zygote *z)
{
    Buffer b = buffer_limited(4 * MIB);
    ask_nonce(z->evidence.nonce);
    buffer_free(&z->cose);
    z->cose = buffer_limited(EVIDENCE_BYTES_MAX);
    ck_assert_ok(evidence_encode(&z->evidence, &z->signer->secret, &z->cose));
    BrokerAttest m = {.head = HEAD,
                      .task_id = {z->task},
                      .node_id = VIEW("local"),
                      .footer = view_buffer(&w.footer),
                      .evidence = view_buffer(&z->cose)};
    ck_assert_ok(broker_put_attest(&b, &m));
    return b;
}

static BrokerGrant granted(void)
{
    BrokerGrant g;
    ck_assert_ok(broker_get_grant(view_buffer(&last), &g));
    ck_assert_uint_eq(g.token, 55);
    return g;
}

static void refused(int code, const char *text)
{
    BrokerRefused r;
    ck_assert_ok(broker_get_refused(view_buffer(&last), &r));
    ck_assert_uint_eq(r.token, 55);
    ck_assert_msg(r.code == code && memmem(r.text.data, r.text.size, text, strlen(text)), "%s: %.*s", err_text(r.code),
                  (int)r.text.size, (const char *)r.text.data);
}

START_TEST(from_challenge_to_wraps_to_the_result_file)
{
    begin();
    Zygote z = zygote_of(&w, 1);
    AUTO_BUFFER attest = attest_message(&z);
    ck_assert_int_eq(send(view_buffer(&attest)), 1);
    BrokerGrant g = granted();

    static BrokerWrap wrap;
    wrap = (BrokerWrap){.head = HEAD, .session_id = g.session_id, .count = 3, .jobs = {2, 0, 4}, .plain_sizes = {9, 8, 7}};
    AUTO_BUFFER b = buffer_limited(MIB);
    BrokerWraps wraps;
    ck_assert_ok(broker_put_wrap(&b, &wrap));
    ck_assert_int_eq(send(view_buffer(&b)), 1);
    ck_assert_ok(broker_get_wraps(view_buffer(&last), &wraps));
    ck_assert_uint_eq(wraps.count, 3);
    uint8_t direct[3][WRAP_BYTES];
    ck_assert_ok(broker_wrap(w.broker, NOW, g.session_id, wrap.jobs, wrap.plain_sizes, 3, direct, &z.why));
    ck_assert_mem_eq(wraps.wraps.data, direct, sizeof direct);

    AUTO_BUFFER claims = buffer_limited(KIB);
    AUTO_BUFFER r = buffer_limited(KIB);
    BrokerFooter footer;
    ck_assert_ok(result_claims_encode(&(ResultClaims){.results = 5}, &claims));
    ck_assert_ok(broker_put_result(&r, &(BrokerResult){.head = HEAD, .task_id = {1}, .claims = view_buffer(&claims)}));
    ck_assert_int_eq(send(view_buffer(&r)), 1);
    ck_assert_ok(broker_get_footer(view_buffer(&last), &footer));
    ck_assert_uint_gt(footer.footer.size, 100);
    buffer_free(&z.cose);
    end();
}
END_TEST

START_TEST(a_second_copy_of_an_attestation_is_given_the_first_answer)
{
    begin();
    Zygote z = zygote_of(&w, 1);
    AUTO_BUFFER attest = attest_message(&z);
    ck_assert_int_eq(send(view_buffer(&attest)), 1);
    BrokerGrant first = granted();
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(send(view_buffer(&attest)), 1);
        BrokerGrant again = granted();
        ck_assert_mem_eq(&first, &again, sizeof first);
    }
    attest.data[2] ^= 1; /* another token: a replay, not a copy */
    ck_assert_int_eq(send(view_buffer(&attest)), 1);
    BrokerRefused r;
    ck_assert_ok(broker_get_refused(view_buffer(&last), &r));
    ck_assert_int_eq(r.code, ERR_DENIED);
    attest.data[2] ^= 1;
    now += SERVICE_ANSWER_LIFETIME_S; /* by then the nonce is stale too */
    ck_assert_int_eq(send(view_buffer(&attest)), 1);
    refused(ERR_BUSY, "stale");
    buffer_free(&z.cose);
    end();
}
END_TEST

START_TEST(a_refusal_says_why_and_says_it_to_a_second_copy_too)
{
    begin();
    Zygote z = zygote_of(&w, 1);
    z.evidence.measurement = OTHER_IMAGE;
    AUTO_BUFFER attest = attest_message(&z);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(send(view_buffer(&attest)), 1);
        refused(ERR_DENIED, "the evidence is refused: ");
    }
    static BrokerWrap wrap;
    wrap = (BrokerWrap){.head = HEAD, .session_id = 12345, .count = 1};
    AUTO_BUFFER b = buffer_limited(KIB);
    ck_assert_ok(broker_put_wrap(&b, &wrap));
    ck_assert_int_eq(send(view_buffer(&b)), 1);
    refused(ERR_NO_ENTRY, "attest again");
    buffer_free(&z.cose);
    end();
}
END_TEST

START_TEST(what_cannot_be_read_is_refused_if_it_says_to_whom_and_dropped_otherwise)
{
    begin();
    Zygote z = zygote_of(&w, 1);
    AUTO_BUFFER attest = attest_message(&z);
    ck_assert_int_eq(send(view_of(attest.data, attest.size - 1)), 1);
    refused(ERR_PROTOCOL, "");
    ck_assert_int_eq(send(view_of(attest.data, 11)), 0);
    ck_assert_int_eq(send(VIEW("hello")), 0);
    ck_assert_int_eq(send((View){0}), 0);
    ck_assert_int_eq(send(view_buffer(&last)), 0); /* an answer is no request */
    buffer_free(&z.cose);
    end();
}
END_TEST

START_TEST(nobody_to_answer_to_is_no_harm_and_the_broker_does_not_answer_itself)
{
    begin();
    AUTO_BUFFER nobody = buffer_limited(KIB);
    AUTO_BUFFER itself = buffer_limited(KIB);
    uint8_t nonce[32];
    ck_assert_ok(broker_put_challenge(&nobody, &(BrokerChallenge){{.token = 1, .reply_to = VIEW("nobody")}}));
    ck_assert_ok(broker_put_challenge(&itself, &(BrokerChallenge){{.token = 1, .reply_to = VIEW(BROKER_SUBJECT)}}));
    ck_assert_int_eq(send(view_buffer(&nobody)), 0);
    ck_assert_int_eq(send(view_buffer(&itself)), 0);
    ask_nonce(nonce);
    end();
}
END_TEST

START_TEST(any_flipped_bit_of_an_attestation_is_refused)
{
    begin();
    Zygote z = zygote_of(&w, 1);
    AUTO_BUFFER attest = attest_message(&z);
    const size_t node_id_at = 2 + 8 + 4 + 2 + 16 + 4;
    for (size_t i = 2 + 8 + 4 + 2; i < attest.size; i++) { /* behind head and token */
        if (i >= node_id_at && i < node_id_at + 4 + 5) continue; /* the name of the node stands only in the log */
        if (i < node_id_at && i >= node_id_at - 4) continue;     /* the stage is the asker's to say */
        attest.data[i] ^= (uint8_t)(1 << i % 8);
        send(view_buffer(&attest));
        BrokerGrant g;
        ck_assert_msg(broker_get_grant(view_buffer(&last), &g).code != 0, "byte %zu", i);
        attest.data[i] ^= (uint8_t)(1 << i % 8);
    }
    buffer_free(&z.cose);
    end();
}
END_TEST

TEST_MAIN("keybroker/service", from_challenge_to_wraps_to_the_result_file,
          a_second_copy_of_an_attestation_is_given_the_first_answer, a_refusal_says_why_and_says_it_to_a_second_copy_too,
          what_cannot_be_read_is_refused_if_it_says_to_whom_and_dropped_otherwise,
          nobody_to_answer_to_is_no_harm_and_the_broker_does_not_answer_itself, any_flipped_bit_of_an_attestation_is_refused)
