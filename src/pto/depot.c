/* The store: what is in it, how long fetching takes, and fetching. */
#include "pto/depot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "crypto/sha256.h"
#include "pto/packed.h"
#include "sys/fault.h"
#include "sys/fd.h"

enum { RECORDED_MAX = 1 << 20, RECORDED_BYTES_MAX = 64 << 20, RECORDED_MS_MAX = 10000000 };

typedef struct { uint64_t *ns; size_t count; } Recorded;

/* Which column is called `value`; 0: none is. */
static int value_column(const char *head)
{
    const char *end = head + strcspn(head, "\n");
    int column = 1;
    for (const char *c = head; c < end; column++) {
        size_t size = strcspn(c, ",\r\n");
        if (size == 5 && memcmp(c, "value", 5) == 0) return column;
        c += size + 1;
    }
    return 0;
}

/* Milliseconds above 0, and nothing else in the field; no line may be passed over: which time a resource takes depends on how many there are. */
static bool parse_ms(const char *line, int column, uint64_t *ret_ns)
{
    const char *field = line;
    for (int i = 1; i < column; i++) {
        field += strcspn(field, ",\n");
        if (*field++ != ',') return false;
    }
    size_t size = strcspn(field, ",\r\n");
    char *end;
    if (size == 0 || strspn(field, "0123456789.eE+-") < size) return false; /* no words, no blanks, no hexadecimal */
    double ms = strtod(field, &end);
    if (end != field + size || !(ms > 0 && ms < RECORDED_MS_MAX)) return false;
    *ret_ns = (uint64_t)(ms * (double)NS_PER_MS);
    return true;
}

static Err parse_recorded(const char *text, const char *path, Recorded *r, Diag *diag)
{
    int column = value_column(text);
    if (!column) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s:1: recorded loading times need a column 'value' (milliseconds)", path);
    unsigned line = 2;
    for (const char *at = strchrnul(text, '\n'); *at && *++at; at += strcspn(at, "\n"), line++) {
        if (at[strspn(at, "\r")] == '\n') continue;
        if (r->count == RECORDED_MAX) return FAIL_WHY(diag, ERR_LIMIT, "%s:%u: more than %d loading times", path, line, RECORDED_MAX);
        if (!parse_ms(at, column, &r->ns[r->count++]))
            return FAIL_WHY(diag, ERR_BAD_INPUT, "%s:%u: 'value' is no loading time: milliseconds above 0 and below %d", path, line, RECORDED_MS_MAX);
    }
    return r->count ? OK : FAIL_WHY(diag, ERR_BAD_INPUT, "%s: there is no loading time in it", path);
}

/* The column `value` of a CSV file with a header: milliseconds. */
static Err read_recorded(const char *path, Recorded *ret_recorded, Diag *diag)
{
    AUTO_BUFFER text = buffer_limited(RECORDED_BYTES_MAX);
    Err e = packed_file_read(path, &text);
    if (!e.code && memchr(text.data, 0, text.size)) e = FAIL(ERR_CORRUPT);
    if (!e.code) e = buffer_put_u8(&text, 0);
    if (e.code) return FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code, "%s: %s", path, err_text(e.code));
    Recorded r = {.ns = calloc(RECORDED_MAX, sizeof *r.ns)};
    if (!r.ns) return FAIL(ENOMEM);
    e = parse_recorded((const char *)text.data, path, &r, diag);
    if (e.code) free(r.ns);
    else *ret_recorded = r;
    return e;
}

/* Which of the recorded times a resource takes depends on its name alone, so that every run and every process has the same. */
static uint64_t delay_of(const StoreSpec *store, const Recorded *recorded, const DepotItem *r)
{
    uint64_t ns = store->delay_ns + (store->bandwidth ? (uint64_t)((double)r->size / (double)store->bandwidth * (double)NS_PER_S) : 0);
    if (!recorded->count || r->is_image) return ns;
    Sha256 hash;
    uint64_t number;
    sha256_of(view_text(r->name), &hash);
    memcpy(&number, hash.bytes, sizeof number);
    return ns + recorded->ns[number % recorded->count] / store->speedup;
}

/* A file of the store may have become anything: opening a pipe to which nobody writes would hold up everybody. */
static Err open_file(const char *path, int *ret_fd, uint64_t *ret_size)
{
    AUTO_FD fd = -1;
    struct stat st;
    TRY(fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &fd));
    if (FAULTABLE("fstat", fstat(fd, &st)) < 0) return FAIL(errno);
    if (!S_ISREG(st.st_mode)) return FAIL(ERR_CHANGED);
    *ret_size = (uint64_t)st.st_size;
    *ret_fd = fd_take(&fd);
    return OK;
}

static Err identify(DepotItem *r)
{
    AUTO_FD fd = -1;
    TRY(open_file(r->path, &fd, &r->size));
    return sha256_of_range(fd, 0, r->size, &r->hash);
}

static Err add(Depot *s, const char *path, const char *name, bool is_image, uint32_t *ret_index)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (strcmp(s->items[i].path, path) != 0) continue;
        *ret_index = i;
        return OK;
    }
    DepotItem *grown = reallocarray(s->items, s->count + 1, sizeof *grown);
    if (!grown) return FAIL(ENOMEM);
    s->items = grown;
    DepotItem r = {.path = strdup(path), .is_image = is_image};
    if (!r.path) return FAIL(ENOMEM);
    memcpy(r.name, name, strlen(name) + 1);
    Err e = identify(&r);
    if (e.code) {
        free(r.path);
        return e;
    }
    *ret_index = s->count;
    s->items[s->count++] = r;
    return OK;
}

