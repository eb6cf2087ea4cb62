/*
 * Is plaintext only ever seen by the SEE it is meant for? A zygote with sealed data, its key broker and its warden's pipe played by the test:
 * right sessions and wraps give right results, everything else a clean refusal.
 */
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "crypto/derive.h"
#include "crypto/hpke.h"
#include "crypto/stream.h"
#include "see/outcome.h"
#include "see/rig.h"
#include "see/sealed_result.h"
#include "see/session_payload.h"
#include "see/zygote_report.h"
#include "sys/fd.h"

enum { SEGMENTS = 4, INPUT_AT = SLOT_DATA, BIG = 100000 };

static pid_t zygote;
static int report_fd;
static const AeadKey dataset_key = {{42}};
static const uint8_t dataset_id[16] = {4, 2};
static SessionPayload payload;

static void make_payload(void)
{
    payload = (SessionPayload){.dataset_version = 1, .segments = SEGMENTS};
    memset(payload.session_key, 0x51, sizeof payload.session_key);
    memset(payload.result_key, 0x52, sizeof payload.result_key);
    memcpy(payload.dataset_id, dataset_id, sizeof payload.dataset_id);
}

/* The broker's grant for the key that the zygote reported. */
static ChannelSession grant_for(const ZygoteReport *report)
{
    ChannelSession packet = {.type = CHANNEL_SESSION};
    SealPublicKey see;
    uint8_t seed[32] = {1}, info[16 + 32];
    memset(packet.evidence_hash, 0xee, sizeof packet.evidence_hash);
    memcpy(info, "covey session v1", 16);
    memcpy(info + 16, packet.evidence_hash, 32);
    memcpy(see.bytes, report->see_key, sizeof see.bytes);
    ck_assert_ok(hpke_seal(&see, NULL, seed, view_of(info, sizeof info), view_of(report->task_id, 16), view_of(&payload, sizeof payload),
                           packet.encapsulated, packet.sealed));
    return packet;
}

static void start(Rig *r, SecurityLevel level, const char *part, ChannelSealed sealed)
{
    make_payload();
    rig_start(r, rig_exec_sealed(&zygote, &report_fd), (Wish){.level = level, .part = part, .sealed = sealed});
    ZygoteReport report = rig_read_report(report_fd);
    ck_assert_uint_eq(report.level, level);
    ck_assert_uint_eq(report.task_id[0], 0x11);
    ChannelSession packet = grant_for(&report);
    ck_assert_ok(socket_send(r->socket, view_of(&packet, sizeof packet), NULL, 0));
}

