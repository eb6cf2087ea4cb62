/*
 * Every call of WASI preview 1 (wasi_snapshot_preview1.witx), in a form that a table can call: name and signature.
 *
 * One letter a parameter: f descriptor, p pointer, n length or count, i other 32-bit value, l 64-bit value.
 */
#pragma once
#include <stdint.h>

typedef int32_t I;
typedef int64_t L;

#define IMPORT(name) __attribute__((import_module("wasi_snapshot_preview1"), import_name(#name))) I wasi_##name
#define CALL0(name) IMPORT(name)(void); static I call_##name(const L *a) { (void)a; return wasi_##name(); }
#define CALL1(name, t0) IMPORT(name)(t0); static I call_##name(const L *a) { return wasi_##name((t0)a[0]); }
#define CALL2(name, t0, t1) IMPORT(name)(t0, t1); static I call_##name(const L *a) { return wasi_##name((t0)a[0], (t1)a[1]); }
#define CALL3(name, t0, t1, t2) \
    IMPORT(name)(t0, t1, t2); static I call_##name(const L *a) { return wasi_##name((t0)a[0], (t1)a[1], (t2)a[2]); }
#define CALL4(name, t0, t1, t2, t3) \
    IMPORT(name)(t0, t1, t2, t3); static I call_##name(const L *a) { return wasi_##name((t0)a[0], (t1)a[1], (t2)a[2], (t3)a[3]); }
#define CALL5(name, t0, t1, t2, t3, t4) \
    IMPORT(name)(t0, t1, t2, t3, t4); \
    static I call_##name(const L *a) { return wasi_##name((t0)a[0], (t1)a[1], (t2)a[2], (t3)a[3], (t4)a[4]); }
#define CALL6(name, t0, t1, t2, t3, t4, t5) \
    IMPORT(name)(t0, t1, t2, t3, t4, t5); \
    static I call_##name(const L *a) { return wasi_##name((t0)a[0], (t1)a[1], (t2)a[2], (t3)a[3], (t4)a[4], (t5)a[5]); }
#define CALL7(name, t0, t1, t2, t3, t4, t5, t6) \
    IMPORT(name)(t0, t1, t2, t3, t4, t5, t6); \
    static I call_##name(const L *a) { return wasi_##name((t0)a[0], (t1)a[1], (t2)a[2], (t3)a[3], (t4)a[4], (t5)a[5], (t6)a[6]); }
#define CALL9(name, t0, t1, t2, t3, t4, t5, t6, t7, t8) \
    IMPORT(name)(t0, t1, t2, t3, t4, t5, t6, t7, t8); \
    static I call_##name(const L *a) \
    { \
        return wasi_##name((t0)a[0], (t1)a[1], (t2)a[2], (t3)a[3], (t4)a[4], (t5)a[5], (t6)a[6], (t7)a[7], (t8)a[8]); \
    }

CALL2(args_get, I, I)
CALL2(args_sizes_get, I, I)
CALL2(environ_get, I, I)
CALL2(environ_sizes_get, I, I)
CALL2(clock_res_get, I, I)
CALL3(clock_time_get, I, L, I)
CALL4(fd_advise, I, L, L, I)
CALL3(fd_allocate, I, L, L)
CALL1(fd_close, I)
CALL1(fd_datasync, I)
CALL2(fd_fdstat_get, I, I)
CALL2(fd_fdstat_set_flags, I, I)
CALL3(fd_fdstat_set_rights, I, L, L)
CALL2(fd_filestat_get, I, I)
CALL2(fd_filestat_set_size, I, L)
CALL4(fd_filestat_set_times, I, L, L, I)
CALL5(fd_pread, I, I, I, L, I)
CALL2(fd_prestat_get, I, I)
CALL3(fd_prestat_dir_name, I, I, I)
CALL5(fd_pwrite, I, I, I, L, I)
CALL4(fd_read, I, I, I, I)
CALL5(fd_readdir, I, I, I, L, I)
CALL2(fd_renumber, I, I)
CALL4(fd_seek, I, L, I, I)
CALL1(fd_sync, I)
CALL2(fd_tell, I, I)
CALL4(fd_write, I, I, I, I)
CALL3(path_create_directory, I, I, I)
CALL5(path_filestat_get, I, I, I, I, I)
CALL7(path_filestat_set_times, I, I, I, I, L, L, I)
CALL7(path_link, I, I, I, I, I, I, I)
CALL9(path_open, I, I, I, I, I, L, L, I, I)
CALL6(path_readlink, I, I, I, I, I, I)
CALL3(path_remove_directory, I, I, I)
CALL6(path_rename, I, I, I, I, I, I)
CALL5(path_symlink, I, I, I, I, I)
CALL3(path_unlink_file, I, I, I)
CALL4(poll_oneoff, I, I, I, I)
CALL1(proc_raise, I)
CALL0(sched_yield)
CALL2(random_get, I, I)
CALL3(sock_accept, I, I, I)
CALL6(sock_recv, I, I, I, I, I, I)
CALL5(sock_send, I, I, I, I, I)
CALL2(sock_shutdown, I, I)

#define ROW(name, signature) {#name, signature, call_##name}
static const struct { const char *name, *signature; I (*call)(const L *a); } CALLS[] = {
    ROW(args_get, "pp"), ROW(args_sizes_get, "pp"), ROW(environ_get, "pp"), ROW(environ_sizes_get, "pp"), ROW(clock_res_get, "ip"),
    ROW(clock_time_get, "ilp"), ROW(fd_advise, "flli"), ROW(fd_allocate, "fll"), ROW(fd_close, "f"), ROW(fd_datasync, "f"),
    ROW(fd_fdstat_get, "fp"), ROW(fd_fdstat_set_flags, "fi"), ROW(fd_fdstat_set_rights, "fll"), ROW(fd_filestat_get, "fp"),
    ROW(fd_filestat_set_size, "fl"), ROW(fd_filestat_set_times, "flli"), ROW(fd_pread, "fpnlp"), ROW(fd_prestat_get, "fp"),
    ROW(fd_prestat_dir_name, "fpn"), ROW(fd_pwrite, "fpnlp"), ROW(fd_read, "fpnp"), ROW(fd_readdir, "fpnlp"), ROW(fd_renumber, "ff"),
    ROW(fd_seek, "flip"), ROW(fd_sync, "f"), ROW(fd_tell, "fp"), ROW(fd_write, "fpnp"), ROW(path_create_directory, "fpn"),
    ROW(path_filestat_get, "fipnp"), ROW(path_filestat_set_times, "fipnlli"), ROW(path_link, "fipnfpn"), ROW(path_open, "fipnillip"),
    ROW(path_readlink, "fpnpnp"), ROW(path_remove_directory, "fpn"), ROW(path_rename, "fpnfpn"), ROW(path_symlink, "pnfpn"),
    ROW(path_unlink_file, "fpn"), ROW(poll_oneoff, "ppnp"), ROW(proc_raise, "i"), ROW(sched_yield, ""), ROW(random_get, "pn"),
    ROW(sock_accept, "fip"), ROW(sock_recv, "fpnipp"), ROW(sock_send, "fpnip"), ROW(sock_shutdown, "fi"),
};
