/*
 * The broker's privacy budget: the ledger beside the audit log, and what an owner asks about it.
 *
 * Whoever puts back an old copy of broker.db would get back what was spent since. Every entry of the ledger therefore stands in the audit log too,
 * with its number and hash: on opening, the last one that the log knows must be in the ledger. It may have more, when the broker was killed
 * between both; those are written into the log then, before any key leaves. A copy of both files of the same moment cannot be told from the truth.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "keybroker/broker_parts.h"
#include "sys/fault.h"
#include "sys/fd.h"

/* --- what the audit log knows --- */

typedef struct { uint64_t number; Sha256 head; } Noted;

static const char MARKS[][24] = {"\"what\":\"charge\"", "\"what\":\"budget\""};
enum { MARK_COUNT = sizeof MARKS / sizeof MARKS[0], WINDOW_BYTES = 1 << 20 };

/* The last place of a mark in the window; NULL: none. */
static const char *last_mark(const char *window, size_t size)
{
    const char *last = NULL;
    for (int i = 0; i < MARK_COUNT; i++) {
        const char *at = window;
        while ((at = memmem(at, size - (size_t)(at - window), MARKS[i], strlen(MARKS[i]))) != NULL) {
            if (!last || at > last) last = at;
            at++;
        }
    }
    return last;
}

/* The whole line that `at` lies in; false: it is cut off, or is no entry of the ledger. */
static bool read_line(const char *window, size_t size, const char *at, Noted *ret)
{
    const char *begin = memrchr(window, '\n', (size_t)(at - window)), *end = memchr(at, '\n', size - (size_t)(at - window));
    begin = begin ? begin + 1 : window;
    json_t *line = end ? json_loadb(begin, (size_t)(end - begin), 0, NULL) : NULL;
    const json_t *detail = json_object_get(line, "detail");
    const char *head = json_string_value(json_object_get(detail, "head"));
    const json_int_t number = json_integer_value(json_object_get(detail, "entry"));
    size_t bytes = 0;
    bool read = head && number > 0 && sodium_hex2bin(ret->head.bytes, sizeof ret->head.bytes, head, strlen(head), NULL, &bytes, NULL) == 0 &&
                bytes == sizeof ret->head.bytes;
    ret->number = read ? (uint64_t)number : 0;
    json_decref(line);
    return read;
}

/* Backwards through the log, in windows that overlap by a line. A broker writes many lines for one charge: the last one is near the end or far. */
static Err find_noted(int fd, uint64_t size, char *window, Noted *ret)
{
    uint64_t end = size;
    while (end > 0) {
        const size_t step = end < WINDOW_BYTES ? (size_t)end : WINDOW_BYTES;
        TRY(fd_pread_all(fd, window, step, end - step));
        size_t left = step;
        const char *at;
        while ((at = last_mark(window, left)) != NULL) {
            if (read_line(window, step, at, ret)) return OK;
            left = (size_t)(at - window);
        }
        if (end == step) return OK;
        end -= step - AUDIT_LINE_BYTES_MAX;
    }
    return OK;
}

static Err read_noted(const Broker *b, Noted *ret, Diag *diag)
{
    char path[PATH_BYTES_MAX];
    struct stat st;
    AUTO_FD fd = -1;
    *ret = (Noted){.number = 0};
    if (snprintf(path, sizeof path, "%s/audit.log", b->config.state_dir) >= PATH_BYTES_MAX) return FAIL(ERR_LIMIT);
    TRY_WHY(diag, fd_open(AT_FDCWD, path, O_RDONLY, 0, &fd), "%s", path);
    if (FAULTABLE("fstat", fstat(fd, &st)) < 0) return FAIL(errno);
    char *window = malloc(WINDOW_BYTES);
    if (!window) return FAIL(ENOMEM);
    Err e = find_noted(fd, (uint64_t)st.st_size, window, ret);
    free(window);
    return e;
}

/* --- opening and noting --- */

Err budget_check(const Broker *b, Diag *diag)
{
    if (!b->ledger_is_old) return OK;
    return FAIL_WHY(diag, ERR_CORRUPT, "%s/broker.db: its privacy ledger lacks what audit.log says was charged: it was put back to an older copy or changed; "
                    "no private task gets a key until the newer one is back", b->config.state_dir);
}

static Err note_one(Broker *b, uint64_t now_s, uint64_t number)
{
    LedgerEntry entry;
    Sha256 hash;
    TRY(state_ledger_entry(b->state, number, &entry, &hash));
    return record_budget(&b->record, now_s, &entry, &hash);
}

Err budget_note(Broker *b, uint64_t now_s, Diag *diag)
{
    uint64_t count;
    Sha256 head;
    TRY_WHY(diag, state_ledger_head(b->state, &count, &head), "the privacy ledger");
    for (; b->noted < count; b->noted++)
        TRY_WHY(diag, note_one(b, now_s, b->noted + 1), "the audit log: nothing is charged without an entry in it");
    return OK;
}

