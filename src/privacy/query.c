/* What a private aggregation costs, and which noise follows from it. */
#include "privacy/query.h"

enum { VARIANCE_WIDTH_BITS = 30, SENSITIVITY_BITS_MAX = 62 };
static const Rational CONFIDENCE = {19, 20};

static const char *const NAMES[QUERY_KINDS] = {"count", "sum", "mean", "variance", "histogram", "quantiles", "sum-by-key", "top", "sample-and-aggregate"};

const char *query_name(QueryKind kind) { return NAMES[kind]; }

bool query_named(View name, QueryKind *ret_kind)
{
    for (int kind = 0; kind < QUERY_KINDS; kind++) {
        if (!view_equal(name, view_text(NAMES[kind]))) continue;
        *ret_kind = (QueryKind)kind;
        return true;
    }
    return false;
}

static bool has_keys(const Query *q) { return q->kind == QUERY_HISTOGRAM || q->kind == QUERY_SUM_BY_KEY || q->kind == QUERY_TOP; }
static bool has_values(const Query *q) { return q->kind != QUERY_COUNT && q->kind != QUERY_HISTOGRAM && (q->kind != QUERY_TOP || q->of_values); }
static bool is_open(const Query *q) { return has_keys(q) && q->open_keys; }

ContributionLimits query_limits(const Query *query)
{
    ContributionLimits limits = query->limits;
    if (!query->by_person) return (ContributionLimits){1, 1, 1};
    if (!has_keys(query)) return (ContributionLimits){limits.records, 1, limits.records};
    if (limits.per_key > limits.records) limits.per_key = limits.records;
    return limits;
}

static UInt128 least(UInt128 a, UInt128 b) { return a < b ? a : b; }

/** R1 and R2 of the header. */
static void contributions(const Query *q, UInt128 *ret_l1, UInt128 *ret_l2_squared)
{
    const ContributionLimits n = query_limits(q);
    *ret_l1 = least(n.records, (UInt128)n.keys * n.per_key);
    *ret_l2_squared = least((UInt128)n.records * n.per_key, (UInt128)n.keys * n.per_key * n.per_key);
}

static const char *wrong_keys(const Query *q)
{
    if (is_open(q)) return q->key_count || q->keys ? "keys are declared or open, not both" : NULL;
    if (q->key_count == 0) return "no keys: declare them, or say that they are open";
    if (q->key_count > QUERY_KEYS_MAX) return "too many keys";
    for (uint32_t i = 0; i < q->key_count; i++) {
        if (q->keys[i].size > QUERY_KEY_BYTES_MAX) return "a key is too long";
        if (i == 0) continue;
        View a = q->keys[i - 1], b = q->keys[i];
        size_t size = a.size < b.size ? a.size : b.size;
        int order = size ? memcmp(a.data, b.data, size) : 0;
        if (order > 0 || (order == 0 && a.size >= b.size)) return "keys are not sorted, or one is there twice";
    }
    return NULL;
}

static const char *wrong_quantiles(const Query *q)
{
    if (q->quantile_count == 0 || q->quantile_count > QUERY_QUANTILES_MAX) return "no quantiles, or too many";
    if (q->bins == 0 || q->bins > QUERY_BINS_MAX) return "the number of bins is not between 1 and 16384";
    for (uint32_t i = 0; i < q->quantile_count; i++)
        if (q->quantiles[i].num > q->quantiles[i].den || q->quantiles[i].den > QUERY_RANKS_MAX) return "a quantile is not between 0 and 1, or too fine";
    return NULL;
}

static const char *wrong_spending(const Query *q)
{
    const bool epsilon = !rational_is_zero(q->spend.epsilon), rho = !rational_is_zero(q->spend.rho), delta = !rational_is_zero(q->spend.delta);
    if (epsilon == rho) return epsilon ? "both epsilon and rho" : "neither epsilon nor rho";
    if (is_open(q) && !delta) return "open keys need a delta";
    if (rational_compare(q->spend.delta, rational_of(1)) >= 0) return "delta is not below 1";
    return NULL;
}

