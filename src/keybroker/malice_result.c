/* The end of a task in the malicious world: which results go into the file, who signs what about them, and what the recipient makes of it. */
#include <fcntl.h>

#include "keybroker/malice.h"
#include "sys/fd.h"

/* --- what goes into the file --- */

static void list(Task *t, const Buffer *result) { buffer_set(&t->list[t->listed++], view_buffer(result)); }

static void list_all(Task *t)
{
    for (size_t i = 0; i < t->dataset->count; i++) list(t, &t->results[i]);
}

/* Part of the task is combined, and the rest is not, or apart. */
static Err list_in_parts(Task *t)
{
    const size_t half = t->dataset->count / 2;
    Buffer *combined = &t->results[PIECES_MAX];
    TRY(task_combine(t, 0, half, &combined[0]));
    list(t, &combined[0]);
    if (t->s->scheme == MIXED_STAGES) {
        for (size_t i = half; i < t->dataset->count; i++) list(t, &t->results[i]);
        return OK;
    }
    TRY(task_combine(t, half, t->dataset->count, &combined[1]));
    list(t, &combined[1]);
    return OK;
}

static Err list_results(Task *t)
{
    if (!t->combines) {
        list_all(t);
        return OK;
    }
    if (scheme_is(t->s, MIXED_STAGES) || scheme_is(t->s, PARTLY_COMBINED)) return list_in_parts(t);
    const bool part = scheme_is(t->s, PART_ANSWER);
    TRY(task_combine(t, 0, part ? t->dataset->count / 2 : t->dataset->count, &t->results[PIECES_MAX]));
    if (scheme_is(t->s, OPEN_PARTIALS)) {
        list_all(t);
        return OK;
    }
    list(t, &t->results[PIECES_MAX]);
    return OK;
}

static void take_out(Task *t, size_t i)
{
    buffer_free(&t->list[i]);
    t->listed--;
    for (; i < t->listed; i++) t->list[i] = t->list[i + 1];
    t->list[i] = (Buffer){0};
}

/* The head of one says that it covers the next one too. */
static void forge_result(Task *t)
{
    SealedResultHead head;
    if (t->listed < 2 || t->list[0].size < sizeof head || !scheme_is(t->s, FORGED_RESULT)) return;
    memcpy(&head, t->list[0].data, sizeof head);
    head.end++;
    memcpy(t->list[0].data, &head, sizeof head);
    take_out(t, 1);
}

static void tamper(Task *t)
{
    Stage *s = t->s;
    const size_t i = stage_pick(s, t->listed);
    forge_result(t);
    if (t->listed > 1 && scheme_is(s, LEFT_OUT)) take_out(t, i);
    if (scheme_is(s, REPEATED)) list(t, &t->list[i]);
    if (s->last_result.size > sizeof(SealedResultHead) && scheme_is(s, OTHER_RESULT)) {
        buffer_set(&t->list[i], view_buffer(&s->last_result));
        memcpy(t->list[i].data + offsetof(SealedResultHead, task_id), t->task, 16);
    }
    if (t->listed > 1 && scheme_is(s, SWAPPED_RESULTS)) {
        const Buffer first = t->list[0];
        t->list[0] = t->list[1];
        t->list[1] = first;
    }
}

/* --- its footer --- */

static void forge_footer(const Task *t, const ResultClaims *claims, Buffer *ret_footer)
{
    static Footer dataset;
    static const AeadKey OWN = {{0x66}};
    Stage *s = t->s;
    PublicKey signer;
    ResultFooterRequest r = {.secret = &s->node[ATTACKER].secret,
                             .signer = &s->node[ATTACKER].public_key,
                             .result_key = &OWN,
                             .dataset = &dataset,
                             .claims = *claims};
    ck_assert_ok(footer_open(view_buffer(&t->dataset->footer), NULL, &dataset, &signer, NULL));
    memcpy(r.task_id, t->task, 16);
    ck_assert_ok(result_footer_sign(&r, ret_footer, NULL));
}

static Err get_footer(Task *t, SealedWriter *w, Buffer *ret_footer)
{
    Stage *s = t->s;
    ResultClaims claims;
    BrokerFooter m;
    AUTO_BUFFER bytes = buffer_limited(BROKER_CLAIMS_MAX);
    AUTO_BUFFER request = buffer_limited(MESSAGE_MAX);
    AUTO_BUFFER answer = buffer_limited(4 * MESSAGE_MAX);
    result_writer_claims(w, &claims);
    claims.is_answer = is_private(t->dataset) && s->scheme != OPEN_PARTIALS;
    if (scheme_is(s, FALSE_CLAIMS)) claims.plain_bytes++;
    ck_assert_ok(result_claims_encode(&claims, &bytes));
    BrokerResult ask = {.head = {.token = ++s->token, .reply_to = VIEW("world")}, .claims = view_buffer(&bytes)};
    memcpy(ask.task_id, t->task, 16);
    ck_assert_ok(broker_put_result(&request, &ask));
    TRY(ask_broker(s, &request, BROKER_FOOTER, &answer));
    TRY(broker_get_footer(view_buffer(&answer), &m));
    ck_assert_ok(buffer_append(ret_footer, m.footer));
    const bool other = s->last_footer.size && scheme_is(s, OTHER_RESULT_FOOTER);
    if (other) buffer_set(ret_footer, view_buffer(&s->last_footer));
    else buffer_set(&s->last_footer, m.footer);
    if (scheme_is(s, OWN_RESULT_FOOTER)) {
        ret_footer->size = 0;
        forge_footer(t, &claims, ret_footer);
    }
    return OK;
}

