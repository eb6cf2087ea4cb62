/**
 * File descriptors (fd.c), whole files and folders (file.c), packets between processes (socket.c): thin calls that return Err, retry
 * EINTR, and are always O_CLOEXEC. Every call can be made to fail by the faulty build (sys/fault.h).
 * One header, because headers named sys/file.h and sys/socket.h would hide the system's.
 */
#pragma once
#include <sys/types.h>

#include "base/bytes.h"

static inline int fd_take(int *fd) { int taken = *fd; *fd = -1; return taken; }
/** Closes *fd if it is open and sets it to -1. Keeps errno. */
void fd_close(int *fd);
#define AUTO_FD __attribute__((cleanup(fd_close))) int

MUST_USE Err fd_open(int dir_fd, const char *path, int flags, mode_t mode, int *ret_fd);
MUST_USE Err fd_stat_size(int fd, uint64_t *ret_size);
MUST_USE Err fd_truncate(int fd, uint64_t size);
/** Reads at most size bytes; *ret_size 0 is the end of the file. */
MUST_USE Err fd_read(int fd, void *data, size_t size, size_t *ret_size);
MUST_USE Err fd_pread(int fd, void *data, size_t size, uint64_t offset, size_t *ret_size);
/** Writes everything or fails. */
MUST_USE Err fd_write_all(int fd, View bytes);
MUST_USE Err fd_pwrite_all(int fd, View bytes, uint64_t offset);
/** Reads exactly size bytes at offset; errors: ERR_CORRUPT when the file ends first. */
MUST_USE Err fd_pread_all(int fd, void *data, size_t size, uint64_t offset);
MUST_USE Err fd_sync(int fd);
/** Shared mapping of the first size bytes. */
MUST_USE Err fd_map(int fd, size_t size, int prot, void **ret_data);
void fd_unmap(void *data, size_t size);
MUST_USE Err fd_set_nonblocking(int fd, int on);

/** Whole file appended to a buffer, which keeps its content on failure; errors: ERR_LIMIT when the file is larger than the buffer may get. */
MUST_USE Err file_read(int dir_fd, const char *path, Buffer *ret_content);
/** The file at path, opened: only its owner may read it. secret: what it holds, for the message. errors: ERR_DENIED, with the remedy in diag */
MUST_USE Err file_check_private(int fd, const char *path, const char *secret, Diag *diag);
/** Written beside the target under a temporary name, synced, then renamed: the target is old or new, never half, whatever dies. */
MUST_USE Err file_replace(int dir_fd, const char *path, View content, mode_t mode);
/** Replaces `to` in one step, and makes the new name survive power loss. Both on one file system. */
MUST_USE Err file_rename(const char *from, const char *to);
/** Makes the names in the folder of `path` survive power loss. */
MUST_USE Err dir_sync_of(const char *path);
/** mkdir -p. errors: ENOTDIR when something else is in the way */
MUST_USE Err dir_make_all(const char *path, mode_t mode);

enum { SOCKET_FDS_MAX = 64 }; /* descriptors in one packet */

/** A connected SOCK_SEQPACKET pair. */
MUST_USE Err socket_pair(int ret_fds[2]);
/** One packet, not empty, with up to fd_count descriptors. Never a SIGPIPE.
 *  errors: ERR_BUSY (would block), ERR_CLOSED, ERR_LIMIT (too many descriptors), EMSGSIZE (larger than the socket takes) */
MUST_USE Err socket_send(int fd, View packet, const int *fds, size_t fd_count);
/** One packet. *ret_fd_count in: room in ret_fds; out: descriptors received (the caller owns them). On failure none stays open.
 *  errors: ERR_BUSY, ERR_CLOSED, ERR_PROTOCOL (longer than room, or more descriptors than room for them) */
MUST_USE Err socket_receive(int fd, void *data, size_t room, size_t *ret_size, int *ret_fds, size_t *ret_fd_count);
