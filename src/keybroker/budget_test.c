/* Is the budget of a dataset spent once for each answer, before any key leaves, and never given back, whatever is done to broker and disk? */
#include <fcntl.h>
#include <sys/wait.h>
#include <time.h>

#include "crypto/derive.h"
#include "keybroker/fixture.h"
#include "privacy/request_query.h"
#include "sys/fd.h"

enum { RECORDS = 0, COMBINES = 1 };

/* --- what a task asks for --- */

static PrivacyRequest request_of(QueryKind kind, const char *epsilon, const char *where)
{
    PrivacyRequest r;
    request_begin(kind, &r);
    for (int i = 0; i < PRIVACY_STRINGS; i++) {
        const char *text = i == PRIVACY_EPSILON ? epsilon : i == PRIVACY_WHERE && where ? "Name" : i == PRIVACY_EQUALS && where ? where : "";
        ck_assert_ok(request_add(&r, text));
    }
    return r;
}

static PrivacyRequest count_for(const char *epsilon) { return request_of(QUERY_COUNT, epsilon, NULL); }

/* A world whose dataset has this budget. */
static void begin(World *w, const PolicyBudget *budget)
{
    world_prepare(w);
    DatasetWish d = dataset_wish(w);
    d.policy.budget = *budget;
    world_seal(w, &d);
    world_start(w, NOW);
}

static void begin_with(World *w, const char *epsilon)
{
    PolicyBudget budget = {.is_set = true};
    snprintf(budget.epsilon, sizeof budget.epsilon, "%s", epsilon);
    begin(w, &budget);
}

/* The built-in image, at the first stage or a combining one. */
static Zygote private_zygote(const World *w, uint8_t task, uint32_t stage, const PrivacyRequest *r)
{
    Zygote z = zygote_of(w, task);
    z.evidence.measurement = BUILT_IN;
    z.stage = stage;
    z.privacy = r;
    return z;
}

static void open_again(World *w)
{
    broker_free(&w->broker);
    world_start(w, NOW);
}

/* --- what was spent --- */

typedef struct { uint64_t charges, sets; } Entries;

static Err count_entry(void *context, const LedgerEntry *entry)
{
    Entries *e = context;
    if (entry->kind == LEDGER_CHARGE) e->charges++;
    else e->sets++;
    return OK;
}

static uint64_t charges(World *w)
{
    Entries e = {0};
    Diag why;
    ck_assert_ok(broker_charges(w->broker, (const uint8_t[16]){7}, count_entry, &e, &why));
    return e.charges;
}

START_TEST(a_dataset_with_a_budget_opens_to_private_tasks_alone)
{
    World w;
    begin_with(&w, "1");
    Zygote open = zygote_of(&w, 1);
    zygote_refused(&w, &open, ERR_DENIED, "opens only under its privacy budget");
    const PrivacyRequest r = count_for("0.5");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    SessionPayload p = zygote_session(&w, &z);
    ck_assert_uint_eq(p.role, ROLE_RECORDS);
    ck_assert_mem_eq(&p.privacy, &r, sizeof r);
    check_spent(&w, "epsilon 0.5");
    world_end(&w);
}
END_TEST

START_TEST(a_dataset_without_a_budget_has_nothing_to_charge)
{
    World w;
    world_begin(&w);
    const PrivacyRequest r = count_for("0.5");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    zygote_refused(&w, &z, ERR_DENIED, "the dataset has no privacy budget to charge");
    world_end(&w);
}
END_TEST

START_TEST(a_task_is_charged_once_for_all_its_zygotes_nodes_stages_retries_and_brokers_lives)
{
    World w;
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.5");
    for (int i = 0; i < 6; i++) {
        Zygote z = private_zygote(&w, 1, RECORDS, &r), c = private_zygote(&w, 1, COMBINES, &r);
        zygote_session(&w, &z);
        zygote_session(&w, &c);
        if (i % 2) open_again(&w);
    }
    ck_assert_uint_eq(charges(&w), 1);
    check_spent(&w, "epsilon 0.5");
    world_end(&w);
}
END_TEST

