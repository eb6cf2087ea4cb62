/* Do messages between agent and key broker come back as they were written, and is everything else refused? */
#include "bus/broker_message.h"

#include <stdio.h>

#include "base/limits.h"
#include "base/test.h"

static Buffer message;

static void fresh(void)
{
    buffer_free(&message);
    message = buffer_limited(4 * MIB);
}

static const BrokerHead HEAD = {.token = 0x0102030405060708, .reply_to = {(const uint8_t *)"covey.node.local.keys", 21}};

static BrokerAttest attest_example(void)
{
    return (BrokerAttest){.head = HEAD,
                          .task_id = {1, 2, 3},
                          .stage = 2,
                          .node_id = VIEW("local"),
                          .footer = VIEW("footer"),
                          .evidence = VIEW("evidence")};
}

static void check_head(const BrokerHead *h)
{
    ck_assert_uint_eq(h->token, HEAD.token);
    ck_assert(view_equal(h->reply_to, HEAD.reply_to));
}

/* Reads a whole message of whatever type it says it is. */
static Err read_any(View v)
{
    static union {
        BrokerChallenge challenge;
        BrokerNonce nonce;
        BrokerAttest attest;
        BrokerAppraised appraised;
        BrokerGrant grant;
        BrokerWrap wrap;
        BrokerWraps wraps;
        BrokerRefused refused;
        BrokerResult result; BrokerFooter footer;
    } m;
    switch (broker_message_type(v)) {
    case BROKER_CHALLENGE: return broker_get_challenge(v, &m.challenge);
    case BROKER_NONCE: return broker_get_nonce(v, &m.nonce);
    case BROKER_ATTEST:
    case BROKER_APPRAISE: return broker_get_attest(v, &m.attest);
    case BROKER_APPRAISED: return broker_get_appraised(v, &m.appraised);
    case BROKER_GRANT: return broker_get_grant(v, &m.grant);
    case BROKER_WRAP: return broker_get_wrap(v, &m.wrap);
    case BROKER_WRAPS: return broker_get_wraps(v, &m.wraps);
    case BROKER_REFUSED: return broker_get_refused(v, &m.refused);
    case BROKER_RESULT: return broker_get_result(v, &m.result);
    case BROKER_FOOTER: return broker_get_footer(v, &m.footer);
    default: return FAIL(ERR_PROTOCOL);
    }
}

/* The example of docs/formats/broker.md. */
START_TEST(the_documented_challenge_has_the_documented_bytes)
{
    static const char HEX[] = "40010807060504030201" "15000000" "636f7665792e6e6f64652e6c6f63616c2e6b657973";
    char text[200] = "";
    fresh();
    BrokerChallenge m = {.head = HEAD}, back;
    ck_assert_ok(broker_put_challenge(&message, &m));
    for (size_t i = 0; i < message.size; i++) sprintf(text + 2 * i, "%02x", message.data[i]);
    ck_assert_str_eq(text, HEX);
    ck_assert_ok(broker_get_challenge(view_buffer(&message), &back));
    check_head(&back.head);
}
END_TEST

START_TEST(nonce_and_grant_come_back)
{
    BrokerNonce nonce = {.token = 5, .nonce = {9, 8}}, nonce_back;
    BrokerGrant grant = {.token = 6, .session_id = 77, .encapsulated = {1}, .sealed = {2, 3}}, grant_back;
    fresh();
    ck_assert_ok(broker_put_nonce(&message, &nonce));
    ck_assert_ok(broker_get_nonce(view_buffer(&message), &nonce_back));
    ck_assert_mem_eq(&nonce, &nonce_back, sizeof nonce);
    fresh();
    ck_assert_ok(broker_put_grant(&message, &grant));
    ck_assert_ok(broker_get_grant(view_buffer(&message), &grant_back));
    ck_assert_mem_eq(&grant, &grant_back, sizeof grant);
    grant.session_id = 0;
    fresh();
    ck_assert_err(broker_put_grant(&message, &grant), ERR_PROTOCOL);
}
END_TEST

START_TEST(an_attestation_comes_back)
{
    BrokerAttest m = attest_example(), back;
    fresh();
    ck_assert_ok(broker_put_attest(&message, &m));
    ck_assert_ok(broker_get_attest(view_buffer(&message), &back));
    check_head(&back.head);
    ck_assert_mem_eq(back.task_id, m.task_id, sizeof m.task_id);
    ck_assert_uint_eq(back.stage, 2);
    ck_assert(view_equal(back.node_id, VIEW("local")) && view_equal(back.footer, VIEW("footer")) &&
              view_equal(back.evidence, VIEW("evidence")));
}
END_TEST

