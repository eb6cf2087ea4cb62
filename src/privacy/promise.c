/* What to expect, for showing before anything is spent: approximate numbers, which decide nothing about noise. */
#include <math.h>
#include <stdio.h>

#include "privacy/query.h"

static double real(Rational r) { return (double)r.num / (double)r.den; }

double law_deviation(Law law)
{
    const double scale = real(law.scale);
    if (law.kind == LAW_NONE || scale <= 0) return 0;
    if (law.kind == LAW_LAPLACE) {
        if (scale > 1e6) return M_SQRT2 * scale;
        const double q = exp(-1 / scale);
        return sqrt(2 * q) / (1 - q);
    }
    if (scale > 100) return sqrt(scale);
    double mass = 0, square = 0; /* the discrete one is narrower where sigma is small */
    for (int x = -200; x <= 200; x++) {
        const double density = exp(-x * x / (2 * scale));
        mass += density;
        square += density * x * x;
    }
    return sqrt(square / mass);
}

static const Part *part_of(const Plan *plan, PartRole role)
{
    for (uint32_t i = 0; i < plan->part_count; i++)
        if (plan->parts[i].role == role) return &plan->parts[i];
    return NULL;
}

double plan_error(const Query *query, const Plan *plan, uint64_t records)
{
    const Part *value = part_of(plan, query->kind == QUERY_QUANTILES ? PART_CHOICE : PART_VALUE);
    const double count = records ? (double)records : 1, step = query->bounds.step.den ? real(query->bounds.step) : 1;
    const double deviation = law_deviation(value->law);
    const bool counts = query->kind == QUERY_COUNT || query->kind == QUERY_HISTOGRAM || (query->kind == QUERY_TOP && !query->of_values);
    switch (query->kind) {
    case QUERY_MEAN: return deviation * step / (2 * count);
    case QUERY_VARIANCE: return law_deviation(part_of(plan, PART_SQUARES)->law) * step * step / (8 * count);
    case QUERY_BLOCKS: return deviation * step / (double)query->block_count;
    case QUERY_QUANTILES: {
        double most = 0;
        for (uint32_t i = 0; i < query->quantile_count; i++)
            most = fmax(most, M_SQRT2 / real(query_gamma(query, value, i)) / ((double)query->quantiles[i].den * count));
        return most;
    }
    default: return counts ? deviation : deviation * step;
    }
}

static const char *const ROLES[] = {"value", "count", "squares", "selection", "clamped values", "quantile", "ends of the quantile", "different keys"};

void part_print(const Part *part, char *ret_text, size_t size)
{
    char scale[RATIONAL_TEXT_MAX], share[RATIONAL_TEXT_MAX], sensitivity[RATIONAL_TEXT_MAX];
    const bool choice = part->law.kind == LAW_NONE, gaussian = part->law.kind == LAW_GAUSSIAN;
    rational_print(choice ? part->gamma_unit : part->law.scale, scale);
    rational_print(gaussian ? part->share.rho : part->share.epsilon, share);
    rational_print((Rational){gaussian ? part->l2_squared : part->l1, 1}, sensitivity);
    const char *mechanism = choice ? "permute-and-flip" : law_name(part->law.kind), *parameter = choice ? "gamma" : gaussian ? "variance" : "scale";
    snprintf(ret_text, size, "%s: %s, %s %s, %s %s, %s %s", ROLES[part->role], mechanism, parameter, scale,
        gaussian ? "squared L2 sensitivity" : "sensitivity", sensitivity, gaussian ? "rho" : "epsilon", share);
}

double plan_block_noise(const Query *query, const Plan *plan)
{
    const double width = (double)bounds_width(&query->bounds);
    return law_deviation(part_of(plan, PART_VALUE)->law) / (width > 0 ? width : 1);
}

uint64_t blocks_of_least_error(uint64_t records, double noise, const BlockMeasure *measures, size_t count)
{
    double best = sqrt(noise * (double)records), least = INFINITY;
    for (size_t i = 0; i < count; i++) {
        if (measures[i].block_records == 0) continue;
        const double blocks = fmax(1, floor((double)records / (double)measures[i].block_records));
        const double error = hypot(real(measures[i].error), noise / blocks);
        if (error >= least) continue;
        least = error;
        best = blocks;
    }
    if (!(best >= 1)) return 1;
    return best >= (double)records ? (records ? records : 1) : (uint64_t)best;
}
