/* Whatever system call fails: is a collateral folder, or a report of the kernel's, either read whole or refused with a
 * sentence, and nothing left open? */
#include <errno.h>

#include "attest/tdx_world.h"
#include "attest/tsm.h"
#include "sys/fault.h"
#include "sys/test.h"

enum { CALLS_MAX = 1000 };

static Err load_failing(const Folder *f, uint64_t nth, bool *ret_struck)
{
    int descriptors = test_open_descriptors();
    Collateral *c = NULL;
    Diag why = {0};
    fault_arm(nth, EIO);
    Err e = collateral_load(f->path, &c, &why);
    *ret_struck = fault_struck();
    fault_arm(0, 0);
    ck_assert_msg(test_open_descriptors() == descriptors, "call %d: descriptors leak", (int)nth);
    ck_assert_msg((e.code == 0) == (c != NULL), "call %d", (int)nth);
    if (e.code) ck_assert_msg(strstr(why.text, f->path) != NULL, "call %d: %s without the file's name: %s", (int)nth, err_text(e.code), why.text);
    if (c) ck_assert_uint_eq(c->intel_revoked.count, 2);
    collateral_free(&c);
    return e;
}

START_TEST(a_folder_is_read_whole_or_not_at_all)
{
    TdxWorld w;
    tdx_world_open(&w);
    uint64_t nth = 1, failures = 0;
    for (bool struck = true; struck && nth < CALLS_MAX; nth++) failures += load_failing(&w.folder, nth, &struck).code != 0;
    ck_assert_uint_lt(nth, CALLS_MAX);
    ck_assert_uint_ge(failures, 4 + 7); /* the folders, and at least the opening of each file */
    tdx_world_close(&w);
}
END_TEST

START_TEST(a_report_is_read_whole_or_not_at_all)
{
    static const char *const NAMES[] = {"inblob", "outblob", "generation", "provider"};
    Folder f = folder_new();
    for (size_t i = 0; i < 4; i++) folder_put(&f, NAMES[i], VIEW("sev_guest\n"));
    AUTO_FD entry = -1;
    ck_assert_ok(fd_open(AT_FDCWD, f.path, O_RDONLY | O_DIRECTORY, 0, &entry));
    uint64_t nth = 1, failures = 0;
    for (bool struck = true; struck && nth < CALLS_MAX; nth++) {
        uint8_t data[64] = {0};
        uint32_t kind = 0;
        Diag why = {0};
        AUTO_BUFFER report = buffer_limited(1024);
        int descriptors = test_open_descriptors();
        fault_arm(nth, EIO);
        Err e = tsm_ask(entry, data, &kind, &report, &why);
        struck = fault_struck();
        fault_arm(0, 0);
        ck_assert_msg(test_open_descriptors() == descriptors, "call %d: descriptors leak", (int)nth);
        ck_assert_msg(e.code == 0 || (e.code == ERR_LEVEL && kind == 0 && report.size == 0 && why.text[0]), "call %d: %s", (int)nth, err_text(e.code));
        failures += e.code != 0;
    }
    ck_assert_uint_ge(failures, 6);
    folder_free(&f);
}
END_TEST

TEST_MAIN("attest/collateral_faults", a_folder_is_read_whole_or_not_at_all, a_report_is_read_whole_or_not_at_all)
