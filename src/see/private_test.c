/*
 * Does a module over one segment of a private task show anything but its value? Modules that try by every way there is, each compared with an honest
 * one, in all that leaves the SEE: the answer, how it ended, the size of the result, and every other byte of the slot.
 */
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/test.h"
#include "crypto/derive.h"
#include "crypto/hpke.h"
#include "crypto/stream.h"
#include "see/outcome.h"
#include "see/rig.h"
#include "see/sealed_result.h"
#include "see/session_payload.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { SEGMENTS = 4, INPUT_AT = SLOT_DATA, OUTPUT_PLACE = 2 << 20, OUTPUT_ROOM = 1 << 20, LOG_PLACE = 3 << 20, SLOT_SIZE = 4 << 20, PAD_MS = 40 };

static const AeadKey DATASET_KEY = {{42}};
static SessionPayload payload;
static pid_t zygote;
static uint32_t block_count, prefix_bytes; /* of the next session */

/* --- the broker's part --- */

static void send_grant(Rig *r, const ZygoteReport *report)
{
    ChannelSession packet = {.type = CHANNEL_SESSION, .evidence_hash = {0xee}};
    SealPublicKey see;
    uint8_t seed[32] = {1}, info[16 + 32];
    memcpy(info, "covey session v1", 16);
    memcpy(info + 16, packet.evidence_hash, 32);
    memcpy(see.bytes, report->see_key, sizeof see.bytes);
    ck_assert_ok(hpke_seal(&see, NULL, seed, view_of(info, sizeof info), view_of(report->task_id, 16), view_of(&payload, sizeof payload),
                           packet.encapsulated, packet.sealed));
    ck_assert_ok(socket_send(r->socket, view_of(&packet, sizeof packet), NULL, 0));
}

static void start_as(Rig *r, const char *part, SecurityLevel level, PrivateRole role, ChannelSealed sealed, uint32_t pad_ms, uint64_t lifetime_ms)
{
    int report_fd;
    payload = (SessionPayload){.session_key = {0x51}, .result_key = {0x52}, .answer_key = {0x53}, .dataset_id = {4}, .dataset_version = 1,
                               .segments = SEGMENTS, .role = role, .prefix_bytes = prefix_bytes,
                               .privacy = {.pad_ms = pad_ms, .blocks = block_count}};
    rig_start(r, rig_exec_sealed(&zygote, &report_fd), (Wish){.level = level, .part = part, .sealed = sealed, .lifetime_ms = lifetime_ms});
    const ZygoteReport report = rig_read_report(report_fd);
    send_grant(r, &report);
}

static void start(Rig *r, const char *part, SecurityLevel level, PrivateRole role, uint32_t pad_ms, uint64_t lifetime_ms)
{
    start_as(r, part, level, role, SEALED_SEGMENTS, pad_ms, lifetime_ms);
}

