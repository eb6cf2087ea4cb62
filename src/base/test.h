/**
 * The frame of a unit test program: tests written with libcheck's START_TEST, then one line
 *
 *     TEST_MAIN("base/bytes", a_limit_is_never_passed, views_of_equal_bytes_are_equal)
 *
 * Each test runs in a process of its own (so a crash fails one test, not all) and is one line of TAP on standard output, so that the
 * runner counts tests and not programs. Environment: CK_FORK=no runs all in one process, for a debugger.
 */
#pragma once
#include <check.h>
#include <stdlib.h>

#include "base/error.h"

enum { TEST_SECONDS_MAX = 120 }; /* a hang fails; generous, because sanitizers and busy machines are slow */

/* A sanitizer watches what code does with memory, not what comes of it, and takes long: under one, loops over every bit, byte or seed take every
 * TEST_STEPth; the ordinary build takes them all. */
#if defined __has_feature /* clang */
#define TEST_SANITIZED __has_feature(address_sanitizer)
#elif defined __SANITIZE_ADDRESS__
#define TEST_SANITIZED 1
#else
#define TEST_SANITIZED 0
#endif
enum { TEST_STEP = TEST_SANITIZED ? 7 : 1 };

#define ck_assert_ok(call) \
    do { Err e_ = (call); ck_assert_msg(e_.code == 0, "%s: %s (%d) at %s", #call, err_text(e_.code), e_.code, e_.at); } while (0)
#define ck_assert_err(call, expected) \
    do { Err e_ = (call); \
         ck_assert_msg(e_.code == (expected), "%s: %s (%d), not %s", #call, err_text(e_.code), e_.code, err_text(expected)); } while (0)

static inline int test_run(const char *name, const TTest *const *tests, size_t count)
{
    Suite *suite = suite_create(name);
    TCase *group = tcase_create(name);
    tcase_set_timeout(group, TEST_SECONDS_MAX);
    for (size_t i = 0; i < count; i++) tcase_add_test(group, tests[i]);
    suite_add_tcase(suite, group);

    SRunner *runner = srunner_create(suite);
    srunner_set_tap(runner, "-");
    srunner_run_all(runner, CK_SILENT);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#define TEST_MAIN(name, ...) \
    int main(void) \
    { \
        const TTest *const tests[] = {__VA_ARGS__}; \
        return test_run((name), tests, sizeof tests / sizeof tests[0]); \
    }
