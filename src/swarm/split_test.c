/* Is every byte of the input in exactly one segment, where the naive splitter puts it, from files and from pipes? */
#include "swarm/split_oracle.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>

#include "sys/fd.h"
#include "sys/test.h"
#include "swarm/test_random.h"

static const SplitBy BY_RECORDS[] = {SPLIT_LINES, SPLIT_CSV, SPLIT_JSONL, SPLIT_FIXED};

static TaskSpec task_of(SplitBy by, const char *path)
{
    TaskSpec t;
    task_defaults(&t);
    t.split.by = by;
    t.input_path = path ? strdup(path) : NULL;
    return t;
}

static void write_file(const char *path, View content)
{
    AUTO_FD fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_ok(fd_write_all(fd, content));
}

/** Standard input becomes a pipe into which a child writes the text in random pieces. */
static pid_t feed_standard_input(View text, uint64_t random)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    pid_t child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        for (size_t at = 0; at < text.size;) {
            size_t piece = 1 + test_below(&random, 1 + text.size / 3);
            if (piece > text.size - at) piece = text.size - at;
            if (fd_write_all(ends[1], view_of(text.data + at, piece)).code) _exit(1);
            at += piece;
        }
        _exit(0);
    }
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    if (ends[0] != STDIN_FILENO) close(ends[0]);
    close(ends[1]);
    return child;
}

/** Walks all segments beside the oracle. */
static void compare(const TaskSpec *t, View in, const char *what)
{
    bool pipe = strcmp(t->input_path, "-") == 0, open = false, more;
    Diag diag = {{0}};
    Splitter *s = NULL;
    Segment g;
    size_t at = 0;
    uint64_t index = 0;
    Err e = splitter_open(t, &s, &diag);
    if (t->split.by == SPLIT_FIXED && !pipe && in.size % t->split.record_bytes) {
        ck_assert_int_eq(e.code, ERR_BAD_INPUT);
        return;
    }
    if (t->split.by == SPLIT_CSV && t->split.header && in.size) {
        at = oracle_record(&t->split, in, 0, &open);
        if (open) {
            ck_assert_msg(e.code == ERR_BAD_INPUT, "%s: an open header was taken", what);
            return;
        }
        ck_assert_msg(e.code == 0, "%s: %s", what, diag.text);
        View header = splitter_header(s);
        ck_assert_msg(header.size - at <= 1 && memcmp(header.data, in.data, at) == 0, "%s: wrong header", what);
        ck_assert_msg(header.data[header.size - 1] == '\n', "%s: header without newline", what);
    }
    ck_assert_msg(e.code == 0, "%s: %s", what, diag.text);
    bool with_header = splitter_header(s).size > 0;
    while (at < in.size) {
        size_t end = oracle_segment(&t->split, in, at, &open);
        e = splitter_next(s, &g, &more, &diag);
        if (open) {
            ck_assert_msg(e.code == ERR_BAD_INPUT, "%s: an open record was taken", what);
            splitter_free(&s);
            return;
        }
        ck_assert_msg(e.code == 0 && more, "%s: %s after %zu bytes", what, e.code ? diag.text : "ended", at);
        ck_assert_msg(g.offset == at && g.size == end - at, "%s: segment %" PRIu64 "+%" PRIu64 ", not %zu+%zu", what, g.offset, g.size, at,
            end - at);
        ck_assert(g.index == index++ && g.with_header == with_header && !g.path == pipe);
        if (pipe) ck_assert_msg(view_equal(g.data, view_of(in.data + at, end - at)), "%s: wrong bytes", what);
        at = end;
    }
    e = splitter_next(s, &g, &more, &diag);
    ck_assert_msg(e.code == 0 && !more, "%s: goes on after the end", what);
    splitter_free(&s);
}

enum { TEXT_MAX = 900 << 10 }; /* several windows of the source */

