/* Warden, zygote and slots for the benchmarks. */
#include "bench/runner/zygote.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>

#include "image/image.h"
#include "see/outcome.h"
#include "sys/fd.h"
#include "sys/memfd.h"

enum { ANSWER_TIMEOUT_MS = 60000, ZYGOTE_ID = 1 };
#define BENCH_MEMORY_MAX (256 * MIB)
#define BENCH_OUTPUT_MAX (64 * KIB)

static Err wait_readable(int fd, Diag *diag)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int n;
    do n = poll(&p, 1, ANSWER_TIMEOUT_MS); while (n < 0 && errno == EINTR);
    if (n < 0) return FAIL(errno);
    return n ? OK : FAIL_WHY(diag, ETIMEDOUT, "no answer within %d s", ANSWER_TIMEOUT_MS / 1000);
}

/* The pages that a fork has to copy the table of: resident ones that are not the file's. */
static uint64_t own_pages(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    unsigned long long total, resident = 0, shared = 0;
    if (fscanf(file, "%llu %llu %llu", &total, &resident, &shared) != 3) resident = shared = 0;
    fclose(file);
    return resident - shared;
}

uint64_t bench_zygote_child_cpu_ns(const BenchZygote *z)
{
    char path[64];
    int child = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)z->pid, (int)z->pid);
    FILE *file = fopen(path, "re");
    if (file && fscanf(file, "%d", &child) != 1) child = 0;
    if (file) fclose(file);
    if (child <= 0) return 0;

    unsigned long long ran_ns = 0;
    snprintf(path, sizeof path, "/proc/%d/schedstat", child);
    file = fopen(path, "re");
    if (file && fscanf(file, "%llu", &ran_ns) != 1) ran_ns = 0;
    if (file) fclose(file);
    return ran_ns;
}

/* STARTED names the process; the agent has no use for it, so the packet is read here. */
static Err hear_started(BenchZygote *z, pid_t *ret_pid, Diag *diag)
{
    uint8_t packet[WARDEN_PACKET_MAX];
    size_t size = 0, fd_count = 0;
    WardenReport report;
    TRY(wait_readable(z->warden.socket, diag));
    TRY_WHY(diag, socket_receive(z->warden.socket, packet, sizeof packet, &size, NULL, &fd_count), "the warden");
    TRY_WHY(diag, warden_get_report(view_of(packet, size), &report), "the warden");
    if (report.type != WARDEN_STARTED) return FAIL_WHY(diag, ERR_DENIED, "the warden did not start a SEE: %s", report.text);
    WardenStarted started;
    memcpy(&started, packet, sizeof started);
    *ret_pid = started.pid;
    return OK;
}

static Err start(BenchZygote *z, const char *image, SecurityLevel level, Diag *diag)
{
    AUTO_BUFFER file = buffer_limited(IMAGE_BYTES_MAX);
    ImageInfo info;
    TRY_WHY(diag, file_read(AT_FDCWD, image, &file), "%s", image);
    TRY_WHY(diag, image_parse(view_buffer(&file), &info, diag), "%s", image);
    AUTO_FD fd = -1;
    TRY_WHY(diag, fd_open(AT_FDCWD, image, O_RDONLY | O_CLOEXEC, 0, &fd), "%s", image);
    WardenStart request = {.level = level, .memory_max = BENCH_MEMORY_MAX};
    memcpy(request.measurement, info.measurement.bytes, sizeof request.measurement);
    return zygote_link_start(&z->link, &z->warden, ZYGOTE_ID, &request, fd);
}

static Err set_up(BenchZygote *z, SecurityLevel level, uint32_t slots, Diag *diag)
{
    TaskOpen task = {.level = level, .lifetime_ns = 60 * NS_PER_S, .memory_max = BENCH_MEMORY_MAX, .output_max = BENCH_OUTPUT_MAX};
    ChannelReport report;
    TRY(hear_started(z, &z->pid, diag));
    TRY(zygote_link_set_up(&z->link, &z->plan, &task, slots, NULL));
    TRY(wait_readable(z->link.channel, diag));
    TRY_WHY(diag, zygote_link_receive(&z->link, &report), "the zygote");
    if (report.type != CHANNEL_READY) return FAIL_WHY(diag, ERR_PROTOCOL, "the zygote is not ready: %s", report.text);
    z->resident_pages = own_pages(z->pid);
    return OK;
}

Err bench_zygote_open(BenchZygote *z, const char *covey, const char *image, SecurityLevel level, uint32_t slots, Diag *diag)
{
    *z = (BenchZygote){.plan = slot_plan(level, BENCH_OUTPUT_MAX, slots), .link = {.channel = -1}};
    z->warden = warden_link_none(covey, &z->trusted);
    TRY(config_directory(z->config, sizeof z->config));
    TRY_WHY(diag, trusted_keys_load(z->config, &z->trusted, diag), "trusted keys");
    Err e = warden_link_open(&z->warden, diag);
    if (e.code == 0) e = start(z, image, level, diag);
    if (e.code == 0) e = set_up(z, level, slots, diag);
    if (e.code) bench_zygote_close(z);
    return e;
}

void bench_zygote_close(BenchZygote *z)
{
    zygote_link_drop(&z->link, &z->plan);
    warden_link_close(&z->warden);
}

Err bench_zygote_send(BenchZygote *z, uint64_t *left)
{
    while (*left > 0 && z->link.idle_count > 0) {
        Slot *slot = &z->link.slots[zygote_link_idle_slot(&z->link)];
        slot_begin(slot);
        for (; *left > 0 && slot_has_room(slot, &z->plan, 0); --*left) slot_add(slot, &z->plan, 0, *left, 0, 0);
        zygote_link_tell(&z->link);
    }
    return zygote_link_flush(&z->link);
}

static Err collect(BenchZygote *z, const ChannelSlotDone *done, uint64_t *jobs, Buffer *output, Diag *diag)
{
    Slot *slot = &z->link.slots[done->slot];
    for (uint32_t i = 0; i < slot->job_count; i++) {
        SlotAnswer answer;
        slot_copy_answer(slot, i, &answer);
        if (done->how != HOW_ANSWERED || answer.outcome != OUTCOME_OK || answer.output_size > BENCH_OUTPUT_MAX)
            return FAIL_WHY(diag, ERR_TASK_FAILED, "a micro-job failed: %s", outcome_text(answer.outcome));
        if (output && i == 0) TRY(buffer_append(output, slot_output(slot, i, answer.output_size)));
    }
    *jobs += slot->job_count;
    TRY(slot_recycle(slot, &z->plan));
    zygote_link_slot_idle(&z->link, done->slot);
    return OK;
}

Err bench_zygote_receive(BenchZygote *z, uint64_t *ret_jobs, Buffer *output, Diag *diag)
{
    ChannelReport report;
    TRY(wait_readable(z->link.channel, diag));
    TRY_WHY(diag, zygote_link_receive(&z->link, &report), "the zygote");
    *ret_jobs = 0;
    for (uint32_t i = 0; i < report.count; i++) TRY(collect(z, &report.slots[i], ret_jobs, output, diag));
    return OK;
}

Err bench_zygote_run(BenchZygote *z, uint64_t jobs, Diag *diag)
{
    for (uint64_t left = jobs, done = 0; done < jobs;) {
        uint64_t finished;
        TRY(bench_zygote_send(z, &left));
        TRY(bench_zygote_receive(z, &finished, NULL, diag));
        done += finished;
    }
    return OK;
}
