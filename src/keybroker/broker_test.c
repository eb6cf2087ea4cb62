/* Does a key leave only for what the dataset's policy allows, and is every refusal one for its own reason? */
#include "keybroker/broker.h"

#include <fcntl.h>
#include <time.h>

#include "audit/audit.h"
#include "base/limits.h"
#include "crypto/derive.h"
#include "keybroker/fixture.h"
#include "sys/fd.h"

static World w;

static void seal(const DatasetWish *wish)
{
    DatasetWish d = *wish;
    world_seal(&w, &d);
}

START_TEST(a_right_zygote_is_given_a_session_that_only_it_can_open)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    ck_assert_granted(zygote_attest(&w, &z), z);
    ck_assert(z.verdict.accepted);
    SessionPayload p = zygote_payload(&w, &z);
    ck_assert_uint_eq(p.session_id, z.grant.session_id);
    ck_assert_uint_eq(p.segments, SEGMENTS);
    ck_assert_uint_eq(p.dataset_version, 3);
    ck_assert_int_eq(p.dataset_id[0], 7);

    z.task = 2; /* bound to the task */
    ck_assert_err(zygote_open(&w, &z, &p), ERR_CORRUPT);
    z.task = 1;
    z.cose.data[z.cose.size - 1] ^= 1; /* bound to the evidence */
    ck_assert_err(zygote_open(&w, &z, &p), ERR_CORRUPT);
    z.cose.data[z.cose.size - 1] ^= 1;
    w.see = seal_pair(99); /* and to the key in it */
    ck_assert_err(zygote_open(&w, &z, &p), ERR_CORRUPT);
    buffer_free(&z.cose);
    world_end(&w);
}
END_TEST

START_TEST(all_zygotes_of_a_task_on_a_node_share_a_session_and_others_do_not)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.node_count = 0;
    seal(&d);
    w.nodes.keys[w.nodes.count++] = w.stranger.public_key;
    Zygote first = zygote_of(&w, 1), again = zygote_of(&w, 1), other_task = zygote_of(&w, 2), other_node = zygote_of(&w, 1),
           combine = zygote_of(&w, 1);
    other_node.signer = &w.stranger;
    other_node.evidence.node = w.stranger.public_key;
    combine.stage = 1;
    Zygote *all[] = {&first, &again, &other_task, &other_node, &combine};
    SessionPayload p[5];
    for (int i = 0; i < 5; i++) {
        ck_assert_granted(zygote_attest(&w, all[i]), *all[i]);
        p[i] = zygote_payload(&w, all[i]);
    }
    ck_assert_mem_eq(&p[0], &p[1], sizeof p[0]);
    for (int i = 2; i < 5; i++) {
        ck_assert_mem_ne(p[0].session_key, p[i].session_key, 32);
        ck_assert_uint_ne(p[0].session_id, p[i].session_id);
    }
    ck_assert_mem_ne(p[0].result_key, p[2].result_key, 32); /* another task */
    ck_assert_mem_eq(p[0].result_key, p[3].result_key, 32); /* the same task elsewhere, and its combining stage */
    ck_assert_mem_eq(p[0].result_key, p[4].result_key, 32);
    for (int i = 0; i < 5; i++) buffer_free(&all[i]->cose);
    world_end(&w);
}
END_TEST

/* Opens a wrap as the SEE does (see/session.c). */
static Err unwrap(const SessionPayload *p, uint8_t task, uint64_t job, uint64_t plain_size, const uint8_t wrap[WRAP_BYTES],
                  uint8_t ret_plain[WRAP_PLAIN_BYTES])
{
    AeadKey key;
    uint8_t nonce[AEAD_NONCE_BYTES], aad[24] = {task};
    derive_wrap_key(p->session_key, &key);
    memcpy(nonce, &job, 8);
    memcpy(nonce + 8, &plain_size, 4);
    memcpy(aad + 16, &job, 8);
    return aead_open(&key, nonce, view_of(aad, sizeof aad), view_of(wrap, WRAP_PLAIN_BYTES), wrap + WRAP_PLAIN_BYTES, ret_plain);
}

