/* Control groups, v2 and v1, by hand: a folder, a number written to a file, a process id written to another. */
#include "warden/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/fault.h"
#include "sys/fd.h"

static const char ROOT[] = "/sys/fs/cgroup";

static bool write_number(const char *dir, const char *file, uint64_t number)
{
    char path[CGROUP_PATH_MAX + 64], text[32];
    snprintf(path, sizeof path, "%s/%s", dir, file);
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    AUTO_FD fd = -1;
    if (fd_open(AT_FDCWD, path, O_WRONLY, 0, &fd).code) return false;
    return fd_write_all(fd, view_text(text)).code == 0;
}

/* The path of this process in the hierarchy of `controller` ("" is v2), from /proc/self/cgroup: lines "id:controllers:path". */
static bool own_path(const char *controller, char *ret_path, size_t room)
{
    Buffer text = buffer_limited(64 << 10);
    bool found = false;
    if (file_read(AT_FDCWD, "/proc/self/cgroup", &text).code == 0 && buffer_put_u8(&text, 0).code == 0) {
        char *rest = NULL;
        for (char *line = strtok_r((char *)text.data, "\n", &rest); line && !found; line = strtok_r(NULL, "\n", &rest)) {
            char *names = strchr(line, ':'), *path = names ? strchr(names + 1, ':') : NULL;
            if (!path) continue;
            *path++ = '\0';
            if (strcmp(names + 1, controller) != 0) continue;
            found = (size_t)snprintf(ret_path, room, "%s", strcmp(path, "/") == 0 ? "" : path) < room;
        }
    }
    buffer_free(&text);
    return found;
}

/* A warden that was killed left its groups behind, empty since its zygotes died with it. The kernel refuses to remove one in use. */
static void sweep(const char *parent)
{
    DIR *dir = opendir(parent);
    if (!dir) return;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        int warden, zygote;
        if (sscanf(entry->d_name, "covey-%d-%d", &warden, &zygote) == 2 && warden != getpid() && kill(warden, 0) < 0 && errno == ESRCH)
            unlinkat(dirfd(dir), entry->d_name, AT_REMOVEDIR);
    }
    closedir(dir);
}

/* Makes <mount>/<own path>/covey-<warden>-<zygote>. */
static bool make_dir(Cgroup *c, const char *mount, const char *controller, uint32_t id)
{
    char own[CGROUP_PATH_MAX / 4], parent[CGROUP_PATH_MAX / 2];
    if (!own_path(controller, own, sizeof own)) return false;
    snprintf(parent, sizeof parent, "%s%s%s", ROOT, mount, own);
    sweep(parent);
    char *dir = c->dirs[c->count];
    int n = snprintf(dir, CGROUP_PATH_MAX, "%s/covey-%d-%u", parent, getpid(), id);
    if (n >= CGROUP_PATH_MAX || FAULTABLE("mkdir", mkdir(dir, 0755)) < 0) return false;
    c->count++;
    return true;
}

static bool enter_v2(pid_t pid, uint32_t id, uint32_t pids_max, uint64_t memory_max, Cgroup *c)
{
    if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) < 0 || !make_dir(c, "", "", id)) return false;
    const char *dir = c->dirs[0];
    if (!write_number(dir, "pids.max", pids_max)) return false;
    if (memory_max && !write_number(dir, "memory.max", memory_max)) return false;
    return write_number(dir, "cgroup.procs", (uint64_t)pid);
}

static bool enter_v1(pid_t pid, uint32_t id, uint32_t pids_max, uint64_t memory_max, Cgroup *c)
{
    if (!make_dir(c, "/pids", "pids", id)) return false;
    if (!write_number(c->dirs[0], "pids.max", pids_max) || !write_number(c->dirs[0], "cgroup.procs", (uint64_t)pid)) return false;
    if (memory_max == 0) return true;
    if (!make_dir(c, "/memory", "memory", id)) return false;
    return write_number(c->dirs[1], "memory.limit_in_bytes", memory_max) && write_number(c->dirs[1], "cgroup.procs", (uint64_t)pid);
}

bool cgroup_enter(pid_t pid, uint32_t id, uint32_t pids_max, uint64_t memory_max, Cgroup *ret_cgroup)
{
    *ret_cgroup = (Cgroup){0};
    if (enter_v2(pid, id, pids_max, memory_max, ret_cgroup)) return true;
    cgroup_remove(ret_cgroup);
    if (enter_v1(pid, id, pids_max, memory_max, ret_cgroup)) return true;
    cgroup_remove(ret_cgroup);
    return false;
}

void cgroup_remove(Cgroup *c)
{
    for (int i = 0; i < c->count; i++) rmdir(c->dirs[i]); /* a group that will not go has no processes and no limits that hurt */
    c->count = 0;
}
