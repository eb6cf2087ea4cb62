/* Are the gradients right, is training deterministic, does a model learn what can be learned, is one step at a time the same as a whole sequence? */
#include <math.h>
#include <stdio.h>

#include "base/test.h"
#include "predict/predict.h"
#include "predict/train.h"

static const NetShape SMALL_LSTM = {.model = PREDICT_LSTM, .tasks = 5, .hidden = 8, .layers = 2, .attributes = 1};
static const NetShape SMALL_TRANSFORMER = {.model = PREDICT_TRANSFORMER, .tasks = 5, .hidden = 8, .layers = 2, .heads = 2, .wide = 12, .window = 3,
                                           .attributes = 1};

enum { STEPS = 7 };
static Step steps[3][STEPS];
static uint16_t targets[3][STEPS];
static Sequence sequences[3];

/* Three sessions of different length; some positions are not asked. */
static void make_sequences(uint64_t seed)
{
    Random random = {seed};
    printf("# seed %llu\n", (unsigned long long)seed);
    for (int s = 0; s < 3; s++) {
        PredictEvent events[STEPS] = {0};
        int64_t time = s * INT64_C(18000000); /* no two sessions look the same from the first event on */
        for (int i = 0; i < STEPS; i++) {
            time += (int64_t)(random_next(&random) % 4000) * 500;
            events[i] = (PredictEvent){.session = 1, .time_ms = time, .task = (uint16_t)(1 + random_next(&random) % 4), .attributes = {7, 0, 9}};
            targets[s][i] = i == 3 ? PREDICT_UNKNOWN : (uint16_t)(random_next(&random) % 5);
        }
        train_steps(events, STEPS, steps[s]);
        sequences[s] = (Sequence){steps[s], targets[s], (uint32_t)(STEPS - 2 * s)};
    }
}

static void check_gradients(const NetShape *shape)
{
    Net *n;
    size_t count;
    double loss, more, less;
    make_sequences(41);
    ck_assert_ok(net_new(shape, 5, &n));
    float *w = net_weights(n, &count), *gradient = calloc(count, sizeof *gradient);
    ck_assert_ptr_nonnull(gradient);
    ck_assert_ok(net_loss(n, sequences, 3, gradient, &loss));
    double worst = 0;
    for (size_t i = 0; i < count; i++) {
        const float step = 4e-3f, was = w[i];
        w[i] = was + step;
        ck_assert_ok(net_loss(n, sequences, 3, NULL, &more));
        w[i] = was - step;
        ck_assert_ok(net_loss(n, sequences, 3, NULL, &less));
        w[i] = was;
        double numeric = (more - less) / (2 * (double)step), off = fabs(numeric - (double)gradient[i]) / (0.02 + fabs(numeric));
        if (off > worst) worst = off;
        ck_assert_msg(off < 0.02, "weight %zu of %zu: %g by differences, %g by the way back", i, count, numeric, (double)gradient[i]);
    }
    printf("# worst difference %.4f\n", worst);
    free(gradient);
    net_free(n);
}

START_TEST(gradients_of_the_lstm_are_those_of_differences) { check_gradients(&SMALL_LSTM); }
END_TEST
START_TEST(gradients_of_the_transformer_are_those_of_differences) { check_gradients(&SMALL_TRANSFORMER); }
END_TEST

/* The loss of a sequence, from one step after the other. */
static double loss_by_steps(Net *n, const Sequence *s)
{
    float p[8];
    float *state = calloc(net_state_floats(n), sizeof *state);
    double loss = 0;
    unsigned asked = 0;
    ck_assert_ptr_nonnull(state);
    net_begin(n, state);
    for (uint32_t i = 0; i < s->count; i++) {
        net_step(n, state, &s->steps[i]);
        net_say(n, state, p);
        if (s->targets[i] == PREDICT_UNKNOWN) continue;
        loss -= log((double)p[s->targets[i]]);
        asked++;
    }
    free(state);
    return loss / asked;
}

static void compare_steps(const NetShape *shape)
{
    Net *n;
    double whole;
    make_sequences(42);
    ck_assert_ok(net_new(shape, 6, &n));
    ck_assert_ok(net_loss(n, sequences, 1, NULL, &whole));
    double by_steps = loss_by_steps(n, &sequences[0]);
    ck_assert_msg(fabs(whole - by_steps) < 1e-4, "%g for the whole, %g by steps", whole, by_steps);
    net_free(n);
}

START_TEST(one_event_at_a_time_gives_what_the_whole_session_gives)
{
    compare_steps(&SMALL_LSTM);
    compare_steps(&SMALL_TRANSFORMER);
}
END_TEST

