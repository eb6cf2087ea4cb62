/* Frames from anybody: read within their bounds, and put together within theirs. A message that comes out is what its fragments said. */
#include <stdlib.h>

#include "bus/nats_assembly.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BYTES_MAX = 256 << 10 };

/* The input is frames, each behind a u16 length; time passes with each. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    NatsAssembly *a = NULL;
    Reader r = reader_of(view_of(data, size));
    if (nats_assembly_new(BYTES_MAX, &a).code) return 0;
    for (uint64_t now = 0; !r.bad && r.rest.size; now += NS_PER_S) {
        const size_t low = read_u8(&r), high = read_u8(&r);
        const View frame = read_raw(&r, low | high << 8);
        NatsFrame f;
        Assembled *m = NULL;
        bool done = false;
        if (nats_frame_get(frame, "s", &f).code) continue;
        if (f.bytes.size > f.chunk || f.bytes.size > f.total || f.index >= nats_frame_count(f.total, f.chunk)) abort();
        if (f.total > BYTES_MAX) continue; /* what is announced costs no memory, but the sanitizer counts it */
        if (nats_assembly_add(a, &f, "r", now, &m, &done).code) continue;
        if (m && (m->have != m->count || m->total != f.total ||
                  memcmp(m->bytes + (size_t)f.index * f.chunk, f.bytes.data, f.bytes.size) != 0)) abort();
        assembled_free(&m);
        if (nats_assembly_count(a) > ASSEMBLIES_MAX) abort();
    }
    nats_assembly_free(&a);
    return 0;
}
