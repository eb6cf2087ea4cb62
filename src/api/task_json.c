/* What became of a task, as one JSON object: of `covey run --json`, and beside the task files of `covey manager`. */
#include <jansson.h>

#include "api/internal.h"

static json_t *failures_json(const covey_summary *s)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < s->failure_count; i++) {
        const covey_kept_failure *k = &s->failures[i];
        json_array_append_new(list, json_pack("{s:I, s:i, s:i, s:s, s:s}", "micro_job", (json_int_t)k->job, "stage", (int)k->stage,
                                              "attempts", (int)k->attempts, "reason", k->reason, "log", k->log));
    }
    return list;
}

/* What only nodes elsewhere can do. */
static int add_swarm(json_t *o, const covey_summary *s)
{
    const covey_progress *c = &s->counts;
    json_t *swarm = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "bus", s->bus, "nodes", (int)c->nodes, "nodes_lost",
                              (int)c->nodes_lost, "nodes_drained", (int)c->nodes_drained, "nodes_lying", (int)c->nodes_lying, "nodes_refused",
                              (int)c->nodes_refused, "late", (json_int_t)c->late, "replaced", (json_int_t)c->replaced, "extra_copies", (json_int_t)c->extra_copies, "disagreements",
                              (json_int_t)c->disagreements, "speculative", (json_int_t)c->speculative, "bytes_sent", (json_int_t)c->bytes_sent, "cost", c->cost);
    int failed = swarm ? json_object_update(o, swarm) : -1;
    json_decref(swarm);
    return failed;
}

char *covey_task_json(const covey_task *t, const covey_error *e)
{
    covey_summary s;
    covey_task_summary(t, &s);
    const covey_progress *c = &s.counts;
    json_t *o = json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:f, s:s, s:s?, s:s, s:s, s:i, s:s?, s:o}",
                          "task", s.task, "micro_jobs", (json_int_t)c->micro_jobs, "succeeded", (json_int_t)c->succeeded,
                          "failed", (json_int_t)c->failed, "retried", (json_int_t)c->retried, "resumed", (json_int_t)c->resumed,
                          "sees_started", (json_int_t)c->sees_started, "level", s.level, "wall_seconds", c->wall_seconds,
                          "output", s.output, "partial_output", s.partial_output, "image", s.image, "measurement", s.measurement,
                          "exit_code", (int)e->code, "error", e->code ? e->text : NULL, "failures", failures_json(&s));
    if (!o) return NULL;
    int failed = s.recipients ? json_object_set_new(o, "sealed_to", json_integer((json_int_t)s.recipients)) : 0;
    if (!failed && s.bus) failed = add_swarm(o, &s);
    char *text = failed ? NULL : json_dumps(o, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    json_decref(o);
    return text;
}