static SessionPayload session(Zygote *z)
{
    ck_assert_granted(zygote_attest(&w, z), *z);
    SessionPayload p = zygote_payload(&w, z);
    buffer_free(&z->cose);
    return p;
}

START_TEST(a_wrap_holds_the_key_of_its_segment_for_its_micro_job_alone)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    SessionPayload p = session(&z);
    const uint64_t jobs[] = {4, 0}, sizes[] = {1000, SEGMENT_BYTES_MAX};
    uint8_t wraps[2][WRAP_BYTES], plain[WRAP_PLAIN_BYTES], again[2][WRAP_BYTES];
    Diag why;
    ck_assert_ok(broker_wrap(w.broker, NOW, p.session_id, jobs, sizes, 2, wraps, &why));
    for (int i = 0; i < 2; i++) {
        AeadKey key;
        derive_segment_key(&DATASET_KEY, p.dataset_id, 3, jobs[i], &key);
        ck_assert_ok(unwrap(&p, 1, jobs[i], sizes[i], wraps[i], plain));
        ck_assert_mem_eq(plain, key.bytes, 32);
        ck_assert_mem_eq(plain + 32, &sizes[i], 8);
    }
    ck_assert_err(unwrap(&p, 1, 3, 1000, wraps[0], plain), ERR_CORRUPT);
    ck_assert_err(unwrap(&p, 2, 4, 1000, wraps[0], plain), ERR_CORRUPT);
    ck_assert_err(unwrap(&p, 1, 4, 1001, wraps[0], plain), ERR_CORRUPT);
    ck_assert_ok(broker_wrap(w.broker, NOW, p.session_id, jobs, sizes, 2, again, &why));
    ck_assert_mem_eq(wraps, again, sizeof wraps); /* the same plaintext under the same nonce, ever */
    world_end(&w);
}
END_TEST

START_TEST(wraps_beyond_the_session_are_refused)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1), combine = zygote_of(&w, 1);
    combine.stage = 2;
    SessionPayload p = session(&z), c = session(&combine);
    static uint8_t wraps[WRAP_BATCH_MAX + 1][WRAP_BYTES];
    static const uint64_t many[WRAP_BATCH_MAX + 1];
    const uint64_t beyond[] = {0, SEGMENTS}, zero = 0, large = SEGMENT_BYTES_MAX + 1;
    Diag why = {{0}};
    ck_assert_err(broker_wrap(w.broker, NOW, p.session_id, beyond, many, 2, wraps, &why), ERR_BAD_INPUT);
    ck_assert_str_eq(why.text, "the dataset has 5 segments: there is no segment 5");
    ck_assert_err(broker_wrap(w.broker, NOW, p.session_id, &zero, &large, 1, wraps, &why), ERR_BAD_INPUT);
    ck_assert_err(broker_wrap(w.broker, NOW, p.session_id, many, many, 0, wraps, &why), ERR_BAD_INPUT);
    ck_assert_err(broker_wrap(w.broker, NOW, p.session_id, many, many, WRAP_BATCH_MAX + 1, wraps, &why), ERR_BAD_INPUT);
    ck_assert_err(broker_wrap(w.broker, NOW, p.session_id + 2, &zero, &zero, 1, wraps, &why), ERR_NO_ENTRY);
    ck_assert_err(broker_wrap(w.broker, NOW, 0, &zero, &zero, 1, wraps, &why), ERR_NO_ENTRY);
    ck_assert_err(broker_wrap(w.broker, NOW + SESSION_LIFETIME_S, p.session_id, &zero, &zero, 1, wraps, &why), ERR_NO_ENTRY);
    ck_assert_err(broker_wrap(w.broker, NOW, c.session_id, &zero, &zero, 1, wraps, &why), ERR_DENIED);
    for (size_t i = 0; i < WRAP_BYTES; i++) ck_assert_int_eq(wraps[0][i], 0); /* nothing was written */
    world_revoke(&w, w.node.public_key.bytes);
    ck_assert_err(broker_wrap(w.broker, NOW, p.session_id, &zero, &zero, 1, wraps, &why), ERR_DENIED);
    world_end(&w);
}
END_TEST

