/*
 * Hostile texts of numbers, and hostile partial results: a number that is read prints as itself; a value is within its bounds whatever its text is; a
 * partial result that is taken saves as the same bytes, and can be released. The first byte says which.
 */
#include <stdlib.h>

#include "privacy/aggregate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 1 << 16, ROOM = 32 };
static const View KEYS[] = {{(const uint8_t *)"a", 1}, {(const uint8_t *)"b", 1}};
static const Rational QUANTILES[] = {{1, 2}};

static void require(bool holds)
{
    if (!holds) abort();
}

/** Changes with every call, so that loops end. */
static Err fill(void *context, void *bytes, size_t size)
{
    uint64_t *state = context;
    uint8_t *at = bytes;
    for (size_t i = 0; i < size; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        at[i] = (uint8_t)(*state >> 56);
    }
    return OK;
}

static Err each(void *context, const Released *n)
{
    (void)context;
    require(n->value.den > 0 && n->low.den > 0 && n->high.den > 0);
    return OK;
}

static void read_texts(View text)
{
    Rational r;
    char printed[RATIONAL_TEXT_MAX];
    if (rational_parse(text, &r)) {
        Rational again = RATIONAL_ZERO;
        rational_print(r, printed);
        require(rational_parse(view_text(printed), &again) && again.num == r.num && again.den == r.den);
    }
    const Bounds b = {.step = {1, 8}, .lower = -3, .upper = 77};
    bool clamped;
    const int64_t value = bounds_read(&b, text, &clamped);
    require(value >= b.lower && value <= b.upper);
    Bounds read;
    if (bounds_parse(VIEW("-1"), text, VIEW("0.001"), &read).code == 0) require(read.lower <= read.upper);
}

static void take_partial(uint8_t which, View partial)
{
    static uint8_t memory[MEMORY] __attribute__((aligned(16)));
    Query q = {.kind = (QueryKind)(which % QUERY_KINDS), .spend = {{1, 1}, {1, 1000}, {0, 1}}, .bounds = {{1, 1}, -5, 1000}, .confidence = {0, 1}};
    q.outputs = 2, q.block_count = 9, q.quantiles = QUANTILES, q.quantile_count = 1, q.bins = 16, q.top = 1;
    q.open_keys = which & 0x40;
    if (!q.open_keys) q.keys = KEYS, q.key_count = 2;
    static Plan plans[2][QUERY_KINDS]; /* made once: a tight conversion takes longer than all the rest */
    Plan *plan = &plans[q.open_keys][q.kind];
    Aggregate *a;
    if (plan->part_count == 0) require(query_plan(&q, plan, NULL).code == 0);
    require(aggregate_start(&q, plan, ROOM, memory, sizeof memory, &a).code == 0);
    if (aggregate_merge(a, partial).code) return;
    AUTO_BUFFER saved = buffer_limited(MEMORY);
    require(aggregate_save(a, &saved).code == 0);
    enum { OVERFLOWED_AT = 52 }; /* what found no room is not there any more */
    require(saved.data[OVERFLOWED_AT] || view_equal(view_buffer(&saved), partial));
    uint64_t state = which;
    NoiseSource source = {.fill = fill, .context = &state};
    Err e = aggregate_release(a, &source, each, NULL);
    require(e.code == 0 || e.code == ERR_LIMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const View rest = view_of(data + 1, size - 1);
    if (data[0] & 0x80) take_partial(data[0], rest);
    else read_texts(rest);
    return 0;
}
