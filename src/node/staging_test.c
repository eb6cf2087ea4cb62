/* Claims: does a SEE get what is staged for it, once, without a copy, and nothing else? The runtime and the shelf, without a warden. */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "bus/stage_link.h"
#include "node/shelf.h"
#include "see/module.h"
#include "see/outcome.h"
#include "see/rig.h"
#include "see/zygote_report.h"
#include "sys/fd.h"
#include "sys/memfd.h"

static pid_t zygote;
static Shelf *shelf;
static Rig rig;
static const uint8_t IMAGE[SHA256_BYTES] = {1};

static int report_fd = -1; /* as the warden has it */

static int exec_zygote(void)
{
    enum { FD_REPORT = 5, ELSEWHERE = 25 };
    int pair[2];
    char path[4096];
    const char *build = getenv("COVEY_BUILD");
    snprintf(path, sizeof path, "%s/src/see/see-test-staging", build ? build : "build");
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    fd_close(&report_fd);
    ck_assert_ok(memfd_fixed("report", ZYGOTE_REPORTS * sizeof(ZygoteReport), &report_fd));
    zygote = fork();
    if (zygote == 0) {
        dup3(report_fd, ELSEWHERE, O_CLOEXEC);
        dup2(pair[1], 0);
        dup2(ELSEWHERE, FD_REPORT);
        execl(path, "see", (char *)NULL);
        _exit(99);
    }
    close(pair[1]);
    return pair[0];
}

static void begin(bool warm)
{
    ck_assert_ok(shelf_new(VIEW("score"), IMAGE, &shelf));
    rig_start(&rig, exec_zygote(), (Wish){.level = LEVEL_PROCESS, .part = "x", .staging = shelf->fds, .warm = warm, .memory = 64 * MIB});
}

static void end(void)
{
    int status = -1;
    rig_free(&rig);
    ck_assert_int_eq(waitpid(zygote, &status, 0), zygote);
    ck_assert_int_eq(WEXITSTATUS(status), 0);
    shelf_free(&shelf);
}

static uint32_t stage_bytes(const char *name, const void *data, uint64_t size)
{
    int fd;
    uint32_t place;
    ck_assert_ok(stage_memfd_new(size, &fd));
    ck_assert_ok(fd_pwrite_all(fd, view_of(data, size), 0));
    ck_assert_ok(stage_memfd_seal(fd));
    ck_assert_ok(shelf_put(shelf, name, size, fd, &place));
    close(fd);
    return place;
}
static uint32_t stage_text(const char *name, const char *text) { return stage_bytes(name, text, strlen(text)); }

/* The answers to these commands, in a SEE of their own. */
static const char *run(const char *commands)
{
    ChannelSlotDone done = rig_run_one(&rig, 1, commands);
    ck_assert_uint_eq(done.how, HOW_ANSWERED);
    ck_assert_uint_eq(rig_job(&rig, 0, 0)->answer.outcome, OUTCOME_OK);
    return rig_output(&rig, 0, 0);
}

static uint32_t sum_of(const void *data, size_t size)
{
    uint32_t sum = 2166136261;
    for (size_t i = 0; i < size; i++) sum = (sum ^ ((const uint8_t *)data)[i]) * 16777619;
    return sum;
}

START_TEST(a_claimed_resource_is_a_descriptor_to_read_from)
{
    for (int warm = 0; warm < 2; warm++) {
        char expected[256];
        begin(warm);
        uint32_t place = stage_text("score/model", "weights\n");
        snprintf(expected, sizeof expected,
                 "available=1\nclaim=3\navailable=0\nstat=8\nread=8\nsum=%u\nseek=2\nread=6\nsum=%u\nbyte=103\nrenumber=0\nread_error=8\nbyte=119\nclose=0\n"
                 "read_error=8\n",
                 sum_of("weights\n", 8), sum_of("ights\n", 6));
        ck_assert_str_eq(run("a score/model\nc score/model\na score/model\ns 3\nr 3\ne 3 2 0\nr 3\np 3 3\nn 3 2\nr 3\np 2 0\nx 2\nr 2\n"), expected);
        ck_assert(!shelf_has(shelf, place));
        end();
    }
}
END_TEST