static void stop(Rig *r)
{
    int status;
    rig_free(r);
    ck_assert_int_eq(waitpid(zygote, &status, 0), zygote);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static size_t seal_stream(const AeadKey *key, View plain, uint8_t *out)
{
    size_t at = 0;
    uint32_t number = 0;
    AeadCipher cipher;
    ck_assert_ok(aead_begin(key, &cipher));
    do {
        size_t step = plain.size < STREAM_CHUNK_BYTES ? plain.size : STREAM_CHUNK_BYTES;
        ck_assert_ok(stream_seal_chunk(&cipher, number++, step == plain.size, view_of(plain.data, step), out + at));
        at += step + AEAD_TAG_BYTES;
        plain = view_of(plain.data + step, plain.size - step);
    } while (plain.size > 0);
    aead_end(&cipher);
    return at;
}

static void wrap_for(uint64_t job, const AeadKey *key, uint64_t plain_size, uint8_t ret_wrap[WRAP_BYTES])
{
    AeadKey wrap_key;
    uint8_t plain[WRAP_PLAIN_BYTES], nonce[AEAD_NONCE_BYTES] = {0}, aad[24];
    derive_wrap_key(payload.session_key, &wrap_key);
    memcpy(plain, key->bytes, 32);
    memcpy(plain + 32, &plain_size, 8);
    memcpy(nonce, &job, 8);
    memcpy(nonce + 8, &(uint32_t){(uint32_t)plain_size}, 4);
    memset(aad, 0x11, 16);
    memcpy(aad + 16, &job, 8);
    ck_assert_ok(aead_seal(&wrap_key, nonce, view_of(aad, sizeof aad), view_of(plain, sizeof plain), ret_wrap, ret_wrap + WRAP_PLAIN_BYTES));
}

/* A sealed segment with its wrapped key in slot 0, as an honest agent puts it there. */
static void put_segment(Rig *r, uint64_t job, View plain)
{
    AeadKey key;
    rig_put_job(r, 0, 0, job, "");
    SlotJob *j = rig_job(r, 0, 0);
    j->ask.output_offset = 2 << 20;
    j->ask.output_max = 1 << 20;
    j->ask.log_offset = 3 << 20;
    derive_segment_key(&dataset_key, dataset_id, 1, job, &key);
    j->ask.input_size = seal_stream(&key, plain, r->slots[0] + INPUT_AT);
    wrap_for(job, &key, plain.size, j->key.wrap);
}

static uint32_t run(Rig *r)
{
    rig_send_run(r, 1, (uint32_t[]){0});
    ck_assert_uint_eq(rig_next_done(r).how, HOW_ANSWERED);
    return rig_job(r, 0, 0)->answer.outcome;
}

static View result_of(Rig *r) { return view_of(r->slots[0] + rig_job(r, 0, 0)->ask.output_offset, rig_job(r, 0, 0)->answer.output_size); }

static SealedResultEnd end_of(View result)
{
    SealedResultEnd end;
    ck_assert_uint_ge(result.size, SEALED_RESULT_AROUND_BYTES);
    memcpy(&end, result.data + result.size - sizeof end, sizeof end);
    return end;
}

/* Opens a sealed result as its recipient does. */
static size_t unseal(View result, uint8_t *out, SealedResultHead *ret_head)
{
    AeadKey result_key, key;
    uint8_t hash[32];
    size_t at = sizeof *ret_head, size = 0;
    ck_assert_uint_ge(result.size, sizeof *ret_head);
    memcpy(ret_head, result.data, sizeof *ret_head);
    memcpy(result_key.bytes, payload.result_key, 32);
    crypto_hash_sha256(hash, result.data, sizeof *ret_head);
    derive_result_key(&result_key, hash, &key);
    AeadCipher cipher;
    ck_assert_ok(aead_begin(&key, &cipher));
    const size_t ends = result.size - sizeof(SealedResultEnd);
    for (uint32_t n = 0; at < ends; n++) {
        size_t step = ends - at < STREAM_CHUNK_BYTES + AEAD_TAG_BYTES ? ends - at : STREAM_CHUNK_BYTES + AEAD_TAG_BYTES;
        ck_assert_ok(stream_open_chunk(&cipher, n, at + step == ends, view_of(result.data + at, step), out + size));
        at += step;
        size += step - AEAD_TAG_BYTES;
    }
    const SealedResultEnd end = end_of(result);
    ck_assert_ok(stream_check_note(&cipher, view_of(end.digest, sizeof end.digest), end.tag));
    aead_end(&cipher);
    return size;
}

static const uint8_t *big_text(void)
{
    static uint8_t text[BIG];
    for (size_t i = 0; i < sizeof text; i++) text[i] = (uint8_t)("plaintext "[i % 10]);
    return text;
}

START_TEST(a_sealed_segment_goes_in_and_a_sealed_result_comes_out)
{
    static uint8_t out[BIG];
    const size_t sizes[] = {0, 1, 4096, STREAM_CHUNK_BYTES - 1, STREAM_CHUNK_BYTES, STREAM_CHUNK_BYTES + 1, BIG};
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        start(&r, level, "echo", SEALED_SEGMENTS);
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            SealedResultHead head;
            put_segment(&r, 2, view_of(big_text(), sizes[i]));
            ck_assert_uint_eq(run(&r), OUTCOME_OK);
            ck_assert_uint_eq(unseal(result_of(&r), out, &head), sizes[i]);
            ck_assert_mem_eq(out, big_text(), sizes[i]);
            ck_assert_uint_eq(head.first, 2);
            ck_assert_uint_eq(head.end, 3);
            ck_assert_ptr_null(memmem(r.slots[0], 4 << 20, "plaintext", 9));
        }
        stop(&r);
    }
}
END_TEST

