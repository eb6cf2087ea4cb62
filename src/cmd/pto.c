/* covey pto: train, eval, explain. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/covey.h"
#include "cmd/commands.h"
#include "cmd/options.h"
#include "cmd/pto_run.h"
#include "cmd/pto_stage.h"
#include "cmd/session.h"
#include "cmd/stop.h"
#include "cmd/subcommand.h"

/* OpenBLAS reads this once, before main: where it does not know the processor, covey begins again with the word. */
static void choose_kernels(const char *command, char **argv)
{
    enum { ARGUMENTS_MAX = 64 };
    char *again[ARGUMENTS_MAX + 4] = {(char[]){"covey"}, (char[]){"pto"}};
    int count = 3;
    bool wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (strcmp(covey_pto_kernels(), "Prescott") != 0 || getenv("OPENBLAS_CORETYPE") || !__builtin_cpu_supports("avx2")) return;
    char word[16];
    snprintf(word, sizeof word, "%s", command);
    again[2] = word;
    for (; *argv && count < ARGUMENTS_MAX; argv++) again[count++] = *argv;
    if (*argv || setenv("OPENBLAS_CORETYPE", wide ? "SkylakeX" : "Haswell", 0) != 0) return;
    execv("/proc/self/exe", again); /* where it cannot: slower, that is all */
}

/* A bar on a terminal, nothing elsewhere. */
static int on_progress(void *context, const char *what, double done)
{
    enum { COLUMNS = 40 };
    const bool *terminal = context;
    char bar[COLUMNS + 1];
    for (int i = 0; i < COLUMNS; i++) bar[i] = i < (int)(done * COLUMNS) ? '#' : '.';
    bar[COLUMNS] = '\0';
    if (*terminal) fprintf(stderr, "\r\033[K%-12s [%s] %3.0f %%", what, bar, 100 * done);
    return stop_caught();
}

typedef struct { covey_pto_options o; const char *log; OptionNumber seed; OptionList attributes; bool json, terminal; } Request;

static bool finish_request(Request *r, const char *command)
{
    r->o.attributes = r->attributes.items;
    r->o.attribute_count = r->attributes.count;
    r->o.context = &r->terminal;
    r->o.progress = on_progress;
    r->o.seed = r->seed.value;
    r->terminal = isatty(STDERR_FILENO) == 1;
    if (!r->log) fprintf(stderr, "covey pto %s: --log FILE is needed; see covey pto %s --help\n", command, command);
    return r->log != NULL;
}

static int failed(const Request *r, const covey_error *e)
{
    if (r->terminal) fputs("\r\033[K", stderr);
    if (e->code == COVEY_INTERRUPTED) fputs("covey: interrupted; nothing was written\n", stderr);
    else session_error(e);
    return (int)e->code;
}

static void print_cell(double value, int digits)
{
    if (value < 0) printf(" %11s", "-");
    else printf(" %11.*f", digits, value);
}

static void print_table(const covey_pto_evaluation *v, bool tested)
{
    printf("\n%-12s %11s %11s %11s %11s %11s %11s\n", "model", "top-1", "top-3", "log loss", "ECE", "train s", "predict us");
    for (int i = 0; i < COVEY_PTO_MODELS; i++) {
        const covey_pto_model *m = &v->models[i];
        if (!m->there) continue;
        printf("%-12s", m->name);
        print_cell(tested ? m->top1 : m->validation_top1, 4);
        print_cell(tested ? m->top3 : m->validation_top3, 4);
        print_cell(tested ? m->log_loss : m->validation_log_loss, 4);
        print_cell(tested ? m->ece : m->validation_ece, 4);
        print_cell(m->train_seconds > 0 ? m->train_seconds : -1, 1);
        print_cell(m->predict_microseconds, 1);
        putchar('\n');
    }
}

static json_t *json_model(const covey_pto_model *m)
{
    json_t *o = json_object();
    const struct { const char *name; double value; } NUMBERS[] = {
        {"top1", m->top1}, {"top3", m->top3}, {"log_loss", m->log_loss}, {"ece", m->ece}, {"validation_top1", m->validation_top1},
        {"validation_top3", m->validation_top3}, {"validation_log_loss", m->validation_log_loss}, {"validation_ece", m->validation_ece},
        {"train_seconds", m->train_seconds}, {"predict_microseconds", m->predict_microseconds}};
    for (size_t i = 0; i < sizeof NUMBERS / sizeof NUMBERS[0]; i++)
        if (NUMBERS[i].value >= 0) json_object_set_new(o, NUMBERS[i].name, json_real(NUMBERS[i].value));
    if (m->epochs) json_object_set_new(o, "epochs", json_integer(m->epochs));
    return o;
}

