/* The first failures of a run: they come as SEEs end, and are kept in the order of their numbers. */
#include "api/failures.h"

#include <stdio.h>
#include <string.h>

/* The last line of a log says why a program gave up; control characters must not reach a terminal. */
static void copy_last_line(const char *log, size_t size, covey_kept_failure *kept)
{
    while (size && (log[size - 1] == '\n' || log[size - 1] == '\r')) size--;
    size_t start = size;
    while (start && log[start - 1] != '\n') start--;
    size_t n = size - start < sizeof kept->log - 1 ? size - start : sizeof kept->log - 1;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)log[start + i];
        kept->log[i] = c >= 0x20 && c < 0x7f ? (char)c : '?';
    }
    kept->log[n] = '\0';
}

static bool comes_after(const covey_kept_failure *k, const covey_failure *f)
{
    return k->stage > f->stage || (k->stage == f->stage && k->job > f->job);
}

static covey_kept_failure *place_for(Failures *f, const covey_failure *failure)
{
    unsigned at = f->count;
    while (at > 0 && comes_after(&f->kept[at - 1], failure)) at--;
    if (at == FAILURES_KEPT_MAX) return NULL;
    if (f->count < FAILURES_KEPT_MAX) f->count++;
    memmove(&f->kept[at + 1], &f->kept[at], (f->count - at - 1) * sizeof f->kept[0]);
    return &f->kept[at];
}

void failures_add(Failures *f, const covey_failure *failure)
{
    f->seen++;
    covey_kept_failure *k = place_for(f, failure);
    if (!k) return;
    *k = (covey_kept_failure){.job = failure->job, .stage = failure->stage, .exit_code = failure->exit_code, .attempts = failure->attempts};
    if (failure->exit_code) snprintf(k->reason, sizeof k->reason, "exit code %u", failure->exit_code);
    else snprintf(k->reason, sizeof k->reason, "%s", failure->reason);
    copy_last_line(failure->log, failure->log_size, k);
}
