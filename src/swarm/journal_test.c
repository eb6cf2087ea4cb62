/* Does the journal keep what was committed, once, through kills and damage, and keep everybody else out? */
#include "swarm/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

#include "base/test_document.h"
#include "sys/fd.h"
#include "sys/test.h"

static TestFolder folder;
static char dir[PATH_MAX];
static Diag diag;

static JournalTask task_of(uint8_t identity) { return (JournalTask){.identity = {identity}, .seed = {1, 2}, .digest_key = {3}, .id = {{4}}}; }

static void begin(void)
{
    folder = test_folder();
    snprintf(dir, sizeof dir, "%s/a/b", folder.path);
}

static Journal *open_journal(bool resume)
{
    JournalTask t = task_of(7);
    Journal *j;
    diag = (Diag){0};
    Err e = journal_open(dir, resume, &t, &j, &diag);
    ck_assert_msg(e.code == 0, "%s (%d) at %s", diag.text, e.code, e.at);
    return j;
}

static Err add(Journal *j, uint32_t stage, uint64_t job, const char *text)
{
    JournalTask t = task_of(7);
    JournalRow row = {.stage = stage, .job = job, .outcome = OUTCOME_OK, .attempts = 1};
    result_digest(t.digest_key, view_text(text), &row.digest);
    return journal_add(j, &row, view_text(text), (View){0});
}

static Err add_failure(Journal *j, uint64_t job, View log)
{
    JournalRow row = {.job = job, .outcome = OUTCOME_EXIT_CODE, .exit_code = 9, .attempts = 2};
    return journal_add(j, &row, (View){0}, log);
}

static bool has(Journal *j, uint32_t stage, uint64_t job, const char *text)
{
    JournalRow row;
    bool found;
    View result;
    ck_assert_ok(journal_find(j, stage, job, &row, &found));
    if (!found) return false;
    ck_assert_ok(journal_result(j, &row, &result));
    ck_assert(view_equal(result, view_text(text)));
    return true;
}

static void path_of(const char *name, char path[PATH_MAX]) { ck_assert_int_lt(snprintf(path, PATH_MAX, "%s/%s", dir, name), PATH_MAX); }

