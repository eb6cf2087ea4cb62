/** Privacy: the part of covey.h, which includes it, about what private tasks cost and the ledger of the user's own key broker. */
#ifndef COVEY_BUDGET_H
#define COVEY_BUDGET_H

enum { COVEY_COST_PARTS_MAX = 8 };
typedef struct {
    char what[512], price[256], left[256]; /* price in the currency of the dataset's budget, where that is known */
    bool left_known, affordable;          /* the ledger is the user's own and nobody else works with it; otherwise both false */
    double error;                         /* root mean square of one number, by the mechanism's formula, in the answer's own unit */
    unsigned long long segments, micro_jobs; /* micro-jobs of the first stage: one for each segment; of sample-and-aggregate for each block of them */
    unsigned long long best_blocks;       /* of sample-and-aggregate: how many would give the least error for so many records; otherwise 0 */
    unsigned part_count;                  /* noises of different law: mechanism and parameters, one line each */
    char parts[COVEY_COST_PARTS_MAX][512];
} covey_cost;
/** What running a private task would cost and give, without running it; nothing is charged. records: how many there are, about (mean, variance);
 *  0: 1000. errors: COVEY_REFUSED (no sealed dataset with a budget), COVEY_BAD_INPUT (the task is not private) */
COVEY_API covey_code covey_task_cost(covey_task *t, unsigned long long records, covey_cost *ret, covey_error *error);

/** holds: of a budget in rho, the epsilon and delta that what was spent amounts to, at whatever moment one looks; otherwise empty. */
typedef struct {
    char id[33];
    uint64_t version;
    const char *name, *person;
    bool is_set;
    char limit[256], spent[256], left[256], holds[256];
} covey_budget;
typedef struct { uint64_t number; bool is_set; char time[32], task[33], price[256]; const char *what; } covey_charge;
/** One dataset (charge NULL), then each of its charges in order; not 0: stop, COVEY_INTERRUPTED. */
typedef int (*covey_budget_visit)(void *context, const covey_budget *budget, const covey_charge *charge);
/** state_dir NULL: the usual one. errors: COVEY_SYSTEM (a broker works with it), COVEY_REFUSED (the ledger was put back to an older copy) */
COVEY_API covey_code covey_budget_each(covey *c, const char *state_dir, covey_budget_visit visit, void *context, covey_error *error);
typedef struct { const char *epsilon, *delta, *rho, *state_dir; bool zcdp; } covey_budget_wish; /* numbers as text; NULL: not said */
/** In place of the budget in the policy of a sealed dataset of the user's, from now on. What was spent stays spent. */
COVEY_API covey_code covey_budget_set(covey *c, const char *dataset, const covey_budget_wish *wish, covey_error *error);

#endif
