/* Events as bytes: little-endian numbers, then the two texts. */
#include "pto/event.h"

const char *event_start_name(uint32_t start)
{
    static const char *const NAMES[] = {"cold", "warm", "staged", "late", "refused"};
    return start < START_COUNT ? NAMES[start] : "unknown";
}

Err event_put(Buffer *b, const RequestEvent *e)
{
    const uint64_t numbers[] = {e->wall_ns, e->bytes_in, e->bytes_out, e->latency_ns, e->waited_ns, e->client};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) TRY(buffer_put_u64(b, numbers[i]));
    TRY(buffer_put_u32(b, e->task));
    TRY(buffer_put_u32(b, e->status));
    TRY(buffer_put_u32(b, e->start));
    TRY(buffer_put_bytes(b, view_text(e->session)));
    return buffer_put_bytes(b, view_text(e->attributes));
}

static bool copy_text(View v, char *ret_text)
{
    for (size_t i = 0; i < v.size; i++)
        if (v.data[i] < 0x20 || v.data[i] > 0x7e) return false;
    if (v.size) memcpy(ret_text, v.data, v.size);
    ret_text[v.size] = '\0';
    return true;
}

Err event_get(View v, RequestEvent *ret_event)
{
    Reader r = reader_of(v);
    RequestEvent e = {.wall_ns = read_u64(&r)};
    e.bytes_in = read_u64(&r);
    e.bytes_out = read_u64(&r);
    e.latency_ns = read_u64(&r);
    e.waited_ns = read_u64(&r);
    e.client = read_u64(&r);
    e.task = read_u32(&r);
    e.status = read_u32(&r);
    e.start = read_u32(&r);
    View session = read_bytes(&r, EVENT_SESSION_MAX), attributes = read_bytes(&r, EVENT_ATTRIBUTES_MAX);
    bool good = reader_done(&r) && e.start < START_COUNT && e.status >= 100 && e.status < 600;
    if (!good || !copy_text(session, e.session) || !copy_text(attributes, e.attributes)) return FAIL(ERR_PROTOCOL);
    *ret_event = e;
    return OK;
}
