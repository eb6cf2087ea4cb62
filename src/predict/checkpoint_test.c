/* Does a checkpoint give back what was saved, and is every damaged one refused, with what is wrong? */
#include <stdio.h>

#include "base/test.h"
#include "base/test_document.h"
#include "predict/checkpoint.h"
#include "predict/train.h"

static Predictor *new_predictor(void)
{
    Predictor *p;
    const PredictorOptions o = {.sessions_max = 64, .contexts_max = 4096, .states_max = 8, .clients_max = 8};
    ck_assert_ok(predictor_new(&o, &p));
    return p;
}

static void name_tasks(Predictor *p, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint16_t task;
        ck_assert_ok(predictor_task(p, view_text(names[i]), &task));
        ck_assert_uint_eq(task, i + 1);
    }
}

static void live(Predictor *p)
{
    for (uint64_t session = 1; session <= 20; session++)
        for (uint16_t i = 0; i < 6; i++)
            predictor_learn(p, &(PredictEvent){.session = session, .task = (uint16_t)(1 + i % 3), .time_ms = (int64_t)(session * 1000 + i)});
}

static void add_nets(Predictor *p)
{
    static const NetShape SHAPES[] = {{.model = PREDICT_LSTM, .tasks = 4, .hidden = 6, .layers = 1},
        {.model = PREDICT_TRANSFORMER, .tasks = 4, .hidden = 8, .layers = 1, .heads = 2, .wide = 8, .window = 8}};
    for (int i = 0; i < 2; i++) {
        Net *n;
        ck_assert_ok(net_new(&SHAPES[i], 77 + (uint64_t)i, &n));
        net_set_temperature(n, 1.25f);
        ck_assert_ok(predictor_set_net(p, n));
    }
}

static Predictor *full_predictor(void)
{
    Predictor *p = new_predictor();
    name_tasks(p, (const char *const[]){"a", "b", "c"}, 3);
    add_nets(p);
    live(p);
    return p;
}

static void saved(const Predictor *p, Buffer *bytes)
{
    *bytes = buffer_limited(CHECKPOINT_BYTES_MAX);
    ck_assert_ok(predictor_save(p, bytes));
}

START_TEST(what_was_saved_says_the_same_after_it_was_loaded)
{
    AUTO_PREDICTOR p = full_predictor();
    AUTO_PREDICTOR q = new_predictor();
    AUTO_BUFFER first = {0};
    AUTO_BUFFER second = {0};
    float x[4], y[4];
    saved(p, &first);
    ck_assert_ok(predictor_load(q, view_buffer(&first), NULL));
    saved(q, &second);
    ck_assert(view_equal(view_buffer(&first), view_buffer(&second)));
    ck_assert(view_equal(predictor_task_name(q, 2), VIEW("b")));
    ck_assert(predictor_has(q, PREDICT_LSTM) && predictor_has(q, PREDICT_TRANSFORMER));
    for (int i = 0; i < 3; i++) {
        const PredictEvent e = {.session = 99, .task = (uint16_t)(1 + i), .time_ms = i};
        predictor_learn(p, &e);
        predictor_learn(q, &e);
    }
    for (PredictModel m = PREDICT_LSTM; m <= PREDICT_TRANSFORMER; m++) {
        predictor_distribution(p, 99, NULL, m, x);
        predictor_distribution(q, 99, NULL, m, y);
        ck_assert(memcmp(x, y, sizeof x) == 0); /* NOLINT(bugprone-suspicious-memory-comparison): the same bits are meant */
    }
}
END_TEST

START_TEST(a_predictor_that_has_learned_takes_no_checkpoint)
{
    AUTO_PREDICTOR p = full_predictor();
    AUTO_BUFFER bytes = {0};
    saved(p, &bytes);
    ck_assert_err(predictor_load(p, view_buffer(&bytes), NULL), ERR_USAGE);
}
END_TEST

