/* When any one call of fetching from the store fails: is there a clean error, and nothing left open? */
#include <errno.h>
#include <fcntl.h>

#include "pto/depot.h"
#include "sys/fault.h"
#include "sys/fd.h"
#include "sys/test.h"

static Service s;
static Diag diag;

static Err fetch_once(const DepotItem *item)
{
    int fd = -1;
    TRY(depot_fetch(item, &fd));
    fd_close(&fd);
    return OK;
}

static Err open_store(const char *image)
{
    Depot d;
    TRY(depot_open(&s, "s.yaml", (const char *const[]){image}, &d, &diag));
    Err e = fetch_once(&d.items[1]);
    depot_close(&d);
    return e;
}

START_TEST(every_failing_call_of_the_store_is_a_clean_error_and_leaves_nothing_open)
{
    TestFolder folder = test_folder();
    char yaml[4096];
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&folder, "one"), VIEW("data"), 0600));
    snprintf(yaml, sizeof yaml, "service: s\nstore: {path: %s}\ntasks:\n  - {task: a, image: one, data: [one]}\n", folder.path);
    ck_assert_ok(service_parse(view_text(yaml), "s.yaml", NULL, &s, &diag));
    char image[PATH_MAX];
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&folder, "image"), VIEW("an image"), 0600));
    snprintf(image, sizeof image, "%s", test_path(&folder, "image"));
    unsigned failures = 0;
    for (unsigned nth = 1;; nth++) {
        int before = test_open_descriptors();
        fault_arm(nth, ENOSPC);
        Err e = open_store(image);
        bool struck = fault_struck();
        fault_arm(0, 0);
        ck_assert_int_eq(test_open_descriptors(), before);
        if (!struck) {
            ck_assert_ok(e);
            break;
        }
        failures += e.code != 0;
    }
    ck_assert_uint_ge(failures, 8);
    service_free(&s);
    test_folder_remove(&folder);
}
END_TEST

TEST_MAIN("pto/depot_faults", every_failing_call_of_the_store_is_a_clean_error_and_leaves_nothing_open)
