/* When any one system call of reading a task and its input fails: is there a clean error, nothing left open, and never a short input? */
#include <errno.h>
#include <fcntl.h>

#include "swarm/combine.h"
#include "swarm/split.h"
#include "sys/fault.h"
#include "sys/fd.h"
#include "sys/test.h"

typedef Err (*Attempt)(const char *path, Diag *diag);

static void fail_each_call(Attempt attempt, const char *path, unsigned calls_least)
{
    for (unsigned nth = 1;; nth++) {
        int open_before = test_open_descriptors();
        Diag diag = {{0}};
        fault_arm(nth, EIO);
        Err e = attempt(path, &diag);
        bool struck = fault_struck();
        fault_arm(0, 0);
        ck_assert_int_eq(test_open_descriptors(), open_before);
        if (!struck) {
            ck_assert_ok(e);
            ck_assert_uint_gt(nth, calls_least);
            return;
        }
        ck_assert_msg(e.code == EIO, "call %u: %s", nth, err_text(e.code));
        ck_assert_msg(strchr(diag.text, '\n') == NULL && strlen(diag.text) < sizeof diag.text - 1, "call %u", nth);
    }
}

static Err load(const char *path, Diag *diag)
{
    TaskSpec t;
    TRY(task_load(path, &t, diag));
    task_free(&t);
    return OK;
}

/** Walks to the end; without an error, every byte must have been handed out. */
static Err walk(const TaskSpec *t, uint64_t size, Diag *diag)
{
    Splitter *s;
    TRY(splitter_open(t, &s, diag));
    Segment g;
    bool more = true;
    uint64_t sum = splitter_header(s).size;
    Err e = OK;
    while (!e.code && more) {
        e = splitter_next(s, &g, &more, diag);
        if (!e.code && more) sum += g.size;
    }
    Buffer identity = buffer_limited(4096);
    if (!e.code && strcmp(t->input_path, "-") != 0) e = splitter_identity(s, &identity);
    if (!e.code) ck_assert_uint_eq(sum, size);
    buffer_free(&identity);
    splitter_free(&s);
    return e;
}

enum { INPUT_BYTES = 1 << 20 };

static void make_input(const char *path)
{
    uint8_t *text = malloc(INPUT_BYTES);
    for (size_t i = 0; i < INPUT_BYTES; i++) text[i] = i % 50 == 49 ? '\n' : 'x';
    ck_assert_ok(file_replace(AT_FDCWD, path, view_of(text, INPUT_BYTES), 0600));
    free(text);
}

static char input[PATH_BYTES_MAX];

static Err split(SplitBy by, const char *path, Diag *diag)
{
    snprintf(input, sizeof input, "%s", path);
    TaskSpec t;
    task_defaults(&t);
    t.split.by = by;
    t.input_path = input;
    return walk(&t, INPUT_BYTES, diag);
}

static Err split_csv(const char *path, Diag *diag) { return split(SPLIT_CSV, path, diag); }
static Err split_lines(const char *path, Diag *diag) { return split(SPLIT_LINES, path, diag); }
static Err split_files(const char *path, Diag *diag) { return split(SPLIT_FILE, path, diag); }

static Err split_pipe(const char *path, Diag *diag)
{
    AUTO_FD fd = open(path, O_RDONLY | O_CLOEXEC); /* a file as standard input is read as a pipe is */
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(dup2(fd, STDIN_FILENO), STDIN_FILENO);
    return split(SPLIT_CSV, "-", diag);
}

static Err discard(void *context, View bytes)
{
    (void)context, (void)bytes;
    return OK;
}

static Err combine(const char *path, Diag *diag)
{
    (void)path;
    CombineSpec spec = {.by = COMBINE_SUM_BY_KEY};
    Combiner *c;
    TRY_WHY(diag, combiner_new(&spec, discard, NULL, &c), "combiner");
    combiner_free(&c);
    return OK;
}

START_TEST(each_call_fails_cleanly)
{
    TestFolder f = test_folder();
    const char *yaml = test_path(&f, "task.yaml"), *data = test_path(&f, "input.csv");
    ck_assert_ok(file_replace(AT_FDCWD, yaml, VIEW("task: t\nimage: i\ninput: a\n"), 0600));
    make_input(data);
    fail_each_call(load, yaml, 2);
    fail_each_call(split_csv, data, 5);
    fail_each_call(split_lines, data, 5);
    fail_each_call(split_files, data, 1);
    fail_each_call(split_pipe, data, 10);
    fail_each_call(combine, NULL, 1);
    test_folder_remove(&f);
}
END_TEST

TEST_MAIN("swarm/input_faults", each_call_fails_cleanly)
