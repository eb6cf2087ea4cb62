/* Private tasks before they run: the unit, and covey_task_cost. */
#include "api/private_run.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "api/broker_setup.h"
#include "api/sealed_run.h"
#include "dataset/sealed.h"
#include "keybroker/columns.h"
#include "privacy/request_query.h"
#include "sys/clock.h"

/* What is known of the dataset. */
typedef struct {
    SealedFile *file;
    SealedFacts facts;
    Policy policy;
    RequestQuery query;
} Dataset;

static void dataset_free(Dataset *d)
{
    if (!d) return;
    policy_free(&d->policy);
    sealed_close(&d->file);
    free(d);
}

static Err open_dataset(const covey_task *t, Dataset *d, Diag *diag)
{
    const char *path = t->spec.input_path;
    if (!sealed_run_wanted(t))
        return FAIL_WHY(diag, ERR_DENIED, "'privacy' needs a sealed dataset whose policy has a 'budget': what lies open has none; seal it (covey seal)");
    TRY(sealed_open(path, NULL, &d->file, diag));
    sealed_facts(d->file, &d->facts);
    TRY(policy_decode(d->facts.policy_cbor, &d->policy, diag));
    if (d->policy.budget.is_set) return OK;
    return FAIL_WHY(diag, ERR_DENIED, "%s: its policy has no 'budget' that a private task could be charged to; seal it again with one", path);
}

/* The unit is the policy's: the task need not say it. */
static Err take_unit(covey_task *t, Dataset *d, Diag *diag)
{
    PrivacyRequest request;
    Err e = request_with(t->spec.privacy, PRIVACY_PERSON, d->policy.budget.person, &request);
    if (e.code == ERR_LIMIT) return FAIL_WHY(diag, ERR_BAD_INPUT, "keys and columns are longer than a request has room for");
    TRY(e);
    *t->spec.privacy = request;
    TRY(columns_check(d->facts.columns, t->spec.privacy, diag));
    return request_query(t->spec.privacy, d->facts.segments, &d->query, diag);
}

/* How many records there are, about, as the file shows to anybody who has it (older ones by their size): not more exactly than to a power of two, so
 * that one person's coming or going hardly ever changes the number of blocks. */
static uint64_t records_about(const SealedFacts *facts)
{
    enum { RECORD_BYTES_GUESS = 64 };
    uint64_t power = 1;
    if (facts->records_about) return facts->records_about;
    while (power < facts->plain_bytes / RECORD_BYTES_GUESS / 2 + 1) power *= 2;
    return power;
}

/* A segment with more text than there is memory to count persons in fails whatever it holds: said before anything is charged. */
static Err check_sizes(const covey_task *t, Dataset *d, Diag *diag)
{
    if (!request_reads_records(t->spec.privacy) || !d->policy.budget.person[0]) return OK;
    for (uint64_t i = 0; i < d->facts.segments; i++) {
        SealedSegment s;
        TRY_WHY(diag, sealed_segment(d->file, i, &s), "%s: can't be read", t->spec.input_path);
        if (s.plain_size >= CONTRIBUTION_SEGMENT_BYTES_MAX)
            return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: segment %" PRIu64 " has %" PRIu64 " bytes, and persons are counted in segments below %d MiB: seal it into more "
                            "segments (--segments); nothing was charged", t->spec.input_path, i, s.plain_size, CONTRIBUTION_SEGMENT_BYTES_MAX >> 20);
    }
    return OK;
}

/* Sample-and-aggregate over as many blocks as err least, each of whole segments, unless the task says how many. */
static Err choose_blocks(covey_task *t, Dataset *d, Diag *diag)
{
    PrivacyRequest *r = t->spec.privacy;
    const uint64_t segments = d->facts.segments, fewest = (segments + PRIVACY_BLOCK_SEGMENTS_MAX - 1) / PRIVACY_BLOCK_SEGMENTS_MAX;
    if (request_reads_records(r) || r->blocks || segments >> 32) return OK;
    uint64_t best = blocks_of_least_error(records_about(&d->facts), plan_block_noise(&d->query.query, &d->query.plan), NULL, 0);
    if (best < fewest) best = fewest;
    if (best > segments) best = segments;
    r->blocks = best > PRIVACY_BLOCKS_MAX ? PRIVACY_BLOCKS_MAX : (uint32_t)best;
    return request_query(r, segments, &d->query, diag);
}