START_TEST(whole_chunks_are_opened_in_linear_memory)
{
    static uint8_t out[BIG];
    SealedResultHead head;
    Rig r;
    start(&r, LEVEL_SHARED, "echo_big", SEALED_SEGMENTS);
    for (int i = 0; i < 3; i++) {
        put_segment(&r, 1, view_of(big_text(), BIG));
        ck_assert_uint_eq(run(&r), OUTCOME_OK);
        ck_assert_uint_eq(unseal(result_of(&r), out, &head), BIG);
        ck_assert_mem_eq(out, big_text(), BIG);
    }
    stop(&r);
}
END_TEST

START_TEST(every_flipped_byte_of_segment_or_wrap_is_found)
{
    Rig r;
    start(&r, LEVEL_SHARED, "echo", SEALED_SEGMENTS);
    for (size_t i = 0; i < 40 + AEAD_TAG_BYTES; i++) {
        put_segment(&r, 1, view_of(big_text(), 40));
        r.slots[0][INPUT_AT + i] ^= 1;
        ck_assert_uint_eq(run(&r), OUTCOME_SEAL_BROKEN);
    }
    for (size_t i = 0; i < WRAP_BYTES; i++) {
        put_segment(&r, 1, view_of(big_text(), 40));
        rig_job(&r, 0, 0)->key.wrap[i] ^= 1;
        ck_assert_uint_eq(run(&r), OUTCOME_SEAL_BROKEN);
    }
    put_segment(&r, 1, view_of(big_text(), 40));
    ck_assert_uint_eq(run(&r), OUTCOME_OK);
    stop(&r);
}
END_TEST

START_TEST(a_segment_of_another_place_or_a_shortened_one_is_refused)
{
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        start(&r, level, "echo", SEALED_SEGMENTS);
        put_segment(&r, 1, view_of(big_text(), 40));
        rig_job(&r, 0, 0)->ask.stage_and_job = 2; /* the wrap is for micro-job 1 */
        ck_assert_uint_eq(run(&r), OUTCOME_SEAL_BROKEN);

        put_segment(&r, 1, view_of(big_text(), 40000));
        rig_job(&r, 0, 0)->ask.input_size -= 40000 - 2 * STREAM_CHUNK_BYTES + AEAD_TAG_BYTES;
        ck_assert_uint_eq(run(&r), OUTCOME_SEAL_BROKEN);

        put_segment(&r, SEGMENTS, view_of(big_text(), 40)); /* the dataset has no such segment */
        ck_assert_uint_eq(run(&r), OUTCOME_SEAL_BROKEN);
        stop(&r);
    }
}
END_TEST

START_TEST(a_refused_micro_job_leaves_nothing_readable)
{
    Rig r;
    start(&r, LEVEL_PROCESS, "echo", SEALED_SEGMENTS);
    put_segment(&r, 1, view_of(big_text(), 40));
    r.slots[0][INPUT_AT] ^= 1;
    ck_assert_uint_eq(run(&r), OUTCOME_SEAL_BROKEN);
    ck_assert_ptr_null(memmem(r.slots[0], 4 << 20, "laintext", 8));
    stop(&r);
}
END_TEST

START_TEST(standard_error_does_not_leave_a_see_with_sealed_data)
{
    Rig r;
    start(&r, LEVEL_PROCESS, "flood_log", SEALED_SEGMENTS);
    put_segment(&r, 1, view_of(big_text(), 40));
    ck_assert_uint_eq(run(&r), OUTCOME_OK);
    ck_assert_uint_eq(rig_job(&r, 0, 0)->answer.log_size, 0);
    ck_assert_uint_eq(rig_job(&r, 0, 0)->answer.log_truncated, 1);
    stop(&r);
}
END_TEST

START_TEST(a_full_slot_is_the_output_limit_at_the_last_chunk_too)
{
    Rig r;
    start(&r, LEVEL_PROCESS, "echo", SEALED_SEGMENTS);
    put_segment(&r, 1, view_of(big_text(), 40));
    rig_job(&r, 0, 0)->ask.output_max = sizeof(SealedResultHead) + 40;
    ck_assert_uint_eq(run(&r), OUTCOME_OUTPUT_LIMIT);
    stop(&r);
}
END_TEST

