/* What became of a task, in words: the lines of failures, and the summary. */
#include "cmd/report.h"

#include <string.h>

typedef unsigned long long Number;

static const char *plural(Number n) { return n == 1 ? "" : "s"; }

void report_print_failures(const covey_summary *s, FILE *out)
{
    for (unsigned i = 0; i < s->failure_count; i++) {
        const covey_kept_failure *k = &s->failures[i];
        fprintf(out, "covey: %s %llu failed after %u attempt%s: %s%s%s\n", k->stage ? "combining job" : "micro-job", (Number)k->job, k->attempts,
                plural(k->attempts), k->reason, k->log[0] ? ": " : "", k->log);
    }
    if (s->failures_seen > s->failure_count) fprintf(out, "covey: ... and %llu more\n", (Number)(s->failures_seen - s->failure_count));
}

static void print_nodes(const covey_progress *c, FILE *out)
{
    fprintf(out, " on %u node%s", c->nodes, plural(c->nodes));
    const char *between = " (";
    const struct { unsigned count; const char *what; } became[] = {{c->nodes_lost, "lost"}, {c->nodes_drained, "drained"}, {c->nodes_lying, "lying"},
                                                              {c->nodes_refused, "refused"}};
    for (size_t i = 0; i < sizeof became / sizeof became[0]; i++) {
        if (became[i].count == 0) continue;
        fprintf(out, "%s%u %s", between, became[i].count, became[i].what);
        between = ", ";
    }
    if (*between == ',') fputc(')', out);
}

static void print_swarm(const covey_progress *c, FILE *out)
{
    const struct { Number count; const char *one, *many; } spent[] = {
        {c->replaced, "micro-job placed again", "micro-jobs placed again"},
        {c->extra_copies, "extra copy", "extra copies"},
        {c->disagreements, "disagreement", "disagreements"},
        {c->speculative, "speculative copy", "speculative copies"},
    };
    for (size_t i = 0; i < sizeof spent / sizeof spent[0]; i++)
        if (spent[i].count) fprintf(out, ", %llu %s", spent[i].count, spent[i].count == 1 ? spent[i].one : spent[i].many);
    if (c->bytes_sent) fprintf(out, ", %.1f MiB sent", (double)c->bytes_sent / (1 << 20));
    if (c->cost > 0) fprintf(out, ", cost %.4g", c->cost);
}

void report_print_summary(const covey_summary *s, FILE *out)
{
    const covey_progress *c = &s->counts;
    fprintf(out, "%s: %llu micro-job%s", s->task, (Number)c->micro_jobs, plural(c->micro_jobs));
    if (c->failed) fprintf(out, " (%llu failed)", (Number)c->failed);
    if (c->resumed) fprintf(out, " (%llu from an earlier run)", (Number)c->resumed);
    fprintf(out, ", %llu SEE%s at level %s", (Number)c->sees_started, plural(c->sees_started), s->level);
    if (s->bus) print_nodes(c, out);
    fprintf(out, ", %.2f s", c->wall_seconds);
    if (s->bus) print_swarm(c, out);
    if (s->partial_output) fprintf(out, " -> %s (partial)", s->partial_output);
    else if (!c->failed && strcmp(s->output, "-") != 0) fprintf(out, " -> %s", s->output);
    if (s->recipients) fprintf(out, ", sealed to %u recipient%s; open with covey unseal", s->recipients, plural(s->recipients));
    fputc('\n', out);
}
