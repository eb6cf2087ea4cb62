/* Is the kernel's report interface asked as it wants to be, and is what it can't give said? An entry is played by a folder of files. */
#include <sys/stat.h>

#include "attest/fixture.h"
#include "attest/tsm.h"

typedef struct { Folder folder; int fd; } Entry;

static Entry entry_new(const char *provider)
{
    Entry e = {.folder = folder_new()};
    folder_put(&e.folder, "inblob", VIEW(""));
    folder_put(&e.folder, "outblob", VIEW("what the firmware says"));
    folder_put(&e.folder, "generation", VIEW("1\n"));
    folder_put(&e.folder, "provider", view_text(provider));
    ck_assert_ok(fd_open(AT_FDCWD, e.folder.path, O_RDONLY | O_DIRECTORY, 0, &e.fd));
    return e;
}

static void entry_free(Entry *e)
{
    fd_close(&e->fd);
    folder_free(&e->folder);
}

static void check_kind(const char *provider, uint32_t expected)
{
    uint8_t data[64];
    uint32_t kind = 0;
    Diag why = {0};
    Entry e = entry_new(provider);
    AUTO_BUFFER report = buffer_limited(1024), asked = buffer_limited(1024);
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)i;
    ck_assert_ok(tsm_ask(e.fd, data, &kind, &report, &why));
    ck_assert_uint_eq(kind, expected);
    ck_assert(view_equal(view_buffer(&report), VIEW("what the firmware says")));
    ck_assert_ok(file_read(e.fd, "inblob", &asked));
    ck_assert(view_equal(view_buffer(&asked), view_of(data, sizeof data)));
    entry_free(&e);
}

START_TEST(the_provider_says_the_kind)
{
    check_kind("sev_guest\n", EVIDENCE_SEV_SNP);
    check_kind("tdx_guest\n", EVIDENCE_TDX);
}
END_TEST

static void check_refusal(const Entry *e, const char *text)
{
    uint8_t data[64] = {0};
    uint32_t kind = 77;
    Diag why = {0};
    AUTO_BUFFER report = buffer_limited(1024);
    ck_assert_err(tsm_ask(e->fd, data, &kind, &report, &why), ERR_LEVEL);
    ck_assert_msg(strstr(why.text, text) != NULL, "%s", why.text);
    ck_assert_uint_eq(kind, 77);
    ck_assert_uint_eq(report.size, 0);
}

START_TEST(another_provider_is_named)
{
    Entry e = entry_new("arm_cca_guest\n");
    check_refusal(&e, "arm_cca_guest; known are sev_guest and tdx_guest");
    entry_free(&e);
}
END_TEST

START_TEST(a_report_that_can_not_be_read_is_an_error)
{
    Entry e = entry_new("sev_guest\n");
    ck_assert_int_eq(unlinkat(e.fd, "outblob", 0), 0);
    check_refusal(&e, "the kernel's report interface: ");
    entry_free(&e);
}
END_TEST

START_TEST(a_machine_without_the_interface_is_told_so_and_nothing_stays_behind)
{
    uint8_t data[64] = {0};
    uint32_t kind = 0;
    Diag why = {0};
    Folder f = folder_new();
    char path[128];
    struct stat st;
    AUTO_BUFFER report = buffer_limited(1024);
    snprintf(path, sizeof path, "%s/none", f.path);
    ck_assert_err(tsm_collect(path, data, &kind, &report, &why), ERR_LEVEL);
    ck_assert_ptr_nonnull(strstr(why.text, "no confidential guest"));
    ck_assert_err(tsm_collect(f.path, data, &kind, &report, &why), ERR_LEVEL); /* an ordinary folder makes no entries */
    ck_assert_ptr_nonnull(strstr(why.text, "the kernel's report interface"));
    ck_assert_int_eq(stat(f.path, &st), 0);
    ck_assert_uint_eq(st.st_nlink, 2 + 4); /* the fixture's own four */
    folder_free(&f);
}
END_TEST

TEST_MAIN("attest/tsm", the_provider_says_the_kind, another_provider_is_named, a_report_that_can_not_be_read_is_an_error,
          a_machine_without_the_interface_is_told_so_and_nothing_stays_behind)