static size_t random_text(uint64_t *random, uint8_t *text)
{
    static const char ALPHABETS[][9] = {"\"\",\n", "ab,\n\"\"\r", "abcdefg\n", "abcd,,,,", "xxxxxxxx"};
    const char *alphabet = ALPHABETS[test_below(random, sizeof ALPHABETS / sizeof *ALPHABETS)];
    size_t kinds = strlen(alphabet), size = test_below(random, test_below(random, 8) ? 3000 : TEXT_MAX);
    uint64_t rare = test_below(random, 3) ? 2 : 20000; /* records from a few bytes to longer than a window */
    for (size_t i = 0; i < size; i++) text[i] = test_below(random, rare) ? 'x' : (uint8_t)alphabet[test_below(random, kinds)];
    if (test_below(random, 2)) memcpy(text, "\xef\xbb\xbf\"a\nb\",c\n", size < 11 ? size : 11);
    return size;
}

static void random_spec(uint64_t *random, size_t size, SplitSpec *s)
{
    s->by = BY_RECORDS[test_below(random, 4)];
    s->target_bytes = 1 + test_below(random, test_below(random, 2) ? 200 : size + 100);
    s->record_bytes = 1 + test_below(random, test_below(random, 2) ? 10 : size + 2);
    s->records = test_below(random, 3) ? 0 : 1 + test_below(random, 50);
    s->header = test_below(random, 2);
}

START_TEST(segments_are_those_of_the_naive_splitter)
{
    uint64_t seed = test_seed(), random = seed;
    TestFolder folder = test_folder();
    uint8_t *text = malloc(TEXT_MAX + 16);
    const char *rounds = getenv("COVEY_TEST_ROUNDS");
    for (int round = 0; round < (rounds ? atoi(rounds) : 400); round++) {
        size_t size = random_text(&random, text);
        bool pipe = test_below(&random, 4) == 0;
        TaskSpec t = task_of(SPLIT_LINES, pipe ? "-" : test_path(&folder, "input"));
        random_spec(&random, size, &t.split);
        /* a header is bounded; the bound has a test of its own */
        bool open;
        View in = view_of(text, size);
        if (t.split.by == SPLIT_CSV && size && oracle_record(&t.split, in, 0, &open) > HEADER_BYTES_MAX) t.split.header = false;

        char what[160];
        snprintf(what, sizeof what,
            "seed %" PRIu64 " round %d (%s, %s, %zu bytes, target %" PRIu64 ", records %" PRIu64 ", size %" PRIu64 ")",
            seed, round, pipe ? "pipe" : "file", split_name(t.split.by), size, t.split.target_bytes, t.split.records, t.split.record_bytes);
        pid_t child = pipe ? feed_standard_input(in, test_random(&random)) : 0;
        if (!pipe) write_file(t.input_path, in);
        compare(&t, in, what);
        if (pipe) {
            close(STDIN_FILENO);
            waitpid(child, NULL, 0);
        }
        task_free(&t);
    }
    free(text);
    test_folder_remove(&folder);
}
END_TEST

/** Opens and walks to the end; the error, and its text without the folder. */
static int run(TaskSpec *t, const TestFolder *folder, char ret_text[DIAG_TEXT_MAX], uint64_t *ret_segments)
{
    Diag diag = {{0}};
    Splitter *s = NULL;
    Segment g;
    bool more = true;
    *ret_segments = 0;
    Err e = splitter_open(t, &s, &diag);
    while (!e.code && more) {
        e = splitter_next(s, &g, &more, &diag);
        *ret_segments += !e.code && more;
    }
    const char *found = folder ? strstr(diag.text, folder->path) : NULL;
    snprintf(ret_text, DIAG_TEXT_MAX, "%s", found ? found + strlen(folder->path) + 1 : diag.text);
    splitter_free(&s);
    task_free(t);
    return e.code;
}

static void check_error(const TestFolder *folder, SplitSpec spec, View in, int code, const char *text)
{
    char found[DIAG_TEXT_MAX];
    uint64_t segments;
    TaskSpec t = task_of(spec.by, test_path(folder, "in"));
    spec.target_bytes = spec.target_bytes ? spec.target_bytes : SPLIT_TARGET_DEFAULT;
    t.split = spec;
    write_file(t.input_path, in);
    ck_assert_int_eq(run(&t, folder, found, &segments), code);
    ck_assert_str_eq(found, text);
}