static int stop(Rig *r)
{
    int status;
    rig_free(r);
    ck_assert_int_eq(waitpid(zygote, &status, 0), zygote);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* --- the agent's part --- */

static void put_ask(Rig *r, uint64_t job)
{
    rig_put_job(r, 0, 0, job, "");
    SlotJob *j = rig_job(r, 0, 0);
    j->ask.output_offset = OUTPUT_PLACE;
    j->ask.output_max = OUTPUT_ROOM;
    j->ask.log_offset = LOG_PLACE;
    j->ask.input_size = 0;
}

/* A segment's ciphertext behind what the input has, and its wrapped key. */
static void add_segment(Rig *r, uint64_t segment, View plain, SlotKey *ret_key)
{
    AeadKey key, wrap_key;
    AeadCipher cipher;
    uint8_t wrapped[WRAP_PLAIN_BYTES], nonce[AEAD_NONCE_BYTES] = {0}, aad[24] = {0};
    const uint64_t plain_size = plain.size;
    SlotJob *j = rig_job(r, 0, 0);
    derive_segment_key(&DATASET_KEY, payload.dataset_id, 1, segment, &key);
    ck_assert_ok(aead_begin(&key, &cipher));
    ck_assert_ok(stream_seal_chunk(&cipher, 0, true, plain, r->slots[0] + INPUT_AT + j->ask.input_size));
    aead_end(&cipher);
    j->ask.input_size += plain.size + AEAD_TAG_BYTES;
    derive_wrap_key(payload.session_key, &wrap_key);
    memcpy(wrapped, key.bytes, 32);
    memcpy(wrapped + 32, &plain_size, 8);
    memcpy(nonce, &segment, sizeof segment);
    memcpy(nonce + 8, &(uint32_t){(uint32_t)plain_size}, 4);
    memset(aad, 0x11, 16);
    memcpy(aad + 16, &segment, sizeof segment);
    const View bound = view_of(aad, sizeof aad);
    ret_key->plain_size = plain_size;
    ck_assert_ok(aead_seal(&wrap_key, nonce, bound, view_of(wrapped, sizeof wrapped), ret_key->wrap, ret_key->wrap + WRAP_PLAIN_BYTES));
}

static void put_segment(Rig *r, uint64_t job, View plain)
{
    put_ask(r, job);
    add_segment(r, job, plain, &rig_job(r, 0, 0)->key);
}

/* All of the slot but the result's ciphertext, and how it ended. */
typedef struct { ChannelSlotDone done; SlotAnswer answer; uint8_t rest[32]; PrivateValue value; } Seen;

static PrivateValue open_value(Rig *r)
{
    const uint8_t *at = r->slots[0] + OUTPUT_PLACE;
    PrivateValue value;
    AeadKey result_key, key;
    AeadCipher cipher;
    uint8_t hash[32];
    memcpy(result_key.bytes, payload.result_key, sizeof result_key.bytes);
    crypto_hash_sha256(hash, at, sizeof(SealedResultHead));
    derive_result_key(&result_key, hash, &key);
    ck_assert_ok(aead_begin(&key, &cipher));
    ck_assert_ok(stream_open_chunk(&cipher, 0, true, view_of(at + sizeof(SealedResultHead), sizeof value + AEAD_TAG_BYTES), (uint8_t *)&value));
    aead_end(&cipher);
    return value;
}

static Seen look(Rig *r, const char *input)
{
    Seen s;
    put_segment(r, 0, view_text(input));
    rig_send_run(r, 1, (uint32_t[]){0});
    s.done = rig_next_done(r);
    s.answer = rig_job(r, 0, 0)->answer;
    ck_assert_uint_eq(s.done.how, HOW_ANSWERED);
    ck_assert_uint_eq(s.answer.outcome, OUTCOME_OK);
    ck_assert_uint_eq(s.answer.output_size, SEALED_RESULT_AROUND_BYTES + sizeof(PrivateValue) + AEAD_TAG_BYTES);
    s.value = open_value(r);
    memset(r->slots[0] + OUTPUT_PLACE, 0, s.answer.output_size);
    crypto_hash_sha256(s.rest, r->slots[0], SLOT_SIZE);
    return s;
}

static Seen look_once(const char *part, const char *input, uint64_t lifetime_ms)
{
    Rig r;
    start(&r, part, LEVEL_PROCESS, ROLE_VALUES, 0, lifetime_ms);
    const Seen s = look(&r, input);
    ck_assert_int_eq(stop(&r), 0);
    return s;
}

START_TEST(a_modules_value_is_all_that_it_says_of_its_segment)
{
    const Seen s = look_once("echo", "42.5", 20000);
    ck_assert_uint_eq(s.value.size, 4);
    ck_assert_mem_eq(s.value.text, "42.5", 4);
    ck_assert_uint_eq(s.answer.memory_peak, 0);
}
END_TEST

/* By its exit code, its death, its hunger, its length, its log, or by never coming back. */
START_TEST(nothing_shows_whether_and_how_a_module_failed)
{
    static const char *const PARTS[] = {"exit_seven", "exit_zero", "unreachable", "divide", "indirect", "outside", "outside_far", "crash", "forbidden",
                                        "deep", "eat_memory", "flood_output", "flood_log", "loop"};
    const Seen honest = look_once("echo", "x", 20000);
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        const Seen s = look_once(PARTS[i], "x", strcmp(PARTS[i], "loop") == 0 ? 200 : 20000);
        ck_assert_msg(memcmp(&s.done, &honest.done, sizeof s.done) == 0, "%s: DONE shows it", PARTS[i]);
        ck_assert_msg(memcmp(&s.answer, &honest.answer, sizeof s.answer) == 0, "%s: the answer shows it", PARTS[i]);
        ck_assert_msg(memcmp(&s.rest, &honest.rest, sizeof s.rest) == 0, "%s: the slot shows it", PARTS[i]);
    }
}
END_TEST