START_TEST(a_session_ends_with_its_policy)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.expires = NOW + 100;
    seal(&d);
    Zygote z = zygote_of(&w, 1);
    SessionPayload p = session(&z);
    const uint64_t zero = 0;
    uint8_t wrap[1][WRAP_BYTES];
    Diag why;
    ck_assert_ok(broker_wrap(w.broker, NOW + 99, p.session_id, &zero, &zero, 1, wrap, &why));
    ck_assert_err(broker_wrap(w.broker, NOW + 100, p.session_id, &zero, &zero, 1, wrap, &why), ERR_NO_ENTRY);
    z.now = NOW + 100;
    ck_assert_refused(zygote_attest(&w, &z), z, ERR_DENIED, "the policy of the dataset has expired");
    buffer_free(&z.cose);
    world_end(&w);
}
END_TEST

/* --- what is refused at attestation --- */

static void refuse(const Zygote *wrong, int code, const char *text)
{
    Zygote z = *wrong;
    z.grant.session_id = 4242;
    ck_assert_refused(zygote_attest(&w, &z), z, code, text);
    ck_assert_uint_eq(z.grant.session_id, 4242);
    buffer_free(&z.cose);
}

START_TEST(evidence_that_the_policy_does_not_accept_is_refused_by_name)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    z.evidence.measurement = OTHER_IMAGE;
    refuse(&z, ERR_DENIED, "the evidence is refused: ");
    z = zygote_of(&w, 1);
    z.evidence.level = LEVEL_SHARED;
    refuse(&z, ERR_DENIED, "the evidence is refused: ");
    z = zygote_of(&w, 1);
    z.evidence.task_id[0] = 9; /* evidence for another task */
    refuse(&z, ERR_DENIED, "the evidence is refused: ");
    z = zygote_of(&w, 1);
    z.evidence.issued = NOW - 301;
    z.evidence.expires = NOW - 1;
    refuse(&z, ERR_DENIED, "the evidence is refused: ");
    z = zygote_of(&w, 1);
    z.signer = &w.stranger; /* a node that nobody knows */
    z.evidence.node = w.stranger.public_key;
    refuse(&z, ERR_DENIED, "the evidence is refused: ");
    z = zygote_of(&w, 1);
    z.signer = &w.stranger; /* a good node's name under another's signature */
    refuse(&z, ERR_BAD_SIGNATURE, "");
    world_end(&w);
}
END_TEST

START_TEST(the_kind_of_evidence_is_the_policys)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.evidence = EVIDENCE_SEV_SNP | EVIDENCE_TDX;
    seal(&d);
    Zygote z = zygote_of(&w, 1);
    refuse(&z, ERR_DENIED, "the evidence is refused: ");
    world_end(&w);
}
END_TEST

START_TEST(images_may_be_named_by_their_signer)
{
    static PublicKey signers[1];
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    signers[0] = w.stranger.public_key;
    d.policy.image_count = 0;
    d.policy.signers = signers;
    d.policy.signer_count = 1;
    seal(&d);
    Zygote z = zygote_of(&w, 1);
    refuse(&z, ERR_DENIED, "the evidence is refused: ");
    z.evidence.image_signer = w.stranger.public_key;
    ck_assert_granted(zygote_attest(&w, &z), z);
    world_revoke(&w, w.stranger.public_key.bytes);
    ck_assert_refused(zygote_attest(&w, &z), z, ERR_DENIED, "image signer not revoked: covey-ed25519:");
    buffer_free(&z.cose);
    world_end(&w);
}
END_TEST

START_TEST(a_policy_may_name_nodes_that_the_broker_does_not_know_and_leave_out_others)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.node_count = 1;
    d.nodes[0] = w.stranger.public_key;
    seal(&d);
    Zygote z = zygote_of(&w, 1), stranger = zygote_of(&w, 1);
    refuse(&z, ERR_DENIED, "the evidence is refused: ");
    stranger.signer = &w.stranger;
    stranger.evidence.node = w.stranger.public_key;
    ck_assert_granted(zygote_attest(&w, &stranger), stranger);
    buffer_free(&stranger.cose);
    world_end(&w);
}
END_TEST

