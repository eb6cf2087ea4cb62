/*
 * `covey manager`: a folder of task files. The loop's thread looks into the folder, takes a lease for each task that there is room for, and
 * starts a thread for each one that it gets (api/manager_task.h). Who waits for a lease takes over when its holder dies.
 *
 *   file seen --> lease asked for --(held)--> thread runs --> .done or .failed
 *                     ^                           |
 *                     +--- later: lost, no node, interrupted
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/manager_task.h"
#include "base/units.h"
#include "bus/lease.h"
#include "bus/message_subject.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { AT_ONCE_DEFAULT = 4, AT_ONCE_MAX = 64, LEASE_DEFAULT_MS = 10000, LEASE_MS_MIN = 1000, EXTENSION_BYTES = 5 /* .yaml */ };
#define SCAN_EVERY_NS (300 * NS_PER_MS)
#define BEAT_EVERY_NS (50 * NS_PER_MS)
#define BEAT_GAP_NS NS_PER_S        /* longer between two beats: this process was stopped */
#define BEAT_QUIET_NS NS_PER_S      /* and so long the lease has to find that out */
#define AGAIN_AFTER_NS (5 * NS_PER_S)

typedef struct Watch Watch;

/* A task file that is to be run, by us or by somebody else. */
typedef struct {
    Watch *watch;
    char name[TASK_FILE_NAME_MAX + 1]; /* empty: a free place */
    BusLease *lease;
    ManagerTask *task;               /* while it runs here */
    uint64_t not_before_ns;          /* it is tried again then */
} Entry;

struct Watch {
    covey handle;                    /* with the service's state folder */
    ManagerService service;
    Loop *loop;
    Bus *bus;
    LoopSource *stop, *wake, *scan, *beat;
    uint32_t lease_ms, at_once, running;
    uint64_t last_beat_ns, quiet_until_ns;
    bool stopping;
    Entry entries[AT_ONCE_MAX];
};

/* --- the folder --- */

static bool exists(const Watch *w, const char *name, const char *extension)
{
    char path[PATH_BYTES_MAX];
    return manager_file(&w->service, name, extension, path).code == 0 && access(path, F_OK) == 0;
}

static bool is_to_do(const Watch *w, const char *name) { return !exists(w, name, ".done") && !exists(w, name, ".failed") && exists(w, name, ".yaml"); }

/* NAME.yaml, and not hidden: editors and copying tools begin theirs with a dot. */
static bool task_name(const char *file, char ret_name[TASK_FILE_NAME_MAX + 1])
{
    size_t size = strlen(file);
    if (file[0] == '.' || size <= EXTENSION_BYTES || size - EXTENSION_BYTES > TASK_FILE_NAME_MAX) return false;
    if (strcmp(file + size - EXTENSION_BYTES, ".yaml") != 0) return false;
    snprintf(ret_name, TASK_FILE_NAME_MAX + 1, "%.*s", (int)(size - EXTENSION_BYTES), file);
    return true;
}

static Entry *find(Watch *w, const char *name)
{
    for (uint32_t i = 0; i < AT_ONCE_MAX; i++)
        if (strcmp(w->entries[i].name, name) == 0) return &w->entries[i];
    return NULL;
}

/* --- leases --- */

static void forget(Entry *e)
{
    bus_lease_release(&e->lease);
    *e = (Entry){.watch = e->watch};
}

/* Tried again after a while; somebody else may, at once. */
static void put_off(Entry *e)
{
    bus_lease_release(&e->lease);
    e->not_before_ns = clock_monotonic_ns() + AGAIN_AFTER_NS;
}

static void start(Entry *e)
{
    Watch *w = e->watch;
    Err error = manager_task_start(&w->service, e->name, &e->task);
    if (error.code) {
        manager_say(&w->service, "%s: cannot be started: %s", e->name, err_text(error.code));
        put_off(e);
        return;
    }
    w->running++;
    manager_say(&w->service, "%s: begins", e->name);
}

static Err on_lease(void *context, LeaseState state, uint64_t fence)
{
    (void)fence;
    Entry *e = context;
    Watch *w = e->watch;
    if (state == LEASE_LOST && e->task) {
        manager_say(&w->service, "%s: the lease is lost", e->name);
        manager_task_stop(e->task, true);
    }
    if (state != LEASE_HELD || e->task) return OK;
    bool done_by_another = !is_to_do(w, e->name);
    if (done_by_another || w->stopping || w->running >= w->at_once) forget(e);
    else start(e);
    return OK;
}