/* Many questions, each harmless, whose differences name a person: they end when the budget does. */
START_TEST(repeated_queries_that_differ_in_one_person_are_stopped_by_the_budget)
{
    World w;
    begin_with(&w, "1");
    uint8_t task = 1;
    for (; task <= 4; task++) {
        const PrivacyRequest r = request_of(QUERY_COUNT, "1/4", task % 2 ? "Ada" : "not Ada");
        Zygote z = private_zygote(&w, task, RECORDS, &r);
        zygote_session(&w, &z);
    }
    const PrivacyRequest more = request_of(QUERY_COUNT, "1e-9", "Ada");
    Zygote z = private_zygote(&w, task, RECORDS, &more);
    zygote_refused(&w, &z, ERR_DENIED, "of the dataset's privacy budget epsilon 0 is left: nothing was spent, no key released");
    open_again(&w);
    zygote_refused(&w, &z, ERR_DENIED, "is left: nothing was spent");
    ck_assert_uint_eq(charges(&w), 4);
    world_end(&w);
}
END_TEST

START_TEST(a_refused_task_spends_nothing_and_may_ask_for_less)
{
    World w;
    begin_with(&w, "1");
    const PrivacyRequest large = count_for("1.000001"), small = count_for("1");
    Zygote z = private_zygote(&w, 1, RECORDS, &large);
    zygote_refused(&w, &z, ERR_DENIED, "the task costs epsilon 1.000001, and of the dataset's privacy budget epsilon 1 is left");
    check_spent(&w, "epsilon 0");
    z = private_zygote(&w, 1, RECORDS, &small);
    zygote_session(&w, &z);
    check_spent(&w, "epsilon 1");
    world_end(&w);
}
END_TEST

START_TEST(a_charged_task_id_stands_for_what_it_asked_for)
{
    World w;
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.5"), other = request_of(QUERY_COUNT, "0.5", "Ada"), less_noise = count_for("0.9");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    zygote_session(&w, &z);
    Zygote a = private_zygote(&w, 1, RECORDS, &other), b = private_zygote(&w, 1, COMBINES, &less_noise);
    zygote_refused(&w, &a, ERR_DENIED, "this task id was charged for another request");
    zygote_refused(&w, &b, ERR_DENIED, "this task id was charged for another request");
    world_end(&w);
}
END_TEST

START_TEST(the_stages_behind_the_noise_are_the_built_in_images_alone)
{
    World w;
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.5");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    z.evidence.measurement = IMAGE; /* which the policy names */
    zygote_refused(&w, &z, ERR_DENIED, "the evidence is refused");
    check_spent(&w, "epsilon 0");
    z = private_zygote(&w, 1, RECORDS, &r);
    zygote_session(&w, &z);
    Zygote c = private_zygote(&w, 1, COMBINES, &r);
    c.evidence.measurement = IMAGE;
    zygote_refused(&w, &c, ERR_DENIED, "the evidence is refused");
    world_end(&w);
}
END_TEST

START_TEST(a_private_task_below_level_process_gets_no_key)
{
    World w;
    begin_with(&w, "1");
    DatasetWish d = dataset_wish(&w);
    d.policy.budget = (PolicyBudget){.is_set = true, .epsilon = "1"};
    d.policy.level = LEVEL_SHARED;
    d.version = 4;
    world_seal(&w, &d);
    const PrivacyRequest r = count_for("0.5");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    z.evidence.level = LEVEL_SHARED;
    zygote_refused(&w, &z, ERR_DENIED, "level");
    world_end(&w);
}
END_TEST

