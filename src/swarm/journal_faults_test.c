/*
 * Each system call of the journal and of SQLite under it fails once, in turn, as on a full disk: is the error clean, does no descriptor
 * leak, and is everything that was said to be committed there afterwards, whole?
 */
#include <errno.h>
#include <fcntl.h>

#include "swarm/journal.h"
#include "sys/fault.h"
#include "sys/fd.h"
#include "sys/test.h"

enum { CALLS_MAX = 3000, ROWS = 40 };

static TestFolder folder;
static char dir[PATH_MAX];
static uint64_t committed; /* rows 0 .. committed-1 were said to be safe */

static JournalTask task_of(void) { return (JournalTask){.identity = {7}, .digest_key = {3}}; }

static void text_of(uint64_t job, char text[64]) { snprintf(text, 64, "result of micro-job %llu", (unsigned long long)job); }

static Err add(Journal *j, uint64_t job)
{
    char text[64];
    text_of(job, text);
    JournalTask t = task_of();
    JournalRow row = {.job = job, .outcome = OUTCOME_OK, .attempts = 1};
    result_digest(t.digest_key, view_text(text), &row.digest);
    return journal_add(j, &row, view_text(text), (View){0});
}

/* Opens, adds the rows that are not there yet, half of them before the first commit. */
static Err fill(Journal *j)
{
    for (uint64_t i = 0; i < ROWS; i++) {
        JournalRow row;
        bool found;
        TRY(journal_find(j, 0, i, &row, &found));
        if (!found) TRY(add(j, i));
        if (i != ROWS / 2 - 1 && i != ROWS - 1) continue;
        TRY(journal_commit(j));
        if (committed < i + 1) committed = i + 1;
    }
    return OK;
}

static Err run(bool resume)
{
    Diag diag = {0};
    JournalTask t = task_of();
    Journal *j = NULL;
    Err e = journal_open(dir, resume, &t, &j, &diag);
    if (e.code) {
        ck_assert_ptr_null(j);
        ck_assert_msg(diag.text[0] != '\0', "no text with error %d at %s", e.code, e.at);
        return e;
    }
    e = fill(j);
    journal_free(&j);
    return e;
}

static void expect_committed(uint64_t nth)
{
    Diag diag = {0};
    JournalTask t = task_of();
    Journal *j;
    Err e = journal_open(dir, true, &t, &j, &diag);
    ck_assert_msg(e.code == 0, "after call %d failed: %s", (int)nth, diag.text);
    for (uint64_t i = 0; i < ROWS; i++) {
        JournalRow row;
        bool found;
        View result;
        char text[64];
        ck_assert_ok(journal_find(j, 0, i, &row, &found));
        ck_assert_msg(found || i >= committed, "after call %d failed: row %d was committed and is gone", (int)nth, (int)i);
        if (!found) continue;
        text_of(i, text);
        ck_assert_ok(journal_result(j, &row, &result));
        ck_assert(view_equal(result, view_text(text)));
    }
    journal_free(&j);
}

/* before: what is there when the failing run begins. Returns how many calls were made to fail. */
static uint64_t sweep(bool resume, void (*before)(void), int error)
{
    for (uint64_t nth = 1; nth < CALLS_MAX; nth++) {
        folder = test_folder();
        snprintf(dir, sizeof dir, "%s/journal", folder.path);
        committed = 0;
        if (before) before();
        if (!resume) committed = 0; /* starting anew gives the old run up */
        int descriptors = test_open_descriptors();
        fault_arm(nth, error);
        Err e = run(resume);
        bool struck = fault_struck();
        fault_arm(0, 0);
        ck_assert_msg(test_open_descriptors() == descriptors, "call %d: a descriptor leaks", (int)nth);
        /* SQLite passes some failures over (a file it only wanted to know about), and takes EIO on reading for a damaged medium. */
        bool wrong = (e.code == ERR_CORRUPT && error != EIO) || e.code == ERR_PROTOCOL || e.code == ERR_CHANGED;
        ck_assert_msg(!wrong, "call %d: %s at %s", (int)nth, err_text(e.code), e.at);
        ck_assert_msg(struck || e.code == 0, "call %d: %s at %s", (int)nth, err_text(e.code), e.at);
        expect_committed(nth);
        test_folder_remove(&folder);
        if (!struck) return nth - 1;
    }
    ck_abort_msg("more calls than there can be");
    return 0;
}

static void half_a_run(void)
{
    JournalTask t = task_of();
    Journal *j;
    ck_assert_ok(journal_open(dir, false, &t, &j, NULL));
    for (uint64_t i = 0; i < ROWS / 4; i++) ck_assert_ok(add(j, i));
    ck_assert_ok(journal_commit(j));
    committed = ROWS / 4;
    journal_free(&j);
}

START_TEST(every_call_of_a_new_journal_may_fail_for_lack_of_space)
{
    fault_sqlite_install();
    ck_assert_uint_gt(sweep(false, NULL, ENOSPC), 20);
}
END_TEST

START_TEST(every_call_of_a_new_journal_may_fail)
{
    fault_sqlite_install();
    ck_assert_uint_gt(sweep(false, NULL, EIO), 20);
}
END_TEST

START_TEST(every_call_of_a_resumed_journal_may_fail)
{
    fault_sqlite_install();
    ck_assert_uint_gt(sweep(true, half_a_run, EIO), 20);
}
END_TEST

START_TEST(every_call_of_replacing_a_journal_may_fail)
{
    fault_sqlite_install();
    ck_assert_uint_gt(sweep(false, half_a_run, EIO), 20);
}
END_TEST

TEST_MAIN("swarm/journal_faults", every_call_of_a_new_journal_may_fail_for_lack_of_space, every_call_of_a_new_journal_may_fail,
          every_call_of_a_resumed_journal_may_fail, every_call_of_replacing_a_journal_may_fail)
