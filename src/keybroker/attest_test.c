/* Is everything that the dataset's policy does not allow refused at attestation, each for its own reason? */
#include "base/limits.h"
#include "keybroker/fixture.h"

static World w;

START_TEST(evidence_that_the_policy_does_not_accept_is_refused_by_name)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    z.evidence.measurement = OTHER_IMAGE;
    zygote_refused(&w, &z, ERR_DENIED, "the evidence is refused: ");
    z = zygote_of(&w, 1);
    z.evidence.level = LEVEL_SHARED;
    zygote_refused(&w, &z, ERR_DENIED, "the evidence is refused: ");
    z = zygote_of(&w, 1);
    z.evidence.task_id[0] = 9; /* evidence for another task */
    zygote_refused(&w, &z, ERR_DENIED, "the evidence is refused: ");
    z = zygote_of(&w, 1);
    z.evidence.issued = NOW - 301;
    z.evidence.expires = NOW - 1;
    zygote_refused(&w, &z, ERR_DENIED, "the evidence is refused: ");
    z = zygote_of(&w, 1);
    z.signer = &w.stranger; /* a node that nobody knows */
    z.evidence.node = w.stranger.public_key;
    zygote_refused(&w, &z, ERR_DENIED, "the evidence is refused: ");
    z = zygote_of(&w, 1);
    z.signer = &w.stranger; /* a good node's name under another's signature */
    zygote_refused(&w, &z, ERR_BAD_SIGNATURE, "");
    world_end(&w);
}
END_TEST

START_TEST(the_kind_of_evidence_is_the_policys)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.evidence = EVIDENCE_SEV_SNP | EVIDENCE_TDX;
    world_seal(&w, &d);
    Zygote z = zygote_of(&w, 1);
    zygote_refused(&w, &z, ERR_DENIED, "the evidence is refused: ");
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
    world_seal(&w, &d);
    Zygote z = zygote_of(&w, 1);
    zygote_refused(&w, &z, ERR_DENIED, "the evidence is refused: ");
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
    world_seal(&w, &d);
    Zygote z = zygote_of(&w, 1), stranger = zygote_of(&w, 1);
    zygote_refused(&w, &z, ERR_DENIED, "the evidence is refused: ");
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
    zygote_refused(&w, &z, ERR_DENIED, "recipient 1 of the policy is revoked");
    w.revoked.count = 0;
    world_revoke(&w, w.node.public_key.bytes);
    zygote_refused(&w, &z, ERR_DENIED, "node not revoked: covey-ed25519:");
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

/* The lists of a broker that runs: what they are now, and whether they can be read. */
static struct { bool changed; Err error; } lists;

static Err refresh_lists(void *context, bool *ret_changed, Diag *diag)
{
    ck_assert_ptr_eq(context, &lists);
    if (lists.error.code) return FAIL_WHY(diag, lists.error.code, "revoked:3: not a public key");
    *ret_changed = lists.changed;
    lists.changed = false;
    return OK;
}

static Err wrap_at(uint64_t now, uint64_t session, Diag *why)
{
    const uint64_t job = 1, size = 10;
    uint8_t wraps[1][WRAP_BYTES];
    *why = (Diag){{0}};
    return broker_wrap(w.broker, now, session, &job, &size, 1, wraps, why);
}

