/* SQLite makes its own system calls; its unix VFS lets each be replaced by name, so they can fail like all others. Faulty build only. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"

static int faulty_open(const char *path, int flags, int mode) { return FAULTABLE("sqlite open", open(path, flags, mode)); }
static int faulty_stat(const char *path, struct stat *st) { return FAULTABLE("sqlite stat", stat(path, st)); }
static int faulty_fstat(int fd, struct stat *st) { return FAULTABLE("sqlite fstat", fstat(fd, st)); }
static int faulty_ftruncate(int fd, off_t size) { return FAULTABLE("sqlite ftruncate", ftruncate(fd, size)); }
static ssize_t faulty_read(int fd, void *data, size_t size) { return FAULTABLE("sqlite read", read(fd, data, size)); }
static ssize_t faulty_write(int fd, const void *data, size_t size) { return FAULTABLE("sqlite write", write(fd, data, size)); }
static int faulty_unlink(const char *path) { return FAULTABLE("sqlite unlink", unlink(path)); }

static ssize_t faulty_pread(int fd, void *data, size_t size, off_t offset)
{
    return FAULTABLE("sqlite pread", pread(fd, data, size, offset));
}

static ssize_t faulty_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    return FAULTABLE("sqlite pwrite", pwrite(fd, data, size, offset));
}

static void *faulty_mmap(void *at, size_t size, int prot, int flags, int fd, off_t offset)
{
    return FAULTABLE("sqlite mmap", mmap(at, size, prot, flags, fd, offset));
}

/* SQLite passes a pointer or nothing; both go through a register of pointer size. */
static int faulty_fcntl(int fd, int command, ...)
{
    va_list args;
    va_start(args, command);
    void *argument = va_arg(args, void *);
    va_end(args);
    return FAULTABLE("sqlite fcntl", fcntl(fd, command, argument));
}

void fault_sqlite_install(void)
{
    typedef sqlite3_syscall_ptr Call;
    const struct { const char *name; Call call; } TABLE[] = {
        {"open", (Call)faulty_open},     {"stat", (Call)faulty_stat},           {"fstat", (Call)faulty_fstat},
        {"read", (Call)faulty_read},     {"pread", (Call)faulty_pread},         {"pread64", (Call)faulty_pread},
        {"write", (Call)faulty_write},   {"pwrite", (Call)faulty_pwrite},       {"pwrite64", (Call)faulty_pwrite},
        {"unlink", (Call)faulty_unlink}, {"ftruncate", (Call)faulty_ftruncate}, {"mmap", (Call)faulty_mmap},
        {"fcntl", (Call)faulty_fcntl}};
    sqlite3_vfs *vfs = sqlite3_vfs_find("unix");
    if (!vfs || vfs->iVersion < 3) abort();
    for (size_t i = 0; i < sizeof TABLE / sizeof TABLE[0]; i++) vfs->xSetSystemCall(vfs, TABLE[i].name, TABLE[i].call);
}
