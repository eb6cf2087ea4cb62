/* The orchestrator's end of a stage socket, and the words for what becomes of resources. */
#include "bus/stage_link.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "sys/fault.h"
#include "sys/fd.h"

const char *stage_outcome_word(uint32_t code)
{
    switch (code) {
#define WORD(name, value, word, text) case value: return word;
        STAGE_OUTCOMES(WORD)
#undef WORD
    default: return "unknown";
    }
}

const char *stage_outcome_text(uint32_t code)
{
    switch (code) {
#define TEXT(name, value, word, text) case value: return text;
        STAGE_OUTCOMES(TEXT)
#undef TEXT
    default: return "unknown outcome";
    }
}

static Err get_offer(View packet, StageRequest *r)
{
    StageOffer head;
    if (packet.size < sizeof head) return FAIL(ERR_PROTOCOL);
    memcpy(&head, packet.data, sizeof head);
    r->statement = view_of(packet.data + sizeof head, packet.size - sizeof head);
    return head.size == r->statement.size && head.reserved == 0 && head.size <= RESOURCE_BYTES_MAX ? OK : FAIL(ERR_PROTOCOL);
}

static Err get_evict(View packet, StageRequest *r)
{
    if (packet.size != sizeof r->evict) return FAIL(ERR_PROTOCOL);
    memcpy(&r->evict, packet.data, sizeof r->evict);
    return r->evict.reserved == 0 ? OK : FAIL(ERR_PROTOCOL);
}

Err stage_get_request(View packet, bool with_descriptor, StageRequest *ret_request)
{
    StageRequest r = {.type = STAGE_HELLO};
    uint32_t type = 0;
    if (packet.size < sizeof type) return FAIL(ERR_PROTOCOL);
    memcpy(&type, packet.data, sizeof type);
    if (!(type == STAGE_OFFER && with_descriptor) && !(type == STAGE_EVICT && !with_descriptor)) return FAIL(ERR_PROTOCOL);
    TRY(type == STAGE_OFFER ? get_offer(packet, &r) : get_evict(packet, &r));
    r.type = (StagePacket)type;
    *ret_request = r;
    return OK;
}

Err stage_link_open(const char *path, StageLink *ret_link)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) return FAIL(ERR_LIMIT);
    memcpy(address.sun_path, path, strlen(path) + 1);
    AUTO_FD fd = FAULTABLE("socket", socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (fd < 0) return FAIL(errno);
    if (FAULTABLE("connect", connect(fd, (const struct sockaddr *)&address, sizeof address)) < 0) return FAIL(errno);
    *ret_link = (StageLink){.socket = fd_take(&fd)};
    return OK;
}

void stage_link_close(StageLink *l)
{
    fd_close(&l->socket);
    l->greeted = false;
}

static Err take_hello(StageLink *l, View packet)
{
    if (packet.size != sizeof l->hello) return FAIL(ERR_PROTOCOL);
    memcpy(&l->hello, packet.data, sizeof l->hello);
    if (l->hello.type != STAGE_HELLO || l->hello.version != STAGE_WIRE_VERSION) return FAIL(ERR_PROTOCOL);
    l->greeted = true;
    return OK;
}

static Err receive_packet(StageLink *l, uint8_t *packet, size_t room, size_t *ret_size)
{
    size_t fd_count = 0;
    if (l->socket < 0) return FAIL(ERR_CLOSED);
    return socket_receive(l->socket, packet, room, ret_size, NULL, &fd_count);
}

Err stage_link_receive(StageLink *l, StageOutcome *ret_outcome)
{
    uint8_t packet[sizeof(StageOutcome) + 1];
    size_t size = 0;
    TRY(receive_packet(l, packet, sizeof packet, &size));
    if (!l->greeted) {
        TRY(take_hello(l, view_of(packet, size)));
        TRY(receive_packet(l, packet, sizeof packet, &size));
    }
    StageOutcome o;
    if (size != sizeof o) return FAIL(ERR_PROTOCOL);
    memcpy(&o, packet, sizeof o);
    if (o.type != STAGE_OUTCOME || !memchr(o.name, '\0', sizeof o.name)) return FAIL(ERR_PROTOCOL);
    *ret_outcome = o;
    return OK;
}

Err stage_link_offer(StageLink *l, View statement, int fd)
{
    if (l->socket < 0) return FAIL(ERR_CLOSED);
    if (statement.size > RESOURCE_BYTES_MAX) return FAIL(ERR_LIMIT);
    StageOffer head = {.type = STAGE_OFFER, .size = (uint32_t)statement.size};
    AUTO_BUFFER packet = buffer_limited(STAGE_PACKET_MAX);
    TRY(buffer_append(&packet, view_of(&head, sizeof head)));
    TRY(buffer_append(&packet, statement));
    return socket_send(l->socket, view_buffer(&packet), &fd, 1);
}

Err stage_link_evict(StageLink *l, const PublicKey *pto, uint64_t sequence)
{
    if (l->socket < 0) return FAIL(ERR_CLOSED);
    StageEvict packet = {.type = STAGE_EVICT, .sequence = sequence, .pto = *pto};
    return socket_send(l->socket, view_of(&packet, sizeof packet), NULL, 0);
}

Err stage_memfd_new(uint64_t size, int *ret_fd)
{
    AUTO_FD fd = FAULTABLE("memfd_create", memfd_create("covey-resource", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (fd < 0) return FAIL(errno);
    TRY(fd_truncate(fd, size));
    *ret_fd = fd_take(&fd);
    return OK;
}

Err stage_memfd_seal(int fd)
{
    const int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;
    if (FAULTABLE("fcntl", fcntl(fd, F_ADD_SEALS, seals)) == 0) return OK;
    return errno == EBUSY ? FAIL(ERR_BUSY) : FAIL(errno);
}