START_TEST(an_attestation_beyond_a_limit_is_refused)
{
    static const uint8_t LARGE[BROKER_FOOTER_MAX + 1];
    for (int i = 0; i < 7; i++) {
        BrokerAttest m = attest_example();
        if (i == 0) m.stage = 128;
        if (i == 1) m.node_id = VIEW("a.b");
        if (i == 2) m.node_id = (View){0};
        if (i == 3) m.footer = (View){0};
        if (i == 4) m.footer = view_of(LARGE, BROKER_FOOTER_MAX + 1);
        if (i == 5) m.evidence = view_of(LARGE, BROKER_EVIDENCE_MAX + 1);
        if (i == 6) m.head.reply_to = VIEW("covey.*");
        fresh();
        ck_assert_err(broker_put_attest(&message, &m), ERR_PROTOCOL);
        ck_assert_uint_eq(message.size, 0);
    }
}
END_TEST

static BrokerWrap wrap, wrap_back;

static void make_wrap(uint32_t count)
{
    wrap = (BrokerWrap){.head = HEAD, .session_id = 3, .count = count};
    for (uint32_t i = 0; i < count && i < BROKER_WRAP_JOBS_MAX; i++) wrap.jobs[i] = UINT64_MAX - i, wrap.plain_sizes[i] = i;
}

START_TEST(as_many_wraps_as_a_batch_may_hold_come_back)
{
    make_wrap(BROKER_WRAP_JOBS_MAX);
    fresh();
    ck_assert_ok(broker_put_wrap(&message, &wrap));
    ck_assert_ok(broker_get_wrap(view_buffer(&message), &wrap_back));
    check_head(&wrap_back.head);
    ck_assert_uint_eq(wrap_back.session_id, 3);
    ck_assert_uint_eq(wrap_back.count, BROKER_WRAP_JOBS_MAX);
    ck_assert_mem_eq(wrap_back.jobs, wrap.jobs, sizeof wrap.jobs);
    ck_assert_mem_eq(wrap_back.plain_sizes, wrap.plain_sizes, sizeof wrap.plain_sizes);

    static const uint8_t WRAPS[BROKER_WRAP_JOBS_MAX * BROKER_WRAP_BYTES];
    BrokerWraps answer = {.token = 1, .count = BROKER_WRAP_JOBS_MAX, .wraps = {WRAPS, sizeof WRAPS}}, back;
    fresh();
    ck_assert_ok(broker_put_wraps(&message, &answer));
    ck_assert_ok(broker_get_wraps(view_buffer(&message), &back));
    ck_assert_uint_eq(back.count, BROKER_WRAP_JOBS_MAX);
    ck_assert_uint_eq(back.wraps.size, sizeof WRAPS);
}
END_TEST

START_TEST(wraps_that_make_no_sense_are_refused)
{
    const uint32_t counts[] = {0, BROKER_WRAP_JOBS_MAX + 1};
    for (int i = 0; i < 2; i++) {
        make_wrap(counts[i]);
        fresh();
        ck_assert_err(broker_put_wrap(&message, &wrap), ERR_PROTOCOL);
    }
    make_wrap(1);
    wrap.plain_sizes[0] = SEGMENT_BYTES_MAX + 1;
    ck_assert_err(broker_put_wrap(&message, &wrap), ERR_PROTOCOL);
    make_wrap(1);
    wrap.session_id = 0;
    ck_assert_err(broker_put_wrap(&message, &wrap), ERR_PROTOCOL);
    BrokerWraps answer = {.token = 1, .count = 2, .wraps = VIEW("x")};
    ck_assert_err(broker_put_wraps(&message, &answer), ERR_PROTOCOL);
}
END_TEST

START_TEST(a_count_that_its_bytes_do_not_match_is_refused_and_touches_nothing)
{
    make_wrap(2);
    fresh();
    ck_assert_ok(broker_put_wrap(&message, &wrap));
    const size_t count_at = message.size - 2 * 16 - 4;
    const uint8_t counts[] = {0, 1, 3, 255};
    wrap_back = (BrokerWrap){.count = 4242};
    for (size_t i = 0; i < sizeof counts; i++) {
        message.data[count_at] = counts[i];
        ck_assert_err(broker_get_wrap(view_buffer(&message), &wrap_back), ERR_PROTOCOL);
        ck_assert_uint_eq(wrap_back.count, 4242);
    }
}
END_TEST

START_TEST(result_footer_and_refusal_come_back)
{
    BrokerResult result = {.head = HEAD, .task_id = {7}, .claims = VIEW("claims")}, result_back;
    BrokerFooter footer = {.token = 4, .footer = VIEW("cose")}, footer_back;
    BrokerRefused refused = {.token = 5, .code = ERR_DENIED, .text = VIEW("no")}, refused_back;
    fresh();
    ck_assert_ok(broker_put_result(&message, &result));
    ck_assert_ok(broker_get_result(view_buffer(&message), &result_back));
    check_head(&result_back.head);
    ck_assert(result_back.task_id[0] == 7 && view_equal(result_back.claims, VIEW("claims")));
    fresh();
    ck_assert_ok(broker_put_footer(&message, &footer));
    ck_assert_ok(broker_get_footer(view_buffer(&message), &footer_back));
    ck_assert(footer_back.token == 4 && view_equal(footer_back.footer, VIEW("cose")));
    fresh();
    ck_assert_ok(broker_put_refused(&message, &refused));
    ck_assert_ok(broker_get_refused(view_buffer(&message), &refused_back));
    ck_assert(refused_back.code == ERR_DENIED && view_equal(refused_back.text, VIEW("no")));
}
END_TEST

