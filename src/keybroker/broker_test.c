/* Does a key leave only for what the dataset's policy allows, and is every refusal one for its own reason? */
#include "keybroker/broker.h"

#include <fcntl.h>
#include <time.h>

#include "audit/audit.h"
#include "base/limits.h"
#include "crypto/derive.h"
#include "keybroker/broker_parts.h"
#include "keybroker/fixture.h"
#include "sys/fd.h"

static World w;

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
    world_seal(&w, &d);
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

START_TEST(a_wrap_holds_the_key_of_its_segment_for_its_micro_job_alone)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    SessionPayload p = zygote_session(&w, &z);
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
    SessionPayload p = zygote_session(&w, &z), c = zygote_session(&w, &combine);
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
    world_seal(&w, &d);
    Zygote z = zygote_of(&w, 1);
    SessionPayload p = zygote_session(&w, &z);
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

/* --- results --- */

START_TEST(the_result_footer_gives_the_tasks_key_to_the_recipients_alone)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    SessionPayload p = zygote_session(&w, &z);
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

static Err find_kept(void *context, const SealPublicKey *wanted, SealSecretKey *ret_secret, Diag *diag)
{
    const SealPair *kept = context;
    if (memcmp(&kept->public_key, wanted, sizeof *wanted) != 0) return FAIL_WHY(diag, ERR_NO_ENTRY, "not kept");
    *ret_secret = kept->secret;
    return OK;
}

/* The owner's keys are others now; the dataset is of before. */
static void rotate_owner(TrustedKeys *earlier, SealPair *kept, BrokerConfig *ret_config)
{
    *earlier = (TrustedKeys){.keys = {w.owner.public_key}, .count = 1};
    *kept = w.owner_sealing;
    w.owner = sign_pair(21);
    w.owner_sealing = seal_pair(22);
    *ret_config = world_config(&w);
    ret_config->earlier = earlier;
    ret_config->find_sealing = find_kept;
    ret_config->sealing_context = kept;
}

static void check_first_wrap(World *world, SessionPayload p)
{
    const uint64_t job = 0, size = 1000;
    uint8_t wrap[1][WRAP_BYTES], plain[WRAP_PLAIN_BYTES];
    AeadKey key;
    Diag why = {{0}};
    ck_assert_ok(broker_wrap(world->broker, NOW, p.session_id, &job, &size, 1, wrap, &why));
    derive_segment_key(&DATASET_KEY, p.dataset_id, 3, job, &key);
    ck_assert_ok(unwrap(&p, 1, job, size, wrap[0], plain));
    ck_assert_mem_eq(plain, key.bytes, 32);
}

START_TEST(datasets_of_before_a_rotation_are_served_until_the_old_key_is_revoked)
{
    TrustedKeys earlier;
    SealPair kept;
    BrokerConfig config;
    Diag why = {{0}};
    for (int revoked = 0; revoked < 2; revoked++) {
        world_prepare(&w);
        rotate_owner(&earlier, &kept, &config);
        if (revoked) world_revoke(&w, earlier.keys[0].bytes);
        ck_assert_ok(broker_new(&config, NOW, &w.broker, &why));
        Zygote z = zygote_of(&w, 1);
        if (revoked) zygote_refused(&w, &z, ERR_UNTRUSTED, "who is not this key broker's owner");
        else check_first_wrap(&w, zygote_session(&w, &z));
        world_end(&w);
    }
}
END_TEST

START_TEST(a_result_file_is_no_dataset)
{
    world_begin(&w);
    Zygote z = zygote_of(&w, 1);
    zygote_session(&w, &z);
    const ResultClaims claims = {.results = 1};
    AUTO_BUFFER said = buffer_limited(100);
    const uint8_t task[16] = {1};
    Diag why;
    ck_assert_ok(result_claims_encode(&claims, &said));
    buffer_free(&w.footer);
    w.footer = buffer_limited(FOOTER_BYTES_MAX);
    ck_assert_ok(broker_result_footer(w.broker, NOW, task, view_buffer(&said), &w.footer, &why));
    zygote_refused(&w, &z, ERR_BAD_INPUT, "this is a result file");
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
    SessionPayload p = zygote_session(&w, &z);
    const uint64_t jobs[] = {0, 1, 2, 4}, sizes[4] = {0};
    uint8_t wraps[4][WRAP_BYTES];
    Diag why = {{0}};
    ck_assert_ok(broker_wrap(w.broker, NOW, p.session_id, jobs, sizes, 4, wraps, &why));
    wrong.evidence.measurement = OTHER_IMAGE;
    zygote_refused(&w, &wrong, ERR_DENIED, "the evidence is refused");
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
    SessionPayload p = zygote_session(&w, &z);
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
    ck_assert_msg(rate > FLOOR / 4.0, "%.0f wraps a second: not even with sanitizers may it be that slow", rate);
    world_end(&w);
}
END_TEST

/* The flags (VmFlags of /proc/self/smaps) of the mapping that holds an address. */
static void flags_of(const void *address, char ret_flags[256])
{
    char line[512];
    bool here = false;
    FILE *f = fopen("/proc/self/smaps", "re");
    ck_assert_ptr_nonnull(f);
    ret_flags[0] = '\0';
    while (fgets(line, sizeof line, f) && !ret_flags[0]) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2) here = (uintptr_t)address >= from && (uintptr_t)address < to;
        if (here && strncmp(line, "VmFlags:", 8) == 0) snprintf(ret_flags, 256, "%s", line + 8);
    }
    fclose(f);
}

START_TEST(keys_lie_in_memory_that_is_neither_swapped_nor_dumped)
{
    char flags[256];
    world_begin(&w);
    flags_of(w.broker->sessions.secrets, flags);
#if !TEST_SANITIZED /* which makes mlock do nothing */
    ck_assert_msg(strstr(flags, " lo") != NULL, "not locked:%s", flags);
#endif
    ck_assert_msg(strstr(flags, " dd") != NULL, "in core files:%s", flags);
    world_end(&w);
}
END_TEST

TEST_MAIN("keybroker/broker", a_right_zygote_is_given_a_session_that_only_it_can_open,
          all_zygotes_of_a_task_on_a_node_share_a_session_and_others_do_not,
          a_wrap_holds_the_key_of_its_segment_for_its_micro_job_alone, wraps_beyond_the_session_are_refused,
          a_session_ends_with_its_policy, the_result_footer_gives_the_tasks_key_to_the_recipients_alone,
          a_result_file_is_no_dataset, datasets_of_before_a_rotation_are_served_until_the_old_key_is_revoked,
          every_release_and_refusal_is_in_the_audit_log, a_flood_of_refusals_does_not_fill_the_disk,
          keys_lie_in_memory_that_is_neither_swapped_nor_dumped, wraps_are_released_fast_enough)