static void print_json(const covey_pto_evaluation *v, const char *log, const char *checkpoint)
{
    const struct { const char *name; uint64_t value; } COUNTS[] = {
        {"seed", v->seed}, {"sessions", v->sessions}, {"events", v->events}, {"tasks", v->tasks}, {"without_task", v->without_task},
        {"fitted", v->fitted}, {"validated", v->validated}, {"tested", v->tested}, {"validation_asked", v->validation_asked},
        {"test_asked", v->test_asked}, {"memory", v->memory}};
    json_t *o = json_object(), *models = json_object();
    json_object_set_new(o, "log", json_string(log));
    if (checkpoint) json_object_set_new(o, "checkpoint", json_string(checkpoint));
    else json_object_set_new(o, "protocol", json_string(v->protocol));
    for (size_t i = 0; i < sizeof COUNTS / sizeof COUNTS[0]; i++) json_object_set_new(o, COUNTS[i].name, json_integer((json_int_t)COUNTS[i].value));
    json_object_set_new(o, "seconds", json_real(v->seconds));
    for (int i = 0; i < COVEY_PTO_MODELS; i++)
        if (v->models[i].there) json_object_set_new(models, v->models[i].name, json_model(&v->models[i]));
    json_object_set_new(o, "models", models);
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(o);
}

static void print_evaluation(const Request *r, const covey_pto_evaluation *v, const char *checkpoint)
{
    if (r->terminal) fputs("\r\033[K", stderr);
    if (r->json) {
        print_json(v, r->log, checkpoint);
        return;
    }
    printf("%s: %" PRIu64 " sessions, %" PRIu64 " events, %" PRIu64 " tasks", r->log, v->sessions, v->events, v->tasks);
    if (v->without_task) printf(", %" PRIu64 " records without a task", v->without_task);
    bool tested = !checkpoint && !r->o.validation_only;
    printf("\nprotocol %s, seed %" PRIu64 "; fitted %" PRIu64 ", validation %" PRIu64 ", test %" PRIu64 "; %s, %" PRIu64 " predictions, %s\n",
           v->protocol, v->seed, v->fitted, v->validated, v->tested, tested ? "test part" : "VALIDATION part", tested ? v->test_asked : v->validation_asked,
           r->o.frozen ? "nothing learned there" : "learning online there");
    print_table(v, tested);
    if (checkpoint) printf("\nwritten: %s\n", checkpoint);
}

#define COMMON_OPTIONS(r) \
    {"log", 'l', OPTION_TEXT, &(r).log, "FILE", "the event log: CSV or XES, plain or gzip"}, \
    {"models", 'm', OPTION_TEXT, &(r).o.models, "LIST", "of ppm,counts,lstm,transformer; default: all"}, \
    {"seed", 's', OPTION_NUMBER64, &(r).seed, "N", "default 1"}, \
    {"case", 0, OPTION_TEXT, &(r).o.session_column, "COLUMN", "where the session is; default: by its usual names"}, \
    {"activity", 0, OPTION_TEXT, &(r).o.task_column, "COLUMN", "where the task is"}, \
    {"time", 0, OPTION_TEXT, &(r).o.time_column, "COLUMN", "where the time is"}, \
    {"attribute", 'a', OPTION_LIST, &(r).attributes, "COLUMN", "an input of the models; up to four times"}, \
    {"json", 0, OPTION_FLAG, &(r).json, NULL, "print one JSON object"}