/* A combining SEE reads what the others made, and seals the answer under a key that none of the others has. */
START_TEST(the_answers_key_is_given_to_combining_stages_alone)
{
    World w;
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.5");
    Zygote z = private_zygote(&w, 1, RECORDS, &r), c = private_zygote(&w, 1, COMBINES, &r);
    SessionPayload records = zygote_session(&w, &z), combine = zygote_session(&w, &c);
    ck_assert_uint_eq(combine.role, ROLE_COMBINE);
    ck_assert_mem_eq(records.result_key, combine.result_key, 32);
    ck_assert_mem_eq(records.result_key, records.answer_key, 32);
    ck_assert_mem_ne(combine.answer_key, combine.result_key, 32);
    world_end(&w);
}
END_TEST

/* --- answers --- */

static Err ask_footer(World *w, uint8_t task, const ResultClaims *claims, Diag *why)
{
    AUTO_BUFFER said = buffer_limited(256), footer = buffer_limited(FOOTER_BYTES_MAX);
    *why = (Diag){{0}};
    ck_assert_ok(result_claims_encode(claims, &said));
    return broker_result_footer(w->broker, NOW, (const uint8_t[16]){task}, view_buffer(&said), &footer, why);
}

START_TEST(one_charge_opens_one_answer_however_often_and_whenever_it_is_asked_for)
{
    World w;
    Diag why;
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.5");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    zygote_session(&w, &z);
    const ResultClaims first = {.results = 1, .is_answer = true, .head = {{1}}}, second = {.results = 1, .is_answer = true, .head = {{2}}};
    ck_assert_ok(ask_footer(&w, 1, &first, &why));
    ck_assert_err(ask_footer(&w, 1, &second, &why), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(why.text, "this task's charge has opened an answer, and this is another one"));
    open_again(&w);
    ck_assert_err(ask_footer(&w, 1, &second, &why), ERR_DENIED);
    ck_assert_ok(ask_footer(&w, 1, &first, &why)); /* the same again: a manager that was killed */
    world_end(&w);
}
END_TEST

START_TEST(of_a_private_task_nothing_opens_but_the_answer)
{
    World w;
    Diag why;
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.5");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    zygote_session(&w, &z);
    ck_assert_err(ask_footer(&w, 1, &(ResultClaims){.results = SEGMENTS}, &why), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(why.text, "nothing opens but its answer, behind the noise"));
    world_end(&w);
}
END_TEST

/* What the footer has opens this result, and is no key of the task. */
START_TEST(the_answers_footer_holds_the_key_of_that_one_result)
{
    World w;
    Diag why = {{0}};
    Footer f;
    PublicKey signer;
    AeadKey key, expected, answers;
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.5");
    Zygote z = private_zygote(&w, 1, RECORDS, &r), c = private_zygote(&w, 1, COMBINES, &r);
    zygote_session(&w, &z);
    SessionPayload p = zygote_session(&w, &c);
    const ResultClaims claims = {.results = 1, .is_answer = true, .head = {{9}}};
    AUTO_BUFFER said = buffer_limited(256), cose = buffer_limited(FOOTER_BYTES_MAX);
    ck_assert_ok(result_claims_encode(&claims, &said));
    ck_assert_ok(broker_result_footer(w.broker, NOW, (const uint8_t[16]){1}, view_buffer(&said), &cose, &why));
    ck_assert_ok(footer_open(view_buffer(&cose), NULL, &f, &signer, &why));
    ck_assert(f.is_answer && f.is_result);
    ck_assert_ok(footer_key(&f, &w.recipient.secret, &key, &why));
    memcpy(answers.bytes, p.answer_key, sizeof answers.bytes);
    derive_result_key(&answers, claims.head.bytes, &expected);
    ck_assert_mem_eq(key.bytes, expected.bytes, sizeof key.bytes);
    world_end(&w);
}
END_TEST

/* --- the disk --- */

static void copy_file(const World *w, const char *from, const char *to)
{
    AUTO_BUFFER bytes = buffer_limited(64 << 20);
    ck_assert_ok(file_read(AT_FDCWD, test_path(&w->folder, from), &bytes));
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&w->folder, to), view_buffer(&bytes), 0600));
}

