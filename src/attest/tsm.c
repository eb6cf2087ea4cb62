/* The kernel's report interface, see tsm.h. */
#include "attest/tsm.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/entropy.h"
#include "sys/fault.h"
#include "sys/fd.h"

enum { SMALL_FILE_BYTES_MAX = 64 };

static Err write_report_data(int entry_fd, const uint8_t report_data[64])
{
    AUTO_FD fd = -1;
    TRY(fd_open(entry_fd, "inblob", O_WRONLY, 0, &fd));
    return fd_write_all(fd, view_of(report_data, 64));
}

/* Without its newline. */
static Err read_small(int entry_fd, const char *name, char ret_text[SMALL_FILE_BYTES_MAX])
{
    AUTO_BUFFER content = buffer_limited(SMALL_FILE_BYTES_MAX - 1);
    TRY(file_read(entry_fd, name, &content));
    memcpy(ret_text, content.data ? content.data : (const uint8_t *)"", content.size);
    ret_text[content.size] = '\0';
    ret_text[strcspn(ret_text, "\n")] = '\0';
    return OK;
}

Err tsm_ask(int entry_fd, const uint8_t report_data[64], uint32_t *ret_kind, Buffer *ret_evidence, Diag *diag)
{
    char provider[SMALL_FILE_BYTES_MAX], before[SMALL_FILE_BYTES_MAX], after[SMALL_FILE_BYTES_MAX];
    AUTO_BUFFER report = buffer_limited(NODE_EVIDENCE_BYTES_MAX);
    Err e = write_report_data(entry_fd, report_data);
    if (e.code == 0) e = read_small(entry_fd, "provider", provider);
    if (e.code == 0) e = read_small(entry_fd, "generation", before);
    if (e.code == 0) e = file_read(entry_fd, "outblob", &report);
    if (e.code == 0) e = read_small(entry_fd, "generation", after);
    if (e.code) return FAIL_WHY(diag, ERR_LEVEL, "the kernel's report interface: %s", err_text(e.code));
    if (strcmp(before, after) != 0) return FAIL_WHY(diag, ERR_LEVEL, "somebody else used the same entry of the kernel's report interface");

    bool is_snp = strcmp(provider, "sev_guest") == 0, is_tdx = strcmp(provider, "tdx_guest") == 0;
    if (!is_snp && !is_tdx) return FAIL_WHY(diag, ERR_LEVEL, "the kernel's report provider is %s; known are sev_guest and tdx_guest", provider);
    TRY(buffer_append(ret_evidence, view_buffer(&report)));
    *ret_kind = is_snp ? EVIDENCE_SEV_SNP : EVIDENCE_TDX;
    return OK;
}

Err tsm_collect(const char *folder, const uint8_t report_data[64], uint32_t *ret_kind, Buffer *ret_evidence, Diag *diag)
{
    char path[PATH_BYTES_MAX];
    uint64_t unique;
    TRY(random_bytes(&unique, sizeof unique));
    if (snprintf(path, sizeof path, "%s/covey-%016llx", folder, (unsigned long long)unique) >= (int)sizeof path) return FAIL(ENAMETOOLONG);
    if (FAULTABLE("mkdir", mkdir(path, 0700)) < 0)
        return FAIL_WHY(diag, ERR_LEVEL, "%s: %s", folder,
                        errno == ENOENT ? "not there: no confidential guest, or its kernel has no configfs-tsm" : strerrordesc_np(errno));
    AUTO_FD entry = -1;
    Err e = fd_open(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0, &entry);
    if (e.code == 0) e = tsm_ask(entry, report_data, ret_kind, ret_evidence, diag);
    else e = FAIL_WHY(diag, ERR_LEVEL, "%s: %s", path, err_text(e.code));
    rmdir(path);
    return e;
}
