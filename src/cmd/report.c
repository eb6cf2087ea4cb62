/* What became of a task: in words, and as JSON. */
#include "cmd/report.h"

#include <jansson.h>
#include <string.h>

/* The last line of a log says why a program gave up; control characters must not reach a terminal. */
static void copy_last_line(const char *log, size_t size, char ret_text[REPORT_LOG_MAX])
{
    while (size && (log[size - 1] == '\n' || log[size - 1] == '\r')) size--;
    size_t start = size;
    while (start && log[start - 1] != '\n') start--;
    size_t n = size - start < REPORT_LOG_MAX - 1 ? size - start : REPORT_LOG_MAX - 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)log[start + i];
        ret_text[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    ret_text[n] = '\0';
}

/* Keeps the first ones by number, in order: they come as SEEs end. */
static ReportFailure *place_for(Report *r, const covey_failure *f)
{
    unsigned at = r->count;
    while (at > 0 && (r->kept[at - 1].stage > f->stage || (r->kept[at - 1].stage == f->stage && r->kept[at - 1].job > f->job))) at--;
    if (at == REPORT_FAILURES_MAX) return NULL;
    if (r->count < REPORT_FAILURES_MAX) r->count++;
    memmove(&r->kept[at + 1], &r->kept[at], (r->count - at - 1) * sizeof r->kept[0]);
    return &r->kept[at];
}

void report_failure(Report *r, const covey_failure *f)
{
    r->seen++;
    ReportFailure *k = place_for(r, f);
    if (!k) return;
    *k = (ReportFailure){.job = f->job, .stage = f->stage, .exit_code = f->exit_code, .attempts = f->attempts};
    if (f->exit_code) snprintf(k->reason, sizeof k->reason, "exit code %u", f->exit_code);
    else snprintf(k->reason, sizeof k->reason, "%s", f->reason);
    copy_last_line(f->log, f->log_size, k->log);
}

void report_print_failures(const Report *r, FILE *out)
{
    for (unsigned i = 0; i < r->count; i++) {
        const ReportFailure *k = &r->kept[i];
        fprintf(out, "covey: %s %llu failed after %u attempt%s: %s%s%s\n", k->stage ? "combining job" : "micro-job", k->job, k->attempts,
                k->attempts == 1 ? "" : "s", k->reason, k->log[0] ? ": " : "", k->log);
    }
    if (r->seen > r->count) fprintf(out, "covey: ... and %llu more\n", r->seen - r->count);
}

void report_print_summary(const covey_summary *s, FILE *out)
{
    const covey_progress *c = &s->counts;
    fprintf(out, "%s: %llu micro-job%s", s->task, (unsigned long long)c->micro_jobs, c->micro_jobs == 1 ? "" : "s");
    if (c->failed) fprintf(out, " (%llu failed)", (unsigned long long)c->failed);
    if (c->resumed) fprintf(out, " (%llu from an earlier run)", (unsigned long long)c->resumed);
    fprintf(out, ", %llu SEE%s at level %s, %.2f s", (unsigned long long)c->sees_started, c->sees_started == 1 ? "" : "s", s->level,
            c->wall_seconds);
    if (s->partial_output) fprintf(out, " -> %s (partial)", s->partial_output);
    else if (!c->failed && strcmp(s->output, "-") != 0) fprintf(out, " -> %s", s->output);
    if (s->recipients) fprintf(out, ", sealed to %u recipient%s; open with covey unseal", s->recipients, s->recipients == 1 ? "" : "s");
    fputc('\n', out);
}

static json_t *failures_json(const Report *r)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < r->count; i++) {
        const ReportFailure *k = &r->kept[i];
        json_array_append_new(list, json_pack("{s:I, s:i, s:i, s:s, s:s}", "micro_job", (json_int_t)k->job, "stage", (int)k->stage,
                                              "attempts", (int)k->attempts, "reason", k->reason, "log", k->log));
    }
    return list;
}

void report_print_json(const Report *r, const covey_summary *s, const covey_error *e, FILE *out)
{
    const covey_progress *c = &s->counts;
    json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:f, s:s, s:s?, s:s, s:s, s:i, s:s?, s:o}",
                          "task", s->task, "micro_jobs", (json_int_t)c->micro_jobs, "succeeded", (json_int_t)c->succeeded,
                          "failed", (json_int_t)c->failed, "retried", (json_int_t)c->retried, "resumed", (json_int_t)c->resumed,
                          "sees_started", (json_int_t)c->sees_started, "level", s->level, "wall_seconds", c->wall_seconds,
                          "output", s->output, "partial_output", s->partial_output, "image", s->image, "measurement", s->measurement,
                          "exit_code", (int)e->code, "error", e->code ? e->text : NULL, "failures", failures_json(r));
    if (o && s->recipients) json_object_set_new(o, "sealed_to", json_integer((json_int_t)s->recipients));
    if (!o) {
        fprintf(stderr, "covey: the summary could not be written as JSON: a name in it is not UTF-8, or there is no memory\n");
        return;
    }
    json_dumpf(o, out, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    fputc('\n', out);
    fflush(out);
    json_decref(o);
}