START_TEST(it_is_mapped_into_memory_by_one_call)
{
    static char data[3 * 4096 + 100];
    char expected[128];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (char)(i * 7 + i / 4096);
    begin(false);
    stage_bytes("score", data, sizeof data);
    snprintf(expected, sizeof expected, "claim=3\nmap=%zu\nsum=%u\nwrote=200\nbyte=%u\n", sizeof data, sum_of(data, sizeof data), (uint8_t)data[1]);
    ck_assert_str_eq(run("c score\nm 3 65536 1000000\nw 65537 200\np 3 1\n"), expected); /* what is written is the micro-job's own */
    stage_bytes("score", data, sizeof data);
    snprintf(expected, sizeof expected, "claim=3\nmap=5000\nsum=%u\n", sum_of(data, 5000));
    ck_assert_str_eq(run("c score\nm 3 65536 5000\n"), expected);
    end();
}
END_TEST

START_TEST(a_mapping_that_does_not_fit_changes_nothing)
{
    static char data[3 * 65536];
    char expected[256];
    memset(data, 'x', sizeof data);
    snprintf(expected, sizeof expected, "claim=3\nmap=-7\nmap=-7\nmap=-7\nmap=-7\nmap=-7\nmap=-7\nwrote=7\nmap=65536\nsum=%u\ngrown=2\nmap=196608\nsum=%u\n"
             "touched=5760\n", sum_of(data, 65536), sum_of(data, sizeof data));
    begin(false);
    stage_bytes("score", data, sizeof data);
    ck_assert_str_eq(run("c score\nm 3 65536 200000\nm 3 65537 4096\nm 3 4294963200 4096\nm 4 65536 4096\nm 0 65536 4096\nm 3 65536 0\nw 65536 7\nm 3 65536 65536\n"
                         "g 4\nm 3 131072 200000\nt 131072 196608\n"),
                     expected);
    end();
}
END_TEST

START_TEST(a_resource_is_claimed_once)
{
    char expected[64];
    begin(false);
    stage_text("score", "one");
    ck_assert_str_eq(run("c score\nc score\n"), "claim=3\nclaim=-2\n");
    ck_assert_uint_eq(rig_job(&rig, 0, 0)->answer.claim_refused[0], 2);
    ck_assert_str_eq(run("c score\n"), "claim=-2\n"); /* another micro-job; the node has not looked yet */
    ck_assert(!shelf_has(shelf, 0));
    ck_assert_str_eq(run("a score\nc score\n"), "available=0\nclaim=-2\n");
    stage_text("score", "two");
    snprintf(expected, sizeof expected, "available=1\nclaim=3\nread=3\nsum=%u\n", sum_of("two", 3));
    ck_assert_str_eq(run("a score\nc score\nr 3\n"), expected);
    end();
}
END_TEST

START_TEST(each_reason_for_getting_nothing_is_its_own)
{
    begin(false);
    uint32_t gone = stage_text("score/gone", "x"), old = stage_text("score/old", "x"), place;
    ck_assert(shelf_take_back(shelf, gone, PLACE_EVICTED));
    ck_assert(shelf_take_back(shelf, old, PLACE_EXPIRED));
    ck_assert_ok(shelf_put(shelf, "score/denied", 1, -1, &place));
    ck_assert_str_eq(run("c score/gone\nc score/old\nc score/denied\nc score/nothing\nc other/model\nc scores\nb 131072 4\nb 131071 4\nb 0 0\nb 0 200\n"),
                     "claim=-3\nclaim=-4\nclaim=-5\nclaim=-1\nclaim=-6\nclaim=-6\nclaim=-7\nclaim=-7\nclaim=-7\nclaim=-7\n");
    const SlotAnswer *a = &rig_job(&rig, 0, 0)->answer;
    ck_assert(a->claim_refused[gone] == 3 && a->claim_refused[old] == 4 && a->claim_refused[place] == 5 && a->claim_foreign == 1);
    ck_assert(!shelf_take_back(shelf, gone, PLACE_EVICTED)); /* there is nothing to take back twice */
    end();
}
END_TEST

START_TEST(between_a_claim_and_an_eviction_one_wins_and_both_know_which)
{
    begin(false);
    for (int round = 0; round < 300; round++) {
        uint32_t place = stage_text("score", "x");
        rig_put_job(&rig, 0, 0, 1, "c score\n");
        rig_send_run(&rig, 1, (uint32_t[]){0});
        for (volatile int wait = 0; wait < round * 400; wait++) continue;
        bool evicted = shelf_take_back(shelf, place, PLACE_EVICTED);
        rig_next_done(&rig);
        ck_assert_str_eq(rig_output(&rig, 0, 0), evicted ? "claim=-3\n" : "claim=3\n");
        ck_assert(!shelf_has(shelf, place) && shelf->board->places[place].state == (evicted ? PLACE_EVICTED : PLACE_CLAIMED));
    }
    end();
}
END_TEST

