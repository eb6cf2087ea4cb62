/**
 * The three protocols by which predictions are measured, exactly as they are published: what is trained on, what is asked, what counts.
 *
 * chrono80   cases by their first event; the first 80 % train, the rest test; asked after every prefix of one event or more; the end is a target
 * tax        the first round((N + 1) / 3) * 2 cases in file order train, the rest test; prefixes of two or more; the end is neither target nor
 *            candidate
 *            (Tax, Verenich, La Rosa, Dumas 2017)
 * gentd26    one stream by time, sessions are clients; each request is asked before it is learned, a client's first one too; the last half counts;
 *            the
 *            end is neither target nor candidate
 * whole      all cases train, nothing is tested: for covey pto train
 * stream     all cases in order of time, nothing is asked: for covey pto explain
 *
 * A plan is a list of steps in the order in which a predictor sees them: first what is fitted, then what is held back for validation (the last part
 * of the training part: nothing of the test part is ever chosen on), then the test. Within each part steps are in order of time. An end is seen
 * when the session has been silent for `silence_s`, a quantile of the fitted gaps; before that nobody could know.
 */
#pragma once
#include "predict/predict.h"
#include "pto/log.h"

typedef enum { PROTOCOL_CHRONO80, PROTOCOL_TAX, PROTOCOL_GENTD26, PROTOCOL_WHOLE, PROTOCOL_STREAM, PROTOCOLS } Protocol;
const char *protocol_name(Protocol p);

typedef enum { PART_FIT, PART_VALIDATION, PART_TEST, PARTS } Part;

typedef struct { uint32_t first, count; } PlanCase;       /* a session's events, in order */
typedef struct {
    int64_t time_ms;
    uint32_t session;               /* index of the case */
    uint32_t event;                 /* index into its events; its count: the end */
    uint8_t part;                   /* a Part */
    bool asked;                     /* the target is asked, and counts (in its part) */
    uint16_t target;                /* what follows this event (PREDICT_END: nothing); with ask_before: the event's own task */
} PlanStep;

typedef struct {
    Protocol protocol;
    bool end_is_target, ask_before;
    PredictEvent *events;           /* by case */
    PlanCase *cases;
    size_t event_count, case_count;
    PlanStep *steps;
    size_t step_count;
    double silence_s;
    size_t asked[PARTS], cases_of[PARTS];
} Plan;

/** The tasks of the log get numbers of the predictor's. errors: ERR_LIMIT (tasks), ERR_BAD_INPUT (too small), ENOMEM */
MUST_USE Err plan_make(const EventLog *log, Protocol protocol, Predictor *tasks, Plan *ret_plan, Diag *diag);
void plan_free(Plan *p);
#define AUTO_PLAN __attribute__((cleanup(plan_free))) Plan
