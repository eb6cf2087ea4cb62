/*
 * Whatever system call of a build fails, is the error clean: no temporary folder, no descriptor and no process left, and the
 * output either absent or whole? The build is run with its first call failing, then its second, and so on until it gets
 * through.
 */
#include "sys/fault.h"

#include <errno.h>
#include <sys/wait.h>

#include "image/build_fixture.h"
#include "sys/test.h"

enum { CALLS_MAX = 2000 };

static void expect_whole_or_absent(const char *path, uint64_t nth)
{
    if (access(path, F_OK) != 0) return;
    AUTO_BUFFER image = content_of(path);
    TrustedKeys trusted;
    ImageInfo info;
    ck_assert_ok(trusted_keys_load(in_home("config"), &trusted, NULL));
    ck_assert_msg(image_verify(view_buffer(&image), &trusted, &info, NULL).code == 0, "call %d left a damaged image", (int)nth);
}

/* One build with call `nth` failing. A forked child goes on with the count, so that its calls before exec fail in their turn
 * too; then the build fails although none of this process's calls did. */
static Err build_failing(uint64_t nth, int error)
{
    int descriptors = test_open_descriptors();
    ImageBuildRequest r = request(in_home("job.see"));
    ImageBuilt built = {.seconds = -1};
    Diag diag = {0};
    fault_arm(nth, error);
    Err e = image_build(&r, &built, &diag);
    fault_arm(0, 0);

    ck_assert_msg(test_open_descriptors() == descriptors, "call %d: descriptors leak", (int)nth);
    ck_assert_msg(waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD, "call %d: a process is left", (int)nth);
    shell("test -z \"$(ls -A %s)\"", in_home("tmp"));
    expect_whole_or_absent(in_home("job.see"), nth);
    if (e.code) ck_assert_msg(built.seconds < 0 && diag.text[0], "call %d: %s without a sentence", (int)nth, err_text(e.code));
    else ck_assert_int_eq(access(in_home("job.see"), F_OK), 0);
    return e;
}

/* Builds with each call failing in turn; `remove` is what does not stay from one build to the next. At least `failures_min` of
 * the calls must matter, or the sweep swept nothing. */
static void sweep(const char *remove, int error, unsigned failures_min)
{
    ImageBuildRequest r = request(in_home("job.see"));
    ImageBuilt built;
    unsigned failures = 0;
    shell("cd %s && rm -rf job.see %s", home, remove);
    fault_arm(0, 0);
    ck_assert_ok(image_build(&r, &built, NULL));
    uint64_t calls = fault_calls();
    ck_assert_uint_lt(calls, CALLS_MAX);
    for (uint64_t nth = 1; nth <= calls; nth++) {
        shell("cd %s && rm -rf job.see %s", home, remove);
        failures += build_failing(nth, error).code != 0;
    }
    ck_assert_uint_ge(failures, failures_min);
}

START_TEST(a_build_is_clean_whatever_fails)
{
    set_up();
    module(WRITES_B ")");
    sweep("cache config", ENOSPC, 50);
    tear_down();
}
END_TEST

START_TEST(taking_an_image_from_the_cache_is_clean_whatever_fails)
{
    set_up();
    module(WRITES_B ")");
    ImageBuildRequest r = request(NULL);
    ImageBuilt built;
    ck_assert_ok(image_build(&r, &built, NULL));
    sweep("", EIO, 20);
    tear_down();
}
END_TEST

TEST_MAIN("image/build_fault", a_build_is_clean_whatever_fails, taking_an_image_from_the_cache_is_clean_whatever_fails)
