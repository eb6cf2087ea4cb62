/* A warden and zygotes for tests; see the header. What goes wrong here is _exit(99). */
#include "node/fake_warden.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/level.h"
#include "crypto/sign.h"
#include "crypto/stream.h"
#include "node/fake_broker.h"
#include "see/channel.h"
#include "see/outcome.h"
#include "see/slot.h"
#include "sys/fd.h"
#include "warden/protocol.h"

static int channel;
static ChannelSetup setup;
static int slots[ZYGOTE_SLOTS_MAX];

static void must(bool good)
{
    if (!good) _exit(99);
}

/* Whether this is the behaviour to show; with FAKE_ONCE only the first who asks shows it. */
static bool shows(const char *behaviour)
{
    const char *wanted = getenv(FAKE_BEHAVIOUR), *once = getenv(FAKE_ONCE);
    if (!wanted || strcmp(wanted, behaviour) != 0) return false;
    if (!once) return true;
    int fd = open(once, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
    if (fd < 0) return false;
    close(fd);
    return true;
}

static bool sometimes(const char *behaviour, long one_in)
{
    static bool seeded;
    if (!seeded) srandom((unsigned)getpid());
    seeded = true;
    return random() % one_in == 0 && shows(behaviour);
}

static void say(const void *packet, size_t size)
{
    if (socket_send(channel, view_of(packet, size), NULL, 0).code) _exit(0);
}

static void say_done(uint32_t slot, ChannelHow how, int signal_number)
{
    ChannelDone done = {CHANNEL_DONE, 1, {{slot, (uint16_t)how, (uint16_t)signal_number}}};
    say(&done, offsetof(ChannelDone, slots) + sizeof done.slots[0]);
}

/* --- the SEE's part: one micro-job --- */

/* At `process` everything in the slot but this micro-job's ask, key and input must be zero. */
static bool finds_traces(int fd, const SlotJob *job)
{
    static uint8_t page[4096];
    uint64_t input_end = job->ask.input_offset + job->ask.input_size;
    for (off_t at = lseek(fd, 0, SEEK_DATA); at >= 0; at = lseek(fd, at + 4096, SEEK_DATA)) {
        ssize_t n = pread(fd, page, sizeof page, at);
        for (ssize_t i = 0; i < n; i++) {
            uint64_t offset = (uint64_t)at + (uint64_t)i;
            bool asked = offset < sizeof(SlotHeader) + sizeof(SlotAsk) + (setup.sealed ? sizeof(SlotKey) : 0) ||
                         (offset >= job->ask.input_offset && offset < input_end);
            if (!asked && page[i]) return true;
        }
    }
    return false;
}

static void leave_traces(int fd, const SlotJob *job)
{
    static const char trace[] = "secret of the last SEE";
    const uint64_t places[] = {
        40, SLOT_JOB_OFFSET(1), SLOT_JOB_OFFSET(63) + 64, job->ask.input_offset, job->ask.input_offset + 300000, job->ask.output_offset + 100,
        job->ask.output_offset + 700000, job->ask.log_offset, job->ask.log_offset + 60000};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) must(pwrite(fd, trace, sizeof trace, (off_t)places[i]) == (ssize_t)sizeof trace);
    for (uint64_t page = 0; page < job->ask.attempt % 2 * 300; page += 2) /* many runs of pages, now and then */
        must(pwrite(fd, trace, sizeof trace, (off_t)(job->ask.output_offset + 2000000 + page * 4096)) > 0);
}

static SlotAnswer answer_wrongly(SlotAnswer a, const SlotAsk *ask)
{
    if (shows("unknown-outcome")) a.outcome = 999;
    if (shows("host-outcome")) a.outcome = OUTCOME_LIFETIME;
    if (shows("output-too-large")) a.output_size = ask->output_max + 1;
    if (shows("output-huge")) a.output_size = UINT64_MAX;
    if (shows("log-too-large")) a.log_size = ask->log_max + 1;
    if (shows("log-truncated-strangely")) a.log_truncated = 2;
    if (shows("exit-code-with-ok")) a.exit_code = 3;
    if (shows("exit-code-zero")) a.outcome = OUTCOME_EXIT_CODE;
    if (shows("memory-impossible")) a.memory_peak = UINT64_MAX;
    if (shows("no-answer")) a.outcome = OUTCOME_NONE;
    return a;
}

