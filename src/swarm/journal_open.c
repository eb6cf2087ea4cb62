/* Opening a journal: its folder, the lock that keeps a second process out, starting anew, and what resuming checks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "swarm/journal_parts.h"
#include "sys/fault.h"
#include "sys/fd.h"

#define DATABASE "journal.db"
#define SPOOL "spool"
#define LOCK "lock"

Err journal_directory(char *ret_path, size_t room)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int n;
    if (state && state[0] == '/') n = snprintf(ret_path, room, "%s/covey/tasks", state); /* the XDG rule: relative ones are ignored */
    else if (home && home[0] == '/') n = snprintf(ret_path, room, "%s/.local/state/covey/tasks", home);
    else return FAIL(ERR_NO_ENTRY);
    return n < 0 || (size_t)n >= room ? FAIL(ERR_LIMIT) : OK;
}

static Err lock_folder(Journal *j, const char *directory, Diag *diag)
{
    TRY_WHY(diag, fd_open(j->dir_fd, LOCK, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &j->lock_fd), "%s/" LOCK, directory);
    if (FAULTABLE("flock", flock(j->lock_fd, LOCK_EX | LOCK_NB)) < 0) {
        if (errno != EWOULDBLOCK) return FAIL_WHY(diag, errno, "%s/" LOCK ": %s", directory, err_text(errno));
        char pid[32] = "?";
        size_t size;
        TRY(fd_pread(j->lock_fd, pid, sizeof pid - 1, 0, &size));
        pid[size] = '\0';
        pid[strcspn(pid, "\n")] = '\0';
        return FAIL_WHY(diag, ERR_BUSY, "%s: process %s is running this task; wait for it or stop it first", directory, pid);
    }
    char pid[32];
    int n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    TRY_WHY(diag, fd_truncate(j->lock_fd, 0), "%s/" LOCK, directory);
    TRY_WHY(diag, fd_pwrite_all(j->lock_fd, view_of(pid, (size_t)n), 0), "%s/" LOCK, directory);
    return OK;
}

static Err open_folder(Journal *j, const char *directory, Diag *diag)
{
    TRY_WHY(diag, dir_make_all(directory, 0700), "%s", directory);
    TRY_WHY(diag, fd_open(AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0, &j->dir_fd), "%s", directory);
    /* The folder may have been there, made by another hand. */
    if (FAULTABLE("fchmod", fchmod(j->dir_fd, 0700)) < 0) return FAIL_WHY(diag, errno, "%s: %s", directory, err_text(errno));
    return lock_folder(j, directory, diag);
}

static Err remove_old(Journal *j)
{
    /* The database last: while it is there, whatever is left of the others belongs to it. */
    static const char *const NAMES[] = {SPOOL, DATABASE "-wal", DATABASE "-shm", DATABASE "-journal", DATABASE};
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
        if (FAULTABLE("unlinkat", unlinkat(j->dir_fd, NAMES[i], 0)) < 0 && errno != ENOENT) return FAIL(errno);
    return OK;
}

static Err open_files(Journal *j, const char *directory)
{
    char path[PATH_BYTES_MAX];
    int n = snprintf(path, sizeof path, "%s/" DATABASE, directory);
    if (n < 0 || (size_t)n >= sizeof path) return FAIL(ERR_LIMIT);
    AUTO_FD mode_giver = -1; /* SQLite gives its other files the mode of the database, but makes that by the umask */
    TRY(fd_open(j->dir_fd, DATABASE, O_RDWR | O_CREAT | O_NOFOLLOW, 0600, &mode_giver));
    TRY(journal_db_open(path, &j->db));
    return spool_open(j->dir_fd, SPOOL, &j->spool);
}

static Err start_anew(Journal *j, const char *directory, const JournalTask *task)
{
    if (j->db.db) journal_db_close(&j->db);
    spool_close(&j->spool);
    TRY(remove_old(j));
    TRY(open_files(j, directory));
    return journal_db_put_task(&j->db, task);
}

/* Keys of rows that cannot be used: the micro-job failed, or its result is not in the spool as it was. */
static Err find_unusable(Journal *j, Buffer *ret_keys)
{
    sqlite3_stmt *s;
    static const char SQL[] = "SELECT key, outcome, exit_code, attempts, place, size, digest FROM ended";
    if (sqlite3_prepare_v2(j->db.db, SQL, -1, &s, NULL) != SQLITE_OK) return database_error(j->db.db);
    Err e = OK;
    int rc = SQLITE_ROW;
    while (!e.code && (rc = sqlite3_step(s)) == SQLITE_ROW) {
        JournalRow row;
        View result;
        bool whole = journal_db_row(s, &row) && row.outcome == OUTCOME_OK;
        Err read = whole ? journal_result(j, &row, &result) : FAIL(ERR_CORRUPT);
        e = read.code == ERR_CORRUPT ? buffer_put_u64(ret_keys, (uint64_t)sqlite3_column_int64(s, 0)) : read;
    }
    if (!e.code && rc != SQLITE_DONE) e = database_error(j->db.db);
    sqlite3_finalize(s);
    return e;
}