START_TEST(revoked_nodes_and_recipients_are_refused)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    world_revoke(&w, w.recipient.public_key.bytes);
    refuse(&z, ERR_DENIED, "recipient 1 of the policy is revoked");
    w.revoked.count = 0;
    world_revoke(&w, w.node.public_key.bytes);
    refuse(&z, ERR_DENIED, "node not revoked: covey-ed25519:");
    world_end(&w);
}
END_TEST

START_TEST(a_broker_does_not_start_in_the_name_of_a_revoked_owner)
{
    world_prepare(&w);
    world_revoke(&w, w.owner.public_key.bytes);
    const BrokerConfig config = world_config(&w);
    Diag why = {{0}};
    ck_assert_err(broker_new(&config, NOW, &w.broker, &why), ERR_DENIED);
    ck_assert_ptr_null(w.broker);
    ck_assert_ptr_nonnull(strstr(why.text, "revoked"));
    world_end(&w);
}
END_TEST

START_TEST(a_replay_a_stale_nonce_and_a_made_up_one_are_refused)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    ck_assert_granted(zygote_attest(&w, &z), z);
    ck_assert_refused(zygote_ask(&w, &z), z, ERR_DENIED, "replay");
    ck_assert_ok(broker_challenge(w.broker, NOW, z.evidence.nonce, &z.why));
    z.no_challenge = true;
    z.now = NOW + NONCE_LIFETIME_S;
    ck_assert_refused(zygote_attest(&w, &z), z, ERR_BUSY, "stale");
    z.now = NOW;
    memset(z.evidence.nonce, 7, sizeof z.evidence.nonce);
    ck_assert_refused(zygote_attest(&w, &z), z, ERR_BUSY, "not one of this key broker's");
    buffer_free(&z.cose);
    world_end(&w);
}
END_TEST

START_TEST(a_refused_attestation_uses_its_nonce_up)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    z.evidence.measurement = OTHER_IMAGE;
    ck_assert_refused(zygote_attest(&w, &z), z, ERR_DENIED, "the evidence is refused");
    z.evidence.measurement = IMAGE;
    z.no_challenge = true;
    ck_assert_refused(zygote_attest(&w, &z), z, ERR_DENIED, "replay");
    buffer_free(&z.cose);
    world_end(&w);
}
END_TEST

START_TEST(every_flipped_bit_of_the_evidence_is_refused)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    z.now = NOW;
    ck_assert_granted(zygote_attest(&w, &z), z);
    for (size_t i = 0; i < z.cose.size; i++) {
        z.cose.data[i] ^= (uint8_t)(1 << i % 8);
        Err e = zygote_ask(&w, &z);
        ck_assert_msg(e.code == ERR_BAD_INPUT || e.code == ERR_BAD_SIGNATURE, "byte %zu: %s (%s)", i, z.why.text,
                      err_text(e.code));
        z.cose.data[i] ^= (uint8_t)(1 << i % 8);
    }
    buffer_free(&z.cose);
    world_end(&w);
}
END_TEST

/* --- the dataset --- */

START_TEST(another_owners_or_a_changed_footer_is_refused)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    Zygote z = zygote_of(&w, 1);
    for (size_t i = 0; i < w.footer.size; i += 7) {
        w.footer.data[i] ^= 1;
        Err e = zygote_attest(&w, &z);
        ck_assert_msg(e.code == ERR_BAD_INPUT || e.code == ERR_BAD_SIGNATURE || e.code == ERR_UNTRUSTED, "byte %zu: %s (%s)", i,
                      z.why.text, err_text(e.code));
        w.footer.data[i] ^= 1;
    }
    d.signer = &w.stranger;
    seal(&d);
    ck_assert_refused(zygote_attest(&w, &z), z, ERR_UNTRUSTED, "");
    buffer_free(&z.cose);
    world_end(&w);
}
END_TEST

