/* Is what the store hands out what was there when it was opened, and does every resource take its recorded time? */
#include <errno.h>
#include <fcntl.h>

#include "pto/depot.h"
#include "sys/fd.h"
#include "sys/test.h"

static TestFolder folder;
static Service s;
static Depot d;
static Diag diag;

static void write_file(const char *name, const char *text) { ck_assert_ok(file_replace(AT_FDCWD, test_path(&folder, name), view_text(text), 0600)); }

static Err begin(const char *store)
{
    char yaml[4096];
    folder = test_folder();
    write_file("image", "an image");
    write_file("one", "first");
    write_file("two", "second and longer");
    write_file("times.csv", "timestamp,value\n1,100\n2,300\n");
    snprintf(yaml, sizeof yaml, "service: s\nstore: {path: %s%s}\ntasks:\n  - {task: a, image: i, data: [one, two]}\n  - {task: b, image: i, data: [one]}\n",
             folder.path, store);
    ck_assert_ok(service_parse(view_text(yaml), "s.yaml", folder.path, &s, &diag));
    const char *image = test_path(&folder, "image");
    return depot_open(&s, "s.yaml", (const char *const[]){image, image}, &d, &diag);
}
static void end(void)
{
    depot_close(&d);
    service_free(&s);
    test_folder_remove(&folder);
}

START_TEST(what_several_tasks_use_is_there_once_and_counts_for_each)
{
    ck_assert_ok(begin(""));
    ck_assert_uint_eq(d.count, 3);
    ck_assert(!d.simulated);
    ck_assert_uint_eq(depot_task_bytes(&d, 0), 8 + 5 + 17);
    ck_assert_uint_eq(depot_task_bytes(&d, 1), 8 + 5);
    ck_assert_uint_eq(depot_task_delay_ns(&d, 0), 0);
    end();
}
END_TEST

START_TEST(a_resource_is_handed_out_sealed_and_one_that_changed_is_refused)
{
    ck_assert_ok(begin(""));
    int before = test_open_descriptors(), fd = -1;
    char text[8] = "";
    ck_assert_ok(depot_fetch(&d.items[1], &fd));
    ck_assert_int_eq(pread(fd, text, sizeof text, 0), 5);
    ck_assert_str_eq(text, "first");
    ck_assert_int_eq(pwrite(fd, "x", 1, 0), -1);
    fd_close(&fd);
    write_file("one", "FIRST");
    ck_assert_err(depot_fetch(&d.items[1], &fd), ERR_CHANGED);
    write_file("one", "longer than before");
    ck_assert_err(depot_fetch(&d.items[1], &fd), ERR_CHANGED);
    remove(test_path(&folder, "one"));
    ck_assert_err(depot_fetch(&d.items[1], &fd), ENOENT);
    ck_assert_int_eq(mkfifo(test_path(&folder, "one"), 0600), 0); /* nobody writes to it: who opens it as a file waits for ever */
    ck_assert_err(depot_fetch(&d.items[1], &fd), ERR_CHANGED);
    ck_assert_int_eq(fd, -1);
    ck_assert_int_eq(test_open_descriptors(), before);
    end();
}
END_TEST

START_TEST(simulated_delays_are_those_that_were_asked_for)
{
    ck_assert_ok(begin(", delay: 3ms, bandwidth: 1000B"));
    ck_assert(d.simulated);
    ck_assert_uint_eq(depot_task_delay_ns(&d, 1), 2 * 3 * NS_PER_MS + 13 * NS_PER_MS);
    end();
    char recorded[PATH_MAX];
    folder = test_folder();
    test_folder_remove(&folder);
    snprintf(recorded, sizeof recorded, ", recorded: times.csv, speedup: 10");
    ck_assert_ok(begin(recorded));
    uint64_t one = d.items[1].delay_ns / NS_PER_MS;
    ck_assert(one == 10 || one == 30);
    ck_assert_uint_eq(d.items[0].delay_ns, 0); /* images are not what was recorded */
    end();
}
END_TEST

static void refused_times(const char *text, int code, const char *why)
{
    const char *image = test_path(&folder, "image");
    write_file("times.csv", text);
    ck_assert_err(depot_open(&s, "s.yaml", (const char *const[]){image, image}, &d, &diag), code);
    const char *said = strstr(diag.text, "times.csv");
    ck_assert_ptr_nonnull(said);
    ck_assert_str_eq(said, why);
}

START_TEST(a_recorded_time_that_is_none_is_named_with_its_line_and_not_passed_over)
{
    static const char *const WRONG[] = {"x", "", "0", "-3", "nan", "inf", "1e7", "0x10", " 5", "5 ms", "1e999", "--1"};
    ck_assert_ok(begin(", recorded: times.csv"));
    depot_close(&d);
    for (size_t i = 0; i < sizeof WRONG / sizeof WRONG[0]; i++) {
        char text[128];
        snprintf(text, sizeof text, "timestamp,value,host\n1,100,a\n\r\n2,%s,b\n3,300,c\n", WRONG[i]);
        refused_times(text, ERR_BAD_INPUT, "times.csv:4: 'value' is no loading time: milliseconds above 0 and below 10000000");
    }
    refused_times("timestamp,value\n1,100\n2\n", ERR_BAD_INPUT, "times.csv:3: 'value' is no loading time: milliseconds above 0 and below 10000000");
    refused_times("timestamp,values\n1,100\n", ERR_BAD_INPUT, "times.csv:1: recorded loading times need a column 'value' (milliseconds)");
    refused_times("timestamp,value\n", ERR_BAD_INPUT, "times.csv: there is no loading time in it");
    d = (Depot){0};
    end();
}
END_TEST

START_TEST(what_is_missing_is_named_with_file_and_line)
{
    ck_assert_ok(begin(""));
    depot_close(&d);
    remove(test_path(&folder, "two"));
    const char *image = test_path(&folder, "image");
    ck_assert_err(depot_open(&s, "s.yaml", (const char *const[]){image, image}, &d, &diag), ERR_NO_ENTRY);
    ck_assert_int_eq(strncmp(diag.text, "s.yaml:4: ", 10), 0);
    ck_assert_ptr_nonnull(strstr(diag.text, "/two: "));
    d = (Depot){0};
    end();
}
END_TEST

START_TEST(data_that_cannot_be_in_one_input_with_a_body_is_refused_before_anybody_asks)
{
    ck_assert_ok(begin(""));
    const char *image = test_path(&folder, "image");
    depot_close(&d);
    s.tasks[0].data_in_input = true;
    ck_assert_ok(depot_open(&s, "s.yaml", (const char *const[]){image, image}, &d, &diag));
    depot_close(&d);
    s.body_max = SEGMENT_BYTES_MAX - KIB - 21; /* of 22 bytes that the task has */
    ck_assert_err(depot_open(&s, "s.yaml", (const char *const[]){image, image}, &d, &diag), ERR_LIMIT);
    ck_assert_str_eq(diag.text, "s.yaml:4: task 'a': its data and the largest body are more than an input can be (1GiB); leave out 'fallback: input'");
    d = (Depot){0};
    end();
}
END_TEST

TEST_MAIN("pto/depot", what_several_tasks_use_is_there_once_and_counts_for_each, a_resource_is_handed_out_sealed_and_one_that_changed_is_refused,
          simulated_delays_are_those_that_were_asked_for, a_recorded_time_that_is_none_is_named_with_its_line_and_not_passed_over,
          what_is_missing_is_named_with_file_and_line,
          data_that_cannot_be_in_one_input_with_a_body_is_refused_before_anybody_asks)
