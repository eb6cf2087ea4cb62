/*
 * Any bytes as a packet to the stage (the first byte says whether a descriptor comes along): what is read lies within the packet and is of the one
 * size that its kind has.
 */
#include <assert.h>
#include <stdlib.h>

#include "bus/stage_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    StageRequest r;
    if (size == 0) return 0;
    const View packet = view_of(data + 1, size - 1);
    Err e = stage_get_request(packet, data[0] & 1, &r);
    if (e.code) {
        assert(e.code == ERR_PROTOCOL);
        return 0;
    }
    if (r.type == STAGE_OFFER) {
        assert((data[0] & 1) && r.statement.size <= RESOURCE_BYTES_MAX);
        assert(r.statement.data + r.statement.size == packet.data + packet.size);
        return 0;
    }
    assert(r.type == STAGE_EVICT && !(data[0] & 1) && packet.size == sizeof r.evict);
    return 0;
}
