/* Does the broker's state count each run once, keep to the newest version, and say so again after a restart? */
#include "keybroker/state.h"

#include <fcntl.h>

#include "sys/fd.h"
#include "sys/test.h"

static TestFolder folder;
static char path[4096];
static State *s;
static Diag why;

static void open_again(void)
{
    state_close(&s);
    ck_assert_ok(state_open(path, &s, &why));
}

static void begin(void)
{
    folder = test_folder();
    snprintf(path, sizeof path, "%s/broker.db", folder.path);
    open_again();
    ck_assert_ok(state_pin(s, (const uint8_t[16]){7}, 3, VIEW("footer"), &why));
}

static void end(void)
{
    state_close(&s);
    test_folder_remove(&folder);
}

static Admission admission(uint8_t task)
{
    static uint64_t id;
    return (Admission){.task = {task},
                       .dataset = {7},
                       .version = 3,
                       .measurement = {{1}},
                       .setup = {{2}},
                       .node = {{3}},
                       .runs_max = 2,
                       .now = 100,
                       .expires = 200,
                       .new_session = ++id};
}

static Admitted admit(const Admission *a)
{
    Admitted got;
    Err e = state_admit(s, a, &got, &why);
    ck_assert_msg(e.code == 0, "%s (%s)", why.text, err_text(e.code));
    return got;
}

START_TEST(a_task_is_counted_once_however_often_it_comes)
{
    begin();
    for (int i = 0; i < 5; i++) {
        Admission a = admission(1);
        Admitted got = admit(&a);
        ck_assert_uint_eq(got.runs, 1);
        ck_assert_int_eq(got.counted, i == 0);
        ck_assert_uint_eq(got.session_id, 1); /* and is given the same session */
        open_again();
    }
    end();
}
END_TEST

START_TEST(no_more_runs_than_the_policy_allows)
{
    begin();
    Admission a = admission(1), b = admission(2), c = admission(3);
    Admitted got;
    ck_assert_uint_eq(admit(&a).runs, 1);
    ck_assert_uint_eq(admit(&b).runs, 2);
    ck_assert_err(state_admit(s, &c, &got, &why), ERR_DENIED);
    ck_assert_str_eq(why.text, "the policy allows 2 runs, and all are used");
    open_again();
    ck_assert_err(state_admit(s, &c, &got, &why), ERR_DENIED);
    ck_assert_uint_eq(admit(&b).runs, 2); /* those that were counted go on */
    c.runs_max = 0;
    ck_assert_uint_eq(admit(&c).runs, 3);
    end();
}
END_TEST

START_TEST(a_second_program_or_setup_under_one_task_id_is_refused)
{
    begin();
    Admission a = admission(1), b = admission(1), c = admission(1);
    Admitted got;
    b.measurement.bytes[0] = 9;
    c.setup.bytes[0] = 9;
    ck_assert_uint_eq(admit(&a).runs, 1);
    ck_assert_err(state_admit(s, &b, &got, &why), ERR_DENIED);
    ck_assert_err(state_admit(s, &c, &got, &why), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(why.text, "another image, other arguments"));
    open_again();
    ck_assert_err(state_admit(s, &c, &got, &why), ERR_DENIED);
    ck_assert_uint_eq(admit(&a).runs, 1);
    end();
}
END_TEST

START_TEST(a_combining_stage_uses_up_no_run_and_has_a_session_of_its_own)
{
    begin();
    Admission a = admission(1), b = admission(1);
    b.stage = 1;
    b.runs_max = a.runs_max = 1;
    b.setup.bytes[0] = 9;
    Admitted first = admit(&a), second = admit(&b);
    ck_assert_uint_eq(second.runs, 1);
    ck_assert(!second.counted);
    ck_assert_uint_ne(first.session_id, second.session_id);
    end();
}
END_TEST

START_TEST(each_combining_stage_has_one_program_too)
{
    begin();
    Admission run = admission(1), first = admission(1), other = admission(1), next = admission(1), elsewhere = admission(1);
    Admitted got;
    first.stage = other.stage = elsewhere.stage = 1;
    next.stage = 2;
    first.setup.bytes[0] = elsewhere.setup.bytes[0] = 8;
    other.setup.bytes[0] = next.setup.bytes[0] = 9;
    elsewhere.node.bytes[0] = 9;
    admit(&run);
    admit(&first);
    admit(&elsewhere);
    ck_assert_err(state_admit(s, &other, &got, &why), ERR_DENIED);
    ck_assert_uint_eq(admit(&next).runs, 1);
    open_again();
    ck_assert_err(state_admit(s, &other, &got, &why), ERR_DENIED);
    ck_assert_uint_eq(admit(&first).runs, 1);
    end();
}
END_TEST

START_TEST(another_node_has_a_session_of_its_own_and_uses_up_no_run)
{
    begin();
    Admission a = admission(1), b = admission(1);
    b.node.bytes[0] = 9;
    ck_assert_uint_ne(admit(&a).session_id, admit(&b).session_id);
    ck_assert_uint_eq(admit(&b).runs, 1);
    end();
}
END_TEST

