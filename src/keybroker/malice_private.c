/*
 * Private tasks in the malicious world: what the built-in image does, in this process; and the oracle's own account of what was spent and
 * opened, kept from what the broker said and not from what it wrote.
 */
#include <math.h>

#include "aggregate/work.h"
#include "keybroker/malice.h"
#include "see/sealed.h"

enum { LINES = 60, FRAME_NEEDLE = 32, WORK_BYTES = 1 << 20 };

static Stage *noise_of; /* a module has no context */

/* --- datasets and requests --- */

/* A count, or the mean of what a module says of each segment. */
static void ask(bool is_blocks, const char *epsilon, PrivacyRequest *ret)
{
    const char *strings[PRIVACY_STRINGS] = {[PRIVACY_EPSILON] = epsilon};
    request_begin(is_blocks ? QUERY_BLOCKS : QUERY_COUNT, ret);
    ret->outputs = is_blocks;
    if (is_blocks) strings[PRIVACY_LOWER] = "50", strings[PRIVACY_UPPER] = "110", strings[PRIVACY_PERSON] = "who";
    for (int i = 0; i < PRIVACY_STRINGS; i++) ck_assert_ok(request_add(ret, strings[i] ? strings[i] : ""));
}

void private_dataset(Sealed *d, size_t number, uint64_t runs)
{
    const bool is_blocks = number != FIRST_PRIVATE;
    PolicyBudget *b = &d->policy.budget;
    b->is_set = true;
    snprintf(b->epsilon, sizeof b->epsilon, "%llu", (unsigned long long)(is_blocks ? 20 * 40 : runs / 20 < 1000 ? runs / 20 + 1 : 1000));
    if (is_blocks) strcpy(b->person, "who");
    ask(is_blocks, is_blocks ? "40" : "1", &d->request);
    ck_assert_ok(ledger_account(b, &d->account, NULL));
}

static size_t lines_of(const Sealed *d, size_t segment) { return LINES + 5 * segment + d->id[0]; }

/* Each segment has so many records that one left out shows through the noise. */
void private_plain(Sealed *d, size_t number)
{
    size_t all = 0;
    for (size_t i = 0; i < d->count; i++) {
        d->plain[i] = buffer_limited(MESSAGE_MAX);
        ck_assert_ok(buffer_append(&d->plain[i], VIEW("PLAINTEXT-OF-HEAD\n")));
        for (size_t k = 0; k < lines_of(d, i); k++) ck_assert_ok(buffer_format(&d->plain[i], "PLAINTEXT-OF-%zu-%zu-%zu\n", number, i, k));
        all += lines_of(d, i);
    }
    d->expected = number == FIRST_PRIVATE ? (double)all : (double)all / (double)d->count;
    d->tolerance = number == FIRST_PRIVATE ? 40 : 60 / (double)d->count;
}

const Sha256 *private_image(const Sealed *d, uint32_t stage)
{
    return stage > 0 || request_reads_records(&d->request) ? &BUILT_IN : &d->image;
}

View private_request(const Task *t, const Actor *a)
{
    static PrivacyRequest other;
    const PrivacyRequest *own = &t->dataset->request;
    if (a->stage == 0 || !scheme_is(t->s, OTHER_REQUEST)) return view_of(own, sizeof *own);
    ck_assert_ok(request_with(own, PRIVACY_EPSILON, "1/2", &other));
    return view_of(&other, sizeof other);
}

/* --- the built-in image --- */

static Err draw(void *context, void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) ((uint8_t *)bytes)[i] = (uint8_t)(stage_random(context) >> 24);
    return OK;
}

static Err take_pieces(Work *w, View input, bool values)
{
    const size_t size = values ? sizeof(PrivateValue) : w->frame;
    for (size_t at = 0; at < input.size; at += size) {
        PrivateValue v;
        if (input.size - at < size) return FAIL(ERR_CORRUPT);
        memcpy(&v, input.data + at, values ? sizeof v : 0);
        if (values) work_value(w, view_of(v.text, v.size <= sizeof v.text ? v.size : 0));
        else TRY(work_merge(w, view_of(input.data + at, size)));
    }
    return OK;
}

static Err save(const Work *w, Buffer *out)
{
    TRY(work_save(w, out));
    if (out->size >= FRAME_NEEDLE && noise_of->books.needle_count < NEEDLES_MAX - 16) book_needle(noise_of, out->data, FRAME_NEEDLE);
    return OK;
}

static Err run_work(View input, Buffer *out)
{
    static Work w;
    static _Alignas(16) uint8_t memory[WORK_BYTES];
    const PrivateSetup *p = &private_setup;
    const bool reads = p->role == ROLE_RECORDS;
    w = (Work){.frame = 0};
    TRY(work_begin(&w, &p->request, p->segments, reads ? input.size + 1 : 0, memory, sizeof memory, NULL));
    if (reads) TRY(work_feed(&w, input));
    if (reads) TRY(work_end(&w));
    if (!reads) TRY(take_pieces(&w, input, job.ask.stage_and_job >> STAGE_SHIFT == 1 && !request_reads_records(&p->request)));
    if (!session_makes_answer()) return save(&w, out);
    NoiseSource source = {.fill = draw, .context = noise_of};
    return work_release(&w, &source, p->segments, out);
}

