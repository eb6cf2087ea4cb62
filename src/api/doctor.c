/* What this machine can give: found by trying where that is possible, with the reason and the remedy where not. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "api/internal.h"
#include "attest/tpm.h"
#include "attest/tsm.h"
#include "image/toolchain.h"
#include "warden/warden.h"

typedef struct {
    const covey *covey;
    covey_finding visit;
    void *context;
} Doctor;

static void __attribute__((format(printf, 4, 5))) say(const Doctor *d, const char *what, bool ok, const char *format, ...)
{
    char why[DIAG_TEXT_MAX];
    va_list args;
    va_start(args, format);
    vsnprintf(why, sizeof why, format, args);
    va_end(args);
    if (d->visit) d->visit(d->context, what, ok, why);
}

static bool present(const char *path) { return access(path, F_OK) == 0; }

/* The kernel. pidfds in clone3 and seccomp as used here came by 5.5; MFD_NOEXEC_SEAL is used only where it is known. */
static void check_kernel(const Doctor *d)
{
    struct utsname u;
    unsigned major = 0, minor = 0;
    if (uname(&u) != 0 || sscanf(u.release, "%u.%u", &major, &minor) != 2) {
        say(d, "kernel", false, "version not known");
        return;
    }
    bool ok = major > 5 || (major == 5 && minor >= 10);
    say(d, "kernel", ok, "%s %s %s%s", u.sysname, u.release, u.machine, ok ? "" : "; Linux 5.10 or later is needed");
}

/* In a child: the caller may have threads, and must keep its own namespaces. */
static void check_user_namespaces(const Doctor *d)
{
    pid_t pid = fork();
    if (pid == 0) _exit(unshare(CLONE_NEWUSER) == 0 ? 0 : errno);
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) {
        say(d, "user namespaces", false, "could not be tried: %s", strerror(errno));
    } else if (WEXITSTATUS(status) == 0) {
        say(d, "user namespaces", true, "available%s", geteuid() == 0 ? " (running as root)" : " to an ordinary user");
    } else {
        say(d, "user namespaces", false, "%s; see sysctl user.max_user_namespaces and kernel.unprivileged_userns_clone",
            strerror(WEXITSTATUS(status)));
    }
}

static void check_seccomp(const Doctor *d)
{
    uint32_t action = SECCOMP_RET_KILL_PROCESS;
    bool ok = syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
    say(d, "seccomp", ok, "%s", ok ? "filters that kill are available" : "the kernel has no seccomp filters (CONFIG_SECCOMP_FILTER)");
}

static bool writable(const char *path) { return access(path, W_OK) == 0; }

/* As warden/cgroup.c looks for them. */
static void check_cgroup(const Doctor *d)
{
    static const char V2[] = "/sys/fs/cgroup/cgroup.subtree_control";
    static const char V1_PIDS[] = "/sys/fs/cgroup/pids", V1_MEMORY[] = "/sys/fs/cgroup/memory";
    static const char WITHOUT[] = "limits are kept by rlimits alone";
    if (writable(V2)) say(d, "cgroup", true, "v2, writable");
    else if (writable(V1_PIDS) && writable(V1_MEMORY)) say(d, "cgroup", true, "v1, writable");
    else if (present(V2) || present(V1_PIDS)) say(d, "cgroup", false, "this user may not make groups; %s", WITHOUT);
    else say(d, "cgroup", false, "none mounted at /sys/fs/cgroup; %s", WITHOUT);
}

static bool check_level(const Doctor *d, SecurityLevel level)
{
    char what[32];
    snprintf(what, sizeof what, "level %s", level_name(level));
    Diag diag = {0};
    Err e = warden_probe((int)level, &diag);
    say(d, what, e.code == 0, "%s", e.code == 0 ? "available" : diag.text[0] ? diag.text : err_text(e.code));
    return e.code == 0;
}

static bool find_in_path(const char *name, char ret_path[PATH_BYTES_MAX])
{
    const char *path = getenv("PATH");
    for (const char *p = path ? path : "/usr/bin:/bin"; *p;) {
        size_t n = strcspn(p, ":");
        if (n && path_format(ret_path, "%.*s/%s", (int)n, p, name).code == 0 && access(ret_path, X_OK) == 0) return true;
        p += n + (p[n] == ':');
    }
    return false;
}

