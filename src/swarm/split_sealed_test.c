/* Does a sealed input hand out its own segments as they were cut, and refuse to be cut again? */
#include "dataset/sealed_sample.h"
#include "swarm/split.h"

static TaskSpec task_over(const char *path)
{
    TaskSpec t;
    task_defaults(&t);
    t.input_path = strdup(path);
    return t;
}

static const size_t SIZES[] = {100, 0, 40000};
enum { COUNT = 3 };

START_TEST(segments_are_ranges_of_ciphertext_with_their_plain_sizes)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 2);
    sample_seal(&request, "a.sealed", SIZES, COUNT, 1 << 20);
    TaskSpec t = task_over("a.sealed");
    Splitter *p = NULL;
    Diag diag = {{0}};
    ck_assert_ok(splitter_open(&t, &p, &diag));
    ck_assert_ptr_nonnull(splitter_sealed(p));
    ck_assert_uint_eq(splitter_header(p).size, 0);
    ck_assert_int_eq(splitter_poll_fd(p), -1);
    Segment g;
    bool more;
    uint64_t offset = 36, done, total;
    for (size_t i = 0; i < COUNT; i++) {
        ck_assert_ok(splitter_next(p, &g, &more, &diag));
        ck_assert(more && g.sealed && !g.with_header);
        ck_assert_uint_eq(g.index, i);
        ck_assert_uint_eq(g.offset, offset);
        ck_assert_uint_eq(g.plain_size, SIZES[i]);
        ck_assert_uint_eq(g.size, stream_sealed_size(SIZES[i]));
        ck_assert_str_eq(g.path, "a.sealed");
        offset += g.size;
    }
    ck_assert_ok(splitter_next(p, &g, &more, &diag));
    ck_assert(!more);
    splitter_progress(p, &done, &total);
    ck_assert_uint_eq(done, 40100);
    ck_assert_uint_eq(total, 40100);
    splitter_free(&p);
    task_free(&t);
    sample_end(&s);
}
END_TEST

/* Of COUNT segments two blocks: the first one is the first segment, the second one the others. */
START_TEST(blocks_are_ranges_of_consecutive_segments)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 2);
    sample_seal(&request, "a.sealed", SIZES, COUNT, 1 << 20);
    TaskSpec t = task_over("a.sealed");
    t.privacy = calloc(1, sizeof *t.privacy);
    t.privacy->blocks = 2;
    Splitter *p = NULL;
    Diag diag = {{0}};
    AUTO_BUFFER pieces = buffer_limited(1024);
    ck_assert_ok(splitter_open(&t, &p, &diag));
    Segment first, second, none;
    bool more;
    ck_assert_ok(splitter_next(p, &first, &more, &diag));
    ck_assert(more && first.index == 0 && first.offset == 36 && first.plain_size == 100 && first.size == stream_sealed_size(100));
    ck_assert_ok(splitter_next(p, &second, &more, &diag));
    ck_assert(more && second.index == 1 && second.offset == 36 + first.size && second.plain_size == 40000);
    ck_assert_uint_eq(second.size, stream_sealed_size(0) + stream_sealed_size(40000));
    ck_assert_ok(splitter_next(p, &none, &more, &diag));
    ck_assert(!more);
    ck_assert_ok(splitter_pieces(p, 1, &pieces));
    Reader r = reader_of(view_buffer(&pieces));
    ck_assert_uint_eq(read_u64(&r), 1);
    ck_assert_uint_eq(read_u64(&r), 0);
    ck_assert_uint_eq(read_u64(&r), 40000);
    ck_assert(reader_done(&r));
    splitter_free(&p);
    task_free(&t);
    sample_end(&s);
}
END_TEST

static Buffer identity_of(const char *path)
{
    TaskSpec t = task_over(path);
    Splitter *p = NULL;
    Buffer b = buffer_limited(4096);
    ck_assert_ok(splitter_open(&t, &p, NULL));
    ck_assert_ok(splitter_identity(p, &b));
    splitter_free(&p);
    task_free(&t);
    return b;
}

START_TEST(a_copy_is_the_same_input_and_sealing_anew_is_another)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 2);
    sample_seal(&request, "a.sealed", SIZES, COUNT, 1 << 20);
    sample_seal(&request, "b.sealed", SIZES, COUNT, 1 << 20);
    ck_assert_int_eq(system("cp a.sealed copy"), 0);
    AUTO_BUFFER a = identity_of("a.sealed"), b = identity_of("b.sealed"), copy = identity_of("copy");
    ck_assert(view_equal(view_buffer(&a), view_buffer(&copy)));
    ck_assert(!view_equal(view_buffer(&a), view_buffer(&b)));
    sample_end(&s);
}
END_TEST

static void check_refused(const char *yaml, const char *text)
{
    TaskSpec t;
    Splitter *p = NULL;
    Diag diag = {{0}};
    ck_assert_ok(task_parse(view_text(yaml), "t.yaml", NULL, &t, &diag));
    ck_assert_err(splitter_open(&t, &p, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, text);
    task_free(&t);
}

START_TEST(a_split_of_what_is_cut_already_is_refused)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 2);
    sample_seal(&request, "a.sealed", SIZES, COUNT, 1 << 20);
    const char *text = "a.sealed: is sealed, and was cut when it was sealed; remove 'split' (covey seal cuts with --by and --target)";
    check_refused("task: t\nmodule: m.wasm\ninput: {path: a.sealed, split: csv}\n", text);
    check_refused("task: t\nmodule: m.wasm\ninput: {path: a.sealed, split: {target: 1MiB}}\n", text);
    check_refused("task: t\nmodule: m.wasm\ninput: {path: a.sealed, split: file}\n", text);
    sample_end(&s);
}
END_TEST

START_TEST(a_damaged_dataset_is_refused_before_anything_runs)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 2);
    sample_seal(&request, "a.sealed", SIZES, COUNT, 1 << 20);
    AUTO_BUFFER b = sample_file("a.sealed");
    sample_write("b.sealed", view_of(b.data, b.size - 1));
    TaskSpec t = task_over("b.sealed");
    Splitter *p = NULL;
    Diag diag = {{0}};
    ck_assert_err(splitter_open(&t, &p, &diag), ERR_TRUNCATED);
    task_free(&t);
    sample_end(&s);
}
END_TEST

TEST_MAIN("swarm/split_sealed", blocks_are_ranges_of_consecutive_segments,
          segments_are_ranges_of_ciphertext_with_their_plain_sizes, a_copy_is_the_same_input_and_sealing_anew_is_another,
          a_split_of_what_is_cut_already_is_refused, a_damaged_dataset_is_refused_before_anything_runs)