static int eval(covey *c, int argc, char **argv)
{
    (void)c;
    Request r = {0};
    covey_pto_evaluation v;
    covey_error e;
    const Option options[] = {COMMON_OPTIONS(r),
        {"protocol", 'p', OPTION_TEXT, &r.o.protocol, "NAME", "chrono80, tax or gentd26 (docs/prediction.md)"},
        {"epochs", 0, OPTION_NUMBER, &r.o.epochs, "N", "of training, at most; default 20"},
        {"threads", 'j', OPTION_NUMBER, &r.o.threads, "N", "for training: 1 or 2; default 1"},
        {"frozen", 0, OPTION_FLAG, &r.o.frozen, NULL, "learn nothing on the test part"},
        {"validation", 0, OPTION_FLAG, &r.o.validation_only, NULL, "leave the test part alone: for choosing"}};
    const Usage usage = {.command = "pto eval", .usage = "covey pto eval --protocol NAME --log FILE [OPTION...]",
        .summary = "Measures predictions of the next task on an event log by a published protocol: top-1, top-3, log loss (nats),\n"
                   "expected calibration error, seconds of training, microseconds of one prediction.",
        .examples = "  covey pto eval --protocol chrono80 --log bpi12.csv.gz -j 2\n"
                    "  covey pto eval --protocol tax --log helpdesk.csv --models ppm,counts --json\n",
        .options = options, .option_count = sizeof options / sizeof options[0]};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!finish_request(&r, "eval")) return COVEY_BAD_INPUT;
    choose_kernels("eval", argv);
    stop_catch();
    if (covey_pto_eval(r.log, &r.o, &v, &e)) return failed(&r, &e);
    print_evaluation(&r, &v, NULL);
    return COVEY_OK;
}

static int train(covey *c, int argc, char **argv)
{
    (void)c;
    Request r = {0};
    const char *checkpoint = NULL;
    covey_pto_evaluation v;
    covey_error e;
    const Option options[] = {COMMON_OPTIONS(r),
        {"output", 'o', OPTION_TEXT, &checkpoint, "CHECKPOINT", "the file to write"},
        {"epochs", 0, OPTION_NUMBER, &r.o.epochs, "N", "of training, at most; default 20"},
        {"threads", 'j', OPTION_NUMBER, &r.o.threads, "N", "1 or 2; default 1"}};
    const Usage usage = {.command = "pto train", .usage = "covey pto train --log FILE -o CHECKPOINT [OPTION...]",
        .summary = "Trains an LSTM and a Transformer on an event log, and writes them with the weights of the blend as a checkpoint.\n"
                   "The last sessions of the log only stop the training and choose weights; the table is about those.",
        .examples = "  covey pto train --log history.csv -o tasks.pto\n", .options = options, .option_count = sizeof options / sizeof options[0]};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!finish_request(&r, "train")) return COVEY_BAD_INPUT;
    if (!checkpoint) {
        fputs("covey pto train: -o CHECKPOINT is needed; see covey pto train --help\n", stderr);
        return COVEY_BAD_INPUT;
    }
    choose_kernels("train", argv);
    stop_catch();
    if (covey_pto_train(r.log, &r.o, checkpoint, &v, &e)) return failed(&r, &e);
    print_evaluation(&r, &v, checkpoint);
    return COVEY_OK;
}

static const char *task_name(const char *task) { return task ? task : "(end)"; }

static void print_explanation(const covey_pto_explanation *x)
{
    printf("session %s after %" PRIu64 " events, the last: %s\n", x->session, x->events, task_name(x->last));
    if (x->wait_seconds >= 0) printf("after this task the next one comes in %.1f s, typically\n", x->wait_seconds);
    printf("\n%-32s %8s %8s %8s %12s\n", "next", "blend", "ppm", "lstm", "transformer");
    for (size_t i = 0; i < x->candidate_count; i++) {
        printf("%-32s %8.4f %8.4f", task_name(x->candidates[i].task), x->candidates[i].blend, x->candidates[i].ppm);
        if (x->candidates[i].lstm >= 0) printf(" %8.4f", x->candidates[i].lstm);
        else printf(" %8s", "-");
        if (x->candidates[i].transformer >= 0) printf(" %12.4f\n", x->candidates[i].transformer);
        else printf(" %12s\n", "-");
    }
    printf("\n%-30s %8s %8s %9s  %s\n", "model", "weight", "seen", "followers", "says");
    for (size_t i = 0; i < x->reason_count; i++) {
        const covey_pto_reason *y = &x->reasons[i];
        printf("%-30s %8.3f %8" PRIu64 " %9" PRIu64 "  %s %.4f", y->model, y->weight, y->seen, y->followers, task_name(y->says), y->probability);
        if (y->matched >= 0) printf("  (order %d)", y->matched);
        putchar('\n');
    }
    printf("\nthe last blend: ppm %.3f, counting models %.3f, all models %.3f\n", x->share_ppm, x->share_counts, x->share_all);
}

