/* A sealed dataset as input: are its results kept in order and sealed, joined without a gap, and is everything else refused? */
#include "dataset/sealed_sample.h"
#include "see/sealed_result.h"
#include "swarm/manager_world.h"

enum { MANY = 600, SEGMENT_BYTES = 50 }; /* more than two levels of combining */

typedef struct { World world; Sample sample; TaskOpen seen[8]; uint32_t opened; BusSubscription *spy; uint64_t fail_job, long_job; } Setting;

/* What a SEE would write: the head, instead of ciphertext the segment's own first bytes, and an end. */
static void put_result(Setting *s, uint64_t stage_and_job, uint64_t first, uint64_t end, View payload, Buffer *output)
{
    SealedResultHead head = {.magic = SEALED_RESULT_MAGIC, .format = SEALED_RESULT_FORMAT,
                             .stage_and_job = stage_and_job, .first = first, .end = end};
    TaskId id;
    ck_assert_ptr_nonnull(manager_sealed(s->world.manager, &id));
    memcpy(head.task_id, id.bytes, sizeof head.task_id);
    ck_assert_ok(buffer_append(output, view_of(&head, sizeof head)));
    ck_assert_ok(buffer_append(output, payload));
    SealedResultEnd ending = {{0}, {0}};
    ck_assert_ok(buffer_append(output, view_of(&ending, sizeof ending)));
}

static void join(Setting *s, uint32_t stage, const JobItem *item, View input, FakeAnswer *answer)
{
    AUTO_BUFFER payload = buffer_limited(64 * MIB);
    Reader r = reader_of(input);
    uint64_t first = 0, end = 0;
    for (uint32_t i = 0; r.rest.size; i++) {
        SealedResultHead head;
        View result = read_bytes(&r, SEGMENT_BYTES_MAX); /* a SealedResultFrame, then the result */
        ck_assert(!r.bad && result.size > SEALED_RESULT_AROUND_BYTES && i < COMBINE_FANIN_MAX);
        memcpy(&head, result.data, sizeof head);
        ck_assert_uint_eq(head.stage_and_job >> 56, stage - 1);
        if (i == 0) first = head.first;
        else ck_assert_uint_eq(head.first, end);
        end = head.end;
        ck_assert_ok(buffer_append(&payload, view_of(result.data + sizeof head, result.size - SEALED_RESULT_AROUND_BYTES)));
    }
    put_result(s, (uint64_t)stage << 56 | item->job, first, end, view_buffer(&payload), &answer->output);
}

static void work(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer)
{
    Setting *s = context;
    if (stage > 0) {
        ck_assert_uint_eq(item->plain_size, 0);
        join(s, stage, item, segment, answer);
        return;
    }
    ck_assert_uint_eq(item->plain_size, SEGMENT_BYTES);
    ck_assert_uint_eq(segment.size, stream_sealed_size(SEGMENT_BYTES));
    ck_assert_uint_eq(item->offset, 36 + item->job * segment.size); /* the micro-job's number is the segment's */
    if (item->job == s->fail_job) {
        answer->outcome = OUTCOME_UNREACHABLE;
        return;
    }
    uint32_t number = (uint32_t)item->job;
    put_result(s, item->job, item->job, item->job + 1, view_of(&number, sizeof number), &answer->output);
    static const uint8_t MORE[2000];
    if (item->job == s->long_job) ck_assert_ok(buffer_append(&answer->output, view_of(MORE, 1024 + 16 - sizeof number + (item->attempt == 1))));
}

/* What nodes are told, by listening to what one of them is told. */
static Err on_open(void *context, const char *subject, View message)
{
    (void)subject;
    Setting *s = context;
    TaskOpen open;
    if (message_type(message) != MESSAGE_TASK_OPEN) return OK;
    ck_assert_ok(message_get_task_open(message, &open));
    ck_assert_uint_lt(s->opened, 8);
    ck_assert(view_equal(open.footer, sealed_footer(manager_sealed(s->world.manager, &(TaskId){{0}}))));
    ck_assert_uint_eq(open.header.size, 0);
    s->seen[s->opened++] = open;
    return OK;
}

