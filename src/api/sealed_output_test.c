/* Does a result file come to be only with the key broker's footer, and does it open for a recipient then? */
#include <sodium.h>

#include "api/sealed_output.h"
#include "dataset/result_fixture.h"
#include "dataset/sealed_sample.h"

enum { RESULTS = 3, TEXT_BYTES = 9 };

typedef enum { BROKER_SIGNS, BROKER_SIGNS_LATE, BROKER_IS_SILENT, BROKER_REFUSES, BROKER_LIES, BROKER_ANSWERS_OTHERS } Behaviour;

typedef struct {
    Sample sample;
    Loop *loop;
    Bus *bus;
    BusSubscription *subscription;
    SealedOutput output;
    SealedFile *dataset;
    TaskId id;
    AeadKey result_key;
    Behaviour behaviour;
    uint32_t heard;
    atomic_bool interrupted;
} Setting;

static void answer(Setting *s, View reply_to, Buffer *message)
{
    char subject[BUS_SUBJECT_MAX];
    snprintf(subject, sizeof subject, "%.*s", (int)reply_to.size, (const char *)reply_to.data);
    ck_assert_ok(bus_publish(s->bus, subject, message));
}

static void sign(Setting *s, const BrokerResult *m, uint64_t token, Buffer *message)
{
    static Footer dataset;
    PublicKey signer;
    AUTO_BUFFER cose = buffer_limited(BROKER_FOOTER_MAX);
    ResultFooterRequest r = {.secret = &s->sample.secret, .signer = &s->sample.owner, .result_key = &s->result_key, .dataset = &dataset};
    ck_assert_ok(footer_open(sealed_footer(s->dataset), NULL, &dataset, &signer, NULL));
    ck_assert_ok(result_claims_decode(m->claims, &r.claims));
    memcpy(r.task_id, m->task_id, sizeof r.task_id);
    ck_assert_ok(result_footer_sign(&r, &cose, NULL));
    if (s->behaviour == BROKER_LIES) cose.data[cose.size / 2] ^= 1;
    ck_assert_ok(broker_put_footer(message, &(BrokerFooter){.token = token, .footer = view_buffer(&cose)}));
}

static Err on_request(void *context, const char *subject, View message)
{
    (void)subject;
    Setting *s = context;
    BrokerResult m;
    AUTO_BUFFER b = buffer_limited(MIB * 3);
    ck_assert_ok(broker_get_result(message, &m));
    ck_assert_mem_eq(m.task_id, s->id.bytes, sizeof m.task_id);
    s->heard++;
    if (s->behaviour == BROKER_IS_SILENT || (s->behaviour == BROKER_SIGNS_LATE && s->heard < 3)) return OK;
    if (s->behaviour == BROKER_REFUSES)
        ck_assert_ok(broker_put_refused(&b, &(BrokerRefused){.token = m.head.token, .code = ERR_DENIED, .text = VIEW("a recipient is revoked")}));
    else
        sign(s, &m, m.head.token + (s->behaviour == BROKER_ANSWERS_OTHERS && s->heard == 1), &b);
    answer(s, m.head.reply_to, &b);
    return OK;
}

/* A sealed result as a SEE makes it. */
static void put_result(const Setting *s, uint64_t index, Buffer *b)
{
    uint8_t text[TEXT_BYTES + 1];
    SealedResultHead head = {.stage_and_job = index, .first = index, .end = index + 1};
    memcpy(head.task_id, s->id.bytes, sizeof head.task_id);
    snprintf((char *)text, sizeof text, "result %u\n", (unsigned)index);
    result_fixture_put(&s->result_key, head, view_of(text, TEXT_BYTES), b);
}

static void setting_open(Setting *s, Behaviour behaviour)
{
    static const size_t SIZES[RESULTS] = {10, 20, 30};
    *s = (Setting){.behaviour = behaviour, .id = {{4, 2}}, .result_key = {{9}}};
    sample_begin(&s->sample);
    SealRequest request = sample_request(&s->sample, 1);
    sample_seal(&request, "x.sealed", SIZES, RESULTS, 100);
    ck_assert_ok(sealed_open("x.sealed", NULL, &s->dataset, NULL));
    ck_assert_ok(loop_new(&s->loop));
    ck_assert_ok(bus_memory_new(s->loop, &s->bus));
    ck_assert_ok(bus_subscribe(s->bus, BROKER_SUBJECT, on_request, s, &s->subscription));
    ck_assert_ok(sealed_output_open(&s->output, "out.sealed", &s->id, s->bus, NULL));
    s->output.broker.patience_ns = 10 * NS_PER_MS;
    for (uint64_t i = 0; i < RESULTS; i++) {
        AUTO_BUFFER b = buffer_limited(KIB);
        put_result(s, i, &b);
        ck_assert_ok(sealed_output_add(&s->output, view_buffer(&b)));
    }
}