START_TEST(a_dataset_sealed_to_another_key_is_refused_and_uses_up_no_run)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    d.owner_sealing = &w.recipient;
    d.policy.runs_max = 1;
    seal(&d);
    Zygote z = zygote_of(&w, 1);
    refuse(&z, ERR_DENIED, "");
    d.owner_sealing = &w.owner_sealing;
    d.version++;
    seal(&d);
    ck_assert_granted(zygote_attest(&w, &z), z);
    buffer_free(&z.cose);
    world_end(&w);
}
END_TEST

START_TEST(an_old_version_is_refused_once_a_new_one_was_seen)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    Zygote z = zygote_of(&w, 1), next = zygote_of(&w, 2);
    ck_assert_granted(zygote_attest(&w, &z), z);
    d.version = 4;
    seal(&d);
    ck_assert_granted(zygote_attest(&w, &next), next);
    d.version = 3;
    seal(&d);
    broker_free(&w.broker);
    world_start(&w, NOW);
    ck_assert_refused(zygote_attest(&w, &next), next, ERR_DENIED, "version 3 of the dataset is out of date: version 4 was seen");
    d.version = 4;
    d.policy.runs_max = 100; /* a second policy for one version */
    seal(&d);
    ck_assert_refused(zygote_attest(&w, &next), next, ERR_DENIED, "seal it again with a higher version");
    buffer_free(&z.cose);
    buffer_free(&next.cose);
    world_end(&w);
}
END_TEST

START_TEST(runs_are_counted_once_a_task_and_refused_beyond_the_policy_after_a_restart_too)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.runs_max = 2;
    seal(&d);
    for (int i = 0; i < 6; i++) {
        Zygote z = zygote_of(&w, (uint8_t)(1 + i % 2));
        ck_assert_granted(zygote_attest(&w, &z), z);
        buffer_free(&z.cose);
    }
    broker_free(&w.broker);
    world_start(&w, NOW);
    Zygote third = zygote_of(&w, 3), other_args = zygote_of(&w, 1);
    refuse(&third, ERR_DENIED, "the policy allows 2 runs, and all are used");
    other_args.evidence.task_policy.bytes[5] = 1; /* the same task id with other arguments is another run */
    refuse(&other_args, ERR_DENIED, "the policy allows 2 runs, and all are used");
    world_end(&w);
}
END_TEST

START_TEST(a_restarted_broker_goes_on_with_the_same_sessions)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1), again = zygote_of(&w, 1);
    SessionPayload p = session(&z);
    const uint64_t job = 2, size = 10;
    uint8_t before[1][WRAP_BYTES], after[1][WRAP_BYTES];
    Diag why;
    ck_assert_ok(broker_wrap(w.broker, NOW, p.session_id, &job, &size, 1, before, &why));
    broker_free(&w.broker);
    world_start(&w, NOW + 1);
    ck_assert_ok(broker_wrap(w.broker, NOW + 1, p.session_id, &job, &size, 1, after, &why));
    ck_assert_mem_eq(before, after, sizeof before);
    again.now = NOW + 1;
    SessionPayload q = session(&again);
    ck_assert_mem_eq(&p, &q, sizeof p);
    broker_free(&w.broker);
    world_start(&w, NOW + 1 + SESSION_LIFETIME_S);
    ck_assert_err(broker_wrap(w.broker, NOW + 1 + SESSION_LIFETIME_S, p.session_id, &job, &size, 1, after, &why), ERR_NO_ENTRY);
    world_end(&w);
}
END_TEST

START_TEST(more_attestations_a_minute_than_allowed_are_put_off)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    z.cose = buffer_limited(10);
    ck_assert_ok(buffer_append(&z.cose, VIEW("x")));
    for (int i = 0; i < ATTESTS_PER_MINUTE_MAX; i++) ck_assert_err(zygote_ask(&w, &z), ERR_BAD_INPUT);
    ck_assert_refused(zygote_ask(&w, &z), z, ERR_BUSY, "try again in a minute");
    buffer_free(&z.cose);
    z.now = NOW + 60;
    ck_assert_granted(zygote_attest(&w, &z), z);
    buffer_free(&z.cose);
    world_end(&w);
}
END_TEST

/* --- results --- */