/* Everybody watches the same path, so everybody has the same name for it. */
static void lease_name(const Watch *w, const char *name, char ret_text[LEASE_NAME_MAX + 1])
{
    char path[PATH_BYTES_MAX] = "";
    Sha256 hash;
    Err e = manager_file(&w->service, name, ".yaml", path);
    (void)e; /* it was looked at a moment ago */
    char *real = realpath(path, NULL);
    sha256_of(view_text(real ? real : path), &hash);
    free(real);
    int n = snprintf(ret_text, LEASE_NAME_MAX + 1, "task-");
    for (int i = 0; i < SHA256_BYTES / 2; i++) n += snprintf(ret_text + n, LEASE_NAME_MAX + 1 - (size_t)n, "%02x", hash.bytes[i]);
}

static Err ask_for(Entry *e)
{
    char name[LEASE_NAME_MAX + 1];
    lease_name(e->watch, e->name, name);
    return bus_lease_take(e->watch->bus, name, e->watch->lease_ms, on_lease, e, &e->lease);
}

/* A file that nobody here has seen: there is an entry for it while there is a free place. */
static Err see(Watch *w, const char *name)
{
    Entry *e = find(w, name);
    if (!e && is_to_do(w, name) && (e = find(w, ""))) snprintf(e->name, sizeof e->name, "%s", name);
    if (!e || e->task || e->lease || clock_monotonic_ns() < e->not_before_ns || w->running >= w->at_once) return OK;
    return ask_for(e);
}

/* --- what the loop calls --- */

static void sweep(Watch *w)
{
    for (uint32_t i = 0; i < AT_ONCE_MAX; i++) {
        Entry *e = &w->entries[i];
        if (e->name[0] && !e->task && !is_to_do(w, e->name)) forget(e);
    }
}

static Err on_scan(void *context, uint32_t events)
{
    (void)events;
    Watch *w = context;
    char name[TASK_FILE_NAME_MAX + 1];
    loop_set_timer(w->scan, clock_monotonic_ns() + SCAN_EVERY_NS);
    if (w->stopping) return OK;
    sweep(w);
    DIR *folder = opendir(w->service.options->tasks_dir);
    if (!folder) return OK; /* it was there when we began; a file system may be away for a while */
    Err e = OK;
    for (const struct dirent *file; !e.code && (file = readdir(folder));)
        if (task_name(file->d_name, name)) e = see(w, name);
    closedir(folder);
    return e.code == ERR_LIMIT ? OK : e; /* too many leases at once: the others' turn comes */
}

static Err on_beat(void *context, uint32_t events)
{
    (void)events;
    Watch *w = context;
    uint64_t now = clock_monotonic_ns();
    if (now - w->last_beat_ns > BEAT_GAP_NS) w->quiet_until_ns = now + BEAT_QUIET_NS;
    w->last_beat_ns = now;
    if (now >= w->quiet_until_ns) atomic_store(&w->service.beat_ns, now);
    loop_set_timer(w->beat, now + BEAT_EVERY_NS);
    return OK;
}

static void say_end(Watch *w, const ManagerTask *t)
{
    if (t->written && t->error.code == COVEY_OK) manager_say(&w->service, "%s: done", t->name);
    else if (t->written) manager_say(&w->service, "%s: failed: %s", t->name, t->error.text);
    else manager_say(&w->service, "%s: put off: %s", t->name, t->error.code ? t->error.text : "its summary could not be written");
}

static Err on_ended(void *context, uint32_t events)
{
    (void)events;
    Watch *w = context;
    uint64_t count;
    ssize_t n = read(w->service.wake_fd, &count, sizeof count);
    (void)n; /* the tasks say which of them ended */
    for (uint32_t i = 0; i < AT_ONCE_MAX; i++) {
        Entry *e = &w->entries[i];
        if (!e->task || !atomic_load(&e->task->ended)) continue;
        say_end(w, e->task);
        const bool written = e->task->written;
        manager_task_join(&e->task);
        w->running--;
        if (written) forget(e);
        else put_off(e);
    }
    return OK;
}

static Err on_stop(void *context, uint32_t events)
{
    (void)events;
    Watch *w = context;
    loop_remove(&w->stop);
    w->stopping = true;
    manager_say(&w->service, "stops: %u task%s under way go on with the next manager", w->running, w->running == 1 ? "" : "s");
    for (uint32_t i = 0; i < AT_ONCE_MAX; i++)
        if (w->entries[i].task) manager_task_stop(w->entries[i].task, false);
    return OK;
}

/* --- its life --- */

