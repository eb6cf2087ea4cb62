/* Is a database made once, found again, and refused by its own name when it is another's, newer, in use or damaged? */
#include "sys/database.h"

#include <fcntl.h>

#include "sys/fd.h"
#include "sys/test.h"

static const DatabaseKind KIND = {"PRAGMA locking_mode = EXCLUSIVE;",
                                  "BEGIN; CREATE TABLE t(n INTEGER PRIMARY KEY); PRAGMA application_id = 77; PRAGMA user_version = 2; COMMIT;", 77, 2};

static TestFolder folder;
static char path[PATH_MAX];

static void begin(void)
{
    folder = test_folder();
    snprintf(path, sizeof path, "%s", test_path(&folder, "a.db"));
}

static void end(void) { test_folder_remove(&folder); }

static sqlite3 *opened(void)
{
    sqlite3 *db = NULL;
    int64_t version = 0;
    ck_assert_ok(database_open(path, &KIND, &db, &version));
    ck_assert_int_eq(version, 2);
    return db;
}

static void change(const char *sql)
{
    sqlite3 *db = opened();
    ck_assert_ok(database_run(db, sql));
    sqlite3_close(db);
}

static int opening(const DatabaseKind *kind, int64_t *ret_version)
{
    sqlite3 *db = NULL;
    Err e = database_open(path, kind, &db, ret_version);
    ck_assert(e.code == 0 || db == NULL);
    sqlite3_close(db);
    return e.code;
}

START_TEST(what_was_written_is_there_when_it_is_opened_again)
{
    int64_t n = 0;
    sqlite3_stmt *put;
    begin();
    sqlite3 *db = opened();
    ck_assert_ok(database_prepare(db, "INSERT INTO t VALUES(?)", &put));
    sqlite3_bind_int64(put, 1, 41);
    ck_assert_ok(database_step(db, put));
    ck_assert_err(database_step(db, put), ERR_CORRUPT); /* the same key: a row that we did not make */
    sqlite3_finalize(put);
    sqlite3_close(db);
    db = opened();
    ck_assert_ok(database_check(db));
    ck_assert_ok(database_number(db, "SELECT n FROM t", &n));
    ck_assert_int_eq(n, 41);
    ck_assert_err(database_number(db, "SELECT n FROM nowhere", &n), ERR_CORRUPT);
    ck_assert_int_eq(n, 41);
    sqlite3_close(db);
    end();
}
END_TEST

START_TEST(another_kind_and_a_newer_version_are_refused_and_an_older_one_is_told)
{
    int64_t version = 0;
    begin();
    change("PRAGMA user_version = 1");
    ck_assert_int_eq(opening(&KIND, &version), 0);
    ck_assert_int_eq(version, 1);
    const DatabaseKind newer = {KIND.setup, KIND.schema, 77, 1}, other = {KIND.setup, KIND.schema, 78, 2};
    version = 9;
    ck_assert_int_eq(opening(&other, &version), ERR_CORRUPT);
    sqlite3 *db;
    ck_assert_ok(database_open(path, &KIND, &db, &version));
    ck_assert_ok(database_run(db, "PRAGMA user_version = 2"));
    sqlite3_close(db);
    ck_assert_int_eq(opening(&newer, &version), ERR_CORRUPT);
    ck_assert_int_eq(version, 1); /* untouched */
    end();
}
END_TEST

START_TEST(what_another_has_locked_is_busy)
{
    int64_t version;
    begin();
    sqlite3 *db = opened();
    ck_assert_ok(database_run(db, "INSERT INTO t VALUES(1)"));
    ck_assert_int_eq(opening(&KIND, &version), ERR_BUSY);
    sqlite3_close(db);
    ck_assert_int_eq(opening(&KIND, &version), 0);
    end();
}
END_TEST

START_TEST(damage_is_found)
{
    int64_t version;
    begin();
    change("CREATE INDEX i ON t(n); WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 5000) INSERT INTO t SELECT n FROM c");
    AUTO_FD fd = -1;
    ck_assert_ok(fd_open(AT_FDCWD, path, O_RDWR, 0, &fd));
    uint8_t wrong[4096];
    memset(wrong, 0xa5, sizeof wrong);
    ck_assert_ok(fd_pwrite_all(fd, view_of(wrong, sizeof wrong), 3 * sizeof wrong));
    sqlite3 *db = opened();
    ck_assert_err(database_check(db), ERR_CORRUPT);
    sqlite3_close(db);
    ck_assert_ok(fd_pwrite_all(fd, view_of(wrong, 100), 0));
    ck_assert_int_eq(opening(&KIND, &version), ERR_CORRUPT);
    end();
}
END_TEST

TEST_MAIN("sys/database", what_was_written_is_there_when_it_is_opened_again,
          another_kind_and_a_newer_version_are_refused_and_an_older_one_is_told, what_another_has_locked_is_busy, damage_is_found)
