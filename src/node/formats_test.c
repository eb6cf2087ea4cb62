/* Are docs/formats/channel.md and slot.md true? Each worked example is made again, byte for byte, from the structures that both sides have. */
#include "base/level.h"
#include "base/test_document.h"
#include "node/channel.h"
#include "see/outcome.h"
#include "see/slot.h"
#include "warden/protocol.h"

static void expect_document(const char *page, int number, View made)
{
    AUTO_BUFFER written = test_document_hex(page, number);
    ck_assert_msg(view_equal(made, view_buffer(&written)), "docs/formats/%s: example %d has other bytes (%zu, made are %zu)", page, number, written.size,
                  made.size);
}

START_TEST(the_setup_of_the_document_is_what_an_agent_writes)
{
    TaskOpen task = {.level = LEVEL_PROCESS, .lifetime_ns = 60 * NS_PER_S, .memory_max = 64 * MIB, .sealed = SEALED_SEGMENTS,
                     .args = VIEW("count\0--column\0origin\0"), .arg_count = 3, .env = VIEW("LANG=C\0"), .env_count = 1};
    for (size_t i = 0; i < sizeof task.seed; i++) task.seed[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof task.id.bytes; i++) task.id.bytes[i] = (uint8_t)(0xf0 + i);
    AUTO_BUFFER made = buffer_limited(CHANNEL_PACKET_MAX);
    ck_assert_ok(channel_put_setup(&made, &task, 2, false));
    expect_document("channel.md", 1, view_buffer(&made));
}
END_TEST

START_TEST(ready_run_and_done_are_as_in_the_document)
{
    const ChannelReady ready = {CHANNEL_READY, CHANNEL_VERSION, 64 * KIB};
    const ChannelRun run = {CHANNEL_RUN, 2, {1, 0}};
    const ChannelDone done = {CHANNEL_DONE, 2, {{1, HOW_ANSWERED, 0}, {0, HOW_SIGNAL, 31}}};
    AUTO_BUFFER made = buffer_limited(KIB);
    ck_assert_ok(buffer_append(&made, view_of(&ready, sizeof ready)));
    ck_assert_ok(buffer_append(&made, view_of(&run, offsetof(ChannelRun, slots) + 2 * sizeof run.slots[0])));
    const View sent = view_of(&done, offsetof(ChannelDone, slots) + 2 * sizeof done.slots[0]);
    ck_assert_ok(buffer_append(&made, sent));
    expect_document("channel.md", 2, view_buffer(&made));
    ChannelReport report;
    ck_assert_ok(channel_get_report(sent, 2, &report));
    ck_assert_uint_eq(report.slots[1].signal_number, 31);
}
END_TEST

START_TEST(the_wardens_packets_are_as_in_the_document)
{
    WardenStart start = {.type = WARDEN_START, .zygote = 7, .level = LEVEL_PROCESS, .memory_max = 64 * MIB, .slot_bytes_max = 32 * MIB};
    const WardenStarted started = {WARDEN_STARTED, 7, 4242, 1};
    for (size_t i = 0; i < sizeof start.measurement; i++) start.measurement[i] = (uint8_t)(0xa0 + i);
    AUTO_BUFFER made = buffer_limited(KIB);
    ck_assert_ok(buffer_append(&made, view_of(&start, sizeof start)));
    ck_assert_ok(buffer_append(&made, view_of(&started, sizeof started)));
    expect_document("channel.md", 3, view_buffer(&made));
}
END_TEST

START_TEST(a_slot_is_laid_out_as_in_the_document)
{
    const SlotHeader header = {.magic = SLOT_MAGIC, .job_count = 1};
    const SlotJob job = {.ask = {.stage_and_job = UINT64_C(1) << STAGE_SHIFT | 5, .input_offset = SLOT_DATA, .input_size = 1234,
                                 .output_offset = SLOT_DATA + 4096, .output_max = 65536, .log_offset = SLOT_DATA + 4096 + 65536,
                                 .log_max = 4096, .attempt = 1},
                         .answer = {.outcome = OUTCOME_OK, .output_size = 17, .memory_peak = 65536}};
    AUTO_BUFFER made = buffer_limited(KIB);
    ck_assert_uint_eq(SLOT_DATA, 20480);
    ck_assert_uint_eq(SLOT_JOB_OFFSET(1) - SLOT_JOB_OFFSET(0), 256);
    ck_assert_ok(buffer_append(&made, view_of(&header, sizeof header)));
    ck_assert_ok(buffer_append(&made, view_of(&job, sizeof job)));
    expect_document("slot.md", 1, view_buffer(&made));
}
END_TEST

TEST_MAIN("node/formats", the_setup_of_the_document_is_what_an_agent_writes, ready_run_and_done_are_as_in_the_document,
          the_wardens_packets_are_as_in_the_document, a_slot_is_laid_out_as_in_the_document)