static bool check_tool(const Doctor *d, const char *name, const char *needed_for, const char *package)
{
    char path[PATH_BYTES_MAX], what[64];
    snprintf(what, sizeof what, "tool %s", name);
    bool found = find_in_path(name, path);
    if (found) say(d, what, true, "%s", path);
    else say(d, what, false, "not in PATH; needed %s; Debian package %s", needed_for, package);
    return found;
}

static bool check_program(const Doctor *d)
{
    char path[PATH_BYTES_MAX];
    Diag diag = {0};
    Err e = program_find(d->covey->program, path, &diag);
    say(d, "warden program", e.code == 0, "%s", e.code == 0 ? path : diag.text);
    return e.code == 0;
}

/* The same search that a build begins with. */
static bool check_toolchain(const Doctor *d)
{
    Toolchain t;
    Diag diag = {0};
    Err e = toolchain_find(&t, &diag);
    say(d, "SEE runtime", e.code == 0, "%s", e.code == 0 ? t.archive : diag.text[0] ? diag.text : err_text(e.code));
    return e.code == 0;
}

static void check_key(const Doctor *d)
{
    char path[PATH_BYTES_MAX];
    struct stat st;
    if (path_format(path, "%s/signing.key", d->covey->config_dir).code != 0) return;
    if (stat(path, &st) != 0) say(d, "signing key", true, "none yet; it is made with the first image, in %s", d->covey->config_dir);
    else if (st.st_mode & 077) say(d, "signing key", false, "%s: others may read it; chmod 600", path);
    else if (st.st_uid != geteuid()) say(d, "signing key", false, "%s: belongs to another user", path);
    else say(d, "signing key", true, "%s", path);
}

/* What this node can prove of itself, as attest/collect.c looks for it. */
static void check_evidence(const Doctor *d)
{
    static const char TPM[] = "/dev/tpmrm0";
    bool tsm = present(TSM_FOLDER), tpm = tpm_present();
    say(d, "evidence node-key", true, "always; proves no more than who signs");
    if (tpm) say(d, "evidence tpm2", true, "%s", getenv("COVEY_TCTI") ? getenv("COVEY_TCTI") : TPM);
    else if (present(TPM)) say(d, "evidence tpm2", false, "%s: this user may not use it; it belongs to the group tss", TPM);
    else say(d, "evidence tpm2", false, "no %s: no TPM 2.0 here, or not for this machine", TPM);
    if (tsm) say(d, "evidence sev-snp, tdx", true, "through %s", TSM_FOLDER);
    else
        say(d, "evidence sev-snp, tdx", false, "no %s: not a confidential guest, or its kernel is older than 6.7, or configfs is not mounted", TSM_FOLDER);
}

/* What the level microvm will need. */
static void check_kvm(const Doctor *d)
{
    bool kvm = present("/dev/kvm");
    say(d, "hardware /dev/kvm", kvm, "%s", kvm ? "present" : "absent: no hardware virtualisation here");
}

covey_code covey_doctor(covey *c, covey_finding visit, void *context, covey_error *error)
{
    Doctor d = {c, visit, context};
    check_kernel(&d);
    check_user_namespaces(&d);
    check_seccomp(&d);
    check_cgroup(&d);
    bool shared = check_level(&d, LEVEL_SHARED), process = check_level(&d, LEVEL_PROCESS);
    check_level(&d, LEVEL_MICROVM);
    check_level(&d, LEVEL_CONFIDENTIAL);
    bool program = check_program(&d);
    check_key(&d);
    bool build = check_toolchain(&d);
    build &= check_tool(&d, "wasm2c", "to build SEE images", "wabt");
    build &= check_tool(&d, "gcc", "to build SEE images", "gcc");
    check_tool(&d, "clang", "to compile micro-jobs in C", "clang lld wasi-libc libclang-rt-14-dev-wasm32");
    check_evidence(&d);
    check_kvm(&d);

    Diag diag = {0};
    Err e = OK;
    if (!program || (!shared && !process)) e = FAIL_WHY(&diag, ERR_LEVEL, "this machine cannot run tasks; see the lines marked no");
    else if (!build) e = FAIL_WHY(&diag, ERR_TOOL, "this machine can run SEE images but not build them; see the lines marked no");
    return api_result(e, &diag, error);
}