static const char *wrong(const Query *q)
{
    const uint32_t limits[] = {q->limits.records, q->limits.keys, q->limits.per_key};
    const char *why = wrong_spending(q);
    if (!why && has_keys(q)) why = wrong_keys(q);
    if (!why && q->kind == QUERY_QUANTILES) why = wrong_quantiles(q);
    if (why) return why;
    for (int i = 0; q->by_person && i < (has_keys(q) ? 3 : 1); i++)
        if (limits[i] == 0 || limits[i] > CONTRIBUTION_MAX) return "a limit of contributions is not between 1 and 65536";
    if (has_values(q) && (q->bounds.step.num == 0 || q->bounds.lower > q->bounds.upper || bounds_reach(&q->bounds) >> VALUE_BITS)) return "no bounds";
    if (q->kind == QUERY_VARIANCE && bounds_width(&q->bounds) >> VARIANCE_WIDTH_BITS) return "bounds too wide for a variance: a coarser step is needed";
    if (q->kind == QUERY_TOP && q->top == 0) return "the top of nothing";
    if (q->kind == QUERY_BLOCKS && (q->outputs == 0 || q->outputs > QUERY_OUTPUTS_MAX)) return "the number of outputs is not between 1 and 256";
    if (q->kind == QUERY_BLOCKS && (q->block_count == 0 || q->block_count >> 32)) return "no blocks, or too many";
    if (q->check_bounds && !has_values(q)) return "there are no bounds to check";
    return NULL;
}

/** Adds a part whose noise gets `share` of the spending for each of its draws. */
static Part *add(Plan *plan, PartRole role, Rational share, UInt128 l1, UInt128 l2_squared)
{
    Part *part = &plan->parts[plan->part_count++];
    *part = (Part){.role = role, .l1 = l1, .l2_squared = l2_squared, .gamma_unit = RATIONAL_ZERO, .law = {LAW_NONE, RATIONAL_ZERO}};
    part->share = (Spend){share, RATIONAL_ZERO, share}; /* shares, until spending is known */
    return part;
}

/** By how much one record moves the rank's distance from a quantile a / b, in 1 / b. */
static UInt128 rank_step(Rational quantile)
{
    UInt128 a = quantile.num, b = quantile.den;
    return a > b - a ? a : b - a;
}

static UInt128 most_of_rank(const Query *q, UInt128 l1)
{
    UInt128 most = 0;
    for (uint32_t i = 0; i < q->quantile_count; i++)
        if (rank_step(q->quantiles[i]) > most) most = rank_step(q->quantiles[i]);
    return most * l1;
}