START_TEST(what_is_committed_is_there_after_a_kill_and_the_rest_is_not)
{
    begin();
    Journal *j = open_journal(false);
    ck_assert_ok(add(j, 0, 5, "five"));
    ck_assert_ok(add(j, 0, 3, ""));
    ck_assert_ok(add(j, 2, 3, "two-three"));
    ck_assert_uint_eq(journal_pending(j), 3);
    ck_assert_ok(journal_commit(j));
    ck_assert_ok(add(j, 0, 6, "six"));
    journal_free(&j); /* as a kill would */
    j = open_journal(true);
    ck_assert(has(j, 0, 5, "five") && has(j, 0, 3, "") && has(j, 2, 3, "two-three"));
    ck_assert(!has(j, 0, 6, "") && !has(j, 1, 3, ""));
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_row_is_what_the_document_shows)
{
    begin();
    JournalTask t = task_of(7);
    for (size_t i = 0; i < sizeof t.digest_key; i++) t.digest_key[i] = (uint8_t)i;
    Journal *j;
    ck_assert_ok(journal_open(dir, false, &t, &j, &diag));
    JournalRow row = {.stage = 1, .job = 5, .outcome = OUTCOME_OK, .attempts = 1};
    result_digest(t.digest_key, VIEW("abc"), &row.digest);
    ck_assert_ok(journal_add(j, &row, VIEW("abc"), (View){0}));
    ck_assert_ok(journal_commit(j));
    journal_free(&j);

    char path[PATH_MAX];
    sqlite3 *db;
    sqlite3_stmt *found;
    path_of("journal.db", path);
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, "SELECT lower(hex(digest)) || printf('%016x', key) FROM ended", -1, &found, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(found), SQLITE_ROW);
    AUTO_BUFFER written = test_document_block("journal.md", "hex", 1);
    char joined[64] = "", *to = joined;
    for (const char *c = (const char *)written.data; *c; c++)
        if (*c != '\n') *to++ = *c;
    ck_assert_str_eq((const char *)sqlite3_column_text(found, 0), joined);
    sqlite3_finalize(found);
    sqlite3_close(db);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_full_batch_commits_itself)
{
    begin();
    Journal *j = open_journal(false);
    for (uint64_t i = 0; i <= JOURNAL_BATCH_ROWS; i++) ck_assert_ok(add(j, 0, i, "x"));
    ck_assert_uint_eq(journal_pending(j), 1);
    journal_free(&j);
    j = open_journal(true);
    ck_assert(has(j, 0, JOURNAL_BATCH_ROWS - 1, "x") && !has(j, 0, JOURNAL_BATCH_ROWS, ""));
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_second_row_for_a_micro_job_is_refused_and_nothing_of_its_batch_stays)
{
    begin();
    Journal *j = open_journal(false);
    ck_assert_ok(add(j, 0, 1, "first"));
    ck_assert_ok(journal_commit(j));
    ck_assert_ok(add(j, 0, 2, "other"));
    ck_assert_ok(add(j, 0, 1, "second"));
    ck_assert_err(journal_commit(j), ERR_PROTOCOL);
    ck_assert(has(j, 0, 1, "first") && !has(j, 0, 2, ""));
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(the_folder_is_the_users_alone)
{
    begin();
    umask(0);
    Journal *j = open_journal(false);
    ck_assert_ok(add(j, 0, 1, "x"));
    ck_assert_ok(journal_commit(j));
    struct stat st;
    char path[PATH_MAX];
    ck_assert_int_eq(stat(dir, &st), 0);
    ck_assert_int_eq(st.st_mode & 07777, 0700);
    static const char *const NAMES[] = {"journal.db", "journal.db-wal", "spool", "lock"};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        path_of(NAMES[i], path);
        ck_assert_msg(stat(path, &st) == 0, "%s", path);
        ck_assert_msg((st.st_mode & 07777) == 0600, "%s has mode %o", path, st.st_mode & 07777);
    }
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_second_process_is_kept_out_and_told_who_is_in)
{
    begin();
    Journal *j = open_journal(false);
    char pid[32];
    snprintf(pid, sizeof pid, "process %d ", (int)getpid());
    JournalTask t = task_of(7);
    Journal *second = NULL;
    ck_assert_err(journal_open(dir, false, &t, &second, &diag), ERR_BUSY);
    ck_assert_msg(strstr(diag.text, pid) != NULL, "%s", diag.text);
    ck_assert_ptr_null(second);
    journal_free(&j);
    j = open_journal(true);
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(failures_are_kept_with_their_logs_and_dropped_on_resuming)
{
    begin();
    Journal *j = open_journal(false);
    static uint8_t long_log[SEE_LOG_MAX + 10];
    ck_assert_ok(add_failure(j, 2, VIEW("why")));
    ck_assert_ok(add_failure(j, 1, view_of(long_log, sizeof long_log)));
    ck_assert_ok(add(j, 0, 3, "fine"));
    ck_assert_ok(journal_commit(j));
    journal_free(&j);
    j = open_journal(true);
    ck_assert(!has(j, 0, 1, "") && !has(j, 0, 2, "") && has(j, 0, 3, "fine"));
    ck_assert_ok(add(j, 0, 2, "second try"));
    ck_assert_ok(journal_commit(j));
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

typedef struct { uint64_t count, last, logs; size_t longest; } Seen;

static Err see_failure(void *context, const JournalRow *row, View log)
{
    Seen *s = context;
    ck_assert(s->count == 0 || row->job > s->last);
    ck_assert_uint_eq(row->exit_code, 9);
    ck_assert_uint_eq(row->attempts, 2);
    s->count++;
    s->last = row->job;
    if (log.size) s->logs++;
    if (log.size > s->longest) s->longest = log.size;
    return OK;
}

START_TEST(failures_are_listed_in_order_and_only_the_first_logs_are_kept)
{
    begin();
    Journal *j = open_journal(false);
    static uint8_t log[SEE_LOG_MAX + 10];
    for (uint64_t i = JOURNAL_LOGS_MAX + 200; i-- > 0;) ck_assert_ok(add_failure(j, i, i == 700 ? view_of(log, sizeof log) : VIEW("w")));
    ck_assert_ok(add(j, 0, 5000, "fine"));
    Seen s = {0};
    ck_assert_ok(journal_each_failure(j, 0, see_failure, &s));
    ck_assert_uint_eq(s.count, JOURNAL_LOGS_MAX + 200);
    ck_assert_uint_eq(s.logs, JOURNAL_LOGS_MAX);
    ck_assert_uint_eq(s.longest, SEE_LOG_MAX);
    ck_assert_ok(journal_each_failure(j, 1, see_failure, &s));
    ck_assert_uint_eq(s.count, JOURNAL_LOGS_MAX + 200);
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(resuming_takes_the_stored_seed_key_and_id)
{
    begin();
    Journal *j = open_journal(false);
    journal_free(&j);
    JournalTask t = {.identity = {7}, .seed = {99}};
    ck_assert_ok(journal_open(dir, true, &t, &j, &diag));
    JournalTask stored = task_of(7);
    ck_assert_mem_eq(&t, &stored, sizeof t);
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(another_identity_is_not_resumed_and_the_journal_stays)
{
    begin();
    Journal *j = open_journal(false);
    ck_assert_ok(add(j, 0, 1, "x"));
    ck_assert_ok(journal_commit(j));
    journal_free(&j);
    JournalTask t = task_of(8), before = t;
    ck_assert_err(journal_open(dir, true, &t, &j, &diag), ERR_CHANGED);
    ck_assert_mem_eq(&t, &before, sizeof t);
    j = open_journal(true);
    ck_assert(has(j, 0, 1, "x"));
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(starting_anew_forgets_the_old_run)
{
    begin();
    Journal *j = open_journal(false);
    ck_assert_ok(add(j, 0, 1, "x"));
    ck_assert_ok(journal_commit(j));
    journal_free(&j);
    j = open_journal(false);
    ck_assert(!has(j, 0, 1, ""));
    ck_assert_ok(add(j, 0, 1, "again"));
    ck_assert_ok(journal_commit(j));
    ck_assert(has(j, 0, 1, "again"));
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_row_whose_result_is_damaged_counts_as_not_run_and_later_stages_with_it)
{
    begin();
    Journal *j = open_journal(false);
    ck_assert_ok(add(j, 0, 1, "good"));
    ck_assert_ok(add(j, 0, 2, "bad!"));
    ck_assert_ok(add(j, 1, 0, "made from both"));
    ck_assert_ok(journal_commit(j));
    journal_free(&j);
    char path[PATH_MAX];
    path_of("spool", path);
    AUTO_FD fd = -1;
    ck_assert_ok(fd_open(AT_FDCWD, path, O_RDWR, 0, &fd));
    ck_assert_ok(fd_pwrite_all(fd, VIEW("B"), 4));
    j = open_journal(true);
    ck_assert(has(j, 0, 1, "good") && !has(j, 0, 2, "") && !has(j, 1, 0, ""));
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_lost_spool_makes_every_row_not_run)
{
    begin();
    Journal *j = open_journal(false);
    ck_assert_ok(add(j, 0, 1, "one"));
    ck_assert_ok(add(j, 0, 2, ""));
    ck_assert_ok(journal_commit(j));
    journal_free(&j);
    char path[PATH_MAX];
    path_of("spool", path);
    ck_assert_int_eq(unlink(path), 0);
    j = open_journal(true);
    ck_assert(!has(j, 0, 1, "") && has(j, 0, 2, "")); /* an empty result cannot be damaged */
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_finished_journal_gives_its_space_back_and_is_not_resumed)
{
    begin();
    Journal *j = open_journal(false);
    ck_assert_ok(add(j, 0, 1, "one"));
    ck_assert_ok(journal_finish(j));
    struct stat st;
    char path[PATH_MAX];
    path_of("spool", path);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_int_eq(st.st_size, 0);
    journal_free(&j);
    j = open_journal(true);
    ck_assert(!has(j, 0, 1, ""));
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

/* Flips bytes all over the database of a real journal: an error with a remedy, or a journal whose results are right; never a crash. */
START_TEST(a_damaged_database_is_an_error_with_a_remedy_or_harmless)
{
    begin();
    Journal *j = open_journal(false);
    for (uint64_t i = 0; i < 500; i++) ck_assert_ok(add(j, 0, i, "result"));
    ck_assert_ok(add_failure(j, 1000, VIEW("log")));
    ck_assert_ok(journal_commit(j));
    journal_free(&j);
    char path[PATH_MAX];
    path_of("journal.db", path);
    AUTO_BUFFER whole = buffer_limited(64 * MIB);
    ck_assert_ok(file_read(AT_FDCWD, path, &whole));
    uint64_t random = 12345, refused = 0;
    for (int round = 0; round < 400; round++) {
        AUTO_FD fd = -1;
        ck_assert_ok(fd_open(AT_FDCWD, path, O_RDWR | O_TRUNC, 0, &fd));
        ck_assert_ok(fd_pwrite_all(fd, view_buffer(&whole), 0));
        for (int flips = 0; flips < 1 + round % 16; flips++) {
            random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
            uint8_t byte = (uint8_t)(random >> 40);
            ck_assert_ok(fd_pwrite_all(fd, view_of(&byte, 1), (random >> 16) % (round % 2 ? 200 : whole.size)));
        }
        JournalTask t = task_of(7);
        diag = (Diag){0};
        Err e = journal_open(dir, true, &t, &j, &diag);
        if (e.code) {
            ck_assert_msg(e.code == ERR_CORRUPT || e.code == ERR_CHANGED, "round %d: %d at %s: %s", round, e.code, e.at, diag.text);
            ck_assert_ptr_nonnull(strstr(diag.text, "without --resume"));
            refused++;
            continue;
        }
        for (uint64_t i = 0; i < 500; i++) (void)has(j, 0, i, "result");
        journal_free(&j);
    }
    ck_assert_uint_gt(refused, 50);
    j = open_journal(false); /* the remedy works */
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_file_that_is_no_database_is_refused)
{
    begin();
    Journal *j = open_journal(false);
    journal_free(&j);
    char path[PATH_MAX];
    path_of("journal.db", path);
    ck_assert_ok(file_replace(AT_FDCWD, path, VIEW("this is not a database, it is a poem of more than sixteen bytes"), 0600));
    JournalTask t = task_of(7);
    ck_assert_err(journal_open(dir, true, &t, &j, &diag), ERR_CORRUPT);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_folder_that_cannot_be_made_is_named)
{
    begin();
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&folder, "a"), VIEW("in the way"), 0600));
    JournalTask t = task_of(7);
    Journal *j = NULL;
    diag = (Diag){0};
    ck_assert_err(journal_open(dir, false, &t, &j, &diag), ENOTDIR);
    ck_assert_ptr_nonnull(strstr(diag.text, dir));
    test_folder_remove(&folder);
}
END_TEST

/* A limit on file sizes stands for the full disk; the fault tests make every single call fail. */
START_TEST(a_full_disk_loses_nothing_that_was_committed)
{
    begin();
    signal(SIGXFSZ, SIG_IGN);
    Journal *j = open_journal(false);
    ck_assert_ok(add(j, 0, 1, "kept"));
    ck_assert_ok(journal_commit(j));
    static char large[3 << 20];
    memset(large, 'x', sizeof large - 1);
    struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY}, all = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert_err(add(j, 0, 2, large), EFBIG);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &all), 0);
    ck_assert_ok(add(j, 0, 2, large));
    ck_assert_ok(journal_commit(j));
    journal_free(&j);
    j = open_journal(true);
    ck_assert(has(j, 0, 1, "kept") && has(j, 0, 2, large));
    journal_free(&j);
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_temporary_journal_leaves_no_trace)
{
    begin();
    setenv("TMPDIR", folder.path, 1);
    JournalTask t = task_of(7);
    for (int rows = 0; rows < 2; rows++) {
        Journal *j;
        ck_assert_ok(journal_open_temporary(&t, rows, &j, &diag));
        ck_assert_ok(add(j, 0, 1, "one"));
        ck_assert_ok(journal_commit(j));
        if (rows) ck_assert(has(j, 0, 1, "one"));
        View bytes;
        ck_assert_ok(journal_read(j, 0, 3, &bytes));
        ck_assert(view_equal(bytes, VIEW("one")));
        if (!rows) {
            ck_assert_ok(journal_forget_results(j));
            ck_assert_err(journal_read(j, 0, 3, &bytes), ERR_CORRUPT);
        }
        ck_assert_int_eq(test_count_entries(folder.path), 0);
        journal_free(&j);
    }
    test_folder_remove(&folder);
}
END_TEST