static void setting_close(Setting *s)
{
    sealed_output_close(&s->output);
    sealed_close(&s->dataset);
    bus_unsubscribe(&s->subscription);
    bus_free(&s->bus);
    loop_free(&s->loop);
    sample_end(&s->sample);
}

static void expect_none(Setting *s, int code, const char *text)
{
    Diag diag = {0};
    unsigned recipients = 77;
    Err e = sealed_output_finish(&s->output, s->loop, &s->interrupted, &recipients, &diag);
    ck_assert_err(e, code);
    if (text) ck_assert_str_eq(diag.text, text);
    ck_assert_uint_eq(recipients, 77);
    ck_assert_int_eq(access("out.sealed", F_OK), -1);
}

START_TEST(a_signed_result_file_opens_for_its_recipient)
{
    static const Behaviour WAYS[] = {BROKER_SIGNS, BROKER_SIGNS_LATE, BROKER_ANSWERS_OTHERS};
    for (size_t i = 0; i < 3; i++) {
        Setting s;
        Diag diag = {0};
        unsigned recipients = 0;
        AUTO_BUFFER plain = buffer_limited(KIB);
        setting_open(&s, WAYS[i]);
        ck_assert_int_eq(access("out.sealed", F_OK), -1); /* not before it is whole */
        ck_assert_ok(sealed_output_finish(&s.output, s.loop, &s.interrupted, &recipients, &diag));
        ck_assert_uint_eq(recipients, 1);
        Err e = sample_unseal(&s.sample, "out.sealed", &plain, &diag);
        ck_assert_msg(e.code == 0, "%s", diag.text);
        ck_assert(view_equal(view_buffer(&plain), VIEW("result 0\nresult 1\nresult 2\n")));
        setting_close(&s);
    }
}
END_TEST

START_TEST(without_the_brokers_signature_there_is_no_file)
{
    Setting s;
    setting_open(&s, BROKER_IS_SILENT);
    expect_none(&s, ERR_CLOSED,
                "the key broker did not answer 5 times; all is computed, but nobody could open the results yet: run again with --resume");
    ck_assert_uint_eq(s.heard, 5);
    setting_close(&s);

    setting_open(&s, BROKER_REFUSES);
    expect_none(&s, ERR_DENIED, "a recipient is revoked");
    setting_close(&s);

    setting_open(&s, BROKER_LIES);
    Diag diag = {0};
    unsigned recipients;
    Err e = sealed_output_finish(&s.output, s.loop, &s.interrupted, &recipients, &diag);
    ck_assert(e.code == ERR_BAD_SIGNATURE || e.code == ERR_BAD_INPUT);
    ck_assert_int_eq(access("out.sealed", F_OK), -1);
    setting_close(&s);
}
END_TEST

START_TEST(waiting_for_the_signature_can_be_interrupted)
{
    Setting s;
    setting_open(&s, BROKER_IS_SILENT);
    s.output.broker.patience_ns = 3600 * NS_PER_S;
    atomic_store(&s.interrupted, true);
    expect_none(&s, ERR_INTERRUPTED, NULL);
    setting_close(&s);
}
END_TEST

START_TEST(what_is_no_sealed_result_of_this_task_is_not_taken)
{
    Setting s;
    setting_open(&s, BROKER_SIGNS);
    AUTO_BUFFER b = buffer_limited(KIB);
    put_result(&s, 3, &b);
    b.data[8] ^= 1; /* of another task */
    ck_assert_err(sealed_output_add(&s.output, view_buffer(&b)), ERR_FOREIGN);
    ck_assert_err(sealed_output_add(&s.output, VIEW("plain text")), ERR_PROTOCOL);
    setting_close(&s);
}
END_TEST

TEST_MAIN("api/sealed_output", a_signed_result_file_opens_for_its_recipient, without_the_brokers_signature_there_is_no_file,
          waiting_for_the_signature_can_be_interrupted, what_is_no_sealed_result_of_this_task_is_not_taken)
