/* Any bytes at all as a spot trace: refused with one line, or samples within the bounds that nodes are counted by. */
#include <stdlib.h>

#include "base/limits.h"
#include "sim/trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Trace t;
    Diag diag = {{0}};
    if (trace_parse(view_of(data, size), "fuzz.json", &t, &diag).code) {
        size_t length = strnlen(diag.text, sizeof diag.text);
        require(length > 0 && length < sizeof diag.text && !memchr(diag.text, '\n', length));
        return 0;
    }
    require(t.count >= 1 && t.count <= TRACE_SAMPLES_MAX && t.most >= 1 && t.most <= TRACE_UP_MAX && t.gap_ns >= NS_PER_S);
    for (size_t i = 0; i < t.count; i++) require(t.up[i] <= t.most);
    require(!trace_up(&t, t.count + 1, t.most));
    trace_free(&t);
    return 0;
}