START_TEST(a_running_broker_follows_the_lists_and_releases_nothing_while_they_cannot_be_read)
{
    world_prepare(&w);
    BrokerConfig config = world_config(&w);
    config.refresh = refresh_lists;
    config.refresh_context = &lists;
    Diag why = {{0}};
    ck_assert_ok(broker_new(&config, NOW, &w.broker, &why));
    Zygote z = zygote_of(&w, 1);
    SessionPayload p = zygote_session(&w, &z);
    ck_assert_ok(wrap_at(NOW, p.session_id, &why));

    lists.error = FAIL(ERR_BAD_INPUT);
    ck_assert_err(wrap_at(NOW, p.session_id, &why), ERR_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(why.text, "revoked:3: not a public key"));
    zygote_refused(&w, &z, ERR_BAD_INPUT, "revoked:3");
    lists.error = OK;
    ck_assert_ok(wrap_at(NOW, p.session_id, &why));

    lists.changed = true; /* also when it is the image's signer, of whom a session says nothing */
    ck_assert_err(wrap_at(NOW + 1, p.session_id, &why), ERR_NO_ENTRY);
    z.now = NOW + 1;
    SessionPayload q = zygote_session(&w, &z);
    ck_assert_mem_eq(p.result_key, q.result_key, sizeof p.result_key);
    ck_assert_ok(wrap_at(NOW + 1, q.session_id, &why));

    lists.changed = true;
    world_revoke(&w, w.owner.public_key.bytes);
    z.now = NOW + 2;
    zygote_refused(&w, &z, ERR_DENIED, "the owner's signing key is revoked");
    ck_assert_err(wrap_at(NOW + 2, q.session_id, &why), ERR_DENIED);
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
    world_seal(&w, &d);
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
    world_seal(&w, &d);
    Zygote z = zygote_of(&w, 1);
    zygote_refused(&w, &z, ERR_DENIED, "");
    d.owner_sealing = &w.owner_sealing;
    d.version++;
    world_seal(&w, &d);
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
    world_seal(&w, &d);
    ck_assert_granted(zygote_attest(&w, &next), next);
    d.version = 3;
    world_seal(&w, &d);
    broker_free(&w.broker);
    world_start(&w, NOW);
    ck_assert_refused(zygote_attest(&w, &next), next, ERR_DENIED, "version 3 of the dataset is out of date: version 4 was seen");
    d.version = 4;
    d.policy.runs_max = 100; /* a second policy for one version */
    world_seal(&w, &d);
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
    world_seal(&w, &d);
    for (int i = 0; i < 6; i++) {
        Zygote z = zygote_of(&w, (uint8_t)(1 + i % 2));
        ck_assert_granted(zygote_attest(&w, &z), z);
        buffer_free(&z.cose);
    }
    broker_free(&w.broker);
    world_start(&w, NOW);
    Zygote third = zygote_of(&w, 3), other_args = zygote_of(&w, 1);
    zygote_refused(&w, &third, ERR_DENIED, "the policy allows 2 runs, and all are used");
    other_args.evidence.task_policy.bytes[5] = 1; /* results of both could be mixed in one file */
    zygote_refused(&w, &other_args, ERR_DENIED, "this task id was used with another image, other arguments");
    world_end(&w);
}
END_TEST

static Err look_ahead(Zygote *z)
{
    const AttestRequest request = {.task_id = {z->task}, .node_id = "local", .footer = view_buffer(&w.footer), .evidence = view_buffer(&z->cose)};
    z->why = (Diag){{0}};
    return broker_appraise(w.broker, z->now, &request, &z->verdict, &z->why);
}

START_TEST(a_verdict_ahead_counts_no_run_and_leaves_the_nonce_good_for_the_attestation_that_is_judged_anew)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.runs_max = 1;
    world_seal(&w, &d);
    for (uint8_t task = 1; task <= 3; task++) { /* as many as are predicted; nobody asks */
        Zygote z = zygote_of(&w, task);
        zygote_evidence(&w, &z);
        for (int i = 0; i < 2; i++) ck_assert_ok(look_ahead(&z));
        buffer_free(&z.cose);
    }
    Zygote z = zygote_of(&w, 4);
    zygote_evidence(&w, &z);
    ck_assert_ok(look_ahead(&z));
    ck_assert_granted(zygote_ask(&w, &z), z); /* the one run that there is */
    ck_assert_refused(look_ahead(&z), z, ERR_DENIED, "the nonce was used before");
    Zygote other = zygote_of(&w, 5);
    other.evidence.measurement.bytes[0] ^= 1;
    zygote_evidence(&w, &other);
    ck_assert_refused(look_ahead(&other), other, ERR_DENIED, "the evidence is refused: image");
    Zygote revoked = zygote_of(&w, 4);
    zygote_evidence(&w, &revoked);
    ck_assert_ok(look_ahead(&revoked));
    world_revoke(&w, w.node.public_key.bytes);
    ck_assert_refused(zygote_ask(&w, &revoked), revoked, ERR_DENIED, "node not revoked");
    buffer_free(&z.cose);
    buffer_free(&other.cose);
    buffer_free(&revoked.cose);
    world_end(&w);
}
END_TEST

