/* Does the job table keep order, places and batches, and the file cache its descriptors? */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "node/files.h"
#include "node/jobs.h"

static void add(JobTable *t, uint64_t job)
{
    JobBatch *b;
    ck_assert_ok(jobs_batch_new(VIEW("message"), &b));
    ck_assert_ok(jobs_add(t, b, &(JobItem){.job = job}));
    jobs_batch_done(b);
}

static uint64_t take(JobTable *t)
{
    uint32_t job = jobs_take(t);
    ck_assert_uint_ne(job, JOB_NONE);
    uint64_t index = jobs_get(t, job)->item.job;
    jobs_release(t, job);
    return index;
}

START_TEST(micro_jobs_leave_in_the_order_they_came)
{
    JobTable t;
    ck_assert_ok(jobs_new(&t, 3));
    for (uint64_t job = 0; job < 20; job++) {
        add(&t, job);
        add(&t, job + 100);
        ck_assert_uint_eq(t.waiting, 2);
        ck_assert_uint_eq(take(&t), job);
        ck_assert_uint_eq(take(&t), job + 100);
    }
    ck_assert_uint_eq(jobs_take(&t), JOB_NONE);
    ck_assert_uint_eq(t.held, 0);
    jobs_free(&t);
}
END_TEST

START_TEST(what_is_put_back_comes_first)
{
    JobTable t;
    ck_assert_ok(jobs_new(&t, 4));
    for (uint64_t job = 0; job < 3; job++) add(&t, job);
    uint32_t first = jobs_take(&t), second = jobs_take(&t);
    jobs_put_back(&t, second);
    jobs_put_back(&t, first);
    for (uint64_t job = 0; job < 3; job++) ck_assert_uint_eq(take(&t), job);
    add(&t, 9);
    uint32_t only = jobs_take(&t);
    jobs_put_back(&t, only);
    add(&t, 10);
    ck_assert_uint_eq(take(&t), 9);
    ck_assert_uint_eq(take(&t), 10);
    jobs_free(&t);
}
END_TEST

START_TEST(a_full_window_takes_no_more_until_one_is_answered)
{
    JobTable t;
    ck_assert_ok(jobs_new(&t, 2));
    add(&t, 0);
    add(&t, 1);
    JobBatch *b;
    ck_assert_ok(jobs_batch_new(VIEW(""), &b));
    ck_assert_err(jobs_add(&t, b, &(JobItem){.job = 2}), ERR_LIMIT);
    uint32_t running = jobs_take(&t);
    ck_assert_err(jobs_add(&t, b, &(JobItem){.job = 2}), ERR_LIMIT);
    jobs_release(&t, running);
    ck_assert_ok(jobs_add(&t, b, &(JobItem){.job = 2}));
    jobs_batch_done(b);
    jobs_free(&t); /* with micro-jobs in it: the sanitizer sees a leaked batch */
}
END_TEST

START_TEST(a_batch_lives_as_long_as_its_last_micro_job)
{
    JobTable t;
    ck_assert_ok(jobs_new(&t, 2));
    JobBatch *b;
    ck_assert_ok(jobs_batch_new(VIEW("segment"), &b));
    JobItem item = {.data = jobs_batch_message(b)};
    ck_assert_ok(jobs_add(&t, b, &item));
    ck_assert_ok(jobs_add(&t, b, &item));
    jobs_batch_done(b);
    jobs_release(&t, jobs_take(&t));
    uint32_t last = jobs_take(&t);
    ck_assert(view_equal(jobs_get(&t, last)->item.data, VIEW("segment")));
    jobs_release(&t, last);
    jobs_free(&t);
}
END_TEST

START_TEST(many_files_are_read_through_few_descriptors)
{
    enum { FILES = 3 * FILES_OPEN_MAX };
    char directory[] = "/tmp/covey-test-files-XXXXXX", path[80];
    ck_assert_ptr_nonnull(mkdtemp(directory));
    FileCache c = {0};
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < FILES; i++) {
            snprintf(path, sizeof path, "%s/%d", directory, i);
            if (round == 0) {
                FILE *f = fopen(path, "w");
                fprintf(f, "%d", i);
                fclose(f);
            }
            int fd;
            char content[16] = {0}, expected[16];
            ck_assert_ok(files_get(&c, view_text(path), &fd));
            ck_assert_int_gt(pread(fd, content, sizeof content - 1, 0), 0);
            snprintf(expected, sizeof expected, "%d", i);
            ck_assert_str_eq(content, expected);
            ck_assert_uint_le(c.count, FILES_OPEN_MAX);
        }
    files_close(&c);
    for (int i = 0; i < FILES; i++) {
        snprintf(path, sizeof path, "%s/%d", directory, i);
        unlink(path);
    }
    rmdir(directory);
}
END_TEST

START_TEST(what_is_not_a_regular_file_is_not_waited_for)
{
    FileCache c = {0};
    int fd;
    ck_assert_err(files_get(&c, VIEW("/dev/null"), &fd), ERR_BAD_INPUT);
    ck_assert_err(files_get(&c, VIEW("/tmp"), &fd), ERR_BAD_INPUT);
    char path[] = "/tmp/covey-test-pipe-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(path));
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_err(files_get(&c, view_text(path), &fd), ERR_BAD_INPUT);
    unlink(path);
    ck_assert_uint_eq(c.count, 0);
}
END_TEST

START_TEST(a_micro_job_is_found_and_taken_out_wherever_it_stands)
{
    for (uint64_t gone = 0; gone < 4; gone++) {
        JobTable t;
        ck_assert_ok(jobs_new(&t, 8));
        for (uint64_t job = 0; job < 4; job++) add(&t, job);
        uint32_t place = jobs_find(&t, gone, 0);
        ck_assert_uint_ne(place, JOB_NONE);
        ck_assert(jobs_find(&t, gone, 1) == JOB_NONE && jobs_find(&t, 4, 0) == JOB_NONE);
        ck_assert(jobs_remove(&t, place) && !jobs_remove(&t, place));
        jobs_release(&t, place);
        add(&t, 9); /* at the end, whoever was last */
        for (uint64_t job = 0; job < 4; job++)
            if (job != gone) ck_assert_uint_eq(take(&t), job);
        ck_assert_uint_eq(take(&t), 9);
        ck_assert(t.waiting == 0 && t.held == 0);
        jobs_free(&t);
    }
}
END_TEST

TEST_MAIN("node/jobs", a_micro_job_is_found_and_taken_out_wherever_it_stands, micro_jobs_leave_in_the_order_they_came, what_is_put_back_comes_first,
          a_full_window_takes_no_more_until_one_is_answered,
          a_batch_lives_as_long_as_its_last_micro_job, many_files_are_read_through_few_descriptors, what_is_not_a_regular_file_is_not_waited_for)
