/* The zygote's way from exec to ready: SETUP, instantiate the module, lock down, serve. Warm: instantiate, lock down, and wait for SETUP. */
#include <string.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/level.h"
#include "see/sealed.h"

Setup setup;
static ChannelWarm warm; /* type 0: it was set up at once */

_Noreturn void see_exit(int code) { _exit(code); }

static _Noreturn void fail(const char *why)
{
    ChannelFailed packet = {.type = CHANNEL_FAILED};
    strncpy(packet.text, why, sizeof packet.text - 1);
    (void)!send(FD_SOCKET, &packet, sizeof packet, MSG_NOSIGNAL);
    see_exit(1);
}

/* Cuts setup.text into `count` strings from `at`; returns where the next one starts, or fails. */
static size_t cut_strings(size_t at, uint32_t count, const char **ret_strings)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *end = memchr(setup.text + at, 0, setup.head.text_size - at);
        if (!end) fail("the setup packet's strings are cut off");
        ret_strings[i] = setup.text + at;
        at = (size_t)(end + 1 - setup.text);
    }
    return at;
}

static void take_descriptors(const struct msghdr *message)
{
    const struct cmsghdr *c = CMSG_FIRSTHDR(message);
    const size_t slots = setup.head.slot_count * sizeof(int), staging = setup.head.staged ? sizeof setup.staging_fds : 0;
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(slots + staging))
        fail("the setup packet's slots are missing");
    memcpy(setup.slot_fds, CMSG_DATA(c), slots);
    memcpy(setup.staging_fds, CMSG_DATA(c) + slots, staging);
}

static ssize_t receive(struct iovec *parts, size_t count, struct msghdr *message)
{
    static union { struct cmsghdr align; char bytes[CMSG_SPACE((ZYGOTE_SLOTS_MAX + STAGING_FDS) * sizeof(int))]; } control;
    *message = (struct msghdr){.msg_iov = parts, .msg_iovlen = count, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(FD_SOCKET, message, 0);
    if (n == 0) see_exit(0);
    return n;
}

static bool level_is_known(uint32_t level) { return level == LEVEL_SHARED || level == LEVEL_PROCESS; }

/* A WARM packet, if the first one is: then only its head was used of the room for a SETUP. */
static bool receive_first(ssize_t *ret_size, struct msghdr *ret_message, struct iovec parts[2])
{
    *ret_size = receive(parts, 2, ret_message);
    if (*ret_size != (ssize_t)sizeof(ChannelWarm) || setup.head.type != CHANNEL_WARM) return false;
    memcpy(&warm, &setup.head, sizeof warm);
    if (warm.version != CHANNEL_VERSION) fail("the node speaks another channel version than this image; build the image again");
    bool legal = level_is_known(warm.level) && warm.staged <= (warm.level == LEVEL_PROCESS) && warm.memory_max <= SEE_MEMORY_MAX;
    if (!legal || ret_message->msg_controllen > 0) fail("the warm packet is malformed");
    setup.head = (ChannelSetup){.level = warm.level, .memory_max = warm.memory_max, .staged = warm.staged};
    return true;
}

static bool as_warmed(const ChannelSetup *s)
{
    return warm.type != CHANNEL_WARM ||
           (s->level == warm.level && s->memory_max == warm.memory_max && s->staged <= warm.staged);
}

static void take_setup(ssize_t n, const struct msghdr *message)
{
    const ChannelSetup *s = &setup.head;
    bool legal = n >= (ssize_t)sizeof *s && !(message->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && s->type == CHANNEL_SETUP &&
                 s->text_size == (size_t)n - sizeof *s && s->slot_count >= 1 && s->slot_count <= ZYGOTE_SLOTS_MAX &&
                 s->arg_count <= TASK_ARGS_MAX && s->env_count <= TASK_ARGS_MAX && s->memory_max <= SEE_MEMORY_MAX &&
                 s->lifetime_ns > 0 && s->lifetime_ns <= SEE_LIFETIME_MAX_NS && s->staged <= 1;
    if (!legal) fail("the setup packet is malformed");
    if (s->version != CHANNEL_VERSION) fail("the node speaks another channel version than this image; build the image again");
    if (!level_is_known(s->level)) fail("this image knows only the levels shared and process");
    if (!as_warmed(s)) fail("the setup packet asks for another zygote than was warmed");
    take_descriptors(message);
    size_t at = cut_strings(0, s->arg_count, setup.args);
    if (cut_strings(at, s->env_count, setup.env) != s->text_size) fail("the setup packet has more text than strings");
    if (s->sealed > SEALED_RESULTS || (s->staged && s->level != LEVEL_PROCESS)) fail("the setup packet is malformed");
}

/* libc registers restartable sequences, which nobody here uses, and the kernel then writes to them after every fork: a page copied for each SEE. */
static void forget_rseq(void)
{
    if (__rseq_size) syscall(SYS_rseq, (char *)__builtin_thread_pointer() + __rseq_offset, sizeof(struct rseq), RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

/* Everything that a zygote does before it is locked down, and that: for a task that it knows, or (warm) for one that is to come. */
static void prepare(void)
{
    if (see_manifest.memory_pages_initial > setup.head.memory_max / WASM_PAGE_BYTES)
        fail("the module's initial memory is above the task's memory limit; raise security.memory");
    forget_rseq();
    memory_start();
    see_module.instantiate();
    if (setup.head.level == LEVEL_SHARED) {
        restore_prepare();
        serve_shared_prepare();
    }
    trap_install();
    filter_install(setup.head.staged);
}

static void say_ready(uint32_t type)
{
    ChannelReady ready = {type, CHANNEL_VERSION, memory_size()};
    if (send(FD_SOCKET, &ready, sizeof ready, MSG_NOSIGNAL) != (ssize_t)sizeof ready) see_exit(1);
}

/* The key pair is made before anything of a task is here, and vouched for by evidence while the zygote waits. */
static void start_warm(void)
{
    session_start();
    session_report(0);
    prepare();
    say_ready(CHANNEL_WARMED);
}

static void end_report(uint32_t which)
{
    if (is_sealed()) session_report(which);
    else if (which > 0) session_forget();
    if (syscall(SYS_close_range, FD_REPORT, FD_REPORT, 0) < 0) see_exit(6);
}

int main(void)
{
    struct iovec parts[2] = {{&setup.head, sizeof setup.head}, {setup.text, sizeof setup.text}};
    struct msghdr message;
    ssize_t size;
    prctl(PR_SET_DUMPABLE, 0);
    if (receive_first(&size, &message, parts)) {
        start_warm();
        size = receive(parts, 2, &message);
        take_setup(size, &message);
        end_report(1);
    } else {
        take_setup(size, &message);
        if (is_sealed()) session_start();
        end_report(0);
        prepare();
    }
    say_ready(CHANNEL_READY);
    if (is_sealed()) session_receive();
    if (setup.head.level == LEVEL_SHARED) serve_shared();
    serve_process();
}
