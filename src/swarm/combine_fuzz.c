/*
 * Hostile results into every combiner: an error that names the micro-job, or an output that the combiner takes as a result itself and gives
 * back unchanged (sum, min, max, mean and sum-by-key of one result, printed, are a fixed point).
 */
#include <stdlib.h>

#include "swarm/combine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static Err collect(void *context, View bytes) { return buffer_append(context, bytes); }

/** The results stand behind one another, a byte 0xfe between them. */
static Err combine(const CombineSpec *spec, View results, Buffer *out, Diag *diag)
{
    Combiner *c;
    TRY(combiner_new(spec, collect, out, &c));
    Err e = OK;
    for (uint64_t job = 0; !e.code && results.data; job++) {
        const uint8_t *end = memchr(results.data, 0xfe, results.size);
        size_t size = end ? (size_t)(end - results.data) : results.size;
        e = combiner_add(c, job, view_of(results.data, size), diag);
        results = end ? view_of(end + 1, results.size - size - 1) : (View){0};
    }
    if (!e.code) e = combiner_finish(c, diag);
    combiner_free(&c);
    return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    CombineSpec spec = {.by = (CombineBy)(data[0] % COMBINE_MODULE), .top = 1 + data[0] / COMBINE_MODULE};
    Buffer out = buffer_limited(8 << 20), again = buffer_limited(8 << 20);
    Diag diag = {{0}};
    Err e = combine(&spec, view_of(data + 1, size - 1), &out, &diag);
    if (e.code) {
        require(diag.text[0] != '\0');
        for (const char *c = diag.text; *c; c++) require(*c >= 0x20 && *c < 0x7f);
    } else if (spec.by != COMBINE_CONCAT) {
        bool has_mark = out.size && memchr(out.data, 0xfe, out.size); /* a key may hold the byte that separates results here */
        if (!has_mark) {
            require(combine(&spec, view_buffer(&out), &again, &diag).code == 0);
            require(view_equal(view_buffer(&out), view_buffer(&again)));
        }
    }
    buffer_free(&out);
    buffer_free(&again);
    return 0;
}
