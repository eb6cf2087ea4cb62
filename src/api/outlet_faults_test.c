/* When any one call of writing an output fails: is there a clean error, the old file or the new one, and nothing open or left over? */
#include "api/outlet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/test.h"

static void put(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static bool holds(const char *path, const char *expected)
{
    char text[64] = "";
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    return n == strlen(expected) && memcmp(text, expected, n) == 0;
}

static Err write_new(Diag *diag)
{
    char partial[PATH_BYTES_MAX];
    Outlet o;
    TRY(outlet_open("out", &o, diag));
    Err e = outlet_write(&o, VIEW("new"));
    if (e.code == 0) e = outlet_commit(&o, false, partial, diag);
    outlet_close(&o);
    return e;
}

START_TEST(every_failing_call_leaves_the_old_file_or_the_new_one)
{
    TestFolder folder = test_folder();
    ck_assert_int_eq(chdir(folder.path), 0);
    unsigned failures = 0;
    for (unsigned nth = 1;; nth++) {
        put("out", "old");
        int open_before = test_open_descriptors();
        Diag diag = {0};
        fault_arm(nth, ENOSPC);
        Err e = write_new(&diag);
        bool struck = fault_struck();
        fault_arm(0, 0);
        ck_assert_int_eq(test_open_descriptors(), open_before);
        ck_assert_int_eq(test_count_entries("."), 1);
        ck_assert(holds("out", "new") || (e.code != 0 && holds("out", "old")));
        if (!struck) {
            ck_assert_ok(e);
            break;
        }
        if (e.code == 0) continue; /* there was another way */
        failures++;
        ck_assert_int_eq(e.code, ENOSPC);
        ck_assert_ptr_nonnull(strstr(diag.text, "output out: No space left on device"));
    }
    ck_assert_uint_ge(failures, 4); /* open, write, sync, name or rename: else the loop tested nothing */
    test_folder_remove(&folder);
}
END_TEST

TEST_MAIN("api/outlet_faults", every_failing_call_leaves_the_old_file_or_the_new_one)