START_TEST(the_result_footer_gives_the_tasks_key_to_the_recipients_alone)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    SessionPayload p = session(&z);
    const ResultClaims claims = {.results = 2, .plain_bytes = 77, .index_hash = {{5}}};
    AUTO_BUFFER said = buffer_limited(100);
    AUTO_BUFFER cose = buffer_limited(FOOTER_BYTES_MAX);
    const uint8_t task[16] = {1}, unknown[16] = {2};
    Diag why = {{0}};
    ck_assert_ok(result_claims_encode(&claims, &said));
    ck_assert_ok(broker_result_footer(w.broker, NOW, task, view_buffer(&said), &cose, &why));
    Footer f;
    PublicKey signer;
    AeadKey key;
    TrustedKeys owner = {.count = 1, .keys = {w.owner.public_key}};
    ck_assert_ok(footer_open(view_buffer(&cose), &owner, &f, &signer, &why));
    ck_assert(f.is_result && f.segments == 2 && f.plain_bytes == 77 && f.source.version == 3 && f.source_segments == SEGMENTS);
    ck_assert_mem_eq(f.name.id, task, sizeof task);
    ck_assert_ok(footer_key(&f, &w.recipient.secret, &key, &why));
    ck_assert_mem_eq(key.bytes, p.result_key, 32);
    ck_assert_err(footer_key(&f, &w.owner_sealing.secret, &key, &why), ERR_DENIED);

    ck_assert_err(broker_result_footer(w.broker, NOW, unknown, view_buffer(&said), &cose, &why), ERR_NO_ENTRY);
    ck_assert_err(broker_result_footer(w.broker, NOW, task, VIEW("?"), &cose, &why), ERR_BAD_INPUT);
    world_revoke(&w, w.recipient.public_key.bytes);
    ck_assert_err(broker_result_footer(w.broker, NOW, task, view_buffer(&said), &cose, &why), ERR_DENIED);
    world_end(&w);
}
END_TEST

START_TEST(a_result_file_is_no_dataset)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    session(&z);
    const ResultClaims claims = {.results = 1};
    AUTO_BUFFER said = buffer_limited(100);
    const uint8_t task[16] = {1};
    Diag why;
    ck_assert_ok(result_claims_encode(&claims, &said));
    buffer_free(&w.footer);
    w.footer = buffer_limited(FOOTER_BYTES_MAX);
    ck_assert_ok(broker_result_footer(w.broker, NOW, task, view_buffer(&said), &w.footer, &why));
    refuse(&z, ERR_BAD_INPUT, "this is a result file");
    world_end(&w);
}
END_TEST

/* --- audit --- */

typedef struct { int releases, refusals, appraisals; char last[2000]; } Lines;

static Err count_line(void *context, const AuditEntry *entry)
{
    Lines *l = context;
    l->releases += strcmp(entry->event, "key-release") == 0;
    l->appraisals += strcmp(entry->event, "appraisal") == 0;
    l->refusals += strcmp(entry->event, "key-refusal") == 0;
    snprintf(l->last, sizeof l->last, "%s", entry->json);
    return OK;
}

START_TEST(every_release_and_refusal_is_in_the_audit_log)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1), wrong = zygote_of(&w, 2);
    SessionPayload p = session(&z);
    const uint64_t jobs[] = {0, 1, 2, 4}, sizes[4] = {0};
    uint8_t wraps[4][WRAP_BYTES];
    Diag why = {{0}};
    ck_assert_ok(broker_wrap(w.broker, NOW, p.session_id, jobs, sizes, 4, wraps, &why));
    wrong.evidence.measurement = OTHER_IMAGE;
    refuse(&wrong, ERR_DENIED, "the evidence is refused");
    ck_assert_err(broker_wrap(w.broker, NOW, 99, jobs, sizes, 4, wraps, &why), ERR_NO_ENTRY);
    broker_free(&w.broker);

    Lines l = {0};
    AuditReport report;
    const char *log = test_path(&w.folder, "audit.log");
    ck_assert_ok(audit_verify(log, &w.owner.public_key, &report, &why));
    ck_assert_ok(audit_each(log, count_line, &l, &why));
    ck_assert_int_eq(l.releases, 2);
    ck_assert_int_eq(l.appraisals, 2);
    ck_assert_int_eq(l.refusals, 2);
    AUTO_BUFFER text = buffer_limited(1 << 20);
    ck_assert_ok(file_read(AT_FDCWD, log, &text));
    ck_assert_ptr_nonnull(memmem(text.data, text.size, "0-2,4", 5));
    ck_assert_ptr_null(memmem(text.data, text.size, p.session_key, 32));
    world_end(&w);
}
END_TEST