/* Whether the micro-job came with the key that the broker wrapped for it. */
static bool has_its_key(const SlotJob *job)
{
    uint8_t right[BROKER_WRAP_BYTES];
    uint64_t plain_size = 0;
    must(stream_plain_size(job->ask.input_size, &plain_size));
    fake_wrap(job->ask.stage_and_job & 0xffffffffffffffULL, plain_size, right);
    return memcmp(right, job->key.wrap, sizeof right) == 0;
}

/* The result of micro-job J, attempt A over the segment S is "J.A:S". */
static void run_job(int fd, uint32_t index)
{
    SlotJob job;
    must(pread(fd, &job, sizeof job, (off_t)SLOT_JOB_OFFSET(index)) == (ssize_t)sizeof job);
    must(job.answer.outcome == 0);
    char *output = malloc(64 + job.ask.input_size);
    must(output != NULL);
    int head = snprintf(output, 64, "%llu.%u:", (unsigned long long)(job.ask.stage_and_job & 0xffffffffffffffULL), job.ask.attempt);
    ssize_t n = pread(fd, output + head, job.ask.input_size, (off_t)job.ask.input_offset);
    must(n == (ssize_t)job.ask.input_size);
    bool dirty = setup.level == LEVEL_PROCESS && finds_traces(fd, &job);
    if (shows("leave-traces")) leave_traces(fd, &job);
    if (dirty) head = snprintf(output, 64, "traces"), n = 0;
    SlotAnswer a = {.outcome = OUTCOME_OK, .output_size = (uint64_t)(head + n), .log_size = 3, .memory_peak = 65536};
    must(pwrite(fd, output, a.output_size, (off_t)job.ask.output_offset) == (ssize_t)a.output_size);
    must(pwrite(fd, "log", 3, (off_t)job.ask.log_offset) == 3);
    a = answer_wrongly(a, &job.ask);
    if (setup.sealed == SEALED_SEGMENTS && !has_its_key(&job)) a = (SlotAnswer){.outcome = OUTCOME_SEAL_BROKEN};
    must(pwrite(fd, &a, sizeof a, (off_t)(SLOT_JOB_OFFSET(index) + offsetof(SlotJob, answer))) == (ssize_t)sizeof a);
    free(output);
}

/* --- the zygote's part --- */

static void misbehave_before(uint32_t slot)
{
    static const ChannelDone wild = {CHANNEL_DONE, ZYGOTE_SLOTS_MAX + 1, {{0}}};
    static uint8_t large[60000];
    if (shows("die")) raise(SIGKILL);
    if (sometimes("die-sometimes", 100)) raise(SIGKILL);
    if (sometimes("kill-warden-sometimes", 200)) kill(getppid(), SIGKILL), pause();
    if (shows("hang")) pause();
    if (shows("kill-warden")) kill(getppid(), SIGKILL), pause();
    if (shows("unknown-slot")) say_done(setup.slot_count, HOW_ANSWERED, 0);
    if (shows("slot-of-nobody")) say_done(UINT32_MAX, HOW_ANSWERED, 0);
    if (shows("unknown-how")) say_done(slot, (ChannelHow)77, 0);
    if (shows("no-how")) say_done(slot, (ChannelHow)0, 0);
    if (shows("packet-too-large")) say(large, sizeof large);
    if (shows("packet-too-short")) say("x", 1);
    if (shows("unknown-type")) say(&(ChannelReady){777, 0, 0}, sizeof(ChannelReady));
    if (shows("ready-twice")) say(&(ChannelReady){CHANNEL_READY, CHANNEL_VERSION, 0}, sizeof(ChannelReady));
    if (shows("count-too-large")) say(&wild, sizeof wild);
    if (shows("failed-late")) say(&(ChannelFailed){CHANNEL_FAILED, "late"}, sizeof(ChannelFailed));
    if (shows("close")) _exit(0);
    if (shows("descriptors")) {
        int fds[2] = {slots[0], slots[0]};
        ChannelDone done = {CHANNEL_DONE, 1, {{slot, HOW_ANSWERED, 0}}};
        must(socket_send(channel, view_of(&done, 16), fds, 2).code == 0);
    }
}