START_TEST(a_bad_record_is_an_error_that_names_the_line)
{
    TestFolder f = test_folder();
    check_error(&f, (SplitSpec){.by = SPLIT_CSV, .header = true, .target_bytes = 4}, VIEW("a,b\n1,2\n3,\"4\n5,6\n"), ERR_BAD_INPUT,
        "in:3: a quote is opened and never closed; double it (\"\") if it is data in a quoted field (byte 10)");
    check_error(&f, (SplitSpec){.by = SPLIT_CSV, .header = true}, VIEW("\xef\xbb\xbf\"a,b\n"), ERR_BAD_INPUT,
        "in:1: a quote is opened and never closed; double it (\"\") if it is data in a quoted field (byte 3)");
    check_error(&f, (SplitSpec){.by = SPLIT_FIXED, .record_bytes = 4}, VIEW("abcdefghij"), ERR_BAD_INPUT,
        "in: the last record, at byte 8, has 2 of 4 bytes; is 'size' right?");
    test_folder_remove(&f);
}
END_TEST

START_TEST(an_open_quote_in_a_pipe_is_named_with_its_line)
{
    char text[DIAG_TEXT_MAX];
    uint64_t segments;
    TaskSpec t = task_of(SPLIT_CSV, "-");
    t.split.target_bytes = 1;
    pid_t child = feed_standard_input(VIEW("h\n1\n\"2\n2\"\n3,\"\n4\n"), 7);
    ck_assert_int_eq(run(&t, NULL, text, &segments), ERR_BAD_INPUT);
    ck_assert_uint_eq(segments, 2);
    ck_assert_str_eq(text,
        "standard input:5: a quote is opened and never closed; double it (\"\") if it is data in a quoted field (byte 12)");
    waitpid(child, NULL, 0);
}
END_TEST

START_TEST(a_fixed_record_cut_off_in_a_pipe_is_an_error)
{
    char text[DIAG_TEXT_MAX];
    uint64_t segments;
    TaskSpec t = task_of(SPLIT_FIXED, "-");
    t.split.record_bytes = 3;
    t.split.target_bytes = 3;
    pid_t child = feed_standard_input(VIEW("abcdefgh"), 7);
    ck_assert_int_eq(run(&t, NULL, text, &segments), ERR_BAD_INPUT);
    ck_assert_uint_eq(segments, 2);
    waitpid(child, NULL, 0);
}
END_TEST

START_TEST(an_endless_header_is_an_error)
{
    TestFolder f = test_folder();
    uint8_t *text = malloc(HEADER_BYTES_MAX + 2);
    memset(text, 'h', HEADER_BYTES_MAX + 1);
    text[HEADER_BYTES_MAX + 1] = '\n';
    check_error(&f, (SplitSpec){.by = SPLIT_CSV, .header = true}, view_of(text, HEADER_BYTES_MAX + 2), ERR_BAD_INPUT,
        "in:1: the header is longer than 64KiB; say 'header: false' if there is none, or look for an open quote (byte 0)");
    text[HEADER_BYTES_MAX - 1] = '\n'; /* and just not too long */
    check_error(&f, (SplitSpec){.by = SPLIT_CSV, .header = true}, view_of(text, HEADER_BYTES_MAX + 2), 0, "");
    free(text);
    test_folder_remove(&f);
}
END_TEST