START_TEST(the_state_folder_is_found)
{
    char path[PATH_MAX];
    setenv("XDG_STATE_HOME", "/state", 1);
    ck_assert_ok(journal_directory(path, sizeof path));
    ck_assert_str_eq(path, "/state/covey/tasks");
    setenv("XDG_STATE_HOME", "relative", 1);
    setenv("HOME", "/home/u", 1);
    ck_assert_ok(journal_directory(path, sizeof path));
    ck_assert_str_eq(path, "/home/u/.local/state/covey/tasks");
    ck_assert_err(journal_directory(path, 10), ERR_LIMIT);
    unsetenv("HOME");
    ck_assert_err(journal_directory(path, sizeof path), ERR_NO_ENTRY);
}
END_TEST

TEST_MAIN("swarm/journal", what_is_committed_is_there_after_a_kill_and_the_rest_is_not, a_row_is_what_the_document_shows, a_full_batch_commits_itself,
          a_second_row_for_a_micro_job_is_refused_and_nothing_of_its_batch_stays, the_folder_is_the_users_alone,
          a_second_process_is_kept_out_and_told_who_is_in, failures_are_kept_with_their_logs_and_dropped_on_resuming,
          failures_are_listed_in_order_and_only_the_first_logs_are_kept, resuming_takes_the_stored_seed_key_and_id,
          another_identity_is_not_resumed_and_the_journal_stays, starting_anew_forgets_the_old_run,
          a_row_whose_result_is_damaged_counts_as_not_run_and_later_stages_with_it, a_lost_spool_makes_every_row_not_run,
          a_finished_journal_gives_its_space_back_and_is_not_resumed, a_damaged_database_is_an_error_with_a_remedy_or_harmless,
          a_file_that_is_no_database_is_refused, a_folder_that_cannot_be_made_is_named, a_full_disk_loses_nothing_that_was_committed,
          a_temporary_journal_leaves_no_trace, the_state_folder_is_found)
