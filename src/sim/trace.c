/* Reading spot traces. */
#include "sim/trace.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "base/limits.h"

static Err read_gap(const json_t *root, const char *name, uint64_t *ret_gap_ns, Diag *diag)
{
    const json_t *gap = json_object_get(json_object_get(root, "metadata"), "gap_seconds");
    double seconds = json_number_value(gap);
    if (!(seconds >= 1 && seconds <= 86400))
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: metadata.gap_seconds must be a number from 1 to 86400", name);
    *ret_gap_ns = (uint64_t)(seconds * (double)NS_PER_S);
    return OK;
}

static Err read_samples(const json_t *data, const char *name, Trace *t, Diag *diag)
{
    for (size_t i = 0; i < t->count; i++) {
        const json_t *sample = json_array_get(data, i);
        json_int_t up = json_integer_value(sample);
        if (!json_is_integer(sample) || up < 0 || up > TRACE_UP_MAX)
            return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: data[%zu] must be a whole number from 0 to %d", name, i, TRACE_UP_MAX);
        t->up[i] = (uint32_t)up;
        if (t->up[i] > t->most) t->most = t->up[i];
    }
    if (t->most == 0) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: there is never a machine in it", name);
    return OK;
}

static Err read_trace(const json_t *root, const char *name, Trace *t, Diag *diag)
{
    TRY(read_gap(root, name, &t->gap_ns, diag));
    const json_t *data = json_object_get(root, "data");
    t->count = json_array_size(data);
    if (t->count == 0 || t->count > TRACE_SAMPLES_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: 'data' must be a list of 1 to %d numbers of machines", name, TRACE_SAMPLES_MAX);
    t->up = calloc(t->count, sizeof *t->up);
    if (!t->up) return FAIL(ENOMEM);
    return read_samples(data, name, t, diag);
}

Err trace_parse(View json, const char *name, Trace *ret_trace, Diag *diag)
{
    json_error_t problem;
    if (json.size > TRACE_BYTES_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: larger than a trace may be (%d bytes)", name, TRACE_BYTES_MAX);
    json_t *root = json_loadb((const char *)json.data, json.size, 0, &problem);
    if (!root) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s:%d: not JSON: %s", name, problem.line, problem.text);
    Trace t = {0};
    Err e = read_trace(root, name, &t, diag);
    json_decref(root);
    if (e.code) trace_free(&t);
    else *ret_trace = t;
    return e;
}

void trace_free(Trace *t)
{
    free(t->up);
    *t = (Trace){0};
}
