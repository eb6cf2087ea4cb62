/*
 * Does the warden start only what it may, wall it in, and let nothing outlive it? A real warden in a child, real namespaces, the native
 * image of see_test_module.c, signed with a key made here.
 */
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <sodium.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "crypto/keyring.h"
#include "image/image.h"
#include "see/outcome.h"
#include "see/rig.h"
#include "sys/memfd.h"
#include "sys/test.h"
#include "warden/protocol.h"
#include "warden/warden.h"

enum { WAIT_MS = 5000, NOBODY = 65534, MEMORY = 2 << 20 };

static SecretKey secret;
static PublicKey public_key;
static pid_t warden_pid;
static int warden;          /* our end of its socket */
static int zygote_socket;   /* our end of the last zygote's */
static const char *config;  /* the next warden's configuration folder */

static void make_keys(void)
{
    ck_assert_int_ge(sodium_init(), 0);
    crypto_sign_keypair(public_key.bytes, secret.bytes);
}

static void signed_image(Buffer *ret_image)
{
    ck_assert_ok(file_read(AT_FDCWD, rig_image_path(), ret_image));
    ck_assert_ok(image_sign(&secret, &public_key, ret_image));
}

static void start_warden_as(uid_t uid)
{
    int pair[2];
    make_keys();
    ck_assert_ok(socket_pair(pair));
    warden_pid = fork();
    if (warden_pid == 0) {
        close(pair[0]);
        if (uid && (setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, uid) < 0)) _exit(9);
        _exit(warden_serve(pair[1], config, NULL).code ? 1 : 0);
    }
    close(pair[1]);
    warden = pair[0];
}

static void start_warden(void) { start_warden_as(0); }

static void trust_own_key(void)
{
    WardenTrust trust = {.type = WARDEN_TRUST, .version = WARDEN_VERSION};
    memcpy(trust.public_key, public_key.bytes, sizeof trust.public_key);
    ck_assert_ok(socket_send(warden, view_of(&trust, sizeof trust), NULL, 0));
}

static uint32_t start_flags;

/* Sends START for these bytes of an image file; measurement NULL: that of the bytes. */
static void send_start(View image, uint32_t id, SecurityLevel level, const uint8_t *measurement)
{
    AUTO_FD file = -1;
    int pair[2];
    ImageInfo info;
    WardenStart start = {.type = WARDEN_START, .zygote = id, .level = level, .flags = start_flags, .memory_max = MEMORY};
    if (image_parse(image, &info, NULL).code == 0) memcpy(start.measurement, info.measurement.bytes, sizeof start.measurement);
    if (measurement) memcpy(start.measurement, measurement, sizeof start.measurement);
    ck_assert_ok(memfd_fixed("file", image.size, &file));
    ck_assert_ok(fd_pwrite_all(file, image, 0));
    ck_assert_ok(socket_pair(pair));
    ck_assert_ok(socket_send(warden, view_of(&start, sizeof start), (int[]){file, pair[1]}, 2));
    close(pair[1]);
    zygote_socket = pair[0];
}

static void receive(void *packet, size_t size)
{
    struct pollfd p = {warden, POLLIN, 0};
    ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
    ck_assert_int_eq(recv(warden, packet, size, 0), (ssize_t)size);
}

static WardenStarted start_zygote(uint32_t id, SecurityLevel level)
{
    AUTO_BUFFER image = buffer_limited(IMAGE_BYTES_MAX);
    union { WardenStarted started; WardenRefused refused; } answer = {{0}};
    signed_image(&image);
    send_start(view_buffer(&image), id, level, NULL);
    struct pollfd p = {warden, POLLIN, 0};
    ck_assert_int_eq(poll(&p, 1, WAIT_MS), 1);
    ck_assert_int_gt(recv(warden, &answer, sizeof answer, 0), 0);
    ck_assert_msg(answer.started.type == WARDEN_STARTED, "refused: %s", answer.refused.text);
    return answer.started;
}

static void expect_refused(int code)
{
    WardenRefused refused;
    receive(&refused, sizeof refused);
    ck_assert_uint_eq(refused.type, WARDEN_REFUSED);
    ck_assert_msg(refused.code == code, "%s, not %s (%s)", err_text(refused.code), err_text(code), refused.text);
    ck_assert_str_ne(refused.text, "");
}