/* True when it said what became of the slot. */
static bool end_early(uint32_t slot)
{
    if (shows("forbidden-call")) return say_done(slot, HOW_SIGNAL, SIGSYS), true;
    if (shows("crash")) return say_done(slot, HOW_SIGNAL, SIGSEGV), true;
    if (shows("lifetime")) return say_done(slot, HOW_LIFETIME, 0), true;
    if (shows("fork-failed")) return say_done(slot, HOW_FORK_FAILED, 0), true;
    return false;
}

static void run_slot(uint32_t slot)
{
    misbehave_before(slot);
    SlotHeader header;
    must(pread(slots[slot], &header, sizeof header, 0) == (ssize_t)sizeof header);
    must(header.magic == SLOT_MAGIC && header.job_count >= 1 && header.job_count <= SLOT_JOBS_MAX);
    must(setup.level == LEVEL_SHARED || header.job_count == 1);
    if (header.job_count > 1 && shows("die-halfway")) {
        for (uint32_t i = 0; i < header.job_count / 2; i++) run_job(slots[slot], i);
        raise(SIGKILL);
    }
    if (header.job_count > 1 && shows("crash-halfway")) {
        for (uint32_t i = 0; i < header.job_count / 2; i++) run_job(slots[slot], i);
        say_done(slot, HOW_SIGNAL, SIGSEGV);
        return;
    }
    if (end_early(slot)) return;
    for (uint32_t i = 0; i < header.job_count; i++) run_job(slots[slot], i);
    say_done(slot, HOW_ANSWERED, 0);
    if (shows("done-twice")) say_done(slot, HOW_ANSWERED, 0);
}

static void set_up(void)
{
    static uint8_t packet[CHANNEL_PACKET_MAX];
    size_t size = 0, count = ZYGOTE_SLOTS_MAX;
    if (socket_receive(channel, packet, sizeof packet, &size, slots, &count).code) _exit(0);
    memcpy(&setup, packet, sizeof setup);
    must(size == sizeof setup + setup.text_size && setup.type == CHANNEL_SETUP && setup.slot_count == count);
    if (shows("done-before-ready")) say_done(0, HOW_ANSWERED, 0);
    if (shows("wrong-version")) say(&(ChannelReady){CHANNEL_READY, CHANNEL_VERSION + 1, 0}, sizeof(ChannelReady));
    if (shows("die-in-setup")) raise(SIGKILL);
    if (shows("failed")) {
        ChannelFailed failed = {CHANNEL_FAILED, "no \x1b[31mroom"};
        say(&failed, sizeof failed);
        _exit(1);
    }
    say(&(ChannelReady){CHANNEL_READY, CHANNEL_VERSION, 65536}, sizeof(ChannelReady));
    if (shows("done-before-run")) say_done(0, HOW_ANSWERED, 0);
}

/* Like the real one: a grant that is not genuine ends it. */
static void take_session(void)
{
    ChannelSession s;
    uint8_t encapsulated[sizeof s.encapsulated], sealed[sizeof s.sealed];
    size_t size = 0, count = 0;
    if (shows("die-before-grant")) raise(SIGKILL);
    if (socket_receive(channel, &s, sizeof s, &size, NULL, &count).code) _exit(0);
    must(size == sizeof s && s.type == CHANNEL_SESSION && setup.task_id[0] == 7);
    fake_grant(s.evidence_hash, encapsulated, sealed);
    if (memcmp(encapsulated, s.encapsulated, sizeof encapsulated) != 0 || memcmp(sealed, s.sealed, sizeof sealed) != 0) _exit(2);
}

static _Noreturn void zygote_run(int fd)
{
    channel = fd;
    set_up();
    if (setup.sealed != SEALED_NONE) take_session();
    for (;;) {
        ChannelRun run;
        size_t size = 0, count = 0;
        if (socket_receive(channel, &run, sizeof run, &size, NULL, &count).code) _exit(0);
        must(run.type == CHANNEL_RUN && size == offsetof(ChannelRun, slots) + run.count * sizeof run.slots[0]);
        for (uint32_t i = 0; i < run.count; i++) run_slot(run.slots[i]);
    }
}

/* --- the warden's part --- */

typedef struct { uint32_t id; pid_t pid; } Child;
static Child children[ZYGOTES_MAX];

static void tell_agent(const void *packet, size_t size)
{
    if (socket_send(WARDEN_SOCKET_FD, view_of(packet, size), NULL, 0).code) _exit(0);
}