/* Data that comes in the input comes behind the body: together they are one input. */
static Err check_input(const Depot *s, const Service *service, const char *service_path, uint32_t task, Diag *diag)
{
    const ServiceTask *t = &service->tasks[task];
    uint64_t bytes = service->body_max + KIB; /* what says where each of them is */
    for (uint32_t i = s->first[task] + 1; t->data_in_input && i < s->first[task + 1]; i++) bytes += s->items[s->of[i]].size;
    if (bytes <= SEGMENT_BYTES_MAX) return OK;
    return FAIL_WHY(diag, ERR_LIMIT, "%s:%u: task '%s': its data and the largest body are more than an input can be (1GiB); leave out 'fallback: input'",
                    service_path, t->line, t->name);
}

static Err add_task(Depot *s, const Service *service, const char *service_path, uint32_t task, const char *image, Diag *diag)
{
    const ServiceTask *t = &service->tasks[task];
    uint32_t at = s->first[task];
    Err e = add(s, image, t->name, true, &s->of[at++]);
    if (e.code) return FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code, "%s:%u: %s: %s", service_path, t->line, image, err_text(e.code));
    for (size_t i = 0; i < t->data_count; i++) {
        char path[PATH_BYTES_MAX];
        snprintf(path, sizeof path, "%s/%s", service->store.path, t->data[i]);
        e = add(s, path, t->data[i], false, &s->of[at++]);
        if (e.code) return FAIL_WHY(diag, e.code == ENOENT ? ERR_NO_ENTRY : e.code, "%s:%u: %s: %s", service_path, t->line, path, err_text(e.code));
    }
    s->first[task + 1] = at;
    return check_input(s, service, service_path, task, diag);
}

static Err fill(Depot *s, const Service *service, const char *service_path, const char *const *images, Diag *diag)
{
    size_t uses = 0;
    for (size_t i = 0; i < service->task_count; i++) uses += 1 + service->tasks[i].data_count;
    s->first = calloc(service->task_count + 1, sizeof *s->first);
    s->of = calloc(uses + 1, sizeof *s->of);
    if (!s->first || !s->of) return FAIL(ENOMEM);
    for (uint32_t i = 0; i < service->task_count; i++) TRY(add_task(s, service, service_path, i, images[i], diag));
    Recorded recorded = {0};
    if (service->store.recorded) TRY(read_recorded(service->store.recorded, &recorded, diag));
    for (uint32_t i = 0; i < s->count; i++) s->items[i].delay_ns = delay_of(&service->store, &recorded, &s->items[i]);
    s->simulated = service->store.recorded || service->store.delay_ns || service->store.bandwidth;
    free(recorded.ns);
    return OK;
}

Err depot_open(const Service *s, const char *service_path, const char *const *images, Depot *ret_shelf, Diag *diag)
{
    Depot depot = {0};
    Err e = fill(&depot, s, service_path, images, diag);
    if (e.code) depot_close(&depot);
    else *ret_shelf = depot;
    return e;
}

void depot_close(Depot *s)
{
    for (uint32_t i = 0; i < s->count; i++) free(s->items[i].path);
    free(s->items);
    free(s->first);
    free(s->of);
    *s = (Depot){0};
}

uint64_t depot_task_bytes(const Depot *s, uint32_t task)
{
    uint64_t bytes = 0;
    for (uint32_t i = s->first[task]; i < s->first[task + 1]; i++) bytes += s->items[s->of[i]].size;
    return bytes;
}

uint64_t depot_task_delay_ns(const Depot *s, uint32_t task)
{
    uint64_t ns = 0;
    for (uint32_t i = s->first[task]; i < s->first[task + 1]; i++) ns += s->items[s->of[i]].delay_ns;
    return ns;
}

static Err copy_whole(int from, uint64_t size, int to)
{
    void *place = NULL;
    if (size == 0) return OK;
    TRY(fd_map(to, size, PROT_READ | PROT_WRITE, &place));
    Err e = fd_pread_all(from, place, size, 0);
    fd_unmap(place, size);
    return e;
}

Err depot_fetch(const DepotItem *r, int *ret_fd)
{
    AUTO_FD file = -1, copy = -1;
    uint64_t size;
    Sha256 hash;
    TRY(open_file(r->path, &file, &size));
    if (size != r->size) return FAIL(ERR_CHANGED);
    copy = FAULTABLE("memfd_create", memfd_create("covey-resource", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (copy < 0) return FAIL(errno);
    TRY(fd_truncate(copy, size));
    Err e = copy_whole(file, size, copy);
    if (e.code) return e.code == ERR_CORRUPT ? FAIL(ERR_CHANGED) : e;
    if (FAULTABLE("fcntl", fcntl(copy, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)) < 0) return FAIL(errno);
    TRY(sha256_of_range(copy, 0, size, &hash)); /* of what nobody can change any more */
    if (memcmp(hash.bytes, r->hash.bytes, sizeof hash.bytes) != 0) return FAIL(ERR_CHANGED);
    *ret_fd = fd_take(&copy);
    return OK;
}
