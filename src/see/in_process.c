/* The runtime's files as part of a test: their system calls are played by the functions below. */
#include "see/in_process.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/test.h"
#include "see/sealed.h"

static struct {
    InProcessZygote *zygote;
    View packet;
    uint8_t *slot;
    InProcessModule module;
    sigjmp_buf ended; /* where see_exit leads to */
} scene;

static ssize_t take_report(const void *data, size_t size, off_t offset)
{
    ck_assert(size == sizeof scene.zygote->report && offset == 0);
    memcpy(&scene.zygote->report, data, size);
    return (ssize_t)size;
}

static ssize_t played_recvmsg(int fd, struct msghdr *message, int flags)
{
    ck_assert(fd == FD_SOCKET && flags == 0 && message->msg_iovlen == 1);
    const size_t room = message->msg_iov->iov_len, size = scene.packet.size < room ? scene.packet.size : room;
    memcpy(message->msg_iov->iov_base, scene.packet.data, size);
    return (ssize_t)size;
}

/* As much of [offset, offset + size) as lies in the slot: a memfd of fixed size reads and writes short at its end. */
static size_t inside_slot(size_t size, off_t offset)
{
    if (offset < 0 || offset >= IN_PROCESS_SLOT_BYTES) return 0;
    const size_t left = IN_PROCESS_SLOT_BYTES - (size_t)offset;
    return size < left ? size : left;
}

static ssize_t played_pread(int fd, void *data, size_t size, off_t offset)
{
    ck_assert_int_eq(fd, FD_SLOT);
    const size_t step = inside_slot(size, offset);
    if (step > 0) memcpy(data, scene.slot + offset, step);
    return (ssize_t)step;
}

static ssize_t played_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (fd == FD_REPORT) return take_report(data, size, offset);
    ck_assert_int_eq(fd, FD_SLOT);
    const size_t step = inside_slot(size, offset);
    if (step > 0) memcpy(scene.slot + offset, data, step);
    return (ssize_t)step;
}

static ssize_t played_pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
    (void)fd, (void)parts, (void)count, (void)offset;
    ck_abort_msg("a sealed result is never written in the open");
    return -1;
}

#define recvmsg played_recvmsg
#define pread played_pread
#define pwrite played_pwrite
#define pwritev played_pwritev
#include "see/input.c" /* NOLINT(bugprone-suspicious-include): their calls are played */
#include "see/job.c" /* NOLINT(bugprone-suspicious-include): their calls are played */
#include "see/output.c" /* NOLINT(bugprone-suspicious-include): their calls are played */
#include "see/session.c" /* NOLINT(bugprone-suspicious-include): their calls are played */

Setup setup;

_Noreturn void see_exit(int code)
{
    ck_assert_int_ne(code, 6); /* no page, or no randomness: the machine, not the test */
    siglongjmp(scene.ended, 1);
}

/* There is no linear memory here: what the module reads lands in an array. */
void memory_will_write(const void *data, uint64_t size) { (void)data, (void)size; }
uint64_t memory_size(void) { return 0; }

/* Nothing is staged for a task over sealed data. */
bool staging_take_input(uint32_t place, uint64_t size, int *ret_fd) { return (void)place, (void)size, (void)ret_fd, false; }

/* Before a module whose end is hidden has ended, nothing of it is in the slot: the agent sees it all the time. */
static uint8_t slot_before[IN_PROCESS_SLOT_BYTES];

static void start_module(void)
{
    if (is_hiding()) ck_assert_mem_eq(slot_before, scene.slot, sizeof slot_before);
    static uint8_t input[IN_PROCESS_IO_MAX], output[IN_PROCESS_IO_MAX];
    const uint64_t size = input_size();
    if (size > sizeof input) job_end(OUTCOME_MEMORY_LIMIT);
    input_read(input, size, 0);
    const size_t made = scene.module(scene.zygote->argument, view_of(input, size), output);
    ck_assert_uint_le(made, sizeof output);
    const struct iovec part = {output, made};
    output_write(&part, 1, made);
}

const SeeModule see_module = {NULL, 0, NULL, start_module};

/* --- the test's side --- */

static void put_on_scene(InProcessZygote *z)
{
    ck_assert(z->session == NULL || z->session != MAP_FAILED);
    scene.zygote = z;
    session = z->session;
    setup.head = z->setup;
    memcpy(setup.text, z->argument, sizeof z->argument);
    private_setup = z->private_setup ? *(const PrivateSetup *)z->private_setup : (PrivateSetup){0};
}

void in_process_start(InProcessZygote *z, uint32_t level, const uint8_t task_id[16], ChannelSealed sealed, const char *argument)
{
    *z = (InProcessZygote){.setup = {.type = CHANNEL_SETUP,
                                     .version = CHANNEL_VERSION,
                                     .level = level,
                                     .slot_count = 1,
                                     .lifetime_ns = NS_PER_S,
                                     .sealed = sealed,
                                     .arg_count = 1,
                                     .text_size = (uint32_t)strlen(argument) + 1}};
    memcpy(z->setup.task_id, task_id, sizeof z->setup.task_id);
    ck_assert_uint_lt(strlen(argument), sizeof z->argument);
    memcpy(z->argument, argument, strlen(argument));
    put_on_scene(z);
    if (sigsetjmp(scene.ended, 0)) ck_abort_msg("a zygote ended before it was granted anything");
    session_start();
    session_report(0);
    z->session = session;
}

bool in_process_grant(InProcessZygote *z, View packet)
{
    ck_assert_ptr_nonnull(z->session);
    put_on_scene(z);
    scene.packet = packet;
    if (sigsetjmp(scene.ended, 0)) {
        in_process_end(z);
        return false;
    }
    session_receive();
    z->private_setup = malloc(sizeof private_setup);
    ck_assert_ptr_nonnull(z->private_setup);
    memcpy(z->private_setup, &private_setup, sizeof private_setup);
    return true;
}

Outcome in_process_run(InProcessZygote *z, InProcessModule module, uint8_t *slot)
{
    SlotJob record;
    ck_assert_ptr_nonnull(z->session);
    put_on_scene(z);
    scene.slot = slot;
    scene.module = module;
    memcpy(slot_before, slot, sizeof slot_before);
    if (sigsetjmp(scene.ended, 0)) ck_abort_msg("the answer did not fit into its own slot");
    const SlotJob *read = job_read(FD_SLOT, 1, &record) ? &record : NULL;
    ck_assert_ptr_nonnull(read);
    const bool genuine = session_prepare(FD_SLOT, read);
    job_run(FD_SLOT, 0, &record.ask, genuine);
    return (Outcome)job.answer.outcome;
}

void in_process_keys(const InProcessZygote *z, AeadKey *ret_wrap, AeadKey *ret_result, AeadKey *ret_answer)
{
    const Session *s = z->session;
    *ret_wrap = s->wrap_key;
    *ret_result = s->result_key;
    *ret_answer = s->answer_key;
}

void in_process_end(InProcessZygote *z)
{
    free(z->private_setup);
    z->private_setup = NULL;
    if (!z->session) return;
    sodium_memzero(z->session, PAGE);
    ck_assert_int_eq(munmap(z->session, PAGE), 0);
    z->session = NULL;
    session = NULL;
}
