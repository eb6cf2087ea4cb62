/* The zygote's way from exec to ready: SETUP, instantiate the module, lock down, serve. */
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/level.h"
#include "see/sealed.h"

Setup setup;

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

static void take_slots(const struct msghdr *message)
{
    const struct cmsghdr *c = CMSG_FIRSTHDR(message);
    size_t want = CMSG_LEN(setup.head.slot_count * sizeof(int));
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != want)
        fail("the setup packet's slots are missing");
    memcpy(setup.slot_fds, CMSG_DATA(c), setup.head.slot_count * sizeof(int));
}

static void receive_setup(void)
{
    static union { struct cmsghdr align; char bytes[CMSG_SPACE(ZYGOTE_SLOTS_MAX * sizeof(int))]; } control;
    struct iovec parts[2] = {{&setup.head, sizeof setup.head}, {setup.text, sizeof setup.text}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(FD_SOCKET, &message, 0);
    if (n == 0) see_exit(0);

    const ChannelSetup *s = &setup.head;
    bool legal = n >= (ssize_t)sizeof *s && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) && s->type == CHANNEL_SETUP &&
                 s->text_size == (size_t)n - sizeof *s && s->slot_count >= 1 && s->slot_count <= ZYGOTE_SLOTS_MAX &&
                 s->arg_count <= TASK_ARGS_MAX && s->env_count <= TASK_ARGS_MAX && s->memory_max <= SEE_MEMORY_MAX &&
                 s->lifetime_ns > 0 && s->lifetime_ns <= SEE_LIFETIME_MAX_NS;
    if (!legal) fail("the setup packet is malformed");
    if (s->version != CHANNEL_VERSION) fail("the node speaks another channel version than this image; build the image again");
    if (s->level != LEVEL_SHARED && s->level != LEVEL_PROCESS) fail("this image knows only the levels shared and process");
    take_slots(&message);
    size_t at = cut_strings(0, s->arg_count, setup.args);
    if (cut_strings(at, s->env_count, setup.env) != s->text_size) fail("the setup packet has more text than strings");
    if (s->sealed > SEALED_RESULTS) fail("the setup packet is malformed");
    if (is_sealed()) session_start();
}

int main(void)
{
    prctl(PR_SET_DUMPABLE, 0);
    receive_setup();
    if (see_manifest.memory_pages_initial > setup.head.memory_max / WASM_PAGE_BYTES)
        fail("the module's initial memory is above the task's memory limit; raise security.memory");

    memory_start();
    see_module.instantiate();
    if (setup.head.level == LEVEL_SHARED) {
        restore_prepare();
        serve_shared_prepare();
    }
    trap_install();
    filter_install();

    ChannelReady ready = {CHANNEL_READY, CHANNEL_VERSION, memory_size()};
    if (send(FD_SOCKET, &ready, sizeof ready, MSG_NOSIGNAL) != (ssize_t)sizeof ready) see_exit(1);
    if (is_sealed()) session_receive();
    if (setup.head.level == LEVEL_SHARED) serve_shared();
    serve_process();
}