/* A killed zygote disappears at once or is reaped soon; gone when its pid is nobody's or a zombie's. */
static bool is_gone(pid_t pid)
{
    for (int i = 0; i < WAIT_MS / 10; i++) {
        if (kill(pid, 0) < 0) return true;
        usleep(10000);
    }
    return false;
}

static int end_warden(void)
{
    int status;
    close(warden);
    ck_assert_int_eq(waitpid(warden_pid, &status, 0), warden_pid);
    return status;
}

START_TEST(a_zygote_runs_micro_jobs_at_both_levels)
{
    start_warden();
    trust_own_key();
    for (SecurityLevel level = LEVEL_SHARED; level <= LEVEL_PROCESS; level++) {
        Rig r;
        start_zygote(level, level);
        rig_start(&r, zygote_socket, (Wish){.level = level, .part = "echo"});
        for (int i = 0; i < 100; i++) {
            ck_assert_uint_eq(rig_run_one(&r, 1, "hello").how, HOW_ANSWERED);
            ck_assert_str_eq(rig_output(&r, 0, 0), "hello");
        }
        rig_free(&r);
        WardenEnded ended;
        receive(&ended, sizeof ended);
        ck_assert(WIFEXITED(ended.status) && WEXITSTATUS(ended.status) == 0);
    }
    ck_assert_int_eq(end_warden(), 0);
}
END_TEST

static const char *status_line(pid_t pid, const char *name)
{
    static char text[8192];
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *f = fopen(path, "r");
    ck_assert_ptr_nonnull(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = '\0';
    char *line = strstr(text, name);
    ck_assert_ptr_nonnull(line);
    line += strlen(name) + 1;
    line[strcspn(line, "\n")] = '\0';
    return line + strspn(line, " \t");
}

static void expect_own_namespace(pid_t pid, const char *name)
{
    char path[64];
    struct stat ours, theirs;
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, name);
    ck_assert_int_eq(stat(path, &theirs), 0);
    snprintf(path, sizeof path, "/proc/self/ns/%s", name);
    ck_assert_int_eq(stat(path, &ours), 0);
    ck_assert_msg(ours.st_ino != theirs.st_ino, "the zygote shares our %s namespace", name);
}

START_TEST(a_zygote_is_walled_in)
{
    start_warden();
    trust_own_key();
    Rig r;
    WardenStarted started = start_zygote(1, LEVEL_PROCESS);
    rig_start(&r, zygote_socket, (Wish){.level = LEVEL_PROCESS, .part = "echo"});
    pid_t pid = started.pid;
    ck_assert_str_eq(status_line(pid, "CapEff:"), "0000000000000000");
    ck_assert_str_eq(status_line(pid, "CapPrm:"), "0000000000000000");
    ck_assert_str_eq(status_line(pid, "CapBnd:"), "0000000000000000");
    ck_assert_str_eq(status_line(pid, "NoNewPrivs:"), "1");
    ck_assert_str_eq(status_line(pid, "Seccomp:"), "2");
    ck_assert_str_eq(status_line(pid, "Seccomp_filters:"), "2");
    ck_assert_ptr_nonnull(strstr(status_line(pid, "NSpid:"), "\t1"));
    if (geteuid() == 0) {
        ck_assert_str_eq(status_line(pid, "Uid:"), "65534\t65534\t65534\t65534");
        const char *const names[] = {"user", "mnt", "pid", "net", "ipc", "uts", "cgroup"};
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) expect_own_namespace(pid, names[i]);
    }
    rig_free(&r);
    ck_assert_int_eq(end_warden(), 0);
}
END_TEST

START_TEST(an_ordinary_user_can_run_a_warden)
{
    if (geteuid() != 0) return; /* then every other test shows it */
    start_warden_as(NOBODY);
    trust_own_key();
    Rig r;
    start_zygote(1, LEVEL_PROCESS);
    rig_start(&r, zygote_socket, (Wish){.level = LEVEL_PROCESS, .part = "echo"});
    rig_run_one(&r, 1, "hello");
    ck_assert_str_eq(rig_output(&r, 0, 0), "hello");
    rig_free(&r);
    ck_assert_int_eq(end_warden(), 0);
}
END_TEST