static void setting_open(Setting *s, size_t segments, const char *yaml)
{
    *s = (Setting){.fail_job = UINT64_MAX, .long_job = UINT64_MAX};
    sample_begin(&s->sample);
    world_open(&s->world);
    size_t *sizes = calloc(segments + 1, sizeof *sizes);
    ck_assert_ptr_nonnull(sizes);
    for (size_t i = 0; i < segments; i++) sizes[i] = SEGMENT_BYTES;
    SealRequest request = sample_request(&s->sample, 1);
    sample_seal(&request, "x.sealed", sizes, segments, SEGMENT_BYTES);
    free(sizes);
    char text[512];
    snprintf(text, sizeof text, "input: %s/x.sealed\n%s", s->sample.folder, yaml);
    world_task(&s->world, text);
    world_node(&s->world, (FakeNodeConfig){.work = work, .context = s});
}

static void setting_run(Setting *s)
{
    world_start(&s->world);
    if (s->world.result.code == 0) ck_assert_ok(bus_subscribe(s->world.bus, "covey.node.n0", on_open, s, &s->spy));
    if (s->world.result.code == 0) world_turn_until_done(&s->world);
    bus_unsubscribe(&s->spy);
    world_stop(&s->world);
}

static void setting_close(Setting *s)
{
    world_close(&s->world);
    sample_end(&s->sample);
}

/* Every segment's result, whole and in order, one after another or in one. */
static void expect_all(const Setting *s, uint32_t segments, bool joined)
{
    SealedResultHead head;
    const uint8_t *at = s->world.output.data;
    ck_assert_uint_eq(s->world.output.size, (joined ? 1 : segments) * SEALED_RESULT_AROUND_BYTES + segments * sizeof(uint32_t));
    for (uint32_t i = 0; i < segments; i++) {
        uint32_t number;
        if (!joined || i == 0) {
            memcpy(&head, at, sizeof head);
            at += sizeof head;
            ck_assert(head.magic == SEALED_RESULT_MAGIC && head.first == i && head.end == (joined ? segments : i + 1));
        }
        memcpy(&number, at, sizeof number);
        at += sizeof number;
        ck_assert_uint_eq(number, i);
        if (!joined) at += sizeof(SealedResultEnd);
    }
}

START_TEST(results_are_concatenated_in_the_order_of_the_segments)
{
    Setting s;
    setting_open(&s, MANY, "combine: concat\n");
    setting_run(&s);
    ck_assert_msg(s.world.result.code == 0, "%s", s.world.diag.text);
    expect_all(&s, MANY, false);
    ck_assert(s.opened == 1 && s.seen[0].sealed == SEALED_SEGMENTS);
    ck_assert_uint_eq(s.world.progress.bytes_done, MANY * SEGMENT_BYTES);
    ck_assert_uint_eq(s.world.progress.bytes_total, MANY * SEGMENT_BYTES);
    setting_close(&s);
}
END_TEST

START_TEST(a_module_gets_each_result_behind_its_size_and_joins_them_without_a_gap)
{
    Setting s;
    setting_open(&s, MANY, "combine: {module: r.wasm}\n");
    setting_run(&s);
    ck_assert_msg(s.world.result.code == 0, "%s", s.world.diag.text);
    expect_all(&s, MANY, true);
    ck_assert_uint_eq(s.opened, 3);
    ck_assert(s.seen[0].sealed == SEALED_SEGMENTS && s.seen[1].sealed == SEALED_RESULTS && s.seen[2].sealed == SEALED_RESULTS);
    setting_close(&s);
}
END_TEST

START_TEST(nodes_that_lie_lose_and_die_change_nothing)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        Setting s;
        setting_open(&s, 100, seed % 2 ? "combine: {module: r.wasm}\nattempts: 16\n" : "combine: concat\nattempts: 16\n");
        s.world.configs[0].seed = seed;
        s.world.configs[0].faults = (FakeFaults){.drop = 20, .repeat = 100, .delay = 100, .wrong_attempt = 50, .wrong_digest = 50, .return_unrun = 50,
                                                 .garbage = 50};
        world_start(&s.world);
        world_turn_until_done(&s.world);
        world_stop(&s.world);
        ck_assert_msg(s.world.result.code == 0, "seed %d: %s", (int)seed, s.world.diag.text);
        expect_all(&s, 100, seed % 2);
        setting_close(&s);
    }
}
END_TEST