/* docs/formats/checkpoint.md shows these bytes. */
START_TEST(the_example_of_the_document_is_what_is_written)
{
    AUTO_PREDICTOR p = new_predictor();
    AUTO_BUFFER bytes = {0};
    AUTO_BUFFER example = test_document_hex("checkpoint.md", 1);
    name_tasks(p, (const char *const[]){"resize", "scan"}, 2);
    saved(p, &bytes);
    ck_assert(view_equal(view_buffer(&bytes), view_buffer(&example)));
}
END_TEST

static void refused(View bytes, int code, const char *why)
{
    AUTO_PREDICTOR p = new_predictor();
    Diag diag = {0};
    ck_assert_err(predictor_load(p, bytes, &diag), code);
    ck_assert_msg(strstr(diag.text, why) != NULL, "'%s' does not say '%s'", diag.text, why);
    ck_assert_uint_eq(predictor_task_count(p), 0);
    ck_assert(!predictor_has(p, PREDICT_LSTM));
}

START_TEST(every_changed_bit_is_refused)
{
    AUTO_PREDICTOR p = full_predictor();
    AUTO_BUFFER bytes = {0};
    saved(p, &bytes);
    for (size_t i = 0; i < bytes.size; i += i < 64 ? 1 : 997) {
        AUTO_PREDICTOR q = new_predictor();
        bytes.data[i] ^= 16;
        ck_assert_msg(predictor_load(q, view_buffer(&bytes), NULL).code != 0, "byte %zu", i);
        bytes.data[i] ^= 16;
    }
}
END_TEST

START_TEST(every_cut_is_refused)
{
    AUTO_PREDICTOR p = full_predictor();
    AUTO_BUFFER bytes = {0};
    saved(p, &bytes);
    for (size_t size = 0; size < bytes.size; size += size < 64 ? 1 : 499) refused(view_of(bytes.data, size), ERR_TRUNCATED, "checkpoint: ");
}
END_TEST

static void mend(Buffer *b)
{
    uint32_t crc = checkpoint_crc(view_of(b->data, b->size - 4));
    for (size_t i = 0; i < 4; i++) b->data[b->size - 4 + i] = (uint8_t)(crc >> (8 * i));
}

START_TEST(what_a_right_checksum_hides_is_found)
{
    AUTO_PREDICTOR p = full_predictor();
    enum { VERSION_AT = 8, COUNT_AT = 16, NAME_AT = 24, NETS_AT = 35, HIDDEN_AT = NETS_AT + 12, WEIGHTS_AT = NETS_AT + 44 };
    static const struct { size_t at; uint8_t byte; int code; const char *why; } LIES[] = {
        {0, 'X', ERR_BAD_INPUT, "not a checkpoint"}, {VERSION_AT, 9, ERR_BAD_INPUT, "version 9; this program reads version 1"},
        {COUNT_AT + 1, 0xff, ERR_LIMIT, "tasks, more than 1023"}, {NAME_AT, 'b', ERR_CORRUPT, "task 2 has the name of task 1"},
        {NETS_AT, 3, ERR_CORRUPT, "3 neural models"}, {HIDDEN_AT, 7, ERR_CORRUPT, "impossible shape"},
        {NETS_AT + 4, PREDICT_PPM, ERR_CORRUPT, "impossible shape"}, {WEIGHTS_AT + 3, 0x7f, ERR_CORRUPT, "a weight that is no number"}};
    for (size_t i = 0; i < sizeof LIES / sizeof LIES[0]; i++) {
        AUTO_BUFFER bytes = {0};
        saved(p, &bytes);
        bytes.data[LIES[i].at] = LIES[i].byte;
        if (i == 7) bytes.data[WEIGHTS_AT + 2] = 0xc0;
        mend(&bytes);
        refused(view_buffer(&bytes), LIES[i].code, LIES[i].why);
    }
}
END_TEST

TEST_MAIN("predict/checkpoint", what_was_saved_says_the_same_after_it_was_loaded, a_predictor_that_has_learned_takes_no_checkpoint,
          the_example_of_the_document_is_what_is_written, every_changed_bit_is_refused, every_cut_is_refused, what_a_right_checksum_hides_is_found)