START_TEST(only_signed_unchanged_images_of_trusted_keys_run)
{
    AUTO_BUFFER image = buffer_limited(IMAGE_BYTES_MAX);
    start_warden();
    signed_image(&image);

    send_start(view_buffer(&image), 1, LEVEL_PROCESS, NULL); /* nobody was trusted yet */
    expect_refused(ERR_UNTRUSTED);
    end_warden();

    start_warden();
    image.size = 0;
    signed_image(&image);
    trust_own_key();
    send_start(view_of(image.data, image.size - sizeof(ImageTrailer)), 1, LEVEL_PROCESS, NULL);
    expect_refused(ERR_UNSIGNED);
    const uint8_t other[32] = {1};
    send_start(view_buffer(&image), 1, LEVEL_PROCESS, other);
    expect_refused(ERR_DENIED);
    image.data[image.size / 2] ^= 1;
    send_start(view_buffer(&image), 1, LEVEL_PROCESS, NULL);
    expect_refused(ERR_BAD_SIGNATURE);
    send_start(VIEW("no image at all"), 1, LEVEL_PROCESS, NULL);
    expect_refused(ERR_BAD_INPUT);
    end_warden();
}
END_TEST

START_TEST(a_signer_who_is_revoked_while_the_warden_runs_starts_nothing_more)
{
    AUTO_BUFFER image = buffer_limited(IMAGE_BYTES_MAX);
    TestFolder folder = test_folder();
    char text[PUBLIC_KEY_TEXT_MAX];
    config = folder.path;
    start_warden();
    config = NULL;
    trust_own_key();
    signed_image(&image);
    start_zygote(1, LEVEL_PROCESS);
    int first = zygote_socket; /* as long as it is open the first zygote lives: its end would be a message before the refusal */
    public_key_print(&public_key, text);
    ck_assert_ok(keyring_revoke(folder.path, text, 0, NULL, NULL));
    send_start(view_buffer(&image), 2, LEVEL_PROCESS, NULL); /* an image that the warden knows, from a key that it was told to trust */
    expect_refused(ERR_DENIED);
    close(first);
    end_warden();
    test_folder_remove(&folder);
}
END_TEST

START_TEST(a_level_it_cannot_give_and_a_number_in_use_are_refused)
{
    AUTO_BUFFER image = buffer_limited(IMAGE_BYTES_MAX);
    start_warden();
    trust_own_key();
    signed_image(&image);
    send_start(view_buffer(&image), 1, LEVEL_MICROVM, NULL);
    expect_refused(ERR_LEVEL);
    start_zygote(5, LEVEL_PROCESS);
    send_start(view_buffer(&image), 5, LEVEL_PROCESS, NULL);
    expect_refused(ERR_PROTOCOL);
    end_warden();
}
END_TEST

static int processors_of(pid_t pid, int *ret_first)
{
    cpu_set_t set;
    ck_assert_int_eq(sched_getaffinity(pid, sizeof set, &set), 0);
    for (*ret_first = 0; !CPU_ISSET(*ret_first, &set); ++*ret_first) {}
    return CPU_COUNT(&set);
}

START_TEST(zygotes_that_fill_the_machine_keep_to_a_processor_each_and_others_to_none)
{
    int own, other, first;
    const int all = processors_of(0, &first);
    start_warden();
    trust_own_key();
    ck_assert_int_eq(processors_of(start_zygote(1, LEVEL_PROCESS).pid, &first), all);
    start_flags = WARDEN_KEEPS_CPU;
    ck_assert_int_eq(processors_of(start_zygote(2, LEVEL_PROCESS).pid, &own), 1);
    ck_assert_int_eq(processors_of(start_zygote(3, LEVEL_PROCESS).pid, &other), 1);
    ck_assert(all == 1 || own != other);
    start_flags = 4;
    AUTO_BUFFER image = buffer_limited(IMAGE_BYTES_MAX);
    signed_image(&image);
    send_start(view_buffer(&image), 4, LEVEL_PROCESS, NULL);
    expect_refused(ERR_PROTOCOL);
    start_flags = 0;
    end_warden();
}
END_TEST

START_TEST(a_killed_zygote_is_gone_and_reported)
{
    WardenEnded ended;
    start_warden();
    trust_own_key();
    WardenStarted started = start_zygote(3, LEVEL_PROCESS);
    ck_assert_ok(socket_send(warden, view_of(&(WardenKill){WARDEN_KILL, 3}, sizeof(WardenKill)), NULL, 0));
    receive(&ended, sizeof ended);
    ck_assert_uint_eq(ended.type, WARDEN_ENDED);
    ck_assert_uint_eq(ended.zygote, 3);
    ck_assert(WIFSIGNALED(ended.status) && WTERMSIG(ended.status) == SIGKILL);
    ck_assert(is_gone(started.pid));

    started = start_zygote(4, LEVEL_PROCESS);
    kill(started.pid, SIGKILL); /* from outside */
    receive(&ended, sizeof ended);
    ck_assert_uint_eq(ended.zygote, 4);
    end_warden();
}
END_TEST