size_t private_module(const char *argument, View input, uint8_t *ret_output)
{
    Buffer out = {.data = ret_output, .capacity = IN_PROCESS_IO_MAX, .limit = IN_PROCESS_IO_MAX};
    (void)argument;
    if (private_setup.role == ROLE_VALUES) {
        size_t lines = 0;
        for (size_t i = 0; i < input.size; i++) lines += input.data[i] == '\n';
        return (size_t)sprintf((char *)ret_output, "%zu VALUE-IN-THE-OPEN", lines - 1);
    }
    if (run_work(input, &out).code) job_end(OUTCOME_EXIT_CODE);
    return out.size;
}

/* --- the oracle --- */

static BookedCharge *charge_of(Stage *s, const uint8_t task[16])
{
    for (uint64_t i = s->books.charge_count; i-- > 0;)
        if (memcmp(s->books.charges[i].task, task, 16) == 0) return &s->books.charges[i];
    return NULL;
}

void private_granted(Stage *s, Sealed *d, const BrokerAttest *m)
{
    static RequestQuery query;
    noise_of = s;
    if (!is_private(d)) {
        if (m->privacy.size > 0) book_wrong(s, "a private task's grant for a dataset without a budget");
        return;
    }
    if (m->privacy.size != sizeof d->request) {
        book_wrong(s, "a key of a dataset with a budget for a task that asks for nothing");
        return;
    }
    BookedCharge *c = charge_of(s, m->task_id);
    if (c && memcmp(&c->request, m->privacy.data, sizeof c->request) != 0) book_wrong(s, "a second request under one charge");
    if (c) return;
    ck_assert_uint_lt(s->books.charge_count, s->books.charges_max);
    c = &s->books.charges[s->books.charge_count++];
    memcpy(c->task, m->task_id, sizeof c->task);
    memcpy(&c->request, m->privacy.data, sizeof c->request);
    if (m->stage > 0) book_wrong(s, "a combining stage of a task that nothing was charged for");
    if (request_query(&c->request, d->count, &query, NULL).code) book_wrong(s, "a key for a request that is none");
    else if (account_charge(&d->account, &query.plan.loss).code) book_wrong(s, "more was spent than the budget");
}

void private_opened(Stage *s, const BrokerResult *m, const Footer *f)
{
    ResultClaims claims;
    BookedCharge *c = charge_of(s, m->task_id);
    if (result_claims_decode(m->claims, &claims).code) {
        book_wrong(s, "a footer for claims that cannot be read");
        return;
    }
    if (!c && f->is_answer) book_wrong(s, "an answer was opened that nothing was charged for");
    if (c && !f->is_answer) book_wrong(s, "what lies before the noise was opened");
    if (!c) return;
    if (c->opened && memcmp(&c->head, &claims.head, sizeof c->head) != 0) book_wrong(s, "two answers were opened for one charge");
    c->opened = true;
    c->head = claims.head;
}

/* A request that was changed on its way is the manager's, charged as it came, and asks for something else. */
void private_expect(const Task *t, const Buffer *plain)
{
    Stage *s = t->s;
    const Sealed *d = t->dataset;
    const BookedCharge *c = charge_of(s, t->task);
    char text[IN_PROCESS_IO_MAX + 1] = "";
    double value;
    if (!c) {
        book_wrong(s, "an answer without a charge");
        return;
    }
    memcpy(text, plain->data, plain->size < sizeof text ? plain->size : 0);
    if (strlen(text) != plain->size) book_wrong(s, "an answer with its padding");
    if (memcmp(&c->request, &d->request, sizeof d->request) != 0) return;
    const char *at = strstr(text, "\"value\": ");
    if (!at || sscanf(at, "\"value\": %lf", &value) != 1 || fabs(value - d->expected) > d->tolerance) book_wrong(s, "the recipient opened a wrong answer");
    else s->books.noisy += value != d->expected;
    s->books.answers++;
}

void private_check_ledger(Stage *s)
{
    if (s->plant == BROKER_FORGETS) return; /* it finds the ledger gone, and has no account to show */
    for (size_t i = FIRST_PRIVATE; i < DATASETS; i++) {
        Sealed *d = &s->datasets[i];
        Account account;
        char booked[AMOUNT_TEXT_MAX], ledger[AMOUNT_TEXT_MAX];
        ck_assert_ok(broker_account(s->broker, view_buffer(&d->footer), &account, NULL));
        ledger_print_amount(&d->account.spent, booked);
        ledger_print_amount(&account.spent, ledger);
        if (strcmp(booked, ledger) != 0) book_wrong(s, "the ledger is not what keys were released for");
    }
}
