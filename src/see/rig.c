/* A test's side of the channel. */
#include "see/rig.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"
#include "see/manifest.h"
#include "sys/memfd.h"

enum { SLOT_BYTES = 4 << 20, INPUT_AT = SLOT_DATA, INPUT_STRIDE = 1024, OUTPUT_AT = 1 << 20, JOB_STRIDE = 64 << 10, LOG_MAX = 4096 };

const char *rig_image_path(void)
{
    static char path[4096];
    const char *build = getenv("COVEY_BUILD");
    snprintf(path, sizeof path, "%s/src/see/see-test-image", build ? build : "build");
    return path;
}

int rig_exec_sealed(pid_t *ret_zygote, int *ret_report_fd)
{
    enum { FD_REPORT = 5, ELSEWHERE = 25 };
    int pair[2], report;
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    ck_assert_ok(memfd_fixed("report", ZYGOTE_REPORTS * sizeof(ZygoteReport), &report));
    const pid_t zygote = fork();
    if (zygote == 0) {
        dup3(report, ELSEWHERE, O_CLOEXEC);
        dup2(pair[1], 0);
        dup2(ELSEWHERE, FD_REPORT);
        execl(rig_image_path(), "see", (char *)NULL);
        _exit(99);
    }
    close(pair[1]);
    *ret_zygote = zygote;
    *ret_report_fd = report;
    return pair[0];
}

ZygoteReport rig_read_report(int report_fd)
{
    ZygoteReport reports[ZYGOTE_REPORTS];
    ck_assert_int_eq(pread(report_fd, reports, sizeof reports, 0), sizeof reports);
    close(report_fd);
    ck_assert(reports[0].level != 0 && reports[1].level == 0);
    return reports[0];
}

void rig_prepare(Rig *r, int socket, const Wish *wish, ChannelSetup *ret_setup)
{
    r->socket = socket;
    r->staging = wish->staging;
    for (int i = 0; i < RIG_SLOTS; i++) {
        void *data;
        ck_assert_ok(memfd_fixed("slot", SLOT_BYTES, &r->fds[i]));
        ck_assert_ok(fd_map(r->fds[i], SLOT_BYTES, 3, &data));
        r->slots[i] = data;
    }
    *ret_setup = (ChannelSetup){.type = CHANNEL_SETUP, .version = CHANNEL_VERSION, .level = wish->level, .slot_count = RIG_SLOTS,
                                .lifetime_ns = (wish->lifetime_ms ? wish->lifetime_ms : 20000) * NS_PER_MS,
                                .memory_max = wish->memory ? wish->memory : 2 * MIB, .real_random = wish->real_random,
                                .arg_count = 1, .env_count = 1};
    ret_setup->sealed = wish->sealed;
    ret_setup->staged = wish->staging != NULL;
    memset(ret_setup->task_id, 0x11, sizeof ret_setup->task_id);
    memset(ret_setup->task_seed, 7, sizeof ret_setup->task_seed);
}

void rig_send_setup(Rig *r, ChannelSetup *setup, const char *part)
{
    AUTO_BUFFER packet = buffer_limited(1 << 16);
    setup->text_size = (uint32_t)strlen(part) + 1 + 4;
    ck_assert_ok(buffer_append(&packet, view_of(setup, sizeof *setup)));
    ck_assert_ok(buffer_append(&packet, view_of(part, strlen(part) + 1)));
    ck_assert_ok(buffer_append(&packet, view_of("A=b", 4)));
    int fds[RIG_SLOTS + STAGING_FDS];
    memcpy(fds, r->fds, sizeof r->fds);
    if (r->staging) memcpy(fds + RIG_SLOTS, r->staging, STAGING_FDS * sizeof *fds);
    ck_assert_ok(socket_send(r->socket, view_buffer(&packet), fds, RIG_SLOTS + (r->staging ? STAGING_FDS : 0)));
}