/* The SEE itself, not only its zygote: it runs an endless loop meanwhile. */
static pid_t child_of(pid_t zygote)
{
    char path[64], text[64] = {0};
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", zygote, zygote);
    for (int i = 0; i < WAIT_MS / 10 && text[0] == '\0'; i++) {
        FILE *f = fopen(path, "r");
        ck_assert_ptr_nonnull(f);
        if (!fgets(text, sizeof text, f)) usleep(10000);
        fclose(f);
    }
    ck_assert_msg(text[0] != '\0', "no SEE was started");
    return atoi(text);
}

static void expect_no_survivors(bool kill_the_warden)
{
    Rig r;
    start_warden();
    trust_own_key();
    WardenStarted started = start_zygote(1, LEVEL_PROCESS);
    rig_start(&r, zygote_socket, (Wish){.level = LEVEL_PROCESS, .part = "loop"});
    rig_put_job(&r, 0, 0, 1, "");
    rig_send_run(&r, 1, (uint32_t[]){0});
    pid_t see = child_of(started.pid);
    if (kill_the_warden) {
        kill(warden_pid, SIGKILL);
        waitpid(warden_pid, NULL, 0);
    } else {
        end_warden();
    }
    ck_assert(is_gone(started.pid));
    ck_assert(is_gone(see));
}

START_TEST(if_the_warden_dies_no_see_outlives_it) { expect_no_survivors(true); }
END_TEST

START_TEST(when_the_agent_goes_away_everything_ends) { expect_no_survivors(false); }
END_TEST

/* Every packet that is not legal now ends the warden: an agent that breaks the protocol gets nothing more. */
static void expect_fatal(const void *packet, size_t size, int fd_count)
{
    int fds[2] = {0, 1};
    start_warden();
    trust_own_key();
    start_zygote(1, LEVEL_PROCESS);
    ck_assert_ok(socket_send(warden, view_of(packet, size), fds, (size_t)fd_count));
    int status;
    ck_assert_int_eq(waitpid(warden_pid, &status, 0), warden_pid);
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    close(warden);
}

START_TEST(packets_that_are_not_legal_now_end_the_warden)
{
    const WardenTrust late = {.type = WARDEN_TRUST, .version = WARDEN_VERSION};
    const WardenStart without_fds = {.type = WARDEN_START, .zygote = 9};
    const WardenKill with_fds = {WARDEN_KILL, 1};
    const uint32_t unknown = 77, answer = WARDEN_STARTED;
    expect_fatal(&late, sizeof late, 0);
    expect_fatal(&without_fds, sizeof without_fds, 0);
    expect_fatal(&with_fds, sizeof with_fds, 1);
    expect_fatal(&with_fds, sizeof with_fds - 1, 0);
    expect_fatal(&unknown, sizeof unknown, 0);
    expect_fatal(&answer, sizeof answer, 0);
}
END_TEST

START_TEST(a_level_is_found_out_by_trying)
{
    Diag why = {{0}};
    ck_assert_ok(warden_probe(LEVEL_PROCESS, &why));
    ck_assert_ok(warden_probe(LEVEL_SHARED, &why));
    ck_assert_err(warden_probe(LEVEL_MICROVM, &why), ERR_LEVEL);
    ck_assert_str_ne(why.text, "");
}
END_TEST

TEST_MAIN("warden", zygotes_that_fill_the_machine_keep_to_a_processor_each_and_others_to_none,
          a_zygote_runs_micro_jobs_at_both_levels, a_zygote_is_walled_in, an_ordinary_user_can_run_a_warden,
          only_signed_unchanged_images_of_trusted_keys_run,
          a_signer_who_is_revoked_while_the_warden_runs_starts_nothing_more, a_level_it_cannot_give_and_a_number_in_use_are_refused,
          a_killed_zygote_is_gone_and_reported, if_the_warden_dies_no_see_outlives_it, when_the_agent_goes_away_everything_ends,
          packets_that_are_not_legal_now_end_the_warden, a_level_is_found_out_by_trying)