START_TEST(a_task_id_belongs_to_one_dataset_and_version)
{
    begin();
    Admission a = admission(1), b = admission(1);
    Admitted got;
    admit(&a);
    b.version = 4;
    ck_assert_err(state_admit(s, &b, &got, &why), ERR_DENIED);
    b.version = 3;
    b.dataset[0] = 8;
    ck_assert_err(state_admit(s, &b, &got, &why), ERR_DENIED);
    end();
}
END_TEST

START_TEST(what_is_refused_leaves_nothing_behind)
{
    begin();
    Admission a = admission(1), b = admission(2);
    Admitted got = {.session_id = 77};
    a.runs_max = b.runs_max = 1;
    admit(&a);
    ck_assert_err(state_admit(s, &b, &got, &why), ERR_DENIED);
    ck_assert_uint_eq(got.session_id, 77);
    AUTO_BUFFER footer = buffer_limited(100);
    ck_assert_err(state_task_footer(s, b.task, &footer), ERR_NO_ENTRY);
    ck_assert_ok(state_task_footer(s, a.task, &footer));
    ck_assert(view_equal(view_buffer(&footer), VIEW("footer")));
    end();
}
END_TEST

START_TEST(an_older_version_or_other_content_is_refused_for_ever)
{
    begin();
    const uint8_t id[16] = {7}, other[16] = {8};
    ck_assert_ok(state_pin(s, id, 3, VIEW("footer"), &why));
    ck_assert_err(state_pin(s, id, 3, VIEW("Footer"), &why), ERR_DENIED);
    ck_assert_ok(state_pin(s, id, 5, VIEW("five"), &why));
    open_again();
    ck_assert_err(state_pin(s, id, 3, VIEW("footer"), &why), ERR_DENIED);
    ck_assert_str_eq(why.text, "version 3 of the dataset is out of date: version 5 was seen");
    ck_assert_ok(state_pin(s, other, 1, VIEW("footer"), &why));
    ck_assert_err(state_pin(s, id, UINT64_MAX, VIEW("x"), &why), ERR_BAD_INPUT);
    end();
}
END_TEST

static Err collect(void *context, const StoredSession *session)
{
    *(StoredSession *)context = *session;
    ck_assert(view_equal(session->footer, VIEW("footer")));
    return OK;
}

START_TEST(sessions_come_back_until_they_expire)
{
    begin();
    Admission a = admission(1);
    StoredSession got = {0};
    admit(&a);
    open_again();
    ck_assert_ok(state_session(s, a.new_session, 199, collect, &got));
    ck_assert_uint_eq(got.id, a.new_session);
    ck_assert_uint_eq(got.expires, 200);
    ck_assert_uint_eq(got.version, 3);
    ck_assert_int_eq(got.task[0], 1);
    ck_assert_int_eq(got.node.bytes[0], 3);
    ck_assert_err(state_session(s, a.new_session, 200, collect, &got), ERR_NO_ENTRY);
    ck_assert_err(state_session(s, a.new_session + 1, 199, collect, &got), ERR_NO_ENTRY);
    ck_assert_err(state_session(s, UINT64_MAX, 199, collect, &got), ERR_NO_ENTRY);
    ck_assert_ok(state_sweep(s, 200));
    ck_assert_err(state_session(s, a.new_session, 0, collect, &got), ERR_NO_ENTRY);
    end();
}
END_TEST

START_TEST(one_state_has_one_broker)
{
    begin();
    State *second = NULL;
    ck_assert_err(state_open(path, &second, &why), ERR_BUSY);
    ck_assert_ptr_null(second);
    end();
}
END_TEST

START_TEST(what_is_no_state_of_a_broker_is_refused_and_left_alone)
{
    folder = test_folder();
    snprintf(path, sizeof path, "%s/broker.db", folder.path);
    ck_assert_ok(
        file_replace(AT_FDCWD, path, VIEW("this is a text and not a database, whatever anybody may say about it"), 0600));
    ck_assert_err(state_open(path, &s, &why), ERR_CORRUPT);
    ck_assert_ptr_nonnull(strstr(why.text, "broker.db"));
    AUTO_BUFFER content = buffer_limited(1000);
    ck_assert_ok(file_read(AT_FDCWD, path, &content));
    ck_assert_uint_eq(content.size, 68);
    test_folder_remove(&folder);
}
END_TEST

TEST_MAIN("keybroker/state", a_task_is_counted_once_however_often_it_comes, no_more_runs_than_the_policy_allows,
          a_second_program_or_setup_under_one_task_id_is_refused, each_combining_stage_has_one_program_too,
          a_combining_stage_uses_up_no_run_and_has_a_session_of_its_own, another_node_has_a_session_of_its_own_and_uses_up_no_run,
          a_task_id_belongs_to_one_dataset_and_version, what_is_refused_leaves_nothing_behind,
          an_older_version_or_other_content_is_refused_for_ever, sessions_come_back_until_they_expire, one_state_has_one_broker,
          what_is_no_state_of_a_broker_is_refused_and_left_alone)
