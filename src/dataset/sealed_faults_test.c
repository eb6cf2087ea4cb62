/* When any one system call of sealing or unsealing fails: is there a clean error, nothing left open or on disk, and never a short output? */
#include <errno.h>

#include "dataset/sealed_sample.h"
#include "sys/fault.h"
#include "sys/test.h"

typedef Err (*Attempt)(const Sample *s, Diag *diag);

enum { SEGMENTS = 1500, SEGMENT = 700 }; /* more than the index holds in memory, and several batches */

static Err write_all(SealedWriter *w, Diag *diag)
{
    uint8_t plain[SEGMENT];
    memset(plain, 'x', sizeof plain);
    for (int i = 0; i < SEGMENTS; i++) {
        TRY(sealed_writer_begin(w));
        TRY(sealed_writer_feed(w, view_of(plain, sizeof plain)));
        TRY(sealed_writer_end(w));
    }
    return sealed_writer_finish(w, diag);
}

static Err seal(const Sample *s, Diag *diag)
{
    SealRequest request = sample_request(s, 1);
    SealedWriter *w;
    TRY(sealed_writer_open("new.sealed", &request, &w, diag));
    Err e = write_all(w, diag);
    sealed_writer_free(&w);
    int removed = unlink("new.sealed"); /* the name is given before its folder is synced, which may fail */
    if (e.code == 0) ck_assert_int_eq(removed, 0);
    ck_assert_int_eq(system("test \"$(ls -A)\" = old.sealed"), 0);
    return e;
}

static Err unseal(const Sample *s, Diag *diag)
{
    AUTO_BUFFER plain = buffer_limited(4 << 20);
    TRY(sample_unseal(s, "old.sealed", &plain, diag));
    ck_assert_uint_eq(plain.size, SEGMENTS * SEGMENT);
    return OK;
}

static Err recognise(const Sample *s, Diag *diag)
{
    (void)s, (void)diag;
    bool sealed;
    TRY(sealed_recognise("old.sealed", &sealed));
    ck_assert(sealed);
    return OK;
}

static void fail_each_call(Attempt attempt, const Sample *s, unsigned calls_least, unsigned stride)
{
    for (unsigned nth = 1;; nth += nth > 40 ? stride : 1) {
        int open_before = test_open_descriptors();
        Diag diag = {{0}};
        fault_arm(nth, EIO);
        Err e = attempt(s, &diag);
        bool struck = fault_struck();
        fault_arm(0, 0);
        ck_assert_int_eq(test_open_descriptors(), open_before);
        if (!struck) {
            ck_assert_ok(e);
            ck_assert_uint_gt(nth, calls_least);
            return;
        }
        ck_assert_msg(e.code == EIO, "call %u: %s: %s", nth, err_text(e.code), diag.text);
        ck_assert_msg(strchr(diag.text, '\n') == NULL, "call %u", nth);
    }
}

START_TEST(each_call_fails_cleanly)
{
    Sample s;
    sample_begin(&s);
    SealRequest request = sample_request(&s, 1);
    static size_t sizes[SEGMENTS];
    for (size_t i = 0; i < SEGMENTS; i++) sizes[i] = SEGMENT;
    sample_seal(&request, "old.sealed", sizes, SEGMENTS, SEGMENT);
    fail_each_call(recognise, &s, 3, 1);
    fail_each_call(seal, &s, 10, 1);
    fail_each_call(unseal, &s, 40, 211);
    sample_end(&s);
}
END_TEST

TEST_MAIN("dataset/sealed_faults", each_call_fails_cleanly)