static void start(const WardenStart *s, int channel_fd)
{
    if (shows("refuse")) {
        WardenRefused refused = {WARDEN_REFUSED, s->zygote, ERR_UNTRUSTED, "the image is signed by nobody you trust"};
        tell_agent(&refused, sizeof refused);
        return;
    }
    if (shows("warden-garbage")) tell_agent("garbage", 7);
    if (shows("warden-dies-at-start")) _exit(0);
    int i = 0;
    while (i < ZYGOTES_MAX && children[i].pid) i++;
    must(i < ZYGOTES_MAX);
    pid_t pid = fork();
    must(pid >= 0);
    if (pid == 0) {
        must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        close(WARDEN_SOCKET_FD);
        zygote_run(channel_fd);
    }
    children[i] = (Child){s->zygote, pid};
    WardenStarted started = {WARDEN_STARTED, s->zygote, pid, 0};
    tell_agent(&started, sizeof started);
    if (shows("warden-lies")) {
        tell_agent(&(WardenEnded){WARDEN_ENDED, UINT32_MAX, 0, 0}, sizeof(WardenEnded));
        tell_agent(&(WardenStarted){WARDEN_STARTED, s->zygote, pid, 0}, sizeof(WardenStarted));
        tell_agent(&(WardenRefused){WARDEN_REFUSED, s->zygote, -5, "too late"}, sizeof(WardenRefused));
    }
}

static void reap(void)
{
    int status;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG))
        for (int i = 0; i < ZYGOTES_MAX; i++) {
            if (children[i].pid != pid) continue;
            WardenEnded ended = {WARDEN_ENDED, children[i].id, status, 0};
            children[i] = (Child){0};
            tell_agent(&ended, sizeof ended);
        }
}

static void give_evidence(const WardenEvidence *wish)
{
    struct { WardenEvidenceReady head; char text[256]; } packet = {{WARDEN_EVIDENCE_READY, wish->zygote, 0, 0}, FAKE_EVIDENCE};
    size_t size = sizeof FAKE_EVIDENCE - 1;
    memcpy(packet.text + size, wish->nonce, sizeof wish->nonce);
    size += sizeof wish->nonce;
    memcpy(packet.text + size, &wish->zygote, sizeof wish->zygote);
    packet.head.size = (uint32_t)(size + sizeof wish->zygote);
    if (shows("no-evidence")) {
        packet.head.code = ERR_LEVEL;
        packet.head.size = (uint32_t)snprintf(packet.text, sizeof packet.text, "this node has no \x1bkey");
    }
    size = sizeof packet.head + packet.head.size;
    if (shows("evidence-cut")) size--;
    if (shows("evidence-empty")) size = sizeof packet.head, packet.head.size = 0;
    if (shows("warden-dies-at-evidence")) _exit(0);
    tell_agent(&packet, size);
    if (shows("evidence-twice")) tell_agent(&packet, size);
}

static void serve_packet(void)
{
    union { uint32_t type; WardenStart start; WardenKill kill; WardenEvidence evidence; uint8_t bytes[WARDEN_PACKET_MAX]; } packet;
    int fds[2] = {-1, -1};
    size_t size = 0, count = 2;
    Err e = socket_receive(WARDEN_SOCKET_FD, &packet, sizeof packet, &size, fds, &count);
    if (e.code) _exit(0); /* its zygotes die with it */
    if (packet.type == WARDEN_START) {
        must(size == sizeof packet.start && count == 2);
        start(&packet.start, fds[1]);
    } else if (packet.type == WARDEN_KILL) {
        for (int i = 0; i < ZYGOTES_MAX; i++)
            if (children[i].pid && children[i].id == packet.kill.zygote) kill(children[i].pid, SIGKILL);
    } else if (packet.type == WARDEN_EVIDENCE) {
        must(size == sizeof packet.evidence && packet.evidence.wish == 0);
        give_evidence(&packet.evidence);
    } else {
        must(packet.type == WARDEN_TRUST);
    }
    for (size_t i = 0; i < count; i++) close(fds[i]);
}

void fake_warden_run(void)
{
    for (;;) {
        struct pollfd p = {WARDEN_SOCKET_FD, POLLIN, 0};
        if (poll(&p, 1, 2) > 0) serve_packet();
        reap();
    }
}
