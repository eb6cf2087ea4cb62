/* Is a service file read as it is written, and is every mistake named with its line? */
#include "base/test.h"
#include "pto/service.h"

static Service s;
static Diag diag;

static Err parse(const char *text) { return diag = (Diag){0}, service_parse(view_text(text), "s.yaml", "folder", &s, &diag); }

START_TEST(a_service_file_says_all_that_it_can_say)
{
    ck_assert_ok(parse("service: photos\n"
                       "store: {path: store, delay: 20ms, bandwidth: 100MiB, recorded: times.csv, speedup: 50}\n"
                       "security: {level: shared, lifetime: 2s, memory: 1MiB, output: 2MiB}\n"
                       "limits: {body: 3MiB, running: 4, waiting: 5, rate: 6, session-rate: 7, patience: 8s, deadline: 9s}\n"
                       "warm: {zygotes: 10, memory: 11MiB}\n"
                       "history: {path: h.db, rows: 12}\n"
                       "tasks:\n"
                       "  - {task: load, module: load.wasm, next: [send, load]}\n"
                       "  - {task: send, image: /i/send.see, args: [--to, '007'], data: [weights.bin, words]}\n"));
    ck_assert_str_eq(s.name, "photos");
    ck_assert_str_eq(s.store.path, "folder/store");
    ck_assert_uint_eq(s.store.delay_ns, 20 * NS_PER_MS);
    ck_assert_uint_eq(s.store.speedup, 50);
    ck_assert_int_eq(s.level, LEVEL_SHARED);
    ck_assert_uint_eq(s.session_rate, 7);
    ck_assert_uint_eq(s.deadline_ns, 9 * NS_PER_S);
    ck_assert_uint_eq(s.zygotes_max, 10);
    ck_assert_uint_eq(s.history_rows, 12);
    ck_assert_uint_eq(s.task_count, 2);
    ck_assert_uint_eq(s.tasks[0].next_count, 2);
    ck_assert_uint_eq(s.tasks[0].next[0], 1);
    ck_assert_uint_eq(s.tasks[0].next[1], 0);
    ck_assert_str_eq(s.tasks[1].args[1], "007");
    ck_assert_str_eq(s.tasks[1].data[1], "words");
    ck_assert_uint_eq(service_find(&s, VIEW("send")), 1);
    ck_assert_uint_eq(service_find(&s, VIEW("sen")), UINT32_MAX);
    service_free(&s);
}
END_TEST

START_TEST(every_mistake_is_named_with_file_and_line)
{
    static const struct { const char *text, *error; } CASES[] = {
        {"tasks: [{task: a, module: a.wasm}]\n", "s.yaml:1: the service has no name"},
        {"service: s\n", "s.yaml:1: the service has no tasks"},
        {"service: s\ntasks: {a: b}\n", "s.yaml:2: 'tasks' must be a list"},
        {"service: s\ntasks:\n  - {module: a.wasm}\n", "s.yaml:3: a task has no name"},
        {"service: s\ntasks:\n  - {task: a}\n", "s.yaml:3: task 'a' needs exactly one of 'image' and 'module'"},
        {"service: s\ntasks:\n  - {task: a, image: i, module: m}\n", "s.yaml:3: task 'a' needs exactly one"},
        {"service: s\ntasks:\n  - {task: a, image: i}\n  - {task: a, image: i}\n", "s.yaml:4: task 'a' is there already, on line 3"},
        {"service: s\ntasks:\n  - {task: a b, image: i}\n", "s.yaml:3: 'a b' cannot be a name"},
        {"service: a/b\ntasks:\n  - {task: a, image: i}\n", "s.yaml:1: 'a/b' cannot be a name"},
        {"service: s\ntasks:\n  - {task: a, image: i, next: [c]}\n", "s.yaml:3: task 'a' is followed by 'c', and there is no such task"},
        {"service: s\ntasks:\n  - {task: a, image: i, data: [w]}\n", "s.yaml:3: task 'a' has data, and the service no store"},
        {"service: s\nstore: {path: p, speedup: 3}\ntasks:\n  - {task: a, image: i}\n", "s.yaml:2: 'speedup' divides recorded loading times"},
        {"service: s\ntasks:\n  - {task: a, image: i, dta: [w]}\n", "s.yaml:3: unknown key 'dta'; did you mean 'data'?"},
        {"service: s\nlimits: {body: 1TiB}\n", "s.yaml:2: 'body: 1TiB' must be a size"},
        {"service: s\nworkflow: none.json\ntasks:\n  - {task: a, image: i}\n", "folder/none.json:"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof CASES[0]; i++) {
        Err e = parse(CASES[i].text);
        ck_assert_msg(e.code == ERR_BAD_INPUT || e.code == ERR_NO_ENTRY, "case %zu: %s", i, err_text(e.code));
        ck_assert_msg(strncmp(diag.text, CASES[i].error, strlen(CASES[i].error)) == 0, "'%s', not '%s'", diag.text, CASES[i].error);
    }
}
END_TEST

TEST_MAIN("pto/service", a_service_file_says_all_that_it_can_say, every_mistake_is_named_with_file_and_line)
