/* Is a node believed by evidence that answers what it was asked, signed by a key that the user trusts, and by nothing else, however good
 * it once was? */
#include "swarm/manager_evidence.h"

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>

#include "base/limits.h"
#include "bus/message_subject.h"
#include "sys/fd.h"
#include "sys/test.h"

enum { NOW = 1800000000 };

static TestFolder folder;
static Loop *loop;
static Bus *bus;
static NodeTrust *trust;
static SecretKey secret;
static PublicKey node;
static uint8_t asked[EVIDENCE_NONCE_BYTES];
static uint32_t challenges;

static Err on_challenge(void *context, const char *subject, View message)
{
    (void)context, (void)subject;
    NodeChallenge c;
    TRY(message_get_node_challenge(message, &c));
    memcpy(asked, c.nonce, sizeof asked);
    challenges++;
    return OK;
}

static void key_of(uint8_t number, SecretKey *ret_secret, PublicKey *ret_public)
{
    uint8_t seed[crypto_sign_SEEDBYTES] = {number};
    crypto_sign_seed_keypair(ret_public->bytes, ret_secret->bytes, seed);
}

static void begin(void)
{
    char text[PUBLIC_KEY_TEXT_MAX + 1], path[PATH_MAX];
    BusSubscription *s;
    Diag why = {{0}};
    ck_assert_int_ge(sodium_init(), 0);
    folder = test_folder();
    key_of(1, &secret, &node);
    public_key_print(&node, text);
    strcat(text, "\n");
    snprintf(path, sizeof path, "%s/trusted", folder.path);
    ck_assert_ok(file_replace(AT_FDCWD, path, view_text(text), 0600));
    Err e = node_trust_load(folder.path, &trust, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
    ck_assert_ok(loop_new(&loop));
    ck_assert_ok(bus_memory_new(loop, &bus));
    ck_assert_ok(bus_subscribe(bus, subject_node("n").text, on_challenge, NULL, &s));
    challenges = 0;
}

static void end(void)
{
    node_trust_free(&trust);
    bus_free(&bus);
    loop_free(&loop);
    test_folder_remove(&folder);
}

static const ManagerId ME = {"0123456789abcdef"};

static void ask(MemberEvidence *e)
{
    ck_assert_ok(member_evidence_ask(bus, &ME, "n", e, 0));
    ck_assert_ok(loop_turn(loop, 100));
}

/* What a node with that key says to that nonce. */
static Buffer answer(const SecretKey *key, const PublicKey *named, const uint8_t nonce[EVIDENCE_NONCE_BYTES], uint64_t issued)
{
    AUTO_BUFFER cose = buffer_limited(EVIDENCE_BYTES_MAX);
    Buffer message = buffer_limited(2 * EVIDENCE_BYTES_MAX);
    Evidence e = {.level = LEVEL_PROCESS, .issued = issued, .expires = issued + 300, .kind = EVIDENCE_NODE_KEY, .node = *named};
    memcpy(e.nonce, nonce, sizeof e.nonce);
    ck_assert_ok(evidence_encode(&e, key, &cose));
    NodeEvidence m = {.evidence = view_buffer(&cose)};
    memcpy(m.nonce, nonce, sizeof m.nonce);
    ck_assert_ok(message_put_node_evidence(&message, &m));
    return message;
}

static Diag said;
static Err take(MemberEvidence *e, const Buffer *message)
{
    said = (Diag){{0}};
    return member_evidence_take(trust, e, view_buffer(message), NOW, &said);
}

START_TEST(the_right_answer_is_accepted_and_so_is_a_second_copy_of_it)
{
    begin();
    MemberEvidence e = {0};
    ask(&e);
    ck_assert_uint_eq(challenges, 1);
    AUTO_BUFFER m = answer(&secret, &node, asked, NOW);
    ck_assert_ok(take(&e, &m));
    ck_assert_int_eq(e.state, EVIDENCE_ACCEPTED);
    ck_assert_uint_eq(e.kind, EVIDENCE_NODE_KEY);
    ck_assert_int_eq(memcmp(&e.node, &node, sizeof node), 0);
    ck_assert_ok(take(&e, &m));
    ck_assert_int_eq(e.state, EVIDENCE_ACCEPTED);
    end();
}
END_TEST

START_TEST(evidence_that_was_right_for_an_earlier_challenge_changes_nothing)
{
    begin();
    MemberEvidence before = {0}, now = {0};
    ask(&before);
    AUTO_BUFFER old = answer(&secret, &node, asked, NOW);
    ck_assert_ok(take(&before, &old));
    ask(&now); /* the node began anew */
    ck_assert_err(take(&now, &old), ERR_DENIED);
    ck_assert_str_eq(said.text, "it sent evidence that nobody asked for, or asked for before");
    ck_assert_int_eq(now.state, EVIDENCE_ASKED);
    AUTO_BUFFER fresh = answer(&secret, &node, asked, NOW);
    ck_assert_ok(take(&now, &fresh));
    end();
}
END_TEST

START_TEST(an_old_evidence_in_a_new_envelope_is_refused)
{
    begin();
    MemberEvidence e = {0};
    uint8_t earlier[EVIDENCE_NONCE_BYTES] = {1};
    ask(&e);
    AUTO_BUFFER m = answer(&secret, &node, earlier, NOW);
    memcpy(m.data + 2, asked, sizeof asked); /* behind type and version: the nonce that the message claims to answer */
    ck_assert_err(take(&e, &m), ERR_DENIED);
    ck_assert_int_eq(e.state, EVIDENCE_REFUSED);
    ck_assert_ptr_nonnull(strstr(said.text, "its evidence is refused: nonce"));
    end();
}
END_TEST

START_TEST(expired_evidence_and_evidence_from_the_future_are_refused)
{
    begin();
    const uint64_t issued[] = {NOW - 1000, NOW + 7200};
    const char *const why[] = {"expired", "made in the future: set that node's clock"};
    for (int i = 0; i < 2; i++) {
        MemberEvidence e = {0};
        ask(&e);
        AUTO_BUFFER m = answer(&secret, &node, asked, issued[i]);
        ck_assert_err(take(&e, &m), ERR_DENIED);
        ck_assert_int_eq(e.state, EVIDENCE_REFUSED);
        ck_assert_ptr_nonnull(strstr(said.text, why[i]));
    }
    end();
}
END_TEST

START_TEST(a_key_that_nobody_trusts_and_a_name_that_did_not_sign_are_refused)
{
    begin();
    SecretKey stranger;
    PublicKey strange;
    key_of(9, &stranger, &strange);
    const PublicKey *const named[] = {&strange, &node};
    for (int i = 0; i < 2; i++) {
        MemberEvidence e = {0};
        ask(&e);
        AUTO_BUFFER m = answer(&stranger, named[i], asked, NOW);
        ck_assert_err(take(&e, &m), ERR_DENIED);
        ck_assert_int_eq(e.state, EVIDENCE_REFUSED);
        AUTO_BUFFER second = answer(&secret, &node, asked, NOW);
        ck_assert_err(take(&e, &second), ERR_DENIED); /* the nonce has been used */
    }
    end();
}
END_TEST

START_TEST(who_does_not_answer_is_asked_again_and_then_refused)
{
    begin();
    MemberEvidence e = {0};
    uint64_t now = 0;
    ask(&e);
    for (int i = 0; i < EVIDENCE_ASKED_MAX; i++) {
        ck_assert_int_eq(e.state, EVIDENCE_ASKED);
        now += (EVIDENCE_ASK_AGAIN_S + 1) * NS_PER_S;
        ck_assert_ok(member_evidence_watch(bus, &ME, "n", &e, now));
        ck_assert_ok(loop_turn(loop, 10));
    }
    ck_assert_uint_eq(challenges, EVIDENCE_ASKED_MAX);
    ck_assert_int_eq(e.state, EVIDENCE_REFUSED);
    end();
}
END_TEST

TEST_MAIN("swarm/manager_evidence", the_right_answer_is_accepted_and_so_is_a_second_copy_of_it,
          evidence_that_was_right_for_an_earlier_challenge_changes_nothing, an_old_evidence_in_a_new_envelope_is_refused,
          expired_evidence_and_evidence_from_the_future_are_refused, a_key_that_nobody_trusts_and_a_name_that_did_not_sign_are_refused,
          who_does_not_answer_is_asked_again_and_then_refused)