START_TEST(a_hostile_see_finds_nothing_that_it_has_not_claimed)
{
    begin(false);
    uint32_t place = stage_text("score", "the-secret");
    ck_assert_ptr_nonnull(strstr(run("S the-secret\n"), "found=0\n"));
    ck_assert(shelf_has(shelf, place));
    ck_assert_str_eq(run("T\n"), "taken=1\n"); /* it may claim: and the node sees that it did, whatever it says */
    ck_assert(!shelf_has(shelf, place));
    ck_assert_str_eq(run("T\n"), "taken=0\n");
    end();
}
END_TEST

START_TEST(looking_without_taking_and_other_mappings_kill_the_see)
{
    static const char *const TRIES[] = {"P\n", "E\n", "H\n", "O\n", "A\n"};
    for (size_t i = 0; i < sizeof TRIES / sizeof TRIES[0]; i++) {
        begin(false);
        uint32_t place = stage_text("score", "the-secret");
        ChannelSlotDone done = rig_run_one(&rig, 1, TRIES[i]);
        ck_assert_msg(done.how == HOW_SIGNAL && done.signal_number == SIGSYS, "%s: how %u, signal %u", TRIES[i], done.how, done.signal_number);
        ck_assert(shelf_has(shelf, place));
        end();
    }
}
END_TEST

START_TEST(where_nothing_is_staged_the_system_calls_are_as_before)
{
    rig_start(&rig, exec_zygote(), (Wish){.level = LEVEL_PROCESS, .part = "x"});
    ck_assert_str_eq(run("a score\nc score\nS x\n"), "available=0\nclaim=-1\nopen=1\nfound=0\n");
    ChannelSlotDone done = rig_run_one(&rig, 1, "E\n");
    ck_assert(done.how == HOW_SIGNAL && done.signal_number == SIGSYS);
    int status;
    rig_free(&rig);
    waitpid(zygote, &status, 0);
}
END_TEST

/* The SEE, while it runs: the zygote's only child. */
static pid_t find_see(void)
{
    char path[64];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", zygote, zygote);
    for (int i = 0; i < 5000 && pid == 0; i++) {
        FILE *f = fopen(path, "r");
        ck_assert_ptr_nonnull(f);
        if (fscanf(f, "%d", &pid) != 1) pid = 0;
        fclose(f);
        usleep(1000);
    }
    ck_assert_int_gt(pid, 0);
    return pid;
}

/* Of the pages at this address: how much is the memfd's own, and how much a copy. false: this user may not look. */
static bool pages_at(pid_t pid, uint64_t address, long *ret_resident_kb, long *ret_copied_kb)
{
    char path[64], line[512];
    bool here = false;
    snprintf(path, sizeof path, "/proc/%d/smaps", pid);
    FILE *f = fopen(path, "r");
    if (!f) return false;
    *ret_resident_kb = *ret_copied_kb = 0;
    while (fgets(line, sizeof line, f)) {
        unsigned long long from, to;
        if (sscanf(line, "%llx-%llx ", &from, &to) == 2) here = from == address;
        if (here) sscanf(line, "Rss: %ld", ret_resident_kb);
        if (here) sscanf(line, "Anonymous: %ld", ret_copied_kb);
    }
    fclose(f);
    return true;
}

START_TEST(no_byte_of_the_payload_is_copied)
{
    enum { BYTES = 32 << 20 };
    long resident = 0, copied = -1;
    char *data = malloc(BYTES);
    memset(data, 1, BYTES);
    begin(false);
    stage_bytes("score", data, BYTES);
    free(data);
    rig_put_job(&rig, 0, 0, 1, "g 600\nc score\nm 3 1048576 40000000\nL\n");
    rig_send_run(&rig, 1, (uint32_t[]){0});
    pid_t see = find_see();
    bool may_look = true;
    for (int i = 0; i < 200 && resident < BYTES / 1024 && may_look; i++) { /* the sum over all of it has been said then */
        may_look = pages_at(see, SEE_MEMORY_BASE + 1048576, &resident, &copied);
        usleep(20000);
    }
    kill(see, SIGKILL);
    rig_next_done(&rig);
    end();
    if (!may_look) return; /* only root may look into a process that is not dumpable; CI is root */
    ck_assert_int_eq(resident, BYTES / 1024);
    ck_assert_int_eq(copied, 0);
}
END_TEST