START_TEST(a_module_that_failed_said_nothing)
{
    static const PrivateValue NOTHING;
    static const char *const PARTS[] = {"exit_seven", "unreachable", "crash", "forbidden", "loop"};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        const Seen s = look_once(PARTS[i], "x", strcmp(PARTS[i], "loop") == 0 ? 200 : 20000);
        ck_assert_msg(memcmp(&s.value, &NOTHING, sizeof NOTHING) == 0, "%s left a value", PARTS[i]);
    }
}
END_TEST

START_TEST(a_value_that_is_too_long_is_cut_off_and_ends_well)
{
    char text[1001] = {0};
    memset(text, '7', 1000);
    const Seen s = look_once("echo", text, 20000);
    ck_assert_uint_eq(s.value.size, PRIVATE_TEXT_BYTES);
}
END_TEST

/* What a dead module had sealed already and what stands in its place are not under one key. */
START_TEST(the_answer_in_a_dead_modules_place_is_under_a_key_of_its_own)
{
    Rig r;
    SealedResultHead heads[2];
    start(&r, "crash", LEVEL_PROCESS, ROLE_VALUES, 0, 20000);
    for (int i = 0; i < 2; i++) {
        put_segment(&r, 0, VIEW("x"));
        rig_send_run(&r, 1, (uint32_t[]){0});
        ck_assert_uint_eq(rig_next_done(&r).how, HOW_ANSWERED);
        memcpy(&heads[i], r.slots[0] + OUTPUT_PLACE, sizeof heads[i]);
    }
    ck_assert_mem_ne(heads[0].salt, heads[1].salt, sizeof heads[0].salt);
    ck_assert_int_eq(stop(&r), 0);
}
END_TEST

/* Damage is known before the module runs: whether a module reads a damaged place must not show. */
START_TEST(damage_is_found_whether_the_module_looks_at_it_or_not)
{
    static const char *const PARTS[] = {"echo", "exit_zero", "loop"};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        Rig r;
        start(&r, PARTS[i], LEVEL_PROCESS, ROLE_VALUES, 0, 20000);
        put_segment(&r, 0, VIEW("a segment"));
        r.slots[0][INPUT_AT] ^= 1;
        rig_send_run(&r, 1, (uint32_t[]){0});
        ck_assert_uint_eq(rig_next_done(&r).how, HOW_ANSWERED);
        ck_assert_uint_eq(rig_job(&r, 0, 0)->answer.outcome, OUTCOME_SEAL_BROKEN);
        ck_assert_int_eq(stop(&r), 0);
    }
}
END_TEST

START_TEST(durations_are_whole_steps_where_that_is_asked_for)
{
    static const char *const PARTS[] = {"echo", "exit_seven", "crash"};
    for (size_t i = 0; i < sizeof PARTS / sizeof PARTS[0]; i++) {
        Rig r;
        start(&r, PARTS[i], LEVEL_PROCESS, ROLE_VALUES, PAD_MS, 20000);
        const uint64_t began = clock_monotonic_ns();
        look(&r, "1");
        ck_assert_uint_ge(clock_monotonic_ns() - began, PAD_MS * NS_PER_MS); /* a sleep is never shorter */
        ck_assert_int_eq(stop(&r), 0);
    }
    Rig r; /* one that never ends is ended after whole steps too: its lifetime is two and a half */
    start(&r, "loop", LEVEL_PROCESS, ROLE_VALUES, PAD_MS, 5 * PAD_MS / 2);
    const uint64_t began = clock_monotonic_ns();
    look(&r, "1");
    ck_assert_uint_ge(clock_monotonic_ns() - began, 3 * PAD_MS * NS_PER_MS);
    ck_assert_int_eq(stop(&r), 0);
}
END_TEST

/* --- blocks --- */

static SlotKey *key_at(Rig *r, uint32_t n) { return n ? (SlotKey *)(void *)(r->slots[0] + SLOT_KEY_OFFSET(n)) : &rig_job(r, 0, 0)->key; }

static void put_block(Rig *r, uint64_t job, const uint64_t *segments, const char *const *plain, uint32_t count)
{
    put_ask(r, job);
    for (uint32_t i = 0; i < count; i++) add_segment(r, segments[i], view_text(plain[i]), key_at(r, i));
}

