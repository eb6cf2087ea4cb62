/* WASI: files, folders and sockets, of which a SEE has none. Every answer is the interface's own error number. */
#include "see/wasi.h"

/* A call on a descriptor that could only succeed on something else: `otherwise` for an open stream, BADF for everything else. */
static uint32_t absent(uint32_t fd, WasiErrno otherwise) { return wasi_stream(fd) ? otherwise : WASI_BADF; }

#define U __attribute__((unused)) uint32_t
#define L __attribute__((unused)) uint64_t

WASI(fd_advise, SELF, uint32_t fd, L offset, L size, U advice)
{
    return absent(fd, wasi_stream(fd) == STREAM_INPUT || wasi_stream(fd) >= STREAM_CLAIM ? WASI_SUCCESS : WASI_SPIPE);
}
WASI(fd_allocate, SELF, uint32_t fd, L offset, L size) { return absent(fd, WASI_NOTSUP); }
WASI(fd_datasync, SELF, uint32_t fd) { return absent(fd, WASI_INVAL); }
WASI(fd_sync, SELF, uint32_t fd) { return absent(fd, WASI_INVAL); }
WASI(fd_fdstat_set_rights, SELF, uint32_t fd, L base, L inheriting) { return absent(fd, WASI_NOTCAPABLE); }
WASI(fd_filestat_set_size, SELF, uint32_t fd, L size) { return absent(fd, WASI_INVAL); }
WASI(fd_filestat_set_times, SELF, uint32_t fd, L accessed, L modified, U flags) { return absent(fd, WASI_NOTCAPABLE); }
WASI(fd_prestat_get, SELF, U fd, U at) { return WASI_BADF; }
WASI(fd_prestat_dir_name, SELF, U fd, U path, U size) { return WASI_BADF; }
WASI(fd_readdir, SELF, uint32_t fd, U at, U size, L cookie, U used) { return absent(fd, WASI_NOTDIR); }

WASI(path_create_directory, SELF, uint32_t fd, U path, U size) { return absent(fd, WASI_NOTDIR); }
WASI(path_filestat_get, SELF, uint32_t fd, U flags, U path, U size, U at) { return absent(fd, WASI_NOTDIR); }
WASI(path_filestat_set_times, SELF, uint32_t fd, U flags, U path, U size, L accessed, L modified, U set) { return absent(fd, WASI_NOTDIR); }
WASI(path_link, SELF, uint32_t fd, U flags, U path, U size, U to_fd, U to, U to_size) { return absent(fd, WASI_NOTDIR); }
WASI(path_open, SELF, uint32_t fd, U dirflags, U path, U size, U oflags, L rights, L inheriting, U flags, U at) { return absent(fd, WASI_NOTDIR); }
WASI(path_readlink, SELF, uint32_t fd, U path, U size, U buffer, U room, U used) { return absent(fd, WASI_NOTDIR); }
WASI(path_remove_directory, SELF, uint32_t fd, U path, U size) { return absent(fd, WASI_NOTDIR); }
WASI(path_rename, SELF, uint32_t fd, U path, U size, U to_fd, U to, U to_size) { return absent(fd, WASI_NOTDIR); }
WASI(path_symlink, SELF, U target, U target_size, uint32_t fd, U path, U size) { return absent(fd, WASI_NOTDIR); }
WASI(path_unlink_file, SELF, uint32_t fd, U path, U size) { return absent(fd, WASI_NOTDIR); }

WASI(sock_accept, SELF, uint32_t fd, U flags, U at) { return absent(fd, WASI_NOTSOCK); }
WASI(sock_recv, SELF, uint32_t fd, U parts, U count, U flags, U size, U out_flags) { return absent(fd, WASI_NOTSOCK); }
WASI(sock_send, SELF, uint32_t fd, U parts, U count, U flags, U size) { return absent(fd, WASI_NOTSOCK); }
WASI(sock_shutdown, SELF, uint32_t fd, U how) { return absent(fd, WASI_NOTSOCK); }
