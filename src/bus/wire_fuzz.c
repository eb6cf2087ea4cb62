/*
 * Bytes of any kind as frames of the socket bus: a frame is refused, not complete yet, or is written again to the very bytes it
 * came from. Nothing may be read outside what came (AddressSanitizer watches).
 */
#include <stdlib.h>

#include "bus/socket.h"
#include "bus/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    View rest = view_of(data, size);
    for (;;) {
        Frame frame;
        size_t used = 0;
        if (frame_read(rest, &frame, &used).code || used == 0) return 0;
        if (used > rest.size || frame.message.size > SOCKET_MESSAGE_BYTES_MAX) abort();
        AUTO_BUFFER b = buffer_limited(2 * SOCKET_MESSAGE_BYTES_MAX);
        if (frame_write(&b, frame.kind, frame.subject, frame.message).code ||
            !view_equal(view_buffer(&b), view_of(rest.data, used)))
            abort();
        rest = view_of(rest.data + used, rest.size - used);
    }
}
