/* Is a mistake in a task found before it costs anything, and does what is charged for decide how many blocks there are? */
#include "keybroker/columns.h"
#include "keybroker/fixture.h"

static PrivacyRequest asking(QueryKind kind, const char *column, const char *person)
{
    PrivacyRequest r;
    request_begin(kind, &r);
    r.outputs = kind == QUERY_BLOCKS;
    const char *const strings[PRIVACY_STRINGS] = {
        [PRIVACY_EPSILON] = "0.25", [PRIVACY_LOWER] = "0", [PRIVACY_UPPER] = "9", [PRIVACY_COLUMN] = column, [PRIVACY_PERSON] = person};
    for (int i = 0; i < PRIVACY_STRINGS; i++) ck_assert_ok(request_add(&r, strings[i] ? strings[i] : ""));
    return r;
}

static void begin(World *w, const char *columns, const char *person)
{
    world_prepare(w);
    DatasetWish d = dataset_wish(w);
    d.policy.budget = (PolicyBudget){.is_set = true, .epsilon = "1"};
    snprintf(d.policy.budget.person, sizeof d.policy.budget.person, "%s", person);
    d.columns = columns;
    world_seal(w, &d);
    world_start(w, NOW);
}

static Zygote zygote(const World *w, const PrivacyRequest *r, bool built_in)
{
    Zygote z = zygote_of(w, 1);
    if (built_in) z.evidence.measurement = BUILT_IN;
    z.privacy = r;
    return z;
}

START_TEST(a_column_that_is_not_there_is_refused_by_name_before_anything_is_charged)
{
    World w;
    begin(&w, "id,\"what, it cost\",state\n", "");
    const PrivacyRequest wrong = asking(QUERY_SUM, "costs", ""), right = asking(QUERY_SUM, "what, it cost", "");
    Zygote z = zygote(&w, &wrong, true);
    zygote_refused(&w, &z, ERR_BAD_INPUT, "the dataset has no column 'costs': nothing was charged; its columns are: id,\"what, it cost\",state");
    check_spent(&w, "epsilon 0");
    z = zygote(&w, &right, true);
    zygote_session(&w, &z);
    check_spent(&w, "epsilon 0.25");
    world_end(&w);
}
END_TEST

START_TEST(every_column_that_a_task_names_is_looked_for)
{
    static const PrivacyString NAMED[] = {PRIVACY_COLUMN, PRIVACY_PERSON, PRIVACY_BY, PRIVACY_WHERE};
    Diag why = {{0}};
    for (size_t i = 0; i < sizeof NAMED / sizeof NAMED[0]; i++) {
        PrivacyRequest none = asking(QUERY_SUM, "", ""), there, missing;
        ck_assert_ok(request_with(&none, NAMED[i], "b", &there));
        ck_assert_ok(request_with(&none, NAMED[i], "bb", &missing));
        ck_assert_ok(columns_check(VIEW("\xef\xbb\xbf" "a,b\r\n"), &there, &why));
        ck_assert_ok(columns_check(VIEW("b"), &there, &why));
        ck_assert_err(columns_check(VIEW("a,b\r\n"), &missing, &why), ERR_BAD_INPUT);
        ck_assert_str_eq(why.text, "the dataset has no column 'bb': nothing was charged; its columns are: a,b");
        ck_assert_ok(columns_check((View){0}, &missing, &why)); /* an owner who does not disclose them */
    }
}
END_TEST

START_TEST(a_long_or_hostile_header_makes_a_line_that_fits_a_terminal)
{
    static char header[9000];
    Diag why = {{0}};
    const PrivacyRequest r = asking(QUERY_SUM, "x\033[2J", "");
    memset(header, '\a', sizeof header);
    ck_assert_err(columns_check(view_of(header, sizeof header), &r, &why), ERR_BAD_INPUT);
    ck_assert_uint_lt(strlen(why.text), 800);
    for (const char *c = why.text; *c; c++) ck_assert(*c >= 0x20 && *c < 0x7f);
}
END_TEST

START_TEST(blocks_are_charged_for_and_bound_into_the_session)
{
    World w;
    begin(&w, "who,v\n", "who");
    PrivacyRequest r = asking(QUERY_BLOCKS, "", "who"), more;
    r.blocks = 2;
    Zygote z = zygote(&w, &r, false);
    const SessionPayload p = zygote_session(&w, &z);
    ck_assert_uint_eq(p.role, ROLE_VALUES);
    ck_assert_uint_eq(p.privacy.blocks, 2);
    more = r;
    more.blocks = 3; /* less noise on the mean, for what was charged */
    z = zygote(&w, &more, false);
    zygote_refused(&w, &z, ERR_DENIED, "this task id was charged for another request");
    check_spent(&w, "epsilon 0.25");
    world_end(&w);
}
END_TEST

START_TEST(blocks_that_cannot_be_are_refused_and_cost_nothing)
{
    World w;
    begin(&w, "who,v\n", "who");
    PrivacyRequest r = asking(QUERY_BLOCKS, "", "who");
    r.blocks = SEGMENTS + 1;
    Zygote z = zygote(&w, &r, false);
    zygote_refused(&w, &z, ERR_BAD_INPUT, "a block is at least one");
    check_spent(&w, "epsilon 0");
    world_end(&w);
}
END_TEST

TEST_MAIN("keybroker/columns", a_column_that_is_not_there_is_refused_by_name_before_anything_is_charged, every_column_that_a_task_names_is_looked_for,
          a_long_or_hostile_header_makes_a_line_that_fits_a_terminal, blocks_are_charged_for_and_bound_into_the_session,
          blocks_that_cannot_be_are_refused_and_cost_nothing)