/* What copies of one micro-job say, each sealed under another salt, in another zygote, at another level. */
START_TEST(copies_agree_exactly_when_micro_job_and_plaintext_are_the_same)
{
    static uint8_t first[4 * BIG];
    SealedResultEnd ends[2], other;
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        start(&r, level, "echo", SEALED_SEGMENTS);
        put_segment(&r, 2, view_of(big_text(), BIG));
        ck_assert_uint_eq(run(&r), OUTCOME_OK);
        ends[level == LEVEL_PROCESS] = end_of(result_of(&r));
        if (level == LEVEL_PROCESS) ck_assert_mem_ne(first, result_of(&r).data, result_of(&r).size);
        else memcpy(first, result_of(&r).data, result_of(&r).size);

        put_segment(&r, 3, view_of(big_text(), BIG)); /* the same text in another micro-job */
        ck_assert_uint_eq(run(&r), OUTCOME_OK);
        other = end_of(result_of(&r));
        ck_assert_mem_ne(other.digest, ends[0].digest, sizeof other.digest);
        put_segment(&r, 2, view_of(big_text() + 10, BIG - 10)); /* another text in the same micro-job */
        ck_assert_uint_eq(run(&r), OUTCOME_OK);
        other = end_of(result_of(&r));
        ck_assert_mem_ne(other.digest, ends[0].digest, sizeof other.digest);
        stop(&r);
    }
    ck_assert_mem_eq(ends[0].digest, ends[1].digest, sizeof ends[0].digest);
    ck_assert_mem_ne(ends[0].tag, ends[1].tag, sizeof ends[0].tag);
}
END_TEST

START_TEST(a_slot_without_room_for_the_digest_is_full)
{
    Rig r;
    start(&r, LEVEL_PROCESS, "echo", SEALED_SEGMENTS);
    put_segment(&r, 1, view_of(big_text(), 40));
    rig_job(&r, 0, 0)->ask.output_max = SEALED_RESULT_AROUND_BYTES + 40 + AEAD_TAG_BYTES - 1;
    ck_assert_uint_eq(run(&r), OUTCOME_OUTPUT_LIMIT);
    put_segment(&r, 1, view_of(big_text(), 40));
    rig_job(&r, 0, 0)->ask.output_max = SEALED_RESULT_AROUND_BYTES + 40 + AEAD_TAG_BYTES;
    ck_assert_uint_eq(run(&r), OUTCOME_OK);
    stop(&r);
}
END_TEST

/* Results of stage 0 to be combined: made by a zygote, framed as the manager does. */
static size_t make_results(uint8_t *out, size_t ret_at[SEGMENTS + 1])
{
    size_t at = 0;
    Rig r;
    start(&r, LEVEL_SHARED, "echo", SEALED_SEGMENTS);
    for (uint64_t job = 0; job < SEGMENTS; job++) {
        put_segment(&r, job, view_of(big_text() + job, 20000));
        ck_assert_uint_eq(run(&r), OUTCOME_OK);
        View result = result_of(&r);
        SealedResultFrame size = (SealedResultFrame)result.size;
        ret_at[job] = at;
        memcpy(out + at, &size, sizeof size);
        memcpy(out + at + sizeof size, result.data, result.size);
        at += sizeof size + result.size;
    }
    ret_at[SEGMENTS] = at;
    stop(&r);
    return at;
}

static void put_results(Rig *r, View results)
{
    rig_put_job(r, 0, 0, UINT64_C(1) << STAGE_SHIFT, "");
    SlotJob *j = rig_job(r, 0, 0);
    j->ask.output_offset = 2 << 20;
    j->ask.output_max = 1 << 20;
    j->ask.log_offset = 3 << 20;
    j->ask.input_size = results.size;
    memcpy(r->slots[0] + INPUT_AT, results.data, results.size);
}

START_TEST(results_are_combined_in_a_see_and_the_output_says_what_it_covers)
{
    static uint8_t results[SEGMENTS * 25000], out[BIG];
    size_t at[SEGMENTS + 1];
    SealedResultHead head;
    make_results(results, at);
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        start(&r, level, "echo", SEALED_RESULTS);
        put_results(&r, view_of(results, at[SEGMENTS]));
        ck_assert_uint_eq(run(&r), OUTCOME_OK);
        ck_assert_uint_eq(unseal(result_of(&r), out, &head), SEGMENTS * 20000);
        for (size_t job = 0; job < SEGMENTS; job++) ck_assert_mem_eq(out + job * 20000, big_text() + job, 20000);
        ck_assert_uint_eq(head.first, 0);
        ck_assert_uint_eq(head.end, SEGMENTS);
        stop(&r);
    }
}
END_TEST