static void train_twice(const NetShape *shape)
{
    Net *n[2];
    TrainReport r[2];
    size_t count;
    make_sequences(43);
    for (int i = 0; i < 2; i++) {
        ck_assert_ok(net_new(shape, 7, &n[i]));
        ck_assert_ok(net_train(n[i], sequences, 3, sequences, 1, &(TrainOptions){.seed = 8, .epochs_max = 5}, &r[i]));
    }
    float *first = net_weights(n[0], &count), *second = net_weights(n[1], &count);
    ck_assert(memcmp(first, second, count * sizeof *first) == 0); /* NOLINT(bugprone-suspicious-memory-comparison): the same bits are meant */
    ck_assert_uint_eq(r[0].best_epoch, r[1].best_epoch);
    ck_assert(r[0].validation_loss == r[1].validation_loss);
    net_free(n[0]);
    net_free(n[1]);
}

START_TEST(the_same_seed_gives_the_same_bytes)
{
    train_twice(&SMALL_LSTM);
    train_twice(&SMALL_TRANSFORMER);
}
END_TEST

static void learn_by_heart(const NetShape *shape)
{
    Net *n;
    TrainReport r;
    double loss;
    make_sequences(44);
    ck_assert_ok(net_new(shape, 9, &n));
    const TrainOptions o = {.seed = 10, .epochs_max = 600, .rate = 0.01f, .dropout = -1, .decay = 1e-6f, .keep_last = true};
    ck_assert_ok(net_train(n, sequences, 3, NULL, 0, &o, &r));
    ck_assert_ok(net_loss(n, sequences, 3, NULL, &loss));
    ck_assert_msg(loss < 0.05, "a loss of %g is left", loss);
    net_free(n);
}

START_TEST(a_few_sessions_can_be_learned_by_heart)
{
    learn_by_heart(&SMALL_LSTM);
    learn_by_heart(&SMALL_TRANSFORMER);
}
END_TEST

static bool stop_in_epoch_2(void *context, const TrainProgress *p)
{
    (void)context;
    return p->epoch < 2;
}

START_TEST(training_stops_when_it_is_told_to)
{
    Net *n;
    TrainReport r;
    make_sequences(45);
    ck_assert_ok(net_new(&SMALL_LSTM, 1, &n));
    ck_assert_err(net_train(n, sequences, 3, NULL, 0, &(TrainOptions){.watch = stop_in_epoch_2}, &r), ERR_INTERRUPTED);
    ck_assert_err(net_train(n, sequences, 0, NULL, 0, &(TrainOptions){0}, &r), ERR_USAGE);
    net_free(n);
}
END_TEST

/* Noise cannot be learned: the best epoch on the part that is held back is an early one, and its weights are kept. */
START_TEST(training_ends_early_when_the_validation_part_gets_worse)
{
    Net *n;
    TrainReport r;
    double loss;
    make_sequences(46);
    ck_assert_ok(net_new(&SMALL_LSTM, 2, &n));
    ck_assert_ok(net_train(n, sequences, 1, sequences + 1, 1, &(TrainOptions){.seed = 3, .epochs_max = 400, .rate = 0.02f, .patience = 3}, &r));
    ck_assert_uint_lt(r.epochs, 400);
    ck_assert_uint_eq(r.epochs, r.best_epoch + 3);
    ck_assert_ok(net_loss(n, sequences + 1, 1, NULL, &loss));
    ck_assert_msg(fabs(loss - (double)r.validation_loss) < 1e-5, "%g, not %g", loss, (double)r.validation_loss);
    net_free(n);
}
END_TEST

START_TEST(shapes_that_cannot_be_are_refused)
{
    Net *n;
    ck_assert_err(net_new(&(NetShape){.model = PREDICT_LSTM, .tasks = 1, .hidden = 8, .layers = 1}, 1, &n), ERR_USAGE);
    ck_assert_err(net_new(&(NetShape){.model = PREDICT_PPM, .tasks = 5, .hidden = 8, .layers = 1}, 1, &n), ERR_USAGE);
    NetShape odd = SMALL_TRANSFORMER;
    odd.hidden = 9; /* two heads cannot share it */
    ck_assert_err(net_new(&odd, 1, &n), ERR_USAGE);
    ck_assert_err(net_new(&(NetShape){.model = PREDICT_LSTM, .tasks = 5, .hidden = NET_HIDDEN_MAX + 1, .layers = 1}, 1, &n), ERR_USAGE);
}
END_TEST

TEST_MAIN("predict/net", gradients_of_the_lstm_are_those_of_differences, gradients_of_the_transformer_are_those_of_differences,
          one_event_at_a_time_gives_what_the_whole_session_gives, the_same_seed_gives_the_same_bytes, a_few_sessions_can_be_learned_by_heart,
          training_stops_when_it_is_told_to, training_ends_early_when_the_validation_part_gets_worse, shapes_that_cannot_be_are_refused)