START_TEST(a_ledger_that_was_put_back_to_an_older_copy_is_found_and_spends_nothing)
{
    World w;
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.5"), more = count_for("0.25");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    zygote_session(&w, &z);
    broker_free(&w.broker);
    copy_file(&w, "broker.db", "old.db");
    world_start(&w, NOW);
    z = private_zygote(&w, 2, RECORDS, &more);
    zygote_session(&w, &z);
    broker_free(&w.broker);
    copy_file(&w, "broker.db", "new.db");
    copy_file(&w, "old.db", "broker.db");
    world_start(&w, NOW);
    z = private_zygote(&w, 3, RECORDS, &more);
    zygote_refused(&w, &z, ERR_CORRUPT, "its privacy ledger lacks what audit.log says was charged");
    broker_free(&w.broker);
    copy_file(&w, "new.db", "broker.db");
    world_start(&w, NOW);
    zygote_session(&w, &z);
    check_spent(&w, "epsilon 1");
    world_end(&w);
}
END_TEST

START_TEST(a_ledger_that_was_deleted_is_missed)
{
    World w;
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.5");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    zygote_session(&w, &z);
    broker_free(&w.broker);
    ck_assert_int_eq(remove(test_path(&w.folder, "broker.db")), 0);
    world_start(&w, NOW);
    z = private_zygote(&w, 2, RECORDS, &r);
    zygote_refused(&w, &z, ERR_CORRUPT, "it was put back to an older copy or changed");
    world_end(&w);
}
END_TEST

/* The child attests and may be killed at any moment of it: what was charged is one charge or none, and the task goes on for the same price. */
START_TEST(a_broker_killed_at_any_moment_around_the_charge_charges_once)
{
    enum { ROUNDS = 24 };
    World w;
    begin_with(&w, "1000");
    const PrivacyRequest r = count_for("0.5");
    unsigned seed = (unsigned)time(NULL);
    printf("# seed %u\n", seed);
    uint64_t died_charged = 0;
    for (uint8_t task = 1; task <= (uint8_t)ROUNDS; task++) {
        broker_free(&w.broker);
        const useconds_t after = (useconds_t)(rand_r(&seed) % 40000);
        pid_t child = fork();
        if (child == 0) {
            world_start(&w, NOW);
            Zygote z = private_zygote(&w, task, RECORDS, &r);
            zygote_session(&w, &z);
            for (;;) pause();
        }
        usleep(after);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        world_start(&w, NOW);
        const uint64_t before = charges(&w);
        ck_assert_msg(before == task - 1u || before == task, "%llu charges after %u tasks", (unsigned long long)before, task);
        died_charged += before == task;
        Zygote z = private_zygote(&w, task, RECORDS, &r);
        zygote_session(&w, &z);
        ck_assert_uint_eq(charges(&w), task);
    }
    check_spent(&w, "epsilon 12");
    (void)died_charged;
    world_end(&w);
}
END_TEST

/* --- the owner --- */

START_TEST(an_owner_sets_another_budget_and_what_was_spent_stays_spent)
{
    World w;
    Diag why = {{0}};
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.75"), half = count_for("0.5");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    zygote_session(&w, &z);
    ck_assert_ok(broker_set_budget(w.broker, NOW, (const uint8_t[16]){7}, &(PolicyBudget){.epsilon = "0.5"}, &why));
    z = private_zygote(&w, 2, RECORDS, &half);
    zygote_refused(&w, &z, ERR_DENIED, "epsilon 0 is left");
    open_again(&w);
    ck_assert_ok(broker_set_budget(w.broker, NOW, (const uint8_t[16]){7}, &(PolicyBudget){.epsilon = "1.25"}, &why));
    zygote_session(&w, &z);
    check_spent(&w, "epsilon 1.25");
    ck_assert_err(broker_set_budget(w.broker, NOW, (const uint8_t[16]){8}, &(PolicyBudget){.epsilon = "2"}, &why), ERR_NO_ENTRY);
    world_end(&w);
}
END_TEST