/* --- the file --- */

static Err write_results(Task *t, const char *path)
{
    SealedWriter *w;
    AUTO_BUFFER footer = buffer_limited(4 * MESSAGE_MAX);
    ck_assert_ok(result_writer_open(path, t->task, &w, NULL));
    Err e = OK;
    for (size_t i = 0; i < t->listed && !e.code; i++) e = result_writer_add(w, view_buffer(&t->list[i]));
    if (!e.code) e = get_footer(t, w, &footer);
    if (!e.code) e = result_writer_finish(w, view_buffer(&footer), NULL);
    sealed_writer_free(&w);
    return e;
}

/* The file on its way to the recipient. */
static Err carry(Task *t, const char *path)
{
    Stage *s = t->s;
    AUTO_BUFFER file = buffer_limited(4 * MESSAGE_MAX);
    AUTO_FD fd = -1;
    ck_assert_ok(file_read(AT_FDCWD, path, &file));
    const Buffer *last = &s->last_file;
    if (last->size && scheme_is(s, SPLICED_FILE)) {
        const size_t at = 36 + stage_pick(s, file.size - 36), room = last->size > at ? last->size - at : 0, left = file.size - at;
        if (room) memcpy(file.data + at, last->data + at, room < left ? room : left);
    }
    const bool other = last->size && scheme_is(s, OTHER_FILE);
    AUTO_BUFFER own = buffer_limited(4 * MESSAGE_MAX);
    ck_assert_ok(buffer_append(&own, view_buffer(&file)));
    if (other) buffer_set(&file, view_buffer(last));
    buffer_set(&s->last_file, view_buffer(&own));
    if (!pass(s, &file)) return FAIL(ERR_CLOSED);
    fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_ok(fd_write_all(fd, view_buffer(&file)));
    return OK;
}

static Err append(void *context, View plain) { return buffer_append(context, plain); }

/* What `covey unseal` does, for somebody who knows the owner, and which task on which dataset was asked for. */
static Err unseal(const Task *t, SealedFile *f, Buffer *ret_plain)
{
    AeadKey key;
    SealedFacts facts;
    TRY(sealed_expect(f, t->task, 0, NULL));
    sealed_facts(f, &facts);
    if (!facts.is_result || memcmp(facts.source.id, t->dataset->id, 16) != 0 || facts.source.version != t->dataset->version)
        return FAIL(ERR_FOREIGN);
    TRY(sealed_key(f, &t->s->recipient.secret, &key, NULL));
    if (t->s->plant != UNSEALER_IGNORES_GAPS) return sealed_unseal_all(f, &key, append, ret_plain, NULL);
    for (uint64_t i = 0; i < facts.segments; i++) TRY(sealed_unseal(f, &key, i, append, ret_plain, NULL));
    return OK;
}

static Err receive(const Task *t, const char *path, Buffer *ret_plain)
{
    const TrustedKeys owner = {.count = 1, .keys = {t->s->owner.public_key}};
    SealedFile *f = NULL;
    TRY(sealed_open(path, &owner, &f, NULL));
    Err e = unseal(t, f, ret_plain);
    sealed_close(&f);
    return e;
}

/* --- what it should be --- */

/* A task that ran with the other arguments alone is right as well: which ones, is the manager's to say. Results of both are not. */
static void expect(const Task *t, Buffer *ret_plain)
{
    uint8_t line[256];
    const char *argument = t->actors[0].ready ? "a" : t->actors[1].zygote.argument;
    AUTO_BUFFER all = buffer_limited(MESSAGE_MAX);
    for (size_t i = 0; i < t->dataset->count; i++)
        ck_assert_ok(buffer_append(&all, view_of(line, task_module(argument, view_buffer(&t->dataset->plain[i]), line))));
    if (t->combines) ck_assert_ok(buffer_append(ret_plain, view_of(line, task_module("all", view_buffer(&all), line))));
    else ck_assert_ok(buffer_append(ret_plain, view_buffer(&all)));
}

/* The last stage once more, for an answer with noise of its own. */
static void ask_for_second(Task *t, const char *path)
{
    AUTO_BUFFER plain = buffer_limited(MESSAGE_MAX);
    while (t->listed > 0) take_out(t, 0);
    if (task_combine(t, 0, t->dataset->count, &t->results[PIECES_MAX + 1]).code) return;
    list(t, &t->results[PIECES_MAX + 1]);
    if (write_results(t, path).code || receive(t, path, &plain).code) return;
    book_wrong(t->s, "the recipient opened a second answer");
}

Err task_result(Task *t)
{
    Stage *s = t->s;
    char path[128];
    AUTO_BUFFER plain = buffer_limited(MESSAGE_MAX);
    AUTO_BUFFER right = buffer_limited(MESSAGE_MAX);
    snprintf(path, sizeof path, "%s/result.sealed", s->folder);
    TRY(list_results(t));
    tamper(t);
    if (s->plant == BROKER_OPENS_TWO) stage_copy_broker(s, false);
    TRY(write_results(t, path));
    if (s->plant == BROKER_OPENS_TWO) stage_copy_broker(s, true);
    buffer_set(&s->last_result, view_buffer(&t->results[0]));
    TRY(carry(t, path));
    TRY(receive(t, path, &plain));
    if (is_private(t->dataset)) {
        private_expect(t, &plain);
        if (scheme_is(s, SECOND_ANSWER)) ask_for_second(t, path);
        return OK;
    }
    expect(t, &right);
    if (!view_equal(view_buffer(&plain), view_buffer(&right))) book_wrong(s, "the recipient opened a wrong result");
    return OK;
}