START_TEST(a_warm_zygote_serves_only_the_task_it_was_warmed_for)
{
    static const struct { uint32_t staged; uint64_t memory; } OTHERS[] = {{1, 64}, {0, 32}};
    for (size_t i = 0; i < sizeof OTHERS / sizeof OTHERS[0]; i++) {
        ChannelSetup setup;
        ChannelFailed failed = {0};
        int status;
        ck_assert_ok(shelf_new(VIEW("score"), IMAGE, &shelf));
        rig_prepare(&rig, exec_zygote(), &(Wish){.level = LEVEL_PROCESS, .part = "x", .memory = 64 * MIB}, &setup);
        rig_warm(&rig, &setup, CHANNEL_WARMED);
        setup.staged = OTHERS[i].staged;
        setup.memory_max = OTHERS[i].memory * MIB;
        rig.staging = setup.staged ? shelf->fds : NULL;
        rig_send_setup(&rig, &setup, "x");
        ck_assert_int_gt(recv(rig.socket, &failed, sizeof failed, 0), 0);
        ck_assert_uint_eq(failed.type, CHANNEL_FAILED);
        ck_assert_str_eq(failed.text, "the setup packet asks for another zygote than was warmed");
        rig_free(&rig);
        waitpid(zygote, &status, 0);
        shelf_free(&shelf);
    }
}
END_TEST

static void read_reports(ZygoteReport ret_reports[ZYGOTE_REPORTS])
{
    ck_assert_int_eq(pread(report_fd, ret_reports, ZYGOTE_REPORTS * sizeof *ret_reports, 0), ZYGOTE_REPORTS * (ssize_t)sizeof *ret_reports);
}

START_TEST(a_warm_zygote_says_its_key_before_it_has_a_task_and_the_task_under_the_same_key)
{
    static const uint8_t NONE[32];
    for (int sealed = 0; sealed < 2; sealed++) {
        ZygoteReport reports[ZYGOTE_REPORTS], before;
        ChannelSetup setup;
        ChannelReady ready;
        int status;
        rig_prepare(&rig, exec_zygote(), &(Wish){.level = LEVEL_PROCESS, .part = "x", .memory = 64 * MIB, .sealed = sealed}, &setup);
        rig_warm(&rig, &setup, CHANNEL_WARMED);
        read_reports(reports);
        before = reports[0];
        ck_assert(before.level == LEVEL_PROCESS && reports[1].level == 0);
        ck_assert_mem_ne(before.see_key, NONE, sizeof before.see_key);
        ck_assert_mem_eq(before.task_policy, NONE, sizeof before.task_policy);
        ck_assert_mem_eq(before.task_id, NONE, sizeof before.task_id);
        rig_send_setup(&rig, &setup, "x");
        ck_assert_int_eq(recv(rig.socket, &ready, sizeof ready, 0), sizeof ready);
        ck_assert_uint_eq(ready.type, CHANNEL_READY);
        read_reports(reports);
        ck_assert_mem_eq(&reports[0], &before, sizeof before);
        ck_assert_uint_eq(reports[1].level, sealed ? LEVEL_PROCESS : 0);
        if (sealed) ck_assert_mem_eq(reports[1].see_key, before.see_key, sizeof before.see_key);
        if (sealed) ck_assert_mem_eq(reports[1].task_id, setup.task_id, sizeof setup.task_id);
        if (sealed) ck_assert_mem_ne(reports[1].task_policy, NONE, sizeof before.task_policy);
        rig_free(&rig);
        waitpid(zygote, &status, 0);
    }
}
END_TEST

TEST_MAIN("node/staging", a_claimed_resource_is_a_descriptor_to_read_from, it_is_mapped_into_memory_by_one_call,
          a_mapping_that_does_not_fit_changes_nothing, a_resource_is_claimed_once, each_reason_for_getting_nothing_is_its_own,
          between_a_claim_and_an_eviction_one_wins_and_both_know_which, a_hostile_see_finds_nothing_that_it_has_not_claimed,
          looking_without_taking_and_other_mappings_kill_the_see, where_nothing_is_staged_the_system_calls_are_as_before,
          no_byte_of_the_payload_is_copied, a_warm_zygote_serves_only_the_task_it_was_warmed_for,
          a_warm_zygote_says_its_key_before_it_has_a_task_and_the_task_under_the_same_key)