static void print_explanation_json(const covey_pto_explanation *x)
{
    json_t *candidates = json_array(), *reasons = json_array();
    for (size_t i = 0; i < x->candidate_count; i++)
        json_array_append_new(candidates, json_pack("{s:s?, s:f, s:f, s:f, s:f}", "task", x->candidates[i].task, "blend", x->candidates[i].blend, "ppm",
            x->candidates[i].ppm, "lstm", x->candidates[i].lstm, "transformer", x->candidates[i].transformer));
    for (size_t i = 0; i < x->reason_count; i++)
        json_array_append_new(reasons, json_pack("{s:s, s:f, s:i, s:I, s:I, s:s?, s:f}", "model", x->reasons[i].model, "weight", x->reasons[i].weight,
            "matched", x->reasons[i].matched, "seen", (json_int_t)x->reasons[i].seen, "followers", (json_int_t)x->reasons[i].followers, "says",
            x->reasons[i].says, "probability", x->reasons[i].probability));
    json_t *o = json_pack("{s:s, s:I, s:s?, s:f, s:o, s:o, s:{s:f, s:f, s:f}}", "session", x->session, "events", (json_int_t)x->events, "last", x->last,
        "wait_seconds", x->wait_seconds, "candidates", candidates, "reasons", reasons, "shares", "ppm", x->share_ppm, "counts", x->share_counts,
        "all", x->share_all);
    json_dumpf(o, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(o);
}

static void on_explanation(void *context, const covey_pto_explanation *x)
{
    if (*(const bool *)context) print_explanation_json(x);
    else print_explanation(x);
}

static int explain(covey *c, int argc, char **argv)
{
    (void)c;
    Request r = {0};
    const char *checkpoint = NULL, *session = NULL;
    unsigned events = 0;
    covey_error e;
    const Option options[] = {COMMON_OPTIONS(r),
        {"session", 'S', OPTION_TEXT, &session, "ID", "whose next task"},
        {"events", 'n', OPTION_NUMBER, &events, "N", "after so many of its events; default: all in the log"},
        {"checkpoint", 'c', OPTION_TEXT, &checkpoint, "FILE", "neural models and weights: covey pto train"}};
    const Usage usage = {.command = "pto explain", .usage = "covey pto explain --log FILE --session ID [--events N] [--checkpoint FILE] [OPTION...]",
        .summary = "What would be predicted for a session after some of its events, having learned what the log says up to then: the\n"
                   "probabilities, and what each model says, with which weight, from how much.",
        .examples = "  covey pto explain --log helpdesk.csv --session 2 --events 3\n", .options = options,
        .option_count = sizeof options / sizeof options[0]};
    Arguments a;
    int code;
    if (!options_parse(&usage, argc, argv, &a, &code)) return code;
    if (!finish_request(&r, "explain")) return COVEY_BAD_INPUT;
    r.o.context = &r.json;
    if (covey_pto_explain(r.log, checkpoint, session, events, &r.o, on_explanation, &e)) return session_error(&e);
    return COVEY_OK;
}

static const char HELP[] =
    "usage: covey pto train --log FILE -o CHECKPOINT [OPTION...]\n       covey pto eval --protocol NAME --log FILE [OPTION...]\n"
    "       covey pto explain --log FILE --session ID [OPTION...]\n"
    "       covey pto run SERVICE.yaml --stream PATH [OPTION...]\n       covey pto export HISTORY.db\n"
    "       covey pto stage SERVICE.yaml TASK... --stage PATH [OPTION...]\n       covey pto key [--state DIR]\n\n"
    "Examples:\n  covey pto eval --protocol chrono80 --log helpdesk.csv\n";

int command_pto(int argc, char **argv)
{
    static const Subcommand ALL[] = {{"train", train}, {"eval", eval}, {"explain", explain}, {"run", pto_run}, {"export", pto_export},
        {"stage", pto_stage}, {"key", pto_key}};
    return subcommand_run(&(Subcommands){"pto", HELP, ALL, sizeof ALL / sizeof ALL[0]}, argc, argv);
}
