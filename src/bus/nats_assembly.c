/* A table of messages under way, and a ring of those that were completed last. */
#include "bus/nats_assembly.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct NatsAssembly {
    Assembled *open[ASSEMBLIES_MAX];
    uint32_t count;
    uint64_t bytes, bytes_max;
    uint8_t done[ASSEMBLY_DONE_MAX][FRAME_ID_BYTES];
    uint32_t done_count, done_next;
};

Err nats_assembly_new(uint64_t bytes_max, NatsAssembly **ret_assembly)
{
    NatsAssembly *a = calloc(1, sizeof *a);
    if (!a) return FAIL(ENOMEM);
    a->bytes_max = bytes_max;
    *ret_assembly = a;
    return OK;
}

void assembled_free(Assembled **message)
{
    Assembled *m = *message;
    if (!m) return;
    *message = NULL;
    for (uint32_t i = 0; m->replies && i < m->count; i++) free(m->replies[i]);
    free(m->replies);
    free(m->bytes);
    free(m);
}

void nats_assembly_free(NatsAssembly **assembly)
{
    NatsAssembly *a = *assembly;
    if (!a) return;
    *assembly = NULL;
    for (uint32_t i = 0; i < a->count; i++) assembled_free(&a->open[i]);
    free(a);
}

uint32_t nats_assembly_count(const NatsAssembly *a) { return a->count; }

static Assembled *take_out(NatsAssembly *a, uint32_t at)
{
    Assembled *m = a->open[at];
    a->open[at] = a->open[--a->count];
    a->bytes -= m->held;
    return m;
}

static void drop(NatsAssembly *a, uint32_t at)
{
    Assembled *m = take_out(a, at);
    assembled_free(&m);
}

static void drop_stale(NatsAssembly *a, uint64_t now_ns)
{
    for (uint32_t i = a->count; i-- > 0;)
        if (now_ns - a->open[i]->since_ns > ASSEMBLY_AGE_NS) drop(a, i);
}

/* A speaker that begins more than its share pushes out its own oldest one. */
static void keep_share(NatsAssembly *a, View subject)
{
    uint32_t own = 0, oldest = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        if (!view_equal(view_text(a->open[i]->subject), subject)) continue;
        if (own++ == 0 || a->open[i]->since_ns < a->open[oldest]->since_ns) oldest = i;
    }
    if (own >= ASSEMBLIES_SUBJECT_MAX) drop(a, oldest);
}

static Err begin(NatsAssembly *a, const NatsFrame *f, uint64_t now_ns)
{
    drop_stale(a, now_ns);
    keep_share(a, f->subject);
    if (a->count == ASSEMBLIES_MAX) return FAIL(ERR_BUSY);
    Assembled *m = calloc(1, sizeof *m);
    if (!m) return FAIL(ENOMEM);
    m->chunk = f->chunk;
    m->total = f->total;
    m->count = nats_frame_count(f->total, f->chunk);
    m->since_ns = now_ns;
    memcpy(m->id, f->id, sizeof m->id);
    snprintf(m->subject, sizeof m->subject, "%.*s", (int)f->subject.size, (const char *)f->subject.data);
    m->bytes = malloc(m->total); /* large: its pages come as fragments do */
    m->replies = calloc(m->count, sizeof *m->replies);
    if (!m->bytes || !m->replies) {
        assembled_free(&m);
        return FAIL(ERR_BUSY);
    }
    a->open[a->count++] = m;
    return OK;
}

static uint32_t find(const NatsAssembly *a, const NatsFrame *f)
{
    uint32_t i = 0;
    while (i < a->count && memcmp(a->open[i]->id, f->id, sizeof f->id) != 0) i++;
    return i;
}

static bool was_done(const NatsAssembly *a, const NatsFrame *f)
{
    for (uint32_t i = 0; i < a->done_count; i++)
        if (memcmp(a->done[i], f->id, sizeof f->id) == 0) return true;
    return false;
}

static void remember(NatsAssembly *a, const Assembled *m)
{
    memcpy(a->done[a->done_next], m->id, sizeof m->id);
    a->done_next = (a->done_next + 1) % ASSEMBLY_DONE_MAX;
    if (a->done_count < ASSEMBLY_DONE_MAX) a->done_count++;
}

/* A second copy of a fragment does not touch what the first one wrote. */
static Err put(NatsAssembly *a, Assembled *m, const NatsFrame *f, const char *reply)
{
    if (!m->replies[f->index] && a->bytes + f->bytes.size > a->bytes_max) return FAIL(ERR_BUSY);
    char *own = strdup(reply);
    if (!own) return FAIL(ENOMEM);
    if (m->replies[f->index]) {
        free(m->replies[f->index]);
    } else {
        memcpy(m->bytes + (size_t)f->index * f->chunk, f->bytes.data, f->bytes.size);
        m->have++;
        m->held += f->bytes.size;
        a->bytes += f->bytes.size;
    }
    m->replies[f->index] = own;
    return OK;
}

Err nats_assembly_add(NatsAssembly *a, const NatsFrame *f, const char *reply, uint64_t now_ns, Assembled **ret_message, bool *ret_done)
{
    *ret_message = NULL;
    *ret_done = was_done(a, f);
    if (*ret_done) return OK;
    uint32_t at = find(a, f);
    if (at == a->count) {
        TRY(begin(a, f, now_ns));
        at = a->count - 1;
    }
    Assembled *m = a->open[at];
    if (m->chunk != f->chunk || m->total != f->total || !view_equal(view_text(m->subject), f->subject)) return FAIL(ERR_PROTOCOL);
    Err e = put(a, m, f, reply);
    if (e.code) drop(a, at);
    if (e.code) return e;
    if (m->have < m->count) return OK;
    remember(a, m);
    *ret_message = take_out(a, at);
    return OK;
}