START_TEST(a_segment_beyond_the_limit_is_an_error)
{
    TestFolder f = test_folder();
    TaskSpec t = task_of(SPLIT_LINES, test_path(&f, "in"));
    AUTO_FD fd = open(t.input_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_eq(ftruncate(fd, (off_t)SEGMENT_BYTES_MAX + 4096), 0); /* a hole: one endless line */
    ck_assert_ok(fd_pwrite_all(fd, VIEW("a\n"), 0));
    t.split.records = 2;
    char text[DIAG_TEXT_MAX];
    uint64_t segments;
    ck_assert_int_eq(run(&t, &f, text, &segments), ERR_BAD_INPUT);
    ck_assert_str_eq(text, "in:1: what begins here does not end within 1GiB; look for an open quote, or lower 'records' (byte 0)");
    test_folder_remove(&f);
}
END_TEST

START_TEST(an_empty_input_has_no_segments)
{
    TestFolder f = test_folder();
    for (size_t i = 0; i < 4; i++) {
        char text[DIAG_TEXT_MAX];
        uint64_t segments;
        TaskSpec t = task_of(BY_RECORDS[i], test_path(&f, "in"));
        t.split.record_bytes = 8;
        write_file(t.input_path, VIEW(""));
        ck_assert_int_eq(run(&t, &f, text, &segments), 0);
        ck_assert_uint_eq(segments, 0);
    }
    test_folder_remove(&f);
}
END_TEST

START_TEST(a_header_without_records_has_its_newline_and_no_segments)
{
    TestFolder f = test_folder();
    TaskSpec t = task_of(SPLIT_CSV, test_path(&f, "in"));
    write_file(t.input_path, VIEW("\xef\xbb\xbf" "a,\"b\nc\""));
    Splitter *s;
    Segment g;
    bool more;
    Diag diag;
    ck_assert_ok(splitter_open(&t, &s, &diag));
    ck_assert(view_equal(splitter_header(s), VIEW("\xef\xbb\xbf" "a,\"b\nc\"\n")));
    ck_assert_ok(splitter_next(s, &g, &more, &diag));
    ck_assert(!more);
    splitter_free(&s);
    task_free(&t);
    test_folder_remove(&f);
}
END_TEST

START_TEST(files_are_segments_in_bytewise_order)
{
    static const char *const NAMES[] = {"B.bin", "a.bin", "a0.bin", "b.bin"};
    TestFolder f = test_folder();
    write_file(test_path(&f, "b.bin"), VIEW("\0\n\""));
    write_file(test_path(&f, "B.bin"), VIEW(""));
    write_file(test_path(&f, "a0.bin"), VIEW("xy"));
    write_file(test_path(&f, "a.bin"), VIEW("x"));
    write_file(test_path(&f, "other"), VIEW("x"));
    ck_assert_int_eq(mkdir(test_path(&f, "a.folder.bin"), 0700), 0);
    TaskSpec t = task_of(SPLIT_FILE, test_path(&f, "*.bin"));
    Splitter *s;
    Segment g;
    bool more;
    Diag diag;
    ck_assert_ok(splitter_open(&t, &s, &diag));
    uint64_t done, total;
    splitter_progress(s, &done, &total);
    ck_assert(done == 0 && total == 6);
    for (size_t i = 0; i < 4; i++) {
        ck_assert_ok(splitter_next(s, &g, &more, &diag));
        ck_assert(more && g.index == i);
        ck_assert_str_eq(strrchr(g.path, '/') + 1, NAMES[i]);
    }
    ck_assert_uint_eq(g.size, 3);
    ck_assert_ok(splitter_next(s, &g, &more, &diag));
    ck_assert(!more);
    splitter_progress(s, &done, &total);
    ck_assert(done == 6 && total == 6);
    splitter_free(&s);
    task_free(&t);
    test_folder_remove(&f);
}
END_TEST

START_TEST(what_does_not_exist_is_named)
{
    TestFolder f = test_folder();
    char text[DIAG_TEXT_MAX];
    uint64_t segments;
    TaskSpec t = task_of(SPLIT_LINES, test_path(&f, "none"));
    ck_assert_int_eq(run(&t, &f, text, &segments), ERR_NO_ENTRY);
    ck_assert_str_eq(text, "none: can't be read: No such file or directory");
    t = task_of(SPLIT_FILE, test_path(&f, "*.png"));
    ck_assert_int_eq(run(&t, &f, text, &segments), ERR_NO_ENTRY);
    ck_assert_str_eq(text, "*.png: no file matches");
    t = task_of(SPLIT_CSV, f.path);
    ck_assert_int_eq(run(&t, NULL, text, &segments), ERR_BAD_INPUT);
    ck_assert_ptr_nonnull(strstr(text, "is a folder; name a file, or split by file"));
    test_folder_remove(&f);
}
END_TEST

START_TEST(count_gives_indexes_and_reads_nothing)
{
    char text[DIAG_TEXT_MAX];
    uint64_t segments;
    TaskSpec t = task_of(SPLIT_COUNT, NULL);
    t.split.count = 1000;
    ck_assert_int_eq(run(&t, NULL, text, &segments), 0);
    ck_assert_uint_eq(segments, 1000);
}
END_TEST

START_TEST(a_dry_pipe_says_busy_and_loses_nothing)
{
    int ends[2];
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    TaskSpec t = task_of(SPLIT_CSV, "-");
    t.split.target_bytes = 8;
    t.split.header = false;
    Splitter *s;
    Segment g;
    bool more;
    Diag diag = {{0}};
    ck_assert_ok(splitter_open(&t, &s, &diag));
    ck_assert_int_ge(splitter_poll_fd(s), 3);
    static const char *const PIECES[] = {"1,\"a", "\n", "b", "\"", "\"\n\"", "\n"}; /* the segment is complete with the last */
    for (size_t i = 0; i < 6; i++) {
        ck_assert_err(splitter_next(s, &g, &more, &diag), ERR_BUSY);
        ck_assert_ok(fd_write_all(ends[1], view_text(PIECES[i])));
    }
    ck_assert_ok(splitter_next(s, &g, &more, &diag));
    ck_assert(more && view_equal(g.data, VIEW("1,\"a\nb\"\"\n\"\n")));
    ck_assert_err(splitter_next(s, &g, &more, &diag), ERR_BUSY);
    close(ends[1]);
    ck_assert_ok(splitter_next(s, &g, &more, &diag));
    ck_assert(!more);
    splitter_free(&s);
    task_free(&t);
}
END_TEST

START_TEST(a_file_that_becomes_shorter_is_noticed)
{
    TestFolder f = test_folder();
    TaskSpec t = task_of(SPLIT_CSV, test_path(&f, "in"));
    t.split.header = false;
    uint8_t *text = malloc(1 << 20);
    memset(text, '\n', 1 << 20);
    write_file(t.input_path, view_of(text, 1 << 20));
    Splitter *s;
    Segment g;
    bool more;
    Diag diag = {{0}};
    ck_assert_ok(splitter_open(&t, &s, &diag));
    ck_assert_ok(splitter_next(s, &g, &more, &diag));
    ck_assert_int_eq(truncate(t.input_path, 10), 0);
    ck_assert_err(splitter_next(s, &g, &more, &diag), ERR_CHANGED);
    ck_assert_ptr_nonnull(strstr(diag.text, "in: became shorter while it was read"));
    splitter_free(&s);
    task_free(&t);
    free(text);
    test_folder_remove(&f);
}
END_TEST

static Buffer identity_of(const TaskSpec *t)
{
    Buffer identity = buffer_limited(4096);
    Splitter *s;
    Diag diag;
    ck_assert_ok(splitter_open(t, &s, &diag));
    ck_assert_ok(splitter_identity(s, &identity));
    splitter_free(&s);
    return identity;
}

START_TEST(the_identity_changes_with_the_input)
{
    TestFolder f = test_folder();
    TaskSpec t = task_of(SPLIT_LINES, test_path(&f, "in"));
    write_file(t.input_path, VIEW("a\n"));
    Buffer first = identity_of(&t), again = identity_of(&t);
    ck_assert(view_equal(view_buffer(&first), view_buffer(&again)));
    write_file(t.input_path, VIEW("abc\n"));
    Buffer grown = identity_of(&t);
    ck_assert(!view_equal(view_buffer(&first), view_buffer(&grown)));
    buffer_free(&first);
    buffer_free(&again);
    buffer_free(&grown);
    task_free(&t);
    test_folder_remove(&f);
}
END_TEST

START_TEST(a_pipe_has_no_identity)
{
    TaskSpec t = task_of(SPLIT_LINES, "-");
    pid_t child = feed_standard_input(VIEW("x"), 1);
    Splitter *s;
    Diag diag;
    Buffer identity = buffer_limited(100);
    ck_assert_ok(splitter_open(&t, &s, &diag));
    ck_assert_err(splitter_identity(s, &identity), ERR_NO_ENTRY);
    splitter_free(&s);
    task_free(&t);
    waitpid(child, NULL, 0);
}
END_TEST

TEST_MAIN("swarm/split", segments_are_those_of_the_naive_splitter, a_bad_record_is_an_error_that_names_the_line,
    an_open_quote_in_a_pipe_is_named_with_its_line, a_fixed_record_cut_off_in_a_pipe_is_an_error, an_endless_header_is_an_error,
    a_segment_beyond_the_limit_is_an_error, an_empty_input_has_no_segments, a_header_without_records_has_its_newline_and_no_segments,
    files_are_segments_in_bytewise_order, what_does_not_exist_is_named, count_gives_indexes_and_reads_nothing,
    a_dry_pipe_says_busy_and_loses_nothing, a_file_that_becomes_shorter_is_noticed, the_identity_changes_with_the_input,
    a_pipe_has_no_identity)