void rig_warm(Rig *r, const ChannelSetup *setup, ChannelType answer)
{
    const ChannelWarm warm = {CHANNEL_WARM, CHANNEL_VERSION, setup->level, setup->staged, setup->memory_max};
    ChannelReady ready = {0};
    ck_assert_ok(socket_send(r->socket, view_of(&warm, sizeof warm), NULL, 0));
    ck_assert_int_gt(recv(r->socket, &ready, sizeof ready, 0), 0);
    ck_assert_uint_eq(ready.type, answer);
}

void rig_start(Rig *r, int socket, Wish wish)
{
    ChannelSetup setup;
    ChannelReady ready;
    rig_prepare(r, socket, &wish, &setup);
    if (wish.warm) rig_warm(r, &setup, CHANNEL_WARMED);
    rig_send_setup(r, &setup, wish.part);
    ck_assert_int_eq(recv(r->socket, &ready, sizeof ready, 0), sizeof ready);
    ck_assert_int_eq(ready.type, CHANNEL_READY);
    ck_assert_uint_eq(ready.memory_initial, 2 * WASM_PAGE_BYTES);
}

void rig_free(Rig *r)
{
    fd_close(&r->socket);
    for (int i = 0; i < RIG_SLOTS; i++) {
        fd_unmap(r->slots[i], SLOT_BYTES);
        fd_close(&r->fds[i]);
    }
}

SlotJob *rig_job(Rig *r, int slot, int i) { return (SlotJob *)(r->slots[slot] + SLOT_JOB_OFFSET(i)); }

void rig_put_job(Rig *r, int slot, int i, uint64_t job, const char *input)
{
    uint64_t place = OUTPUT_AT + (uint64_t)i * JOB_STRIDE;
    SlotHeader *head = (SlotHeader *)r->slots[slot];
    head->magic = SLOT_MAGIC;
    head->job_count = (uint32_t)i + 1;
    *rig_job(r, slot, i) = (SlotJob){.ask = {.stage_and_job = job, .input_offset = INPUT_AT + (uint64_t)i * INPUT_STRIDE,
                                             .input_size = strlen(input), .output_offset = place, .output_max = RIG_OUTPUT_ROOM,
                                             .log_offset = place + RIG_OUTPUT_ROOM, .log_max = LOG_MAX}};
    memcpy(r->slots[slot] + INPUT_AT + i * INPUT_STRIDE, input, strlen(input));
}

void rig_send_run(Rig *r, uint32_t count, const uint32_t *slots)
{
    ChannelRun run = {CHANNEL_RUN, count, {0}};
    memcpy(run.slots, slots, count * sizeof *slots);
    ck_assert_ok(socket_send(r->socket, view_of(&run, offsetof(ChannelRun, slots) + count * sizeof *slots), NULL, 0));
}

ChannelSlotDone rig_next_done(Rig *r)
{
    ChannelDone done;
    ssize_t n = recv(r->socket, &done, sizeof done, 0);
    ck_assert_msg(n >= (ssize_t)offsetof(ChannelDone, slots) && done.type == CHANNEL_DONE, "expected DONE, got %zd bytes", n);
    ck_assert_uint_eq(done.count, 1);
    return done.slots[0];
}

ChannelSlotDone rig_run_one(Rig *r, uint64_t job, const char *input)
{
    rig_put_job(r, 0, 0, job, input);
    rig_send_run(r, 1, (uint32_t[]){0});
    ChannelSlotDone done = rig_next_done(r);
    ck_assert_uint_eq(done.slot, 0);
    return done;
}

const char *rig_output(Rig *r, int slot, int i)
{
    static char text[RIG_OUTPUT_ROOM + 1];
    const SlotJob *j = rig_job(r, slot, i);
    ck_assert_uint_le(j->answer.output_size, RIG_OUTPUT_ROOM);
    memcpy(text, r->slots[slot] + j->ask.output_offset, j->answer.output_size);
    text[j->answer.output_size] = '\0';
    return text;
}