START_TEST(a_restarted_broker_goes_on_with_the_same_sessions)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1), again = zygote_of(&w, 1);
    SessionPayload p = zygote_session(&w, &z);
    const uint64_t job = 2, size = 10;
    uint8_t before[1][WRAP_BYTES], after[1][WRAP_BYTES];
    Diag why;
    ck_assert_ok(broker_wrap(w.broker, NOW, p.session_id, &job, &size, 1, before, &why));
    broker_free(&w.broker);
    world_start(&w, NOW + 1);
    ck_assert_ok(broker_wrap(w.broker, NOW + 1, p.session_id, &job, &size, 1, after, &why));
    ck_assert_mem_eq(before, after, sizeof before);
    again.now = NOW + 1;
    SessionPayload q = zygote_session(&w, &again);
    ck_assert_mem_eq(&p, &q, sizeof p);
    broker_free(&w.broker);
    world_start(&w, NOW + 1 + SESSION_LIFETIME_S);
    ck_assert_err(broker_wrap(w.broker, NOW + 1 + SESSION_LIFETIME_S, p.session_id, &job, &size, 1, after, &why), ERR_NO_ENTRY);
    world_end(&w);
}
END_TEST

START_TEST(after_a_restart_with_somebody_revoked_every_zygote_attests_again)
{
    world_begin(&w);
    DatasetWish d = dataset_wish(&w);
    d.policy.image_count = 0;
    d.policy.signers = &w.stranger.public_key;
    d.policy.signer_count = 1;
    d.version = 4;
    world_seal(&w, &d);
    Diag why;
    Zygote z = zygote_of(&w, 1);
    z.evidence.image_signer = w.stranger.public_key;
    SessionPayload p = zygote_session(&w, &z);
    ck_assert_ok(wrap_at(NOW, p.session_id, &why));
    broker_free(&w.broker);
    world_revoke(&w, w.stranger.public_key.bytes); /* who signed the image */
    world_start(&w, NOW);
    ck_assert_err(wrap_at(NOW, p.session_id, &why), ERR_NO_ENTRY);
    zygote_refused(&w, &z, ERR_DENIED, "image signer not revoked");
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

TEST_MAIN("keybroker/attest", evidence_that_the_policy_does_not_accept_is_refused_by_name, the_kind_of_evidence_is_the_policys,
          images_may_be_named_by_their_signer, a_policy_may_name_nodes_that_the_broker_does_not_know_and_leave_out_others,
          revoked_nodes_and_recipients_are_refused, a_broker_does_not_start_in_the_name_of_a_revoked_owner,
          a_running_broker_follows_the_lists_and_releases_nothing_while_they_cannot_be_read,
          a_replay_a_stale_nonce_and_a_made_up_one_are_refused, a_refused_attestation_uses_its_nonce_up,
          every_flipped_bit_of_the_evidence_is_refused, another_owners_or_a_changed_footer_is_refused,
          a_dataset_sealed_to_another_key_is_refused_and_uses_up_no_run, an_old_version_is_refused_once_a_new_one_was_seen,
          runs_are_counted_once_a_task_and_refused_beyond_the_policy_after_a_restart_too,
          a_verdict_ahead_counts_no_run_and_leaves_the_nonce_good_for_the_attestation_that_is_judged_anew,
          a_restarted_broker_goes_on_with_the_same_sessions, after_a_restart_with_somebody_revoked_every_zygote_attests_again,
          more_attestations_a_minute_than_allowed_are_put_off)