START_TEST(a_flood_of_refusals_does_not_fill_the_disk)
{
    world_begin(&w);
    const uint64_t zero = 0;
    uint8_t wrap[1][WRAP_BYTES];
    Diag why = {{0}};
    for (int i = 0; i < 2000; i++) ck_assert_err(broker_wrap(w.broker, NOW, 99, &zero, &zero, 1, wrap, &why), ERR_NO_ENTRY);
    ck_assert_err(broker_wrap(w.broker, NOW + 60, 99, &zero, &zero, 1, wrap, &why), ERR_NO_ENTRY);
    broker_free(&w.broker);
    Lines l = {0};
    ck_assert_ok(audit_each(test_path(&w.folder, "audit.log"), count_line, &l, &why));
    ck_assert_int_eq(l.refusals, 601);
    ck_assert_msg(strstr(l.last, "\"not_listed_before\":1400") != NULL, "%s", l.last);
    world_end(&w);
}
END_TEST

/* --- speed --- */

START_TEST(wraps_are_released_fast_enough)
{
    enum { ROUNDS = 100, BATCH = 256, FLOOR = 20000 };
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    SessionPayload p = session(&z);
    static uint64_t jobs[BATCH], sizes[BATCH];
    static uint8_t wraps[BATCH][WRAP_BYTES];
    struct timespec a, b;
    Diag why;
    for (int i = 0; i < BATCH; i++) jobs[i] = (uint64_t)i % SEGMENTS;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a);
    for (int i = 0; i < ROUNDS; i++) ck_assert_ok(broker_wrap(w.broker, NOW, p.session_id, jobs, sizes, BATCH, wraps, &why));
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &b);
    double seconds = (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9, rate = ROUNDS * BATCH / seconds;
    printf("# %.0f wraps a second and core, in batches of %d (wanted: %d)\n", rate, BATCH, FLOOR);
    ck_assert_msg(rate > FLOOR / 4, "%.0f wraps a second: not even with sanitizers may it be that slow", rate);
    world_end(&w);
}
END_TEST

TEST_MAIN("keybroker/broker", a_right_zygote_is_given_a_session_that_only_it_can_open,
          all_zygotes_of_a_task_on_a_node_share_a_session_and_others_do_not,
          a_wrap_holds_the_key_of_its_segment_for_its_micro_job_alone, wraps_beyond_the_session_are_refused,
          a_session_ends_with_its_policy, evidence_that_the_policy_does_not_accept_is_refused_by_name,
          the_kind_of_evidence_is_the_policys, images_may_be_named_by_their_signer,
          a_policy_may_name_nodes_that_the_broker_does_not_know_and_leave_out_others, revoked_nodes_and_recipients_are_refused,
          a_broker_does_not_start_in_the_name_of_a_revoked_owner, a_replay_a_stale_nonce_and_a_made_up_one_are_refused,
          a_refused_attestation_uses_its_nonce_up, every_flipped_bit_of_the_evidence_is_refused,
          another_owners_or_a_changed_footer_is_refused, a_dataset_sealed_to_another_key_is_refused_and_uses_up_no_run,
          an_old_version_is_refused_once_a_new_one_was_seen,
          runs_are_counted_once_a_task_and_refused_beyond_the_policy_after_a_restart_too,
          a_restarted_broker_goes_on_with_the_same_sessions, more_attestations_a_minute_than_allowed_are_put_off,
          the_result_footer_gives_the_tasks_key_to_the_recipients_alone, a_result_file_is_no_dataset,
          every_release_and_refusal_is_in_the_audit_log, a_flood_of_refusals_does_not_fill_the_disk,
          wraps_are_released_fast_enough)