/* A ledger that is not what it was is no reason to refuse what has nothing to do with it. */
Err budget_open(Broker *b, uint64_t now_s, Diag *diag)
{
    Noted noted;
    Sha256 hash;
    TRY(read_noted(b, &noted, diag));
    Err chain = state_ledger_verify(b->state);
    if (chain.code && chain.code != ERR_CORRUPT) return chain;
    Err e = noted.number ? state_ledger_hash(b->state, noted.number, &hash) : OK;
    if (e.code && e.code != ERR_NO_ENTRY) return e;
    b->ledger_is_old = chain.code || e.code || (noted.number && memcmp(hash.bytes, noted.head.bytes, sizeof hash.bytes) != 0);
    b->noted = noted.number;
    return b->ledger_is_old ? OK : budget_note(b, now_s, diag);
}

/* --- what an owner asks --- */

static Err decode_policy(View footer, Footer *ret_footer, Policy *ret_policy, Diag *diag)
{
    PublicKey signer;
    TRY(footer_open(footer, NULL, ret_footer, &signer, diag));
    return policy_decode(ret_footer->policy, ret_policy, diag);
}

static Err see_set(void *context, const LedgerEntry *entry)
{
    *(bool *)context |= entry->kind == LEDGER_SET;
    return OK;
}

typedef struct { Broker *broker; BudgetVisit visit; void *context; Diag *diag; BudgetFacts facts; /* of the dataset at hand */ } Asking;

static Err visit_policy(Asking *a, const Footer *footer, const Policy *policy)
{
    BudgetFacts *facts = &a->facts;
    *facts = (BudgetFacts){.version = footer->name.version, .name = policy->name, .person = policy->budget.person};
    if (!policy->budget.is_set) return OK;
    memcpy(facts->dataset, footer->name.id, sizeof facts->dataset);
    TRY(state_account(a->broker->state, facts->dataset, &policy->budget, &facts->account, a->diag));
    TRY(state_ledger_each(a->broker->state, facts->dataset, see_set, &facts->is_set));
    return a->visit(a->context, facts);
}

static Err visit_dataset(void *context, const uint8_t dataset[16])
{
    Asking *a = context;
    AUTO_BUFFER stored = buffer_limited(FOOTER_BYTES_MAX);
    Footer footer;
    Policy policy = {0};
    TRY(state_newest_footer(a->broker->state, dataset, &stored));
    Err e = decode_policy(view_buffer(&stored), &footer, &policy, a->diag);
    if (!e.code) e = visit_policy(a, &footer, &policy);
    policy_free(&policy);
    return e;
}

Err broker_budgets(Broker *b, BudgetVisit visit, void *context, Diag *diag)
{
    Asking a = {.broker = b, .visit = visit, .context = context, .diag = diag};
    TRY(budget_check(b, diag));
    return state_each_dataset(b->state, visit_dataset, &a);
}

Err broker_charges(Broker *b, const uint8_t dataset[16], Err (*visit)(void *context, const LedgerEntry *entry), void *context, Diag *diag)
{
    TRY(budget_check(b, diag));
    return state_ledger_each(b->state, dataset, visit, context);
}

static Err find_budget(void *context, const BudgetFacts *facts)
{
    (void)facts;
    *(bool *)context = true;
    return OK;
}

Err broker_set_budget(Broker *b, uint64_t now_s, const uint8_t dataset[16], const PolicyBudget *budget, Diag *diag)
{
    bool found = false;
    Asking a = {.broker = b, .visit = find_budget, .context = &found, .diag = diag};
    TRY(budget_check(b, diag));
    Err e = visit_dataset(&a, dataset);
    if (e.code && e.code != ERR_NO_ENTRY) return e;
    if (!found) return FAIL_WHY(diag, ERR_NO_ENTRY, "no dataset with a privacy budget in its policy is known by that name");
    TRY(state_set_budget(b->state, dataset, budget, now_s, diag));
    return budget_note(b, now_s, diag);
}

Err broker_account(Broker *b, View cose, Account *ret_account, Diag *diag)
{
    Footer footer;
    Policy policy = {0};
    TRY(budget_check(b, diag));
    TRY(owned_footer(b, cose, &footer, diag));
    TRY(policy_decode(footer.policy, &policy, diag));
    Err e = policy.budget.is_set ? state_account(b->state, footer.name.id, &policy.budget, ret_account, diag)
                                 : FAIL_WHY(diag, ERR_DENIED, "the dataset has no privacy budget");
    policy_free(&policy);
    return e;
}

Err broker_see_dataset(Broker *b, View cose, uint8_t ret_dataset[16], Diag *diag)
{
    Footer footer;
    TRY(owned_footer(b, cose, &footer, diag));
    TRY(state_pin(b->state, footer.name.id, footer.name.version, cose, diag));
    memcpy(ret_dataset, footer.name.id, sizeof footer.name.id);
    return OK;
}