/** The noises of the query with their sensitivities and shares; shares times draws are 1 in sum. */
static bool list_parts(const Query *q, Plan *plan)
{
    UInt128 r1, r2, square, sum;
    contributions(q, &r1, &r2);
    const UInt128 reach = has_values(q) ? bounds_reach(&q->bounds) : 1, width = has_values(q) ? bounds_width(&q->bounds) : 0;
    const uint64_t left = 10 - (uint64_t)q->check_bounds - (uint64_t)is_open(q); /* tenths */
    Rational whole = rational_make(left, 10), half = rational_make(left, 20), third = rational_make(left, 30);
    plan->part_count = 0;
    if (q->check_bounds) {
        UInt128 checked = q->kind == QUERY_BLOCKS ? q->outputs : r1;
        add(plan, PART_CLAMPED, rational_make(1, 10), checked, checked * checked);
    }
    if (q->kind == QUERY_QUANTILES) {
        const uint64_t count = q->quantile_count;
        add(plan, PART_CHOICE, rational_make(left, 20 * count), most_of_rank(q, r1), 0);
        add(plan, PART_ENDS, rational_make(left, 40 * count), most_of_rank(q, r1), 0);
        return true;
    }
    if (q->kind == QUERY_BLOCKS) { r1 = q->outputs; r2 = q->outputs; }
    if (q->kind == QUERY_VARIANCE) add(plan, PART_SQUARES, third, r1 * width * width, 0);
    if (q->kind == QUERY_MEAN || q->kind == QUERY_VARIANCE) {
        Rational share = q->kind == QUERY_MEAN ? half : third;
        add(plan, PART_COUNT, share, r1, r1 * r1);
        whole = share;
    }
    if (is_open(q)) {
        const UInt128 keys = query_limits(q).keys;
        add(plan, PART_ROOM, rational_make(1, 10), keys, keys * keys);
        add(plan, PART_SELECT, half, keys, keys);
        whole = half;
    }
    const bool differences = q->kind == QUERY_MEAN || q->kind == QUERY_VARIANCE || q->kind == QUERY_BLOCKS;
    const UInt128 each = differences ? width : (q->kind == QUERY_COUNT || !has_values(q)) ? 1 : reach;
    if (!has_keys(q) && q->kind != QUERY_BLOCKS) r2 = r1 * r1;
    if (__builtin_mul_overflow(r1, each, &sum) || __builtin_mul_overflow(each, each, &square)) return false;
    if (__builtin_mul_overflow(square, r2, &square)) return false;
    add(plan, PART_VALUE, whole, sum, square);
    for (uint32_t i = 0; i < plan->part_count; i++) {
        Part *part = &plan->parts[i];
        if (part->l1 >> SENSITIVITY_BITS_MAX) return false;
        if (part->role == PART_SQUARES) part->l2_squared = part->l1 * part->l1;
    }
    return true;
}

/** In a form that the samplers take, with a scale that is not smaller. */
static bool fits_sampler(Law *law)
{
    const unsigned num_bits = law->kind == LAW_GAUSSIAN ? 126 : 100;
    Rational scale = law->scale;
    while (scale.den >> 98) scale = (Rational){(scale.num >> 1) + 1, scale.den >> 1};
    law->scale = rational_make(scale.num, scale.den);
    return !(law->scale.num >> (num_bits - 1));
}

static bool is_choice(const Part *part) { return part->role == PART_CHOICE || part->role == PART_ENDS; }

/** What noise_choose takes; rounded down: more random. */
static Rational fits_choice(Rational gamma)
{
    while (gamma.num >> 60 || gamma.den >> 60) gamma = rational_make(gamma.num >> 1, (gamma.den + 1) >> 1);
    return gamma;
}

Rational query_gamma(const Query *query, const Part *part, uint32_t index)
{
    UInt128 r1, r2;
    Rational gamma;
    contributions(query, &r1, &r2);
    const UInt128 own = rank_step(query->quantiles[index]) * r1;
    return rational_multiply(part->gamma_unit, rational_make(part->l1, own), &gamma) ? fits_choice(gamma) : part->gamma_unit;
}

UInt128 query_rank_interval(const Query *query, const Part *part, uint32_t index)
{
    UInt128 r1, r2;
    contributions(query, &r1, &r2);
    const Rational share = rational_make(rank_step(query->quantiles[index]) * r1, part->l1);
    UInt128 own;
    return __builtin_mul_overflow(part->interval, share.num, &own) ? part->interval : own / share.den + 2;
}

/** A choice: gamma = epsilon / (2 sensitivity). */
static bool choice_law(Part *part, Rational epsilon)
{
    Rational twice = {part->l1 ? 2 * part->l1 : 1, 1};
    part->share = (Spend){epsilon, RATIONAL_ZERO, RATIONAL_ZERO};
    if (!rational_divide_down(epsilon, twice, &part->gamma_unit)) return false;
    part->gamma_unit = fits_choice(part->gamma_unit);
    return part->gamma_unit.num > 0;
}

