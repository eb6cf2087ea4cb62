/* Prediction on event logs for the library's user: reads a log, measures, trains, explains. */
#include <cblas.h>
#include <fcntl.h>

#include "api/internal.h"
#include "api/pto.h"
#include "base/suggest.h"
#include "predict/checkpoint.h"
#include "sys/fd.h"

_Static_assert(COVEY_PTO_MODELS == EVAL_MODELS && COVEY_PTO_ATTRIBUTES == LOG_ATTRIBUTES_MAX && COVEY_PTO_REASONS >= PREDICT_REASONS_MAX,
               "the public header says the same sizes");

const char *covey_pto_kernels(void) { return openblas_get_corename(); }

static const char *const MODELS[] = {"ppm", "counts", "lstm", "transformer", NULL};

/* "ppm,lstm" as bits of PredictModel, which are in the order of MODELS. */
static Err parse_models(const char *text, uint32_t *ret_models, Diag *diag)
{
    uint32_t models = 0;
    while (text && *text) {
        char word[16] = {0};
        size_t n = strcspn(text, ","), i = 0;
        if (n < sizeof word) memcpy(word, text, n);
        while (MODELS[i] && strcmp(MODELS[i], word) != 0) i++;
        if (!MODELS[i]) {
            const char *near = suggest(word, MODELS, sizeof MODELS[0]);
            if (near) return FAIL_WHY(diag, ERR_USAGE, "models: %.*s is not known; did you mean %s?", (int)n, text, near);
            return FAIL_WHY(diag, ERR_USAGE, "models: %.*s is not one of ppm, counts, lstm, transformer", (int)n, text);
        }
        models |= 1u << i;
        text += n + (text[n] == ',');
    }
    *ret_models = models ? models | 1u << PREDICT_PPM : 0;
    return OK;
}

static Err parse_protocol(const char *text, Protocol *ret_protocol, Diag *diag)
{
    static const char *const NAMES[] = {"chrono80", "tax", "gentd26", NULL};
    const char *near = text ? suggest(text, NAMES, sizeof NAMES[0]) : NULL;
    for (int i = 0; text && NAMES[i]; i++) {
        if (strcmp(NAMES[i], text) != 0) continue;
        *ret_protocol = (Protocol)i;
        return OK;
    }
    if (near) return FAIL_WHY(diag, ERR_USAGE, "protocol %s is not known; did you mean %s?", text, near);
    return FAIL_WHY(diag, ERR_USAGE, "protocol %s is not one of chrono80, tax, gentd26", text ? text : "(none)");
}

Err pto_read_log(const char *path, const covey_pto_options *o, bool keep_without_task, EventLog *ret_log, Diag *diag)
{
    LogColumns columns = {.session = o->session_column, .task = o->task_column, .time = o->time_column, .keep_without_task = keep_without_task};
    if (!path) return FAIL_WHY(diag, ERR_USAGE, "an event log is needed");
    if (o->attribute_count > LOG_ATTRIBUTES_MAX) return FAIL_WHY(diag, ERR_LIMIT, "more than %d attributes", LOG_ATTRIBUTES_MAX);
    for (size_t i = 0; i < o->attribute_count; i++) columns.attributes[i] = o->attributes[i];
    return log_read(path, &columns, ret_log, diag);
}

Err pto_training_options(const covey_pto_options *o, TrainingOptions *ret_options, Diag *diag)
{
    if (o->threads > 2) return FAIL_WHY(diag, ERR_USAGE, "threads: 1 or 2");
    *ret_options = (TrainingOptions){.seed = o->seed ? o->seed : 1, .threads = o->threads, .epochs_max = o->epochs, .progress = o->progress,
                                     .context = o->context};
    return parse_models(o->models, &ret_options->models, diag);
}

static covey_pto_model describe_row(const EvalResult *r, int model)
{
    const EvalRow *row = &r->rows[model];
    bool tested = row->test.asked > 0;
    return (covey_pto_model){.name = eval_model_name((EvalModel)model), .there = row->there,
        .top1 = tested ? score_top1(&row->test) : -1, .top3 = tested ? score_top3(&row->test) : -1,
        .log_loss = tested ? score_log_loss(&row->test) : -1, .ece = tested ? score_ece(&row->test) : -1,
        .validation_top1 = score_top1(&row->validation), .validation_top3 = score_top3(&row->validation),
        .validation_log_loss = score_log_loss(&row->validation), .validation_ece = score_ece(&row->validation),
        .train_seconds = row->train_s, .predict_microseconds = row->predict_us, .epochs = row->epochs};
}

static void describe(const EvalResult *r, const EventLog *log, const char *protocol, uint64_t seed, covey_pto_evaluation *ret)
{
    *ret = (covey_pto_evaluation){.protocol = protocol, .seed = seed, .sessions = log->sessions.count, .events = r->events, .tasks = r->tasks,
        .without_task = log->without_task, .fitted = r->cases[PART_FIT], .validated = r->cases[PART_VALIDATION], .tested = r->cases[PART_TEST],
        .validation_asked = r->asked[PART_VALIDATION], .test_asked = r->asked[PART_TEST], .seconds = r->seconds, .memory = r->memory};
    for (int i = 0; i < EVAL_MODELS; i++) ret->models[i] = describe_row(r, i);
}

static Err eval(const char *path, const covey_pto_options *o, covey_pto_evaluation *ret, Diag *diag)
{
    Protocol protocol = PROTOCOL_CHRONO80;
    EvalOptions options = {.frozen = o->frozen, .with_test = !o->validation_only};
    EvalResult result;
    AUTO_LOG log = {0};
    TRY(parse_protocol(o->protocol, &protocol, diag));
    TRY(pto_training_options(o, &options.training, diag));
    TRY(pto_read_log(path, o, protocol == PROTOCOL_GENTD26, &log, diag));
    TRY_WHY(diag, eval_run(&log, protocol, &options, &result, diag), "%s", path);
    describe(&result, &log, protocol_name(protocol), options.training.seed, ret);
    return OK;
}

covey_code covey_pto_eval(const char *log, const covey_pto_options *options, covey_pto_evaluation *ret, covey_error *error)
{
    Diag diag = {0};
    const covey_pto_options none = {0};
    Err e = eval(log, options ? options : &none, ret, &diag);
    return api_result(e, &diag, error);
}

static Err train(const char *path, const covey_pto_options *o, const char *checkpoint, covey_pto_evaluation *ret, Diag *diag)
{
    enum { CHECKPOINT_MODE = 0644 };
    TrainingOptions options;
    EvalResult result;
    AUTO_LOG log = {0};
    AUTO_BUFFER bytes = buffer_limited(CHECKPOINT_BYTES_MAX);
    if (!checkpoint) return FAIL_WHY(diag, ERR_USAGE, "a checkpoint to write is needed");
    TRY(pto_training_options(o, &options, diag));
    TRY(pto_read_log(path, o, false, &log, diag));
    TRY_WHY(diag, eval_train(&log, &options, &bytes, &result, diag), "%s", path);
    TRY_WHY(diag, file_replace(AT_FDCWD, checkpoint, view_buffer(&bytes), CHECKPOINT_MODE), "%s", checkpoint);
    describe(&result, &log, protocol_name(PROTOCOL_WHOLE), options.seed, ret);
    return OK;
}

covey_code covey_pto_train(const char *log, const covey_pto_options *options, const char *checkpoint, covey_pto_evaluation *ret, covey_error *error)
{
    Diag diag = {0};
    const covey_pto_options none = {0};
    Err e = train(log, options ? options : &none, checkpoint, ret, &diag);
    return api_result(e, &diag, error);
}