static Err read_options(Watch *w, const covey *c, Diag *diag)
{
    const covey_manager_options *o = w->service.options;
    uint64_t lease_ns = LEASE_DEFAULT_MS * NS_PER_MS;
    struct stat st;
    if (!o->tasks_dir) return FAIL_WHY(diag, ERR_USAGE, "no folder of tasks was named");
    if (stat(o->tasks_dir, &st) < 0) return FAIL_WHY(diag, ERR_NO_ENTRY, "%s: %s", o->tasks_dir, err_text(errno));
    if (!S_ISDIR(st.st_mode)) return FAIL_WHY(diag, ERR_USAGE, "%s: is not a folder", o->tasks_dir);
    if (o->at_once > AT_ONCE_MAX) return FAIL_WHY(diag, ERR_USAGE, "%u tasks at once: %d at most", o->at_once, AT_ONCE_MAX);
    w->at_once = o->at_once ? o->at_once : AT_ONCE_DEFAULT;
    if (o->lease && (!duration_parse(o->lease, &lease_ns) || lease_ns < LEASE_MS_MIN * NS_PER_MS || lease_ns > LEASE_TTL_MS_MAX * NS_PER_MS))
        return FAIL_WHY(diag, ERR_USAGE, "lease %s: not a time from 1s to 10m", o->lease);
    w->lease_ms = (uint32_t)(lease_ns / NS_PER_MS);
    w->handle = *c;
    if (o->state_dir) TRY_WHY(diag, path_format(w->handle.tasks_dir, "%s/tasks", o->state_dir), "state folder");
    return OK;
}

static void on_state(void *context, bool connected, const char *text)
{
    (void)connected;
    manager_say(context, "%s", text);
}

static Err connect_and_listen(Watch *w, int stop_fd, Diag *diag)
{
    ManagerId id;
    TRY_WHY(diag, manager_id_new(&id), "manager");
    TRY_WHY(diag, loop_new(&w->loop), "event loop");
    const BusParty party = {.config_dir = w->handle.config_dir, .role = BUS_MANAGER, .id = id.text, .on_state = on_state, .context = &w->service};
    TRY(bus_connect(&w->service.options->bus, &party, w->loop, &w->bus, diag));
    w->service.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (w->service.wake_fd < 0) return FAIL_WHY(diag, errno, "event loop");
    uint64_t now = clock_monotonic_ns();
    w->last_beat_ns = now;
    TRY(loop_add_fd(w->loop, w->service.wake_fd, EPOLLIN, on_ended, w, &w->wake));
    if (stop_fd >= 0) TRY(loop_add_fd(w->loop, stop_fd, EPOLLIN, on_stop, w, &w->stop));
    TRY(loop_add_timer(w->loop, now, on_beat, w, &w->beat));
    return loop_add_timer(w->loop, now, on_scan, w, &w->scan);
}

static Err serve(Watch *w, const covey *c, int stop_fd, Diag *diag)
{
    TRY(read_options(w, c, diag));
    TRY_WHY(diag, connect_and_listen(w, stop_fd, diag), "manager");
    manager_say(&w->service, "watches %s for tasks, with the nodes of %s", w->service.options->tasks_dir, w->service.options->bus.url);
    while (!w->stopping || w->running > 0) TRY_WHY(diag, loop_turn(w->loop, -1), "event loop");
    return OK;
}

static void end(Watch *w)
{
    for (uint32_t i = 0; i < AT_ONCE_MAX; i++) {
        if (w->entries[i].task) manager_task_stop(w->entries[i].task, false);
        manager_task_join(&w->entries[i].task);
        bus_lease_release(&w->entries[i].lease);
    }
    loop_remove(&w->scan);
    loop_remove(&w->beat);
    loop_remove(&w->wake);
    loop_remove(&w->stop);
    fd_close(&w->service.wake_fd);
    bus_free(&w->bus);
    loop_free(&w->loop);
    pthread_mutex_destroy(&w->service.saying);
}

covey_code covey_manager_serve(covey *c, const covey_manager_options *options, int stop_fd, covey_error *error)
{
    Diag diag = {0};
    Watch *w = calloc(1, sizeof *w);
    if (!w) return api_result(FAIL(ENOMEM), NULL, error);
    w->service = (ManagerService){.covey = &w->handle, .options = options, .wake_fd = -1};
    pthread_mutex_init(&w->service.saying, NULL);
    for (uint32_t i = 0; i < AT_ONCE_MAX; i++) w->entries[i].watch = w;
    Err e = serve(w, c, stop_fd, &diag);
    end(w);
    free(w);
    return api_result(e, &diag, error);
}