START_TEST(a_refusal_without_a_code_or_of_two_lines_is_refused)
{
    const BrokerRefused BAD[] = {{.code = 0, .text = VIEW("x")},
                                 {.code = -1, .text = VIEW("x")},
                                 {.code = 1, .text = VIEW("a\nb")},
                                 {.code = 1, .text = VIEW("\x1b[2J")}};
    for (size_t i = 0; i < sizeof BAD / sizeof BAD[0]; i++) {
        fresh();
        ck_assert_err(broker_put_refused(&message, &BAD[i]), ERR_PROTOCOL);
    }
}
END_TEST

/* Each of the messages in turn; false when there are no more. */
static bool put_example(int i)
{
    const BrokerAttest attest = attest_example();
    fresh();
    make_wrap(2);
    switch (i) {
    case 0: ck_assert_ok(broker_put_challenge(&message, &(BrokerChallenge){HEAD})); return true;
    case 1: ck_assert_ok(broker_put_nonce(&message, &(BrokerNonce){.token = 1})); return true;
    case 2: ck_assert_ok(broker_put_attest(&message, &attest)); return true;
    case 3: ck_assert_ok(broker_put_grant(&message, &(BrokerGrant){.session_id = 1})); return true;
    case 4: ck_assert_ok(broker_put_wrap(&message, &wrap)); return true;
    case 5:
        ck_assert_ok(
            broker_put_wraps(&message, &(BrokerWraps){.count = 1, .wraps = {(const uint8_t *)&wrap, BROKER_WRAP_BYTES}}));
        return true;
    case 6: ck_assert_ok(broker_put_refused(&message, &(BrokerRefused){.code = 1, .text = VIEW("x")})); return true;
    case 7: ck_assert_ok(broker_put_result(&message, &(BrokerResult){.head = HEAD, .claims = VIEW("x")})); return true;
    case 8: ck_assert_ok(broker_put_footer(&message, &(BrokerFooter){.footer = VIEW("x")})); return true;
    default: return false;
    }
}

START_TEST(a_message_cut_anywhere_or_with_bytes_behind_it_is_refused)
{
    for (int i = 0; put_example(i); i++) {
        ck_assert_ok(read_any(view_buffer(&message)));
        for (size_t size = 0; size < message.size; size++) {
            Err e = read_any(view_of(message.data, size));
            ck_assert_msg(e.code == ERR_PROTOCOL, "message %d cut to %zu of %zu bytes: %s", i, size, message.size,
                          err_text(e.code));
        }
        ck_assert_ok(buffer_put_u8(&message, 0));
        ck_assert_err(read_any(view_buffer(&message)), ERR_PROTOCOL);
    }
}
END_TEST

START_TEST(another_version_or_type_is_refused)
{
    for (int i = 0; put_example(i); i++) {
        BrokerChallenge challenge;
        BrokerNonce nonce;
        if (i != 0) ck_assert_err(broker_get_challenge(view_buffer(&message), &challenge), ERR_PROTOCOL);
        if (i != 1) ck_assert_err(broker_get_nonce(view_buffer(&message), &nonce), ERR_PROTOCOL);
        message.data[1]++;
        ck_assert_err(read_any(view_buffer(&message)), ERR_PROTOCOL);
    }
    ck_assert_uint_eq(broker_message_type((View){0}), 0);
}
END_TEST

START_TEST(head_and_token_can_be_read_of_any_message)
{
    static const bool REQUEST[] = {true, false, true, false, true, false, false, true, false};
    for (int i = 0; put_example(i); i++) {
        BrokerHead head;
        uint64_t token;
        ck_assert_int_eq(broker_get_head(view_buffer(&message), &head).code, REQUEST[i] ? 0 : ERR_PROTOCOL);
        ck_assert_int_eq(broker_get_token(view_buffer(&message), &token).code, REQUEST[i] ? ERR_PROTOCOL : 0);
    }
    put_example(2);
    BrokerHead head;
    ck_assert_ok(broker_get_head(view_of(message.data, 40), &head)); /* the rest may be anything */
    check_head(&head);
    ck_assert_err(broker_get_head(view_of(message.data, 20), &head), ERR_PROTOCOL);
}
END_TEST

TEST_MAIN("bus/broker_message", the_documented_challenge_has_the_documented_bytes, nonce_and_grant_come_back,
          an_attestation_comes_back, an_attestation_beyond_a_limit_is_refused, as_many_wraps_as_a_batch_may_hold_come_back,
          wraps_that_make_no_sense_are_refused, a_count_that_its_bytes_do_not_match_is_refused_and_touches_nothing,
          result_footer_and_refusal_come_back, a_refusal_without_a_code_or_of_two_lines_is_refused,
          a_message_cut_anywhere_or_with_bytes_behind_it_is_refused, another_version_or_type_is_refused,
          head_and_token_can_be_read_of_any_message)