static uint32_t run_block(Rig *r)
{
    rig_send_run(r, 1, (uint32_t[]){0});
    ck_assert_uint_eq(rig_next_done(r).how, HOW_ANSWERED);
    return rig_job(r, 0, 0)->answer.outcome;
}

/* Four segments that begin with "h;" in two blocks. */
static void start_blocks(Rig *r)
{
    block_count = 2;
    prefix_bytes = 2;
    start(r, "echo", LEVEL_PROCESS, ROLE_VALUES, 0, 20000);
    block_count = prefix_bytes = 0;
}

START_TEST(a_block_is_read_as_one_without_the_headers_of_its_further_segments)
{
    Rig r;
    SealedResultHead head;
    start_blocks(&r);
    put_block(&r, 1, (uint64_t[]){2, 3}, (const char *[]){"h;12", "h;34"}, 2);
    ck_assert_uint_eq(run_block(&r), OUTCOME_OK);
    const PrivateValue value = open_value(&r);
    ck_assert_uint_eq(value.size, 6);
    ck_assert_mem_eq(value.text, "h;1234", 6);
    memcpy(&head, r.slots[0] + OUTPUT_PLACE, sizeof head);
    ck_assert(head.first == 2 && head.end == 4);
    put_block(&r, 0, (uint64_t[]){0, 1}, (const char *[]){"h;", "h;"}, 2); /* nobody fell into them */
    ck_assert_uint_eq(run_block(&r), OUTCOME_OK);
    ck_assert_uint_eq(open_value(&r).size, 2);
    ck_assert_int_eq(stop(&r), 0);
}
END_TEST

/* Whoever asks cannot put a person into two blocks, nor leave one out, nor make a block of others. */
START_TEST(a_block_is_its_own_segments_and_no_others)
{
    static const struct { uint64_t job, segments[3]; uint32_t count; } WRONG[] = {
        {0, {0}, 1}, {0, {0, 1, 2}, 3}, {0, {1, 0}, 2}, {0, {0, 2}, 2}, {0, {2, 3}, 2}, {0, {0, 0}, 2}, {1, {1, 2}, 2}, {2, {2, 3}, 2}, {3, {3}, 1}};
    Rig r;
    start_blocks(&r);
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        put_block(&r, WRONG[i].job, WRONG[i].segments, (const char *[]){"h;1", "h;2", "h;3"}, WRONG[i].count);
        const uint32_t outcome = run_block(&r);
        ck_assert_msg(outcome == OUTCOME_SEAL_BROKEN, "wrong block %zu ends as %s", i, outcome_text(outcome));
    }
    put_block(&r, 0, (uint64_t[]){0, 1}, (const char *[]){"h;1", "h"}, 2); /* shorter than what every segment begins with */
    ck_assert_uint_eq(run_block(&r), OUTCOME_SEAL_BROKEN);
    ck_assert_int_eq(stop(&r), 0);
}
END_TEST

START_TEST(a_private_session_opens_at_process_alone_and_for_its_own_kind_of_stage)
{
    static const struct { SecurityLevel level; PrivateRole role; } WRONG[] = {
        {LEVEL_SHARED, ROLE_VALUES}, {LEVEL_SHARED, ROLE_RECORDS}, {LEVEL_PROCESS, ROLE_COMBINE}, {LEVEL_PROCESS, ROLE_COMBINE + 1}};
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        Rig r;
        char byte;
        start(&r, "echo", WRONG[i].level, WRONG[i].role, 0, 20000);
        ck_assert_int_eq(recv(r.socket, &byte, 1, 0), 0);
        ck_assert_int_eq(stop(&r), 2);
    }
}
END_TEST

/* --- the answer --- */

/* What the first stage makes of the segments, framed as the manager does: each its frame's size, and where the next one begins. */
static size_t make_frames(uint8_t *out, size_t ret_ends[SEGMENTS])
{
    Rig r;
    size_t at = 0;
    start_as(&r, "echo", LEVEL_PROCESS, ROLE_RECORDS, SEALED_SEGMENTS, 0, 20000);
    for (uint64_t job = 0; job < SEGMENTS; job++) {
        put_segment(&r, job, VIEW("part"));
        rig_send_run(&r, 1, (uint32_t[]){0});
        ck_assert_uint_eq(rig_next_done(&r).how, HOW_ANSWERED);
        const SealedResultFrame size = (SealedResultFrame)rig_job(&r, 0, 0)->answer.output_size;
        memcpy(out + at, &size, sizeof size);
        memcpy(out + at + sizeof size, r.slots[0] + OUTPUT_PLACE, size);
        ret_ends[job] = at += sizeof size + size;
    }
    ck_assert_int_eq(stop(&r), 0);
    return at;
}