START_TEST(a_new_version_of_a_dataset_has_what_is_left_of_the_old_ones_budget)
{
    World w;
    begin_with(&w, "1");
    const PrivacyRequest r = count_for("0.75");
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    zygote_session(&w, &z);
    DatasetWish d = dataset_wish(&w);
    d.policy.budget = (PolicyBudget){.is_set = true, .epsilon = "1"};
    d.version = 4;
    world_seal(&w, &d);
    z = private_zygote(&w, 2, RECORDS, &r);
    zygote_refused(&w, &z, ERR_DENIED, "epsilon 0.25 is left");
    world_end(&w);
}
END_TEST

START_TEST(the_unit_is_the_policys)
{
    World w;
    begin(&w, &(PolicyBudget){.is_set = true, .epsilon = "1", .person = "Patient"});
    const PrivacyRequest r = count_for("0.5");
    PrivacyRequest by_person;
    Zygote z = private_zygote(&w, 1, RECORDS, &r);
    zygote_refused(&w, &z, ERR_DENIED, "the budget of this dataset is by person, as column 'Patient' says");
    ck_assert_ok(request_with(&r, PRIVACY_PERSON, "Patient", &by_person));
    z = private_zygote(&w, 1, RECORDS, &by_person);
    zygote_session(&w, &z);
    world_end(&w);
}
END_TEST

START_TEST(a_rho_budget_takes_gaussian_and_pure_answers)
{
    World w;
    begin(&w, &(PolicyBudget){.is_set = true, .rho = "0.5"});
    const PrivacyRequest pure = count_for("0.5");
    PrivacyRequest gaussian, none;
    ck_assert_ok(request_with(&pure, PRIVACY_EPSILON, "", &none));
    ck_assert_ok(request_with(&none, PRIVACY_RHO, "0.375", &gaussian));
    Zygote z = private_zygote(&w, 1, RECORDS, &pure);
    zygote_session(&w, &z); /* epsilon^2 / 2 */
    check_spent(&w, "rho 0.125");
    z = private_zygote(&w, 2, RECORDS, &gaussian);
    zygote_session(&w, &z);
    check_spent(&w, "rho 0.5");
    z = private_zygote(&w, 3, RECORDS, &gaussian);
    zygote_refused(&w, &z, ERR_DENIED, "rho 0 is left");
    world_end(&w);
}
END_TEST

TEST_MAIN("keybroker/budget", a_dataset_with_a_budget_opens_to_private_tasks_alone, a_dataset_without_a_budget_has_nothing_to_charge,
      a_task_is_charged_once_for_all_its_zygotes_nodes_stages_retries_and_brokers_lives,
      repeated_queries_that_differ_in_one_person_are_stopped_by_the_budget, a_refused_task_spends_nothing_and_may_ask_for_less,
      a_charged_task_id_stands_for_what_it_asked_for, the_stages_behind_the_noise_are_the_built_in_images_alone,
      a_private_task_below_level_process_gets_no_key, the_answers_key_is_given_to_combining_stages_alone,
      one_charge_opens_one_answer_however_often_and_whenever_it_is_asked_for, of_a_private_task_nothing_opens_but_the_answer,
      the_answers_footer_holds_the_key_of_that_one_result, a_ledger_that_was_put_back_to_an_older_copy_is_found_and_spends_nothing,
      a_ledger_that_was_deleted_is_missed, a_broker_killed_at_any_moment_around_the_charge_charges_once,
      an_owner_sets_another_budget_and_what_was_spent_stays_spent, a_new_version_of_a_dataset_has_what_is_left_of_the_old_ones_budget,
      the_unit_is_the_policys, a_rho_budget_takes_gaussian_and_pure_answers)
