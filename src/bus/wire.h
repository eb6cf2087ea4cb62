/**
 * One connection of the socket bus: frames in and out of a stream socket, bounded both ways.
 *
 *   frame    size u32 le (of what follows), kind u8, subject size u8, subject, message
 *   kind     1 publish, 2 subscribe, 3 unsubscribe (2 and 3 without a message)
 */
#pragma once
#include "bus/bus.h"

typedef enum { FRAME_PUBLISH = 1, FRAME_SUBSCRIBE, FRAME_UNSUBSCRIBE } FrameKind;
enum { FRAME_HEAD_BYTES = 4 + 2 };

typedef struct { FrameKind kind; char subject[BUS_SUBJECT_MAX]; View message; } Frame;

/** The next frame of `bytes`. *ret_size 0: it is not complete yet. errors: ERR_PROTOCOL (no frame; the connection is of no
 *  use any more) */
MUST_USE Err frame_read(View bytes, Frame *ret_frame, size_t *ret_size);
/** errors: ERR_LIMIT, ENOMEM */
MUST_USE Err frame_write(Buffer *b, FrameKind kind, const char *subject, View message);

typedef struct Wire Wire;
/** The message is borrowed. An error of on_frame ends the connection. on_end comes once, when the other side is gone or broke
 *  a rule: the wire may be freed there. */
typedef struct { Err (*on_frame)(void *context, const Frame *frame); void (*on_end)(void *context); void *context; } WireEvents;

/** Takes the descriptor, on failure too. */
MUST_USE Err wire_new(Loop *loop, int fd, const WireEvents *events, Wire **ret_wire);
void wire_free(Wire **wire);
/** Queues what the socket does not take at once. errors: ERR_BUSY (SOCKET_QUEUE_BYTES_MAX wait already), ERR_LIMIT, ENOMEM */
MUST_USE Err wire_send(Wire *w, FrameKind kind, const char *subject, View message);
/** Whether the other side is this user or root. */
bool wire_same_user(int fd);
