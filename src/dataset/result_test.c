/* Does a result file open for its recipients only when the results cover all segments once? The test plays SEEs, manager and key broker. */
#include "dataset/result_fixture.h"
#include "dataset/sealed_sample.h"
#include "see/slot.h"

static const AeadKey RESULT_KEY = {{9, 9, 9}};
static const uint8_t TASK[16] = {1, 2, 3};
enum { SEGMENTS = 4 };

typedef struct { uint64_t first, end; const char *text; uint64_t stage; } Part;

/** What a SEE gives for segments [first, end): text, sealed. */
static Buffer make_part(const uint8_t task[16], const Part *p)
{
    static uint8_t salt;
    salt++;
    SealedResultHead head = {.stage_and_job = p->stage << STAGE_SHIFT | p->first, .first = p->first, .end = p->end, .salt = {salt}};
    memcpy(head.task_id, task, sizeof head.task_id);
    Buffer b = buffer_limited(1 << 20);
    result_fixture_put(&RESULT_KEY, head, view_text(p->text), &b);
    return b;
}

static Buffer make_result(const uint8_t task[16], uint64_t first, uint64_t end, const char *text)
{
    return make_part(task, &(Part){first, end, text, 0});
}

static SealedWriter *begin_results(const char *path)
{
    SealedWriter *w = NULL;
    Diag diag = {{0}};
    ck_assert_ok(result_writer_open(path, TASK, &w, &diag));
    return w;
}

/** As the key broker ends a result file, over a dataset of SEGMENTS segments. */
static void end_results(const Sample *s, SealedWriter *w)
{
    Diag diag = {{0}};
    AUTO_BUFFER policy = buffer_limited(POLICY_BYTES_MAX), footer = buffer_limited(FOOTER_BYTES_MAX), claims = buffer_limited(256);
    ck_assert_ok(policy_encode(&s->policy, &policy));
    Footer dataset = {.name = {.id = {77}, .version = 3}, .segments = SEGMENTS, .policy = view_buffer(&policy)};
    ResultFooterRequest request = {.secret = &s->secret, .signer = &s->owner, .result_key = &RESULT_KEY, .dataset = &dataset};
    memcpy(request.task_id, TASK, sizeof request.task_id);
    ResultClaims c;
    result_writer_claims(w, &c);
    ck_assert_ok(result_claims_encode(&c, &claims));
    ck_assert_ok(result_claims_decode(view_buffer(&claims), &request.claims));
    ck_assert_ok(result_footer_sign(&request, &footer, &diag));
    ck_assert_ok(result_writer_finish(w, view_buffer(&footer), &diag));
    sealed_writer_free(&w);
}

/** A result file of these parts. */
static void write_results(const Sample *s, const char *path, const Part *parts, size_t count)
{
    SealedWriter *w = begin_results(path);
    for (size_t i = 0; i < count; i++) {
        AUTO_BUFFER r = make_part(TASK, &parts[i]);
        ck_assert_ok(result_writer_add(w, view_buffer(&r)));
    }
    end_results(s, w);
}

static void check(const Part *parts, size_t count, int code, const char *text)
{
    Sample s;
    AUTO_BUFFER plain = buffer_limited(1 << 20);
    Diag diag = {{0}};
    sample_begin(&s);
    write_results(&s, "r", parts, count);
    ck_assert_err(sample_unseal(&s, "r", &plain, &diag), code);
    if (code) ck_assert_str_eq(diag.text, text);
    else ck_assert(view_equal(view_buffer(&plain), view_text(text)));
    sample_end(&s);
}

START_TEST(all_results_in_order_are_the_output)
{
    check((Part[]){{0, 1, "a"}, {1, 2, ""}, {2, 4, "cd"}}, 3, 0, "acd");
    check((Part[]){{0, 4, "all"}}, 1, 0, "all");
    check((Part[]){{0, 4, "combined", 2}}, 1, 0, "combined");
}
END_TEST

/* A manager could stop half-way, or put what is half combined beside what is not: genuine, all there, and not what the task gives. */
START_TEST(a_result_that_combines_a_part_is_not_the_tasks)
{
    check((Part[]){{0, 2, "a", 1}, {2, 4, "b", 1}}, 2, ERR_MISPLACED,
          "r: result 0 combines segments 0 to 2 only: the task was not combined to its end");
    check((Part[]){{0, 1, "a"}, {1, 4, "b", 1}}, 2, ERR_MISPLACED,
          "r: result 1 combines segments 1 to 4 only: the task was not combined to its end");
}
END_TEST

START_TEST(a_result_left_out_repeated_or_moved_is_found)
{
    check((Part[]){{0, 1, "a"}, {2, 4, "c"}}, 2, ERR_MISPLACED, "r: result 1 is of segments 2 to 4, and 1 should come next: results were left out, repeated or reordered");
    check((Part[]){{0, 2, "a"}, {0, 2, "a"}, {2, 4, "c"}}, 3, ERR_MISPLACED,
          "r: result 1 is of segments 0 to 2, and 2 should come next: results were left out, repeated or reordered");
    check((Part[]){{2, 4, "c"}, {0, 2, "a"}}, 2, ERR_MISPLACED, "r: result 0 is of segments 2 to 4, and 0 should come next: results were left out, repeated or reordered");
    check((Part[]){{0, 2, "a"}}, 1, ERR_TRUNCATED, "r: the results end before segment 2 of 4: the last are missing");
    check((Part[]){{0, 5, "a"}}, 1, ERR_MISPLACED, "r: result 0 is of segments 0 to 5, and 0 should come next: results were left out, repeated or reordered");
    check(NULL, 0, ERR_TRUNCATED, "r: the results end before segment 0 of 4: the last are missing");
}
END_TEST