static void expect_not_combined(View results)
{
    Rig r;
    start(&r, LEVEL_PROCESS, "echo", SEALED_RESULTS);
    put_results(&r, results);
    ck_assert_uint_eq(run(&r), OUTCOME_SEAL_BROKEN);
    stop(&r);
}

START_TEST(left_out_repeated_reordered_and_changed_results_are_refused)
{
    static uint8_t results[SEGMENTS * 25000], changed[SEGMENTS * 25000];
    size_t at[SEGMENTS + 1];
    size_t size = make_results(results, at), first = at[1], rest = size - at[2];

    memcpy(changed, results, first);
    memcpy(changed + first, results + at[2], rest); /* the second is missing */
    expect_not_combined(view_of(changed, first + rest));
    memcpy(changed + first, results, first);        /* the first, twice */
    expect_not_combined(view_of(changed, 2 * first));
    memcpy(changed, results + at[1], at[2] - at[1]);
    memcpy(changed + (at[2] - at[1]), results, first); /* the second before the first */
    expect_not_combined(view_of(changed, at[2]));
    expect_not_combined(view_of(results, size - 1));
    expect_not_combined(view_of(results, 0));
    const size_t places[] = {4, 12, 40, 70, at[1] + 4 + 16, at[2] - 1, at[2] - 17}; /* heads, streams, tag and digest, sizes */
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        memcpy(changed, results, size);
        changed[places[i]] ^= 1;
        expect_not_combined(view_of(changed, size));
    }
}
END_TEST

/* A grant that is not for this zygote, this task or this evidence opens nothing: the zygote ends. */
static void expect_no_session(void (*spoil)(ChannelSession *packet, ZygoteReport *report))
{
    Rig r;
    int status;
    make_payload();
    rig_start(&r, rig_exec_sealed(&zygote, &report_fd), (Wish){.level = LEVEL_PROCESS, .part = "echo", .sealed = SEALED_SEGMENTS});
    ZygoteReport report = rig_read_report(report_fd);
    ChannelSession packet = grant_for(&report);
    spoil(&packet, &report);
    ck_assert_ok(socket_send(r.socket, view_of(&packet, sizeof packet), NULL, 0));
    ck_assert_int_eq(waitpid(zygote, &status, 0), zygote);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 2);
    rig_free(&r);
}

static void other_evidence(ChannelSession *p, ZygoteReport *r) { (void)r; p->evidence_hash[0] ^= 1; }
static void flipped(ChannelSession *p, ZygoteReport *r) { (void)r; p->sealed[100] ^= 1; }
static void other_task(ChannelSession *p, ZygoteReport *r) { r->task_id[0] ^= 1; *p = grant_for(r); }
static void other_packet(ChannelSession *p, ZygoteReport *r) { (void)r; p->type = CHANNEL_RUN; }
static void other_key(ChannelSession *p, ZygoteReport *r)
{
    crypto_scalarmult_base(r->see_key, (const uint8_t[32]){77});
    *p = grant_for(r);
}

START_TEST(a_grant_for_anything_else_opens_no_session)
{
    expect_no_session(other_evidence);
    expect_no_session(flipped);
    expect_no_session(other_task);
    expect_no_session(other_key);
    expect_no_session(other_packet);
}
END_TEST

TEST_MAIN("see/sealed", a_sealed_segment_goes_in_and_a_sealed_result_comes_out, whole_chunks_are_opened_in_linear_memory,
          every_flipped_byte_of_segment_or_wrap_is_found, a_segment_of_another_place_or_a_shortened_one_is_refused,
          a_refused_micro_job_leaves_nothing_readable, standard_error_does_not_leave_a_see_with_sealed_data,
          a_full_slot_is_the_output_limit_at_the_last_chunk_too, a_slot_without_room_for_the_digest_is_full,
          copies_agree_exactly_when_micro_job_and_plaintext_are_the_same, results_are_combined_in_a_see_and_the_output_says_what_it_covers,
          left_out_repeated_reordered_and_changed_results_are_refused, a_grant_for_anything_else_opens_no_session)
