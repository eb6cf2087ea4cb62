/**
 * The bus between processes of one user on one machine: one process serves (the key broker), others connect over a Unix socket.
 * Across machines NATS JetStream will do this; until then there is no bus that leaves the machine. docs/formats/broker.md has
 * the frames.
 *
 *   here the service's process    what it publishes goes to its own subscriptions and to every peer that listens to the subject
 *   a connected process           what it publishes goes to the service's process alone; it hears what the service publishes
 *
 * So peers cannot hear or write to each other. Who may connect: the same user and root (SO_PEERCRED); the socket has mode 0600.
 * Peers are taken for hostile: frames, queues, subjects and peers are bounded, and one that breaks a rule is cut off. A message
 * may be lost when a peer's queue is full or the connection breaks: askers ask again. A connected bus whose service has gone
 * connects again with the next message (ERR_NO_ENTRY until it is there).
 */
#pragma once
#include "bus/bus.h"

enum { SOCKET_PEERS_MAX = 64, SOCKET_SUBJECTS_MAX = 64, SOCKET_MESSAGE_BYTES_MAX = 3 << 20, SOCKET_QUEUE_BYTES_MAX = 8 << 20 };

/** "unix:PATH". errors: ERR_USAGE */
MUST_USE Err bus_socket_path(const char *address, const char **ret_path, Diag *diag);
/** A socket that a dead process left behind is replaced; a live one is not: ERR_BUSY. The socket's file goes with the bus. */
MUST_USE Err bus_socket_listen(Loop *loop, const char *path, Bus **ret_bus, Diag *diag);
/** errors: ERR_NO_ENTRY (nobody serves there), ERR_DENIED (another user does) */
MUST_USE Err bus_socket_connect(Loop *loop, const char *path, Bus **ret_bus, Diag *diag);