START_TEST(an_interrupted_run_goes_on_under_the_same_id)
{
    Setting s;
    TaskId id, id_again;
    setting_open(&s, MANY, "combine: concat\n");
    world_start(&s.world);
    ck_assert_ptr_nonnull(manager_sealed(s.world.manager, &id));
    s.world.stop_after = MANY / 2;
    world_turn_until_done(&s.world);
    manager_interrupt(s.world.manager);
    world_stop(&s.world);
    s.world.stop_after = 0;
    s.world.request.resume = true;
    world_start(&s.world);
    ck_assert_msg(s.world.result.code == 0, "%s", s.world.diag.text);
    ck_assert_ptr_nonnull(manager_sealed(s.world.manager, &id_again));
    ck_assert_mem_eq(&id, &id_again, sizeof id); /* or no result of before would count */
    world_turn_until_done(&s.world);
    ck_assert_uint_ge(s.world.progress.resumed, MANY / 2);
    world_stop(&s.world);
    expect_all(&s, MANY, false);
    setting_close(&s);
}
END_TEST

START_TEST(combiners_that_would_have_to_read_sealed_results_are_refused)
{
    static const char *const COMBINERS[] = {"sum", "min", "max", "mean", "sum-by-key", "{top: 5}"};
    for (size_t i = 0; i < sizeof COMBINERS / sizeof COMBINERS[0]; i++) {
        char yaml[64];
        Setting s;
        snprintf(yaml, sizeof yaml, "combine: %s\n", COMBINERS[i]);
        setting_open(&s, 1, yaml);
        setting_run(&s);
        ck_assert_int_eq(s.world.result.code, ERR_BAD_INPUT);
        char expected[512];
        snprintf(expected, sizeof expected, "%s/x.sealed is sealed, and so are its results: 'combine: %s' cannot read them; combine with concat or a module, which runs in a SEE",
                 s.sample.folder, i == 5 ? "top" : COMBINERS[i]);
        ck_assert_str_eq(s.world.diag.text, expected);
        setting_close(&s);
    }
}
END_TEST

START_TEST(with_a_result_missing_nothing_is_joined)
{
    Setting s;
    setting_open(&s, MANY, "combine: {module: r.wasm}\n");
    s.fail_job = 300;
    setting_run(&s);
    ck_assert_int_eq(s.world.result.code, ERR_TASK_FAILED);
    ck_assert_str_eq(s.world.diag.text, "1 of 600 micro-jobs failed for good; the first: micro-job 300: trap: unreachable instruction");
    ck_assert_uint_eq(s.world.output.size, 0);
    ck_assert_uint_eq(s.opened, 1);
    setting_close(&s);
}
END_TEST

START_TEST(a_sealed_result_may_be_larger_than_its_plaintext_and_no_more)
{
    Setting s;
    setting_open(&s, 3, "combine: concat\nsecurity: {output: 1KiB}\n");
    s.long_job = 1; /* at the first attempt one byte too much */
    setting_run(&s);
    ck_assert_msg(s.world.result.code == 0, "%s", s.world.diag.text);
    ck_assert_uint_eq(s.world.progress.retried, 1);
    ck_assert_uint_eq(s.world.output.size, 3 * SEALED_RESULT_AROUND_BYTES + 2 * sizeof(uint32_t) + 1024 + 16);
    setting_close(&s);
}
END_TEST

START_TEST(a_dataset_without_segments_has_no_results)
{
    Setting s;
    setting_open(&s, 0, "combine: concat\n");
    setting_run(&s);
    ck_assert_msg(s.world.result.code == 0, "%s", s.world.diag.text);
    ck_assert_uint_eq(s.world.output.size, 0);
    setting_close(&s);
}
END_TEST

TEST_MAIN("swarm/manager_sealed", results_are_concatenated_in_the_order_of_the_segments,
          a_module_gets_each_result_behind_its_size_and_joins_them_without_a_gap, nodes_that_lie_lose_and_die_change_nothing,
          an_interrupted_run_goes_on_under_the_same_id, combiners_that_would_have_to_read_sealed_results_are_refused,
          with_a_result_missing_nothing_is_joined, a_sealed_result_may_be_larger_than_its_plaintext_and_no_more,
          a_dataset_without_segments_has_no_results)
