/* WASI: the virtual clock, and poll_oneoff on it. */
#include <string.h>

#include "see/wasi.h"

enum { CLOCK_COUNT = 4, LOOK_NS = 1000 }; /* realtime, monotonic, process and thread CPU time */

uint64_t wasi_clock_ns(void)
{
    job.clock_reads_ns += LOOK_NS;
    return job.clock_reads_ns;
}

void wasi_clock_advance(uint64_t ns)
{
    uint64_t room = UINT64_MAX - WASI_EPOCH_NS - job.clock_reads_ns;
    job.clock_reads_ns += ns < room ? ns : room;
}

WASI(clock_res_get, SELF, uint32_t id, uint32_t at)
{
    if (id >= CLOCK_COUNT) return WASI_INVAL;
    return wasi_put_u64(at, LOOK_NS) ? WASI_SUCCESS : WASI_FAULT;
}

WASI(clock_time_get, SELF, uint32_t id, uint64_t precision, uint32_t at)
{
    (void)precision;
    if (id >= CLOCK_COUNT) return WASI_INVAL;
    uint64_t now = wasi_clock_ns() + (id == 0 ? WASI_EPOCH_NS : 0);
    return wasi_put_u64(at, now) ? WASI_SUCCESS : WASI_FAULT;
}

/* Layouts of the interface: subscription (48 bytes) and event (32 bytes). */
typedef struct {
    uint64_t userdata;
    uint8_t tag, pad0[7];
    union {
        struct { uint32_t id, pad; uint64_t timeout, precision; uint16_t flags; uint8_t pad2[6]; } clock;
        struct { uint32_t fd; } stream;
    } u;
} Subscription;
typedef struct { uint64_t userdata; uint16_t error; uint8_t type, pad0[5]; uint64_t bytes; uint16_t flags; uint8_t pad1[6]; } Event;
_Static_assert(sizeof(Subscription) == 48 && sizeof(Event) == 32, "as the interface lays them out");

enum { TAG_CLOCK, TAG_FD_READ, TAG_FD_WRITE, CLOCK_ABSOLUTE = 1 };

/* How long until a clock subscription is due. */
static uint64_t due_in(const Subscription *s)
{
    uint64_t now = job.clock_reads_ns + (s->u.clock.id == 0 ? WASI_EPOCH_NS : 0);
    if (!(s->u.clock.flags & CLOCK_ABSOLUTE)) return s->u.clock.timeout;
    return s->u.clock.timeout > now ? s->u.clock.timeout - now : 0;
}

static bool answer_stream(const Subscription *s, Event *ret_event)
{
    int stream = wasi_stream(s->u.stream.fd);
    bool right = s->tag == TAG_FD_READ ? stream == STREAM_INPUT || stream >= STREAM_CLAIM : stream == STREAM_OUTPUT || stream == STREAM_LOG;
    uint64_t left = input_size() > job.input_cursor ? input_size() - job.input_cursor : 0;
    *ret_event = (Event){.userdata = s->userdata, .type = s->tag, .error = right ? WASI_SUCCESS : WASI_BADF,
                         .bytes = s->tag == TAG_FD_READ ? left : 0};
    return true;
}

/* Streams are always ready, so a clock counts only when nothing else does: then time jumps to the earliest one. */
WASI(poll_oneoff, SELF, uint32_t in, uint32_t out, uint32_t count, uint32_t events_at)
{
    if (count == 0) return WASI_INVAL;
    const uint8_t *subscriptions = memory_at(in, (uint64_t)count * sizeof(Subscription));
    if (!subscriptions || !memory_at(out, (uint64_t)count * sizeof(Event)) || !memory_at(events_at, 4)) return WASI_FAULT;

    uint32_t events = 0;
    uint64_t earliest = UINT64_MAX;
    bool has_clock = false;
    for (uint32_t i = 0; i < count; i++) {
        Subscription s;
        Event e;
        memcpy(&s, subscriptions + (size_t)i * sizeof s, sizeof s);
        if (s.tag > TAG_FD_WRITE || (s.tag == TAG_CLOCK && s.u.clock.id >= CLOCK_COUNT)) return WASI_INVAL;
        if (s.tag == TAG_CLOCK) {
            has_clock = true;
            if (due_in(&s) < earliest) earliest = due_in(&s);
        } else if (answer_stream(&s, &e)) {
            wasi_put(out + events++ * (uint32_t)sizeof e, &e, sizeof e);
        }
    }
    if (events == 0 && has_clock) {
        for (uint32_t i = 0; i < count; i++) {
            Subscription s;
            memcpy(&s, subscriptions + (size_t)i * sizeof s, sizeof s);
            if (due_in(&s) != earliest) continue;
            Event e = {.userdata = s.userdata, .type = TAG_CLOCK};
            wasi_put(out + events++ * (uint32_t)sizeof e, &e, sizeof e);
        }
        wasi_clock_advance(earliest);
    }
    wasi_put_u32(events_at, events);
    return WASI_SUCCESS;
}
