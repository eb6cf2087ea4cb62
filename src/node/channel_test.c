/* Are packets written as see/channel.h and warden/protocol.h say, and are all others refused? */
#include "base/test.h"
#include "bus/broker_message.h"
#include "node/channel.h"
#include "node/warden_link.h"

enum { SLOTS = 4 };

static Err get(const void *packet, size_t size)
{
    ChannelReport report;
    return channel_get_report(view_of(packet, size), SLOTS, &report);
}

static size_t done_size(uint32_t count) { return offsetof(ChannelDone, slots) + count * sizeof(ChannelSlotDone); }

START_TEST(setup_carries_the_task_and_its_strings)
{
    TaskOpen task = {.id = {{4, 5}},
                     .sealed = SEALED_RESULTS,
                     .level = 2,
                     .lifetime_ns = 77,
                     .memory_max = 88,
                     .seed = {1, 2, 3},
                     .real_random = 1,
                     .args = VIEW("a\0b\0"),
                     .arg_count = 2,
                     .env = VIEW("X=1\0"),
                     .env_count = 1};
    AUTO_BUFFER b = buffer_limited(CHANNEL_PACKET_MAX);
    ck_assert_ok(channel_put_setup(&b, &task, SLOTS, false));
    ChannelSetup s;
    ck_assert_uint_eq(b.size, sizeof s + 8);
    memcpy(&s, b.data, sizeof s);
    ck_assert_uint_eq(s.type, CHANNEL_SETUP);
    ck_assert_uint_eq(s.version, CHANNEL_VERSION);
    ck_assert_uint_eq(s.level, 2);
    ck_assert_uint_eq(s.slot_count, SLOTS);
    ck_assert_uint_eq(s.lifetime_ns, 77);
    ck_assert_uint_eq(s.memory_max, 88);
    ck_assert_mem_eq(s.task_seed, task.seed, sizeof s.task_seed);
    ck_assert_uint_eq(s.real_random, 1);
    ck_assert_uint_eq(s.sealed, SEALED_RESULTS);
    ck_assert_mem_eq(s.task_id, task.id.bytes, sizeof s.task_id);
    ck_assert_uint_eq(s.arg_count, 2);
    ck_assert_uint_eq(s.env_count, 1);
    ck_assert_uint_eq(s.text_size, 8);
    ck_assert_mem_eq(b.data + sizeof s, "a\0b\0X=1\0", 8);
}
END_TEST

START_TEST(strings_longer_than_a_packet_are_an_error_and_leave_the_buffer_empty)
{
    static uint8_t text[TASK_ARG_BYTES_MAX];
    TaskOpen task = {.args = view_of(text, sizeof text), .env = view_of(text, 1)};
    AUTO_BUFFER b = buffer_limited(CHANNEL_PACKET_MAX);
    ck_assert_err(channel_put_setup(&b, &task, SLOTS, false), ERR_LIMIT);
    ck_assert_uint_eq(b.size, 0);
}
END_TEST

START_TEST(ready_and_done_are_read)
{
    ChannelReport r;
    ChannelReady ready = {CHANNEL_READY, CHANNEL_VERSION, 1};
    ck_assert_ok(channel_get_report(view_of(&ready, sizeof ready), SLOTS, &r));
    ck_assert_int_eq(r.type, CHANNEL_READY);
    ChannelDone done = {CHANNEL_DONE, 2, {{3, HOW_ANSWERED, 0}, {0, HOW_SIGNAL, 11}}};
    ck_assert_ok(channel_get_report(view_of(&done, done_size(2)), SLOTS, &r));
    ck_assert_int_eq(r.type, CHANNEL_DONE);
    ck_assert_uint_eq(r.count, 2);
    ck_assert_uint_eq(r.slots[0].slot, 3);
    ck_assert_uint_eq(r.slots[1].signal_number, 11);
}
END_TEST

START_TEST(a_done_that_is_not_legal_is_refused)
{
    ChannelDone done = {CHANNEL_DONE, 1, {{1, HOW_ANSWERED, 0}, {2, HOW_ANSWERED, 0}}};
    ck_assert_ok(get(&done, done_size(1)));
    ck_assert_err(get(&done, done_size(1) - 1), ERR_PROTOCOL);
    ck_assert_err(get(&done, done_size(2)), ERR_PROTOCOL);
    ck_assert_err(get(&done, 7), ERR_PROTOCOL);
    done.count = 0;
    ck_assert_err(get(&done, done_size(0)), ERR_PROTOCOL);
    done.count = SLOTS + 1;
    ck_assert_err(get(&done, done_size(SLOTS + 1)), ERR_PROTOCOL);
    done.count = UINT32_MAX;
    ck_assert_err(get(&done, done_size(1)), ERR_PROTOCOL);
    done = (ChannelDone){CHANNEL_DONE, 2, {{1, HOW_ANSWERED, 0}, {1, HOW_ANSWERED, 0}}};
    ck_assert_err(get(&done, done_size(2)), ERR_PROTOCOL);
    done = (ChannelDone){CHANNEL_DONE, 1, {{SLOTS, HOW_ANSWERED, 0}}};
    ck_assert_err(get(&done, done_size(1)), ERR_PROTOCOL);
    for (uint16_t how = 0; how < 10; how++) {
        done = (ChannelDone){CHANNEL_DONE, 1, {{0, how, 0}}};
        ck_assert_int_eq(get(&done, done_size(1)).code, how >= HOW_ANSWERED && how <= HOW_FORK_FAILED ? 0 : ERR_PROTOCOL);
    }
}
END_TEST