/* Whether the result in the slot opens under that key. */
static bool opens_under(Rig *r, const uint8_t secret[32])
{
    const uint8_t *at = r->slots[0] + OUTPUT_PLACE;
    const size_t size = rig_job(r, 0, 0)->answer.output_size - SEALED_RESULT_AROUND_BYTES;
    uint8_t hash[32], plain[256];
    AeadKey result_key, key;
    AeadCipher cipher;
    memcpy(result_key.bytes, secret, sizeof result_key.bytes);
    crypto_hash_sha256(hash, at, sizeof(SealedResultHead));
    derive_result_key(&result_key, hash, &key);
    ck_assert_ok(aead_begin(&key, &cipher));
    Err e = stream_open_chunk(&cipher, 0, true, view_of(at + sizeof(SealedResultHead), size), plain);
    aead_end(&cipher);
    return e.code == 0;
}

static void put_combine(Rig *r, const uint8_t *frames, size_t size)
{
    put_ask(r, UINT64_C(1) << STAGE_SHIFT);
    rig_job(r, 0, 0)->ask.input_size = size;
    memcpy(r->slots[0] + INPUT_AT, frames, size);
}

static void combine(Rig *r, const uint8_t *frames, size_t size)
{
    put_combine(r, frames, size);
    rig_send_run(r, 1, (uint32_t[]){0});
    ck_assert_uint_eq(rig_next_done(r).how, HOW_ANSWERED);
    ck_assert_uint_eq(rig_job(r, 0, 0)->answer.outcome, OUTCOME_OK);
}

START_TEST(what_covers_all_segments_and_only_that_is_sealed_as_the_answer)
{
    static uint8_t frames[8192];
    size_t ends[SEGMENTS];
    Rig r;
    make_frames(frames, ends);
    start_as(&r, "echo", LEVEL_PROCESS, ROLE_COMBINE, SEALED_RESULTS, 0, 20000);
    combine(&r, frames, ends[SEGMENTS - 1]);
    ck_assert(opens_under(&r, payload.answer_key) && !opens_under(&r, payload.result_key));
    combine(&r, frames, ends[SEGMENTS - 2]);
    ck_assert(opens_under(&r, payload.result_key) && !opens_under(&r, payload.answer_key));
    ck_assert_int_eq(stop(&r), 0);
}
END_TEST

/* Results of the segments one by one are nothing that a combiner over two blocks takes, whatever their keys. */
START_TEST(results_that_are_no_whole_block_are_not_combined)
{
    static uint8_t frames[8192];
    size_t ends[SEGMENTS];
    Rig r;
    make_frames(frames, ends);
    block_count = 2;
    start_as(&r, "echo", LEVEL_PROCESS, ROLE_COMBINE, SEALED_RESULTS, 0, 20000);
    block_count = 0;
    put_combine(&r, frames, ends[SEGMENTS - 1]);
    ck_assert_uint_eq(run_block(&r), OUTCOME_SEAL_BROKEN);
    ck_assert_int_eq(stop(&r), 0);
}
END_TEST

TEST_MAIN("see/private", what_covers_all_segments_and_only_that_is_sealed_as_the_answer,
          a_modules_value_is_all_that_it_says_of_its_segment, nothing_shows_whether_and_how_a_module_failed, a_module_that_failed_said_nothing,
          a_value_that_is_too_long_is_cut_off_and_ends_well, the_answer_in_a_dead_modules_place_is_under_a_key_of_its_own,
          damage_is_found_whether_the_module_looks_at_it_or_not, durations_are_whole_steps_where_that_is_asked_for,
          a_block_is_read_as_one_without_the_headers_of_its_further_segments, a_block_is_its_own_segments_and_no_others,
          results_that_are_no_whole_block_are_not_combined, a_private_session_opens_at_process_alone_and_for_its_own_kind_of_stage)
