/* Any bytes as a request line: a route whose parts are legal, or a refusal with a status and a text. */
#include <stdlib.h>

#include "gateway/route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[4096] = {0};
    if (size < 1 || size >= sizeof text) return 0;
    memcpy(text, data, size);
    char *blank = strchr(text, ' ');
    if (blank) *blank = '\0';
    Route r;
    HttpProblem p;
    if (!route_parse(text, blank ? blank + 1 : "", &r, &p)) {
        require(p.status == 400 || p.status == 404 || p.status == 405 || p.status == 414);
        require(p.text[0] && p.where && p.remedy);
        return 0;
    }
    require(r.kind != ROUTE_TASK || (service_name_legal(r.service) && service_name_legal(r.task)));
    for (const char *c = r.session; *c; c++) require(*c >= 0x20 && *c < 0x7f);
    RequestEvent event = {.status = 200}, again;
    memcpy(event.session, r.session, sizeof event.session);
    memcpy(event.attributes, r.attributes, sizeof event.attributes);
    AUTO_BUFFER b = buffer_limited(EVENT_BYTES_MAX);
    require(event_put(&b, &event).code == 0 && event_get(view_buffer(&b), &again).code == 0);
    require(strcmp(again.attributes, r.attributes) == 0);
    return 0;
}
