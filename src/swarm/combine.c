/* Combiners from outside: choosing one, the locale in which numbers mean what they say, and concat, which needs no more. */
#include "swarm/combine.h"

#include <assert.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>

#include "swarm/combine_text.h"

struct Combiner {
    const CombineKind *kind; /* NULL: concat */
    void *state;
    Output out;
    locale_t locale;
};

static const CombineKind *const KINDS[] = {
    [COMBINE_CONCAT] = NULL,
    [COMBINE_SUM] = &COMBINE_COLUMNS,
    [COMBINE_MIN] = &COMBINE_COLUMNS,
    [COMBINE_MAX] = &COMBINE_COLUMNS,
    [COMBINE_MEAN] = &COMBINE_COLUMNS,
    [COMBINE_SUM_BY_KEY] = &COMBINE_KEYS,
    [COMBINE_TOP] = &COMBINE_LARGEST,
};

void combiner_free(Combiner **combiner)
{
    Combiner *c = *combiner;
    if (!c) return;
    if (c->state) c->kind->free(c->state);
    if (c->locale) freelocale(c->locale);
    buffer_free(&c->out.pending);
    free(c);
    *combiner = NULL;
}

static Err start(Combiner *c, const CombineSpec *spec)
{
    c->locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c->locale) return FAIL(errno);
    c->kind = KINDS[spec->by];
    return c->kind ? c->kind->start(spec, &c->state) : OK;
}

Err combiner_new(const CombineSpec *spec, CombineSink sink, void *context, Combiner **ret_combiner)
{
    assert(spec && sink && ret_combiner);

    if (spec->by >= COMBINE_MODULE) return FAIL(ERR_USAGE); /* a module runs in a SEE, which is the manager's to ask for */
    Combiner *c = calloc(1, sizeof *c);
    if (!c) return FAIL(ENOMEM);
    c->out = (Output){.sink = sink, .context = context, .pending = buffer_limited(4 << 20)};
    Err e = start(c, spec);
    if (e.code) {
        combiner_free(&c);
        return e;
    }
    *ret_combiner = c;
    return OK;
}

Err combiner_add(Combiner *c, uint64_t job, View result, Diag *diag)
{
    if (result.size == 0) return OK;
    if (!c->kind) return c->out.sink(c->out.context, result);
    locale_t before = uselocale(c->locale);
    Lines lines = lines_of(job, result, diag);
    Err e = c->kind->add(c->state, &lines);
    uselocale(before);
    return e;
}

Err combiner_finish(Combiner *c, Diag *diag)
{
    if (!c->kind) return OK;
    locale_t before = uselocale(c->locale);
    Err e = c->kind->finish(c->state, &c->out, diag);
    uselocale(before);
    return e.code ? e : output_flush(&c->out);
}
