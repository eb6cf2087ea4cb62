/* Any bytes as a service file, a workflow and an event: read, or refused with one line. */
#include <stdlib.h>

#include "pto/stream_wire.h"
#include "pto/workflow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    Service s;
    Workflow w;
    RequestEvent e;
    Diag diag = {{0}};
    View v = view_of(data, size);
    if (service_parse(v, "fuzz.yaml", NULL, &s, &diag).code == 0) {
        for (size_t i = 0; i < s.task_count; i++)
            if (!service_name_legal(s.tasks[i].name) || !s.tasks[i].image == !s.tasks[i].module) abort();
        service_free(&s);
    } else if (!diag.text[0]) {
        abort();
    }
    if (workflow_parse(v, "fuzz.json", &w, &diag).code == 0) workflow_free(&w);
    StreamMessage m;
    if (stream_get(v, &m).code == 0) {
        AUTO_BUFFER again = buffer_limited(STREAM_PACKET_MAX);
        if (stream_put(&again, &m).code || !view_equal(view_buffer(&again), v)) abort(); /* one encoding of each */
    }
    Err got = event_get(v, &e);
    if (got.code == 0 && e.start >= START_COUNT) abort();
    return 0;
}