START_TEST(what_is_no_result_of_this_task_is_not_taken)
{
    Sample s;
    sample_begin(&s);
    SealedWriter *w = NULL;
    ck_assert_ok(result_writer_open("r", TASK, &w, NULL));
    const uint8_t other[16] = {4};
    AUTO_BUFFER r = make_result(other, 0, 1, "x");
    ck_assert_err(result_writer_add(w, view_buffer(&r)), ERR_FOREIGN);
    ck_assert_err(result_writer_add(w, view_of(r.data, r.size - 2)), ERR_PROTOCOL);
    ck_assert_err(result_writer_add(w, view_of(r.data, 63)), ERR_PROTOCOL);
    r.data[4] = 1; /* the format of before */
    ck_assert_err(result_writer_add(w, view_buffer(&r)), ERR_PROTOCOL);
    r.data[4] = SEALED_RESULT_FORMAT;
    r.data[0] ^= 1;
    ck_assert_err(result_writer_add(w, view_buffer(&r)), ERR_PROTOCOL);
    sealed_writer_free(&w);
    sample_end(&s);
}
END_TEST

START_TEST(every_flipped_bit_of_a_result_file_is_found)
{
    Sample s;
    sample_begin(&s);
    write_results(&s, "r", (Part[]){{0, 1, "a"}, {1, 4, "bcd"}}, 2);
    AUTO_BUFFER b = sample_file("r");
    for (size_t bit = 0; bit < 8 * b.size; bit++) {
        AUTO_BUFFER plain = buffer_limited(1 << 20);
        Diag diag = {{0}};
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        sample_write("damaged", view_buffer(&b));
        b.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        Err e = sample_unseal(&s, "damaged", &plain, &diag);
        ck_assert_msg(e.code != 0 && diag.text[0], "bit %zu passed", bit);
    }
    sample_end(&s);
}
END_TEST

/* As a manager, or a node, that wants another copy's result to win would do it: the file around it is all in order. */
START_TEST(another_results_digest_behind_a_result_is_found)
{
    Sample s;
    Diag diag = {{0}};
    sample_begin(&s);
    AUTO_BUFFER a = make_result(TASK, 0, 4, "mine"), b = make_result(TASK, 0, 4, "theirs"), plain = buffer_limited(1 << 20);
    SealedWriter *w = begin_results("r");
    memcpy(a.data + a.size - sizeof(SealedResultEnd), b.data + b.size - sizeof(SealedResultEnd), sizeof(SealedResultEnd));
    ck_assert_ok(result_writer_add(w, view_buffer(&a)));
    end_results(&s, w);
    ck_assert_err(sample_unseal(&s, "r", &plain, &diag), ERR_CORRUPT);
    sample_end(&s);
}
END_TEST

START_TEST(the_footer_names_source_and_recipients)
{
    Sample s;
    SealedFile *f = NULL;
    SealedFacts facts;
    SealPublicKey recipient;
    sample_begin(&s);
    write_results(&s, "r", (Part[]){{0, 4, "all"}}, 1);
    ck_assert_ok(sealed_open("r", &s.trusted, &f, NULL));
    sealed_facts(f, &facts);
    ck_assert(facts.is_result);
    ck_assert_mem_eq(facts.id, TASK, sizeof TASK);
    ck_assert_uint_eq(facts.source.id[0], 77);
    ck_assert_uint_eq(facts.source.version, 3);
    ck_assert_uint_eq(facts.source_segments, SEGMENTS);
    ck_assert(sealed_recipient(f, 0, &recipient));
    ck_assert_mem_eq(recipient.bytes, s.sealing.bytes, sizeof recipient.bytes);
    ck_assert(!sealed_recipient(f, 1, &recipient));
    sealed_close(&f);
    sample_end(&s);
}
END_TEST

START_TEST(claims_are_taken_in_one_form_only)
{
    ResultClaims c = {.results = 5, .plain_bytes = 1000, .index_hash = {{3}}}, back;
    AUTO_BUFFER b = buffer_limited(256);
    ck_assert_ok(result_claims_encode(&c, &b));
    ck_assert_ok(result_claims_decode(view_buffer(&b), &back));
    ck_assert_uint_eq(back.results, 5);
    ck_assert_uint_eq(back.plain_bytes, 1000);
    ck_assert_mem_eq(back.index_hash.bytes, c.index_hash.bytes, 32);
    ck_assert_err(result_claims_decode(view_of(b.data, b.size - 1), &back), ERR_BAD_INPUT);
    ck_assert_ok(buffer_put_u8(&b, 0));
    ck_assert_err(result_claims_decode(view_buffer(&b), &back), ERR_BAD_INPUT);
}
END_TEST

TEST_MAIN("dataset/result", all_results_in_order_are_the_output, a_result_that_combines_a_part_is_not_the_tasks,
          a_result_left_out_repeated_or_moved_is_found, what_is_no_result_of_this_task_is_not_taken,
          every_flipped_bit_of_a_result_file_is_found,
          another_results_digest_behind_a_result_is_found, the_footer_names_source_and_recipients, claims_are_taken_in_one_form_only)
