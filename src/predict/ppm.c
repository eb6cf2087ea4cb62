/* PPM, method C with exclusion. */
#include "predict/ppm.h"

#include "predict/hash.h"

static const uint64_t ORDER_0 = 0x70706d;

unsigned ppm_contexts(const Session *s, uint64_t ret_hashes[PPM_ORDER_MAX + 1])
{
    uint32_t happened = s ? s->count : 0;
    ret_hashes[0] = ORDER_0;
    unsigned orders = 1;
    for (uint32_t back = 0; back < PPM_ORDER_MAX && back <= happened; back++, orders++)
        ret_hashes[orders] = hash_with(ret_hashes[orders - 1], session_task(s, back));
    return orders;
}

/* One context speaks: gives out what is left but its escape, which it returns. */
static float speak(const Context *x, float left, size_t count, uint8_t *excluded, float *p)
{
    uint32_t total = 0, distinct = 0;
    for (uint16_t i = 0; i < x->distinct; i++) {
        const Follower *f = &x->followers[i];
        if (f->task >= count || excluded[f->task]) continue;
        total += f->count;
        distinct++;
    }
    if (distinct == 0) return left;
    float each = left / (float)(total + distinct);
    for (uint16_t i = 0; i < x->distinct; i++) {
        const Follower *f = &x->followers[i];
        if (f->task >= count || excluded[f->task]) continue;
        p[f->task] = each * f->count;
        excluded[f->task] = 1;
    }
    return each * (float)distinct;
}

static void spread(float left, size_t count, const uint8_t *excluded, float *p)
{
    size_t others = 0;
    for (size_t t = 0; t < count; t++) others += !excluded[t];
    float scale = others ? 1 : 1 / (1 - left);
    for (size_t t = 0; t < count; t++) p[t] = excluded[t] ? p[t] * scale : left / (float)others;
}

void ppm_distribution(const Contexts *c, const uint64_t *hashes, unsigned orders, size_t count, uint8_t *excluded, float *ret_p, int *ret_order)
{
    float left = 1;
    memset(ret_p, 0, count * sizeof *ret_p);
    memset(excluded, 0, count);
    *ret_order = -1;
    for (int order = (int)orders - 1; order >= 0; order--) {
        const Context *x = context_find(c, hashes[order]);
        if (!x) continue;
        if (*ret_order < 0) *ret_order = order;
        left = speak(x, left, count, excluded, ret_p);
    }
    spread(left, count, excluded, ret_p);
}

void ppm_learn(Contexts *c, const uint64_t *hashes, unsigned orders, uint16_t task)
{
    for (unsigned order = 0; order < orders; order++) context_learn(c, hashes[order], task, CONTEXT_COUNT_MAX);
}