static Err prepare(covey_task *t, Dataset *d, Diag *diag)
{
    TRY(open_dataset(t, d, diag));
    TRY(take_unit(t, d, diag));
    TRY(check_sizes(t, d, diag));
    return choose_blocks(t, d, diag);
}

Err private_prepare(covey_task *t, Diag *diag)
{
    if (!t->spec.privacy) return OK;
    Dataset *d = calloc(1, sizeof *d);
    if (!d) return FAIL(ENOMEM);
    Err e = prepare(t, d, diag);
    dataset_free(d);
    return e.code ? diag_complete(diag, e, "privacy") : OK;
}

/* --- what it would cost --- */

static void print_left(const Account *account, const Loss *loss, covey_cost *ret)
{
    Account after = *account;
    Amount price, left = account_left(account);
    ledger_print_amount(&left, ret->left);
    if (account_price(account->limit.kind, loss, &price).code == 0) ledger_print_amount(&price, ret->price);
    ret->left_known = true;
    ret->affordable = account_charge(&after, loss).code == 0;
}

/* Where the user's own broker has the ledger. Elsewhere only that broker knows. */
static void ask_own_broker(const covey_task *t, const Dataset *d, covey_cost *ret)
{
    BrokerSetup *setup = calloc(1, sizeof *setup);
    Broker *broker = NULL;
    Account account;
    Diag ignored = {{0}};
    Err e = setup ? broker_setup(t->owner, NULL, NULL, setup, &ignored) : FAIL(ENOMEM);
    if (!e.code) e = broker_new(&setup->config, clock_wall_ns() / NS_PER_S, &broker, &ignored);
    if (!e.code) e = broker_account(broker, sealed_footer(d->file), &account, &ignored);
    if (!e.code) print_left(&account, &d->query.plan.loss, ret);
    broker_free(&broker);
    if (setup) broker_setup_free(setup);
    free(setup);
}

static void print_price(const Loss *loss, covey_cost *ret)
{
    Amount a = {.kind = ACCOUNT_ZCDP, .epsilon = RATIONAL_ZERO, .delta = RATIONAL_ZERO, .rho = loss->rho};
    if (loss->has_epsilon) a = (Amount){.kind = ACCOUNT_APPROXIMATE, .epsilon = loss->epsilon, .delta = loss->delta, .rho = RATIONAL_ZERO};
    if (loss->has_epsilon && rational_is_zero(loss->delta)) a.kind = ACCOUNT_PURE;
    ledger_print_amount(&a, ret->price);
}

static void fill_cost(const covey_task *t, const Dataset *d, uint64_t records, covey_cost *ret)
{
    const Plan *plan = &d->query.plan;
    const uint64_t segments = d->facts.segments;
    *ret = (covey_cost){.micro_jobs = privacy_blocks(t->spec.privacy, segments), .segments = segments, .part_count = plan->part_count};
    request_print(t->spec.privacy, ret->what);
    print_price(&plan->loss, ret);
    for (unsigned i = 0; i < plan->part_count && i < COVEY_COST_PARTS_MAX; i++) part_print(&plan->parts[i], ret->parts[i], sizeof ret->parts[i]);
    ret->error = plan_error(&d->query.query, plan, records);
    if (!request_reads_records(t->spec.privacy)) ret->best_blocks = blocks_of_least_error(records, plan_block_noise(&d->query.query, plan), NULL, 0);
    ask_own_broker(t, d, ret);
}

covey_code covey_task_cost(covey_task *t, unsigned long long records, covey_cost *ret, covey_error *error)
{
    Diag diag = {{0}};
    Dataset *d = calloc(1, sizeof *d);
    Err e = d ? OK : FAIL(ENOMEM);
    if (!e.code && !t->spec.privacy) e = FAIL_WHY(&diag, ERR_USAGE, "the task has no 'privacy', so it costs no privacy and its results leave without noise");
    if (!e.code) e = prepare(t, d, &diag);
    if (!e.code) fill_cost(t, d, records ? records : d->facts.records_about ? d->facts.records_about : 1000, ret);
    dataset_free(d);
    return api_result(e, &diag, error);
}