/** Discrete Laplace everywhere, out of epsilon. */
static bool by_epsilon(Plan *plan, Rational epsilon)
{
    for (uint32_t i = 0; i < plan->part_count; i++) {
        Part *part = &plan->parts[i];
        Rational share;
        if (!rational_multiply_down(epsilon, part->share.epsilon, &share) || rational_is_zero(share)) return false;
        if (is_choice(part)) {
            if (!choice_law(part, share)) return false;
            continue;
        }
        part->share = (Spend){share, RATIONAL_ZERO, RATIONAL_ZERO};
        part->law.kind = LAW_LAPLACE;
        if (!rational_divide_up((Rational){part->l1, 1}, share, &part->law.scale) || !fits_sampler(&part->law)) return false;
    }
    return true;
}

/** Discrete Gaussians out of rho; choices out of epsilon = sqrt(2 rho). */
static bool by_rho(Plan *plan, Rational rho)
{
    for (uint32_t i = 0; i < plan->part_count; i++) {
        Part *part = &plan->parts[i];
        Rational share, twice;
        if (!rational_multiply_down(rho, part->share.rho, &share) || !rational_multiply_down(share, rational_of(2), &twice)) return false;
        if (rational_is_zero(share)) return false;
        if (is_choice(part)) {
            if (!choice_law(part, rational_root_down(twice))) return false;
            continue;
        }
        part->share = (Spend){RATIONAL_ZERO, RATIONAL_ZERO, share};
        part->law.kind = LAW_GAUSSIAN;
        if (!rational_divide_up((Rational){part->l2_squared, 1}, twice, &part->law.scale) || !fits_sampler(&part->law)) return false;
    }
    return true;
}

static const Part *main_part(const Plan *plan) { return &plan->parts[plan->part_count - 1]; }

/** Whether the Gaussian's variance is below the Laplace noise's, which is 2 scale^2 to within 1/6. */
static bool is_narrower(const Law *gaussian, const Law *laplace)
{
    Rational square;
    if (!rational_multiply_down(laplace->scale, laplace->scale, &square) || !rational_multiply_down(square, rational_of(2), &square)) return true;
    return rational_compare(gaussian->scale, square) < 0;
}

/** Sets the laws, and what the query costs in each currency. */
static Err spend(const Query *q, Plan *plan)
{
    const Spend *s = &q->spend;
    const Rational zero = RATIONAL_ZERO;
    const bool open = is_open(q);
    Rational select = open ? s->delta : zero, conversion = s->delta, rho = s->rho;
    Plan other = *plan;
    if (!rational_is_zero(s->rho)) {
        if (!by_rho(plan, s->rho)) return FAIL(ERR_LIMIT);
        plan->loss = (Loss){.has_rho = true, .epsilon = zero, .delta = zero, .rho = s->rho, .rho_delta = select};
        if (!open && !rational_is_zero(s->delta)) return loss_with_delta(&plan->loss, s->delta);
    } else {
        if (!by_epsilon(plan, s->epsilon)) return FAIL(ERR_LIMIT);
        TRY(loss_approximate(s->epsilon, select, &plan->loss));
        if (open && !rational_divide(s->delta, rational_of(2), &conversion)) return FAIL(ERR_LIMIT);
        if (!rational_is_zero(s->delta) && q->kind != QUERY_QUANTILES && zcdp_rho(s->epsilon, conversion, &rho).code == 0 && by_rho(&other, rho) &&
            is_narrower(&main_part(&other)->law, &main_part(plan)->law)) {
            *plan = other;
            select = open ? conversion : zero;
            plan->loss = (Loss){true, true, s->epsilon, s->delta, rho, select};
        }
    }
    for (uint32_t i = 0; i < plan->part_count; i++) /* charged once: for no two neighbours both matter */
        if (plan->parts[i].role == PART_SELECT || plan->parts[i].role == PART_ROOM) plan->parts[i].share.delta = select;
    return OK;
}