START_TEST(packets_of_other_types_and_versions_are_refused)
{
    for (uint32_t type = 0; type < 12; type++) {
        ChannelReady ready = {type, CHANNEL_VERSION, 0};
        bool legal = type == CHANNEL_READY || type == CHANNEL_WARMED || type == CHANNEL_FAILED; /* FAILED with 12 bytes of text */
        ck_assert_int_eq(get(&ready, sizeof ready).code, legal ? 0 : ERR_PROTOCOL);
    }
    ChannelReady ready = {CHANNEL_READY, CHANNEL_VERSION + 1, 0};
    ck_assert_err(get(&ready, sizeof ready), ERR_PROTOCOL);
    ck_assert_err(get("", 0), ERR_PROTOCOL);
}
END_TEST

START_TEST(text_of_a_zygote_is_cut_and_made_printable)
{
    ChannelFailed failed = {.type = CHANNEL_FAILED};
    memset(failed.text, 'x', sizeof failed.text);
    memcpy(failed.text, "a\x1b\n\xc3\x7f", 5);
    ChannelReport r;
    ck_assert_ok(channel_get_report(view_of(&failed, sizeof failed), SLOTS, &r));
    ck_assert_uint_eq(strlen(r.text), sizeof r.text - 1);
    ck_assert_int_eq(strncmp(r.text, "a????xxx", 8), 0);
    ck_assert_err(get(&failed, 3), ERR_PROTOCOL);
    ck_assert_ok(channel_get_report(view_of(&failed, 5), SLOTS, &r));
    ck_assert_str_eq(r.text, "a");
}
END_TEST

START_TEST(reports_of_the_warden_are_read_and_others_refused)
{
    WardenReport r;
    WardenStarted started = {WARDEN_STARTED, 5, 1234, 0};
    WardenEnded ended = {WARDEN_ENDED, 6, 9, 0};
    WardenRefused refused = {WARDEN_REFUSED, 7, ERR_LEVEL, "no\nway"};
    ck_assert_ok(warden_get_report(view_of(&started, sizeof started), &r));
    ck_assert(r.type == WARDEN_STARTED && r.zygote == 5);
    ck_assert_ok(warden_get_report(view_of(&ended, sizeof ended), &r));
    ck_assert(r.type == WARDEN_ENDED && r.zygote == 6 && r.status == 9);
    ck_assert_ok(warden_get_report(view_of(&refused, sizeof refused), &r));
    ck_assert(r.type == WARDEN_REFUSED && r.zygote == 7 && r.code == ERR_LEVEL);
    ck_assert_str_eq(r.text, "no?way");
    refused.code = -1;
    ck_assert_ok(warden_get_report(view_of(&refused, sizeof refused), &r));
    ck_assert_int_eq(r.code, ERR_PROTOCOL);
    ck_assert_err(warden_get_report(view_of(&refused, sizeof refused - 1), &r), ERR_PROTOCOL);
    ck_assert_err(warden_get_report(view_of(&started, 3), &r), ERR_PROTOCOL);
    started.type = WARDEN_START;
    ck_assert_err(warden_get_report(view_of(&started, sizeof started), &r), ERR_PROTOCOL);
}
END_TEST

static Err get_evidence(int32_t code, uint32_t size, size_t packet_size, WardenReport *ret_report)
{
    static struct { WardenEvidenceReady head; uint8_t content[BROKER_EVIDENCE_MAX + 1]; } packet;
    packet.head = (WardenEvidenceReady){WARDEN_EVIDENCE_READY, 5, code, size};
    memcpy(packet.content, "why\nnot", 8);
    return warden_get_report(view_of(&packet, packet_size), ret_report);
}

START_TEST(evidence_or_the_reason_for_none_is_read)
{
    const size_t head = sizeof(WardenEvidenceReady);
    WardenReport r;
    ck_assert_ok(get_evidence(0, 7, head + 7, &r));
    ck_assert(r.type == WARDEN_EVIDENCE_READY && r.zygote == 5 && r.code == 0 && view_equal(r.evidence, VIEW("why\nnot")));
    ck_assert_ok(get_evidence(ERR_LEVEL, 7, head + 7, &r));
    ck_assert(r.code == ERR_LEVEL && r.evidence.size == 0);
    ck_assert_str_eq(r.text, "why?not");
    ck_assert_ok(get_evidence(-1, 0, head, &r));
    ck_assert_int_eq(r.code, ERR_PROTOCOL);
    ck_assert_ok(get_evidence(0, BROKER_EVIDENCE_MAX, head + BROKER_EVIDENCE_MAX, &r));
    ck_assert_err(get_evidence(0, BROKER_EVIDENCE_MAX + 1, head + BROKER_EVIDENCE_MAX + 1, &r), ERR_PROTOCOL);
    ck_assert_err(get_evidence(0, 7, head + 6, &r), ERR_PROTOCOL);
    ck_assert_err(get_evidence(0, 7, head + 8, &r), ERR_PROTOCOL);
    ck_assert_err(get_evidence(0, 0, head, &r), ERR_PROTOCOL);
    ck_assert_err(get_evidence(0, 0, head - 1, &r), ERR_PROTOCOL);
}
END_TEST

TEST_MAIN("node/channel", setup_carries_the_task_and_its_strings, strings_longer_than_a_packet_are_an_error_and_leave_the_buffer_empty,
          ready_and_done_are_read, a_done_that_is_not_legal_is_refused, packets_of_other_types_and_versions_are_refused,
          text_of_a_zygote_is_cut_and_made_printable, reports_of_the_warden_are_read_and_others_refused,
          evidence_or_the_reason_for_none_is_read)