static Err delete_by_key(Journal *j, const char *sql, int64_t key)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(j->db.db, sql, -1, &s, NULL) != SQLITE_OK) return database_error(j->db.db);
    sqlite3_bind_int64(s, 1, key);
    Err e = sqlite3_step(s) == SQLITE_DONE ? OK : database_error(j->db.db);
    sqlite3_finalize(s);
    return e;
}

/* Failed micro-jobs are tried again, damaged results made again. Later stages were made from a set of results that is no longer so: their
   rows go in the same transaction. */
static Err drop_unusable(Journal *j)
{
    TRY(database_check(j->db.db));
    AUTO_BUFFER keys = buffer_limited(SIZE_MAX);
    TRY(find_unusable(j, &keys));
    if (keys.size == 0) return OK;
    int64_t first = INT64_MAX;
    TRY(database_run(j->db.db, "BEGIN IMMEDIATE; DELETE FROM log;"));
    for (Reader r = reader_of(view_buffer(&keys)); r.rest.size;) {
        int64_t key = (int64_t)read_u64(&r);
        if (key < first) first = key;
        TRY(delete_by_key(j, "DELETE FROM ended WHERE key = ?", key));
    }
    uint32_t stage = first < 0 ? 0 : (uint32_t)(first >> JOB_INDEX_BITS);
    if (stage < STAGE_MAX) TRY(delete_by_key(j, "DELETE FROM ended WHERE key >= ?", journal_key(stage + 1, 0)));
    return database_run(j->db.db, "COMMIT"); /* a transaction that is left open by an error is rolled back as the database is closed */
}

static Err explain_damage(Err e, const char *directory, Diag *diag)
{
    if (e.code != ERR_CORRUPT) return diag_complete(diag, e, "%s", directory);
    (void)FAIL_WHY(diag, ERR_CORRUPT,
                   "%s/" DATABASE " is damaged or was written by another version of Covey; run without --resume to start anew", directory);
    return e;
}

static Err resume_files(Journal *j, const char *directory, JournalTask *task, Diag *diag)
{
    TRY(open_files(j, directory));
    JournalTask stored;
    bool finished = false;
    Err e = journal_db_get_task(&j->db, &stored, &finished);
    if (e.code == ERR_NO_ENTRY || (!e.code && finished)) return start_anew(j, directory, task);
    TRY(e);
    if (memcmp(stored.identity, task->identity, sizeof stored.identity) != 0)
        return FAIL_WHY(diag, ERR_CHANGED,
                        "the task file, an image or the input changed since the run in %s began; run without --resume to start anew", directory);
    memcpy(j->digest_key, stored.digest_key, sizeof j->digest_key);
    TRY(drop_unusable(j));
    *task = stored;
    return OK;
}

Err journal_open(const char *directory, bool resume, JournalTask *task, Journal **ret_journal, Diag *diag)
{
    Journal *j;
    TRY(journal_new(&j));
    Err e = open_folder(j, directory, diag);
    if (!e.code) {
        e = resume ? resume_files(j, directory, task, diag) : start_anew(j, directory, task);
        if (e.code && e.code != ERR_CHANGED) e = explain_damage(e, directory, diag);
    }
    if (e.code) {
        journal_free(&j);
        return e;
    }
    memcpy(j->digest_key, task->digest_key, sizeof j->digest_key);
    *ret_journal = j;
    return OK;
}

Err journal_open_temporary(const JournalTask *task, bool with_rows, Journal **ret_journal, Diag *diag)
{
    Journal *j;
    TRY(journal_new(&j));
    Err e = spool_open_temporary(&j->spool);
    if (e.code) e = diag_complete(diag, e, "no folder for temporary results (set TMPDIR to one with room)");
    if (!e.code && with_rows) {
        e = journal_db_open("", &j->db);
        if (e.code) e = diag_complete(diag, e, "temporary database");
    }
    if (e.code) {
        journal_free(&j);
        return e;
    }
    memcpy(j->digest_key, task->digest_key, sizeof j->digest_key);
    *ret_journal = j;
    return OK;
}
