/** A TPM of the test's own: swtpm on two neighbouring ports of the loopback, its state in the test's folder. It dies with the test. */
#pragma once
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include "base/test.h"
#include "sys/fd.h"
#include "sys/process.h"
#include "sys/test.h"

typedef struct { TestFolder state; int pid_fd; char link[64]; } TestTpm;
enum { TPM_PORT_FIRST = 20000, TPM_PORTS = 10000, TPM_START_TRIES_MAX = 20, TPM_WAIT_MS = 10000, TPM_WAIT_STEP_MS = 20 };

static inline bool tpm_answers(uint16_t port)
{
    AUTO_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}

static inline bool process_has_ended(int pid_fd)
{
    siginfo_t info = {0};
    return waitid(P_PIDFD, (id_t)pid_fd, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

/* A port that is taken ends swtpm at once: then other ports. The control channel is asked, as swtpm serves one client at a time on the other. */
static inline bool test_tpm_try(TestTpm *t, uint16_t port)
{
    char state[PATH_MAX], server[64], control[64];
    snprintf(state, sizeof state, "dir=%s", t->state.path);
    snprintf(server, sizeof server, "type=tcp,bindaddr=127.0.0.1,port=%u", port);
    snprintf(control, sizeof control, "type=tcp,bindaddr=127.0.0.1,port=%u", port + 1u);
    const char *const argv[] = {"swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server, "--ctrl", control,
                                "--flags", "not-need-init,startup-clear", NULL};
    AUTO_FD nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    pid_t pid;
    ck_assert_ok(process_spawn("/usr/bin/swtpm", argv, nothing, &pid, &t->pid_fd));
    snprintf(t->link, sizeof t->link, "swtpm:host=127.0.0.1,port=%u", port);
    for (int waited = 0; waited < TPM_WAIT_MS && !process_has_ended(t->pid_fd); waited += TPM_WAIT_STEP_MS) {
        if (tpm_answers((uint16_t)(port + 1)) && !process_has_ended(t->pid_fd)) return true;
        usleep(TPM_WAIT_STEP_MS * 1000);
    }
    return false;
}

static inline void test_tpm_stop(TestTpm *t)
{
    int status;
    process_kill(t->pid_fd);
    (void)!process_wait(t->pid_fd, &status).code;
    fd_close(&t->pid_fd);
}

/** Starts it, as power does: registers are zero, keys are what they were. $COVEY_TCTI names it from now on. */
static inline void test_tpm_power_on(TestTpm *t)
{
    static unsigned turn;
    for (int i = 0; i < TPM_START_TRIES_MAX; i++) {
        if (test_tpm_try(t, (uint16_t)(TPM_PORT_FIRST + ((unsigned)getpid() * 7 + turn++) * 2 % TPM_PORTS))) {
            ck_assert_int_eq(setenv("COVEY_TCTI", t->link, 1), 0);
            return;
        }
        test_tpm_stop(t);
    }
    ck_abort_msg("swtpm does not start");
}

/** A new TPM with seeds of its own. */
static inline TestTpm test_tpm_start(void)
{
    ck_assert_int_eq(setenv("TSS2_LOG", "all+NONE", 1), 0); /* what it prints when a TPM is not there is no concern of a test's */
    TestTpm t = {.state = test_folder(), .pid_fd = -1};
    test_tpm_power_on(&t);
    return t;
}

static inline void test_tpm_end(TestTpm *t)
{
    test_tpm_stop(t);
    test_folder_remove(&t->state);
}

/** What a boot that runs other software does. */
static inline void test_tpm_extend(const TestTpm *t, ESYS_TR pcr, uint8_t value)
{
    TSS2_TCTI_CONTEXT *link = NULL;
    ESYS_CONTEXT *esys = NULL;
    ck_assert_uint_eq(Tss2_TctiLdr_Initialize(t->link, &link), 0);
    ck_assert_uint_eq(Esys_Initialize(&esys, link, NULL), 0);
    TPML_DIGEST_VALUES digests = {.count = 1, .digests = {{.hashAlg = TPM2_ALG_SHA256}}};
    memset(digests.digests[0].digest.sha256, value, TPM2_SHA256_DIGEST_SIZE);
    ck_assert_uint_eq(Esys_PCR_Extend(esys, pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE, ESYS_TR_NONE, &digests), 0);
    Esys_Finalize(&esys);
    Tss2_TctiLdr_Finalize(&link);
}
