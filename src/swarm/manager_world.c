/* The world that tests of the manager run in. */
#include "swarm/manager_world.h"

#include <fcntl.h>
#include <sqlite3.h>

#include "sys/clock.h"
#include "sys/fd.h"

enum { IDLE_MS = 5, IDLE_TURNS = 4, SECONDS_MAX = 100 };

void world_open(World *w)
{
    *w = (World){.folder = test_folder()};
    snprintf(w->journal, sizeof w->journal, "%s/journal", w->folder.path);
    w->output = buffer_limited(SIZE_MAX);
    w->results = calloc(WORLD_JOBS_MAX, 1);
    ck_assert_ptr_nonnull(w->results);
}

void world_close(World *w)
{
    world_stop(w);
    task_free(&w->task);
    buffer_free(&w->output);
    free(w->results);
    test_folder_remove(&w->folder);
}

void world_input(World *w, const void *data, size_t size)
{
    ck_assert_ok(file_replace(AT_FDCWD, test_path(&w->folder, "input"), view_of(data, size), 0600));
}

void world_input_lines(World *w, uint64_t lines)
{
    AUTO_BUFFER b = buffer_limited(SIZE_MAX);
    for (uint64_t i = 0; i < lines; i++) ck_assert_ok(buffer_format(&b, "%llu\n", (unsigned long long)i));
    world_input(w, b.data, b.size);
}

static Err on_output(void *context, View bytes) { return buffer_append(&((World *)context)->output, bytes); }

static void on_result(void *context, uint64_t job, View result)
{
    (void)result;
    World *w = context;
    ck_assert(job < WORLD_JOBS_MAX);
    w->results[job]++;
    w->results_count++;
}

static void on_failure(void *context, const ManagerFailure *f)
{
    World *w = context;
    ck_assert(w->failure_count < WORLD_FAILURES_MAX);
    WorldFailure *at = &w->failures[w->failure_count++];
    *at = (WorldFailure){.job = f->job, .stage = f->stage, .outcome = f->outcome, .exit_code = f->exit_code, .attempts = f->attempts};
    snprintf(at->log, sizeof at->log, "%.*s", (int)f->log.size, (const char *)f->log.data);
}

void world_task(World *w, const char *yaml)
{
    AUTO_BUFFER text = buffer_limited(TASK_FILE_BYTES_MAX);
    ck_assert_ok(buffer_format(&text, "task: t\nimage: x.see\n%s", yaml));
    task_free(&w->task);
    Err e = task_parse(view_buffer(&text), "task.yaml", w->folder.path, &w->task, &w->diag);
    ck_assert_msg(e.code == 0, "%s", w->diag.text);
    w->request = (ManagerRequest){
        .task = &w->task, .image_path = "x.see", .combine_image_path = w->task.combine.by == COMBINE_MODULE ? "r.see" : NULL,
        .journal_dir = w->journal, .node_grace_ns = 10 * NS_PER_S,
        .events = {.context = w, .output = on_output, .result = on_result, .failure = on_failure}};
}

void world_echo(void *context, uint32_t stage, const JobItem *item, View segment, FakeAnswer *answer)
{
    (void)context, (void)stage, (void)item;
    ck_assert_ok(buffer_append(&answer->output, segment));
}

void world_node(World *w, FakeNodeConfig config)
{
    static const char *const NAMES[WORLD_NODES_MAX] = {"n0", "n1", "n2", "n3", "n4", "n5", "n6", "n7"};
    ck_assert(w->node_count < WORLD_NODES_MAX);
    if (!config.id) config.id = NAMES[w->node_count];
    if (!config.work) config.work = world_echo;
    if (!config.window) config.window = 16;
    if (!config.batch) config.batch = 4;
    w->configs[w->node_count++] = config;
}

void world_start(World *w)
{
    w->output.size = 0;
    memset(w->results, 0, WORLD_JOBS_MAX);
    w->results_count = w->failure_count = 0;
    w->diag = (Diag){0};
    ck_assert_ok(loop_new(&w->loop));
    ck_assert_ok(bus_memory_new(w->loop, &w->bus));
    w->result = manager_new(w->loop, w->bus, &w->request, &w->manager, &w->diag);
    for (uint32_t i = 0; w->result.code == 0 && i < w->node_count; i++)
        ck_assert_ok(fake_node_new(w->loop, w->bus, &w->configs[i], &w->nodes[i]));
}

/* Nodes that died, or that lost answers, announce themselves again when nothing moves. */
static void revive(World *w)
{
    for (uint32_t i = 0; i < w->node_count; i++)
        if (!w->configs[i].silent) ck_assert_ok(fake_node_announce(w->nodes[i]));
}

/* Only then may a node owe answers for ever. */
static bool answers_get_lost(const World *w)
{
    for (uint32_t i = 0; i < w->node_count; i++) {
        const FakeFaults *f = &w->configs[i].faults;
        if (f->drop || f->die || f->garbage) return true;
    }
    return false;
}

void world_turn_until_done(World *w)
{
    uint64_t start = clock_monotonic_ns(), moved = start, heard = 0, idle_turns = 0;
    while (w->result.code == 0 && !manager_done(w->manager, &w->result, &w->diag)) {
        ck_assert_ok(loop_turn(w->loop, IDLE_MS));
        ManagerProgress p;
        manager_progress(w->manager, &p);
        uint64_t now = clock_monotonic_ns();
        idle_turns++;
        if (p.dropped + p.sees_started != heard) {
            moved = now;
            idle_turns = 0;
        }
        heard = p.dropped + p.sees_started;
        if (idle_turns > IDLE_TURNS && now - moved > IDLE_MS * NS_PER_MS && answers_get_lost(w)) {
            revive(w);
            idle_turns = 0;
        }
        ck_assert_msg(now - start < SECONDS_MAX * NS_PER_S, "the manager hangs: %llu of %llu", (unsigned long long)p.succeeded,
                      (unsigned long long)p.micro_jobs);
        if (w->stop_after && w->results_count >= w->stop_after) break;
    }
    if (w->manager) manager_progress(w->manager, &w->progress);
}

void world_stop(World *w)
{
    for (uint32_t i = 0; i < w->node_count; i++) fake_node_free(&w->nodes[i]);
    manager_free(&w->manager);
    bus_free(&w->bus);
    loop_free(&w->loop);
}

void world_run(World *w)
{
    world_start(w);
    world_turn_until_done(w);
    world_stop(w);
}

void world_expect_output(const World *w, View expected)
{
    size_t same = 0, least = expected.size < w->output.size ? expected.size : w->output.size;
    while (same < least && expected.data[same] == w->output.data[same]) same++;
    ck_assert_msg(view_equal(view_buffer(&w->output), expected), "output differs at byte %zu: %zu bytes, expected %zu", same,
                  w->output.size, expected.size);
}

void world_expect_echo(const World *w)
{
    AUTO_BUFFER input = buffer_limited(SIZE_MAX);
    ck_assert_ok(file_read(AT_FDCWD, test_path(&w->folder, "input"), &input));
    world_expect_output(w, view_buffer(&input));
}

int64_t world_query(const World *w, const char *sql)
{
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/journal.db", w->journal);
    sqlite3 *db;
    sqlite3_stmt *s;
    ck_assert_int_eq(sqlite3_open(path, &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_prepare_v2(db, sql, -1, &s, NULL), SQLITE_OK);
    ck_assert_int_eq(sqlite3_step(s), SQLITE_ROW);
    int64_t number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    sqlite3_close(db);
    return number;
}
