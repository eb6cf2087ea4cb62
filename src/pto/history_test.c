/* Does the history keep what happened, in bounds, and survive damage without stopping anybody? */
#include <fcntl.h>
#include <sqlite3.h>

#include "pto/history.h"
#include "sys/test.h"

static Service s;
static Diag diag;
static TestFolder folder;

static void begin(void)
{
    folder = test_folder();
    ck_assert_ok(service_parse(VIEW("service: s\ntasks:\n  - {task: a, image: i}\n  - {task: b, image: i}\n"), "s.yaml", NULL, &s, &diag));
}
static void end(void)
{
    service_free(&s);
    test_folder_remove(&folder);
}
static History *open_history(uint64_t rows, bool aside)
{
    History *h;
    bool was_aside;
    ck_assert_ok(history_open(test_path(&folder, "h.db"), &s, rows, &h, &was_aside, &diag));
    ck_assert_int_eq(was_aside, aside);
    return h;
}
static RequestEvent event(uint32_t task, uint64_t number)
{
    RequestEvent e = {.wall_ns = number, .task = task, .status = 200, .start = START_WARM, .latency_ns = number, .client = ~number};
    snprintf(e.session, sizeof e.session, "session %u", (unsigned)(number % 7));
    return e;
}

typedef struct { uint64_t count, first, last, foreign; } Seen;
static Err see(void *context, const RequestEvent *e, const char *task)
{
    Seen *seen = context;
    if (!seen->count++) seen->first = e->latency_ns;
    seen->last = e->latency_ns;
    seen->foreign += e->task == UINT32_MAX;
    ck_assert(strlen(task) > 0 && e->client == ~e->latency_ns);
    return OK;
}
static Seen seen(uint64_t skipped)
{
    Seen all = {0};
    uint64_t found = 99;
    ck_assert_ok(history_each(test_path(&folder, "h.db"), &s, see, &all, &found, &diag));
    ck_assert_uint_eq(found, skipped);
    return all;
}

START_TEST(events_come_back_in_their_order_also_after_the_clock_jumped_back)
{
    begin();
    History *h = open_history(1000, false);
    for (uint64_t i = 0; i < 700; i++) {
        RequestEvent e = event(i % 2, i);
        if (i > 350) e.wall_ns = 1;
        history_add(h, &e);
    }
    history_close(&h);
    Seen all = seen(0);
    ck_assert_uint_eq(all.count, 700);
    ck_assert_uint_eq(all.first, 0);
    ck_assert_uint_eq(all.last, 699);
    end();
}
END_TEST

START_TEST(only_the_newest_are_kept)
{
    begin();
    for (int round = 0; round < 3; round++) {
        History *h = open_history(100, false);
        for (uint64_t i = 0; i < 5000; i++) {
            RequestEvent e = event(0, (uint64_t)round * 5000 + i);
            history_add(h, &e);
            ck_assert_uint_le(history_progress(h).rows, 100 + 100 / 8 + HISTORY_BATCH);
        }
        history_close(&h);
    }
    Seen all = seen(0);
    ck_assert_uint_eq(all.count, 100);
    ck_assert_uint_eq(all.first, 14900);
    end();
}
END_TEST

START_TEST(a_damaged_history_is_put_aside_and_a_new_one_begun)
{
    begin();
    int fd = open(test_path(&folder, "h.db"), O_CREAT | O_WRONLY, 0600);
    for (int i = 0; i < 1000; i++) ck_assert_int_eq(write(fd, "not a database at all\n", 22), 22);
    close(fd);
    History *h = open_history(10, true);
    RequestEvent e = event(1, 5);
    history_add(h, &e);
    history_close(&h);
    ck_assert_uint_eq(seen(0).count, 1);
    ck_assert_int_eq(access(test_path(&folder, "h.db.damaged"), F_OK), 0);
    end();
}
END_TEST

START_TEST(rows_that_make_no_sense_and_tasks_that_are_gone_do_no_harm)
{
    begin();
    History *h = open_history(10, false);
    for (uint64_t i = 0; i < 4; i++) {
        RequestEvent e = event(0, i);
        history_add(h, &e);
    }
    history_close(&h);
    sqlite3 *db;
    ck_assert_int_eq(sqlite3_open(test_path(&folder, "h.db"), &db), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(db, "UPDATE request SET status = 7 WHERE id = 2; UPDATE request SET session = printf('%.*c', 500, 'x') WHERE id = 3;"
                                      "UPDATE task SET name = 'gone' WHERE name = 'a'", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    Seen all = seen(2);
    ck_assert_uint_eq(all.count, 2);
    ck_assert_uint_eq(all.foreign, 2);
    end();
}
END_TEST

START_TEST(an_empty_history_and_none_at_all_are_read_as_what_they_are)
{
    begin();
    uint64_t skipped;
    Seen none = {0};
    ck_assert_err(history_each(test_path(&folder, "h.db"), &s, see, &none, &skipped, &diag), ERR_NO_ENTRY);
    History *h = open_history(10, false);
    history_close(&h);
    ck_assert_uint_eq(seen(0).count, 0);
    end();
}
END_TEST

START_TEST(a_history_that_cannot_be_written_loses_events_and_says_how_many)
{
    begin();
    History *h = open_history(10, false);
    sqlite3 *other;
    ck_assert_int_eq(sqlite3_open(test_path(&folder, "h.db"), &other), SQLITE_OK);
    ck_assert_int_eq(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    RequestEvent e = event(0, 1);
    history_add(h, &e);
    history_flush(h);
    ck_assert_uint_eq(history_progress(h).dropped, 1);
    ck_assert_int_eq(history_progress(h).last_error.code, ERR_BUSY);
    sqlite3_close(other);
    history_add(h, &e);
    history_close(&h);
    ck_assert_uint_eq(seen(0).count, 1);
    end();
}
END_TEST

START_TEST(an_event_is_the_same_after_its_way_through_bytes_and_every_cut_is_refused)
{
    RequestEvent e = event(3, 77), back;
    snprintf(e.attributes, sizeof e.attributes, "a=1&b=2");
    AUTO_BUFFER b = buffer_limited(EVENT_BYTES_MAX);
    ck_assert_ok(event_put(&b, &e));
    ck_assert_ok(event_get(view_buffer(&b), &back));
    ck_assert_int_eq(memcmp(&e, &back, offsetof(RequestEvent, session)), 0);
    ck_assert_str_eq(back.attributes, e.attributes);
    for (size_t size = 0; size < b.size; size++) ck_assert_err(event_get(view_of(b.data, size), &back), ERR_PROTOCOL);
}
END_TEST

TEST_MAIN("pto/history", events_come_back_in_their_order_also_after_the_clock_jumped_back, only_the_newest_are_kept,
          a_damaged_history_is_put_aside_and_a_new_one_begun, rows_that_make_no_sense_and_tasks_that_are_gone_do_no_harm,
          an_empty_history_and_none_at_all_are_read_as_what_they_are, a_history_that_cannot_be_written_loses_events_and_says_how_many,
          an_event_is_the_same_after_its_way_through_bytes_and_every_cut_is_refused)