/** ln(choices / p) / gamma_unit: a choice that is that much below the best comes with probability p at most (McKenna, Sheldon 2020, section 3.3). */
static Err choice_interval(Part *part, uint32_t choices, Rational p)
{
    Rational ratio, width;
    if (!rational_divide_up(rational_of(choices), p, &ratio)) return FAIL(ERR_LIMIT);
    UInt128 bits = 0; /* log2, rounded up */
    for (Rational power = rational_of(1); rational_compare(power, ratio) < 0 && bits < 120; bits++) power.num *= 2;
    if (!rational_divide_up(rational_make(bits * 6931471806u, 10000000000u), part->gamma_unit, &width)) return FAIL(ERR_LIMIT);
    part->interval = width.num / width.den + 1;
    return OK;
}

/** A neighbour of an input that has one key too many has room - l1 + 1 or more: X <= l1 - 1 - margin lets it pass. */
static Err find_margin(Part *part)
{
    TRY(law_upper(part->law, part->share.delta, &part->threshold));
    part->threshold += part->l1;
    return OK;
}

static Err intervals(const Query *q, Plan *plan)
{
    const bool ratio = q->kind == QUERY_MEAN || q->kind == QUERY_VARIANCE;
    const uint64_t together = q->kind == QUERY_VARIANCE ? 3 : ratio ? 2 : 1;
    Rational confidence = q->confidence.den && q->confidence.num ? q->confidence : CONFIDENCE, outside, p;
    if (!rational_subtract(rational_of(1), confidence, &outside) || rational_is_zero(outside)) return FAIL(ERR_BAD_INPUT);
    for (uint32_t i = 0; i < plan->part_count; i++) {
        Part *part = &plan->parts[i];
        if (part->role == PART_SELECT) {
            if (!rational_divide(part->share.delta, rational_of((uint64_t)part->l1), &p)) return FAIL(ERR_LIMIT);
            TRY(law_upper(part->law, p, &part->threshold));
            part->threshold += 2; /* 1 + X >= T means X > T - 2 */
        } else if (is_choice(part)) {
            if (!rational_divide(outside, rational_of(2), &p)) return FAIL(ERR_LIMIT);
            TRY(choice_interval(part, q->bins + 2, p));
        } else {
            const uint64_t shared = part->role == PART_CLAMPED || part->role == PART_ROOM ? 1 : together;
            if (!rational_divide(outside, rational_of(2 * shared), &p)) return FAIL(ERR_LIMIT);
            TRY(law_upper(part->law, p, &part->interval));
            if (part->role == PART_ROOM) TRY(find_margin(part));
        }
    }
    return OK;
}

Err query_check(const Query *query, Diag *diag)
{
    const char *why = wrong(query);
    return why ? FAIL_WHY(diag, ERR_BAD_INPUT, "%s: %s", query_name(query->kind), why) : OK;
}

/* Half of the room at least is for keys. */
static bool has_room(const Plan *plan)
{
    for (uint32_t i = 0; i < plan->part_count; i++)
        if (plan->parts[i].role == PART_ROOM && plan->parts[i].threshold > QUERY_OPEN_ROOM / 2) return false;
    return true;
}

Err query_plan(const Query *query, Plan *ret_plan, Diag *diag)
{
    Plan plan = {.part_count = 0};
    TRY(query_check(query, diag));
    if (!list_parts(query, &plan)) return FAIL_WHY(diag, ERR_LIMIT, "%s: the sensitivity is too large: a coarser step is needed", query_name(query->kind));
    TRY_WHY(diag, spend(query, &plan), "%s: no noise fits this spending", query_name(query->kind));
    TRY_WHY(diag, intervals(query, &plan), "%s: a tail too small to be computed: confidence or delta", query_name(query->kind));
    if (!has_room(&plan))
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: for that little spending the noise on how many keys there are leaves no room for any (%d in all): more epsilon or "
                        "delta, or fewer keys of a person", query_name(query->kind), QUERY_OPEN_ROOM);
    *ret_plan = plan;
    return OK;
}
