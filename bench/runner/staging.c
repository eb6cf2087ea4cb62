/*
 * Figure staging: a request that finds its image warm and its data staged, against one that finds nothing; the claim alone; copies of the payload.
 * An agent and its warden as in `covey serve`, the bus in memory; a fresh warden for each cold request, because one that has checked an image
 * does not check it again. Fetching is in neither: it is the resource store's.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench/runner/figure.h"
#include "bus/message_subject.h"
#include "bus/stage_link.h"
#include "image/image.h"
#include "node/agent.h"
#include "see/module.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { ROUNDS = 25, CLAIMS = 8, DATA_BYTES = 4 << 20, PATIENCE_S = 20, OUTPUT_MAX = 4096 };
static const char NODE[] = "bench";

typedef struct {
    Loop *loop;
    Bus *bus;
    BusSubscription *records, *answers;
    Agent *agent;
    Stage *stage;
    TrustedKeys signers;
    SecretKey secret;             /* of signer and orchestrator */
    PublicKey public_key;
    Buffer image;
    uint8_t measurement[SHA256_BYTES];
    char image_path[PATH_BYTES_MAX];
    const Bench *bench;
    bool joined, ready, done, staged;
    int refused;                  /* a code */
    uint32_t outcome;
    char output[OUTPUT_MAX];
    TaskOpen open;
    uint64_t sequence;
    double cycles_per_us;
} Setting;

static Err hear(void *context, const char *subject, View message)
{
    (void)subject;
    Setting *s = context;
    BatchReader r;
    ResultItem item;
    TaskRefused refused;
    bool more = false;
    switch (message_type(message)) {
    case MESSAGE_NODE: s->joined = true; return OK;
    case MESSAGE_TASK_READY: s->ready = true; return OK;
    case MESSAGE_TASK_REFUSED: s->refused = message_get_task_refused(message, &refused).code ? ERR_PROTOCOL : refused.code; return OK;
    case MESSAGE_RESULTS: break;
    default: return OK;
    }
    TRY(message_open_batch(message, MESSAGE_RESULTS, &r));
    TRY(message_next_result(&r, &item, &more));
    if (!more) return OK; /* only a count of SEEs */
    s->outcome = item.outcome;
    snprintf(s->output, sizeof s->output, "%.*s", (int)item.output.size, (const char *)item.output.data);
    s->done = true;
    return OK;
}

static void on_stage(void *context, const StageEvent *event)
{
    Setting *s = context;
    if (event->code == STAGE_STAGED) s->staged = true;
    if (stage_outcome_is_refusal(event->code) || event->code == STAGE_EVICTED_FAILED) s->refused = ERR_DENIED;
}

static Err until(Setting *s, const bool *flag, Diag *diag)
{
    const uint64_t end = clock_monotonic_ns() + PATIENCE_S * NS_PER_S;
    while (!*flag && !s->refused && clock_monotonic_ns() < end) TRY(loop_turn(s->loop, 100));
    if (*flag) return OK;
    return FAIL_WHY(diag, ERR_TASK_FAILED, "no answer: %s", s->refused ? err_text(s->refused) : "it took too long");
}

/* --- an agent, and what it is asked --- */

static Err start_agent(Setting *s, bool with_stage, Diag *diag)
{
    if (with_stage) {
        StageConfig stage = {.loop = s->loop, .trusted = &s->signers, .keys = {.count = 1, .keys[0] = s->public_key}};
        TRY(stage_new(&stage, &s->stage));
        TRY(stage_listen(s->stage, on_stage, s));
    }
    const AgentConfig config = {.node_id = NODE, .warden_program = s->bench->covey, .cores = 1, .trusted = s->signers, .stage = s->stage};
    s->joined = false;
    TRY(agent_new(s->loop, s->bus, &config, &s->agent, diag));
    return until(s, &s->joined, diag);
}

static void stop_agent(Setting *s)
{
    agent_free(&s->agent);
    stage_free(&s->stage);
}

static Err send(Setting *s, Buffer *message)
{
    char subject[BUS_SUBJECT_MAX];
    snprintf(subject, sizeof subject, "covey.node.%s", NODE);
    return bus_publish(s->bus, subject, message);
}

/* One request: a task with one micro-job, and how long until its result is there, in microseconds. */
static Err request(Setting *s, const char *commands, double *ret_us, Diag *diag)
{
    AUTO_BUFFER open = buffer_limited(MIB), jobs = buffer_limited(MIB), close = buffer_limited(MIB);
    const BatchHead head = {s->open.id, s->open.stage, s->open.node, s->open.manager};
    const JobItem item = {.attempt = 1, .kind = SEGMENT_INLINE, .size = strlen(commands), .data = view_text(commands)};
    const TaskClose end = {s->open.id, s->open.stage, s->open.node};
    s->ready = s->done = false;
    TRY(message_put_task_open(&open, &s->open));
    TRY(message_begin_jobs(&jobs, &head));
    TRY(message_add_job(&jobs, &item));
    TRY(message_put_task_close(&close, &end));
    const uint64_t begin = clock_monotonic_ns();
    TRY(send(s, &open));
    TRY(until(s, &s->ready, diag));
    TRY(send(s, &jobs));
    TRY(until(s, &s->done, diag));
    *ret_us = (double)(clock_monotonic_ns() - begin) / 1e3;
    if (s->outcome != OUTCOME_OK) return FAIL_WHY(diag, ERR_TASK_FAILED, "a micro-job failed: %s", outcome_text(s->outcome));
    s->open.id.bytes[0]++;
    TRY(send(s, &close));
    return loop_turn(s->loop, 0);
}

static Err stage_bytes(Setting *s, Resource *r, View content, Diag *diag)
{
    AUTO_FD fd = -1;
    AUTO_BUFFER statement = buffer_limited(RESOURCE_BYTES_MAX);
    uint64_t offer;
    r->size = content.size;
    r->sequence = ++s->sequence;
    r->stage = *stage_id(s->stage);
    r->pto = s->public_key;
    r->expires_ms = clock_wall_ns() / NS_PER_MS + 600000;
    r->task_count = 1;
    snprintf(r->tasks[0].text, sizeof r->tasks[0].text, "bench");
    sha256_of(content, &r->hash);
    TRY(stage_memfd_new(content.size, &fd));
    TRY(fd_pwrite_all(fd, content, 0));
    TRY(stage_memfd_seal(fd));
    TRY(resource_encode(r, &s->secret, &statement));
    s->staged = false;
    stage_offer(s->stage, view_buffer(&statement), fd_take(&fd), &offer);
    return until(s, &s->staged, diag);
}

static Err stage_data(Setting *s, const char *name, View content, Diag *diag)
{
    Resource r = {.kind = RESOURCE_DATA};
    snprintf(r.name, sizeof r.name, "%s", name);
    return stage_bytes(s, &r, content, diag);
}

static Err stage_image(Setting *s, Diag *diag)
{
    Resource r = {.kind = RESOURCE_IMAGE, .name = "bench", .shape = {LEVEL_PROCESS, s->open.memory_max, s->open.output_max, 1}};
    return stage_bytes(s, &r, view_buffer(&s->image), diag);
}

/* --- what is measured --- */

typedef struct { Samples cold, warm, mapped, claim; } Times;

static Err measure_cold(Setting *s, Samples *ret, Diag *diag)
{
    double us = 0;
    TRY(start_agent(s, false, diag));
    Err e = request(s, "a bench\n", &us, diag);
    stop_agent(s);
    samples_add(ret, us);
    return e;
}

static double number_after(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    return at ? atof(at + strlen(name)) : -1;
}

static Err measure_claims(Setting *s, Samples *ret, Diag *diag)
{
    double us;
    for (int i = 0; i < CLAIMS; i++) {
        char name[32];
        snprintf(name, sizeof name, "bench/%d", i);
        TRY(stage_data(s, name, VIEW("x"), diag));
    }
    TRY(stage_image(s, diag));
    TRY(request(s, "C bench/0\nC bench/1\nC bench/2\nC bench/3\nC bench/4\nC bench/5\nC bench/6\nC bench/7\n", &us, diag));
    double total = 0;
    const char *at = s->output;
    for (int i = 0; i < CLAIMS; i++, at = at ? strchr(at, '\n') + 1 : NULL) {
        double cycles = at ? number_after(at, "cycles=") : -1;
        if (cycles <= 0) return FAIL_WHY(diag, ERR_TASK_FAILED, "a claim failed: %s", s->output);
        total += cycles;
    }
    samples_add(ret, total / CLAIMS / s->cycles_per_us);
    return OK;
}

static Err measure_round(Setting *s, View data, Times *t, Diag *diag)
{
    double us;
    TRY(measure_cold(s, &t->cold, diag));
    TRY(start_agent(s, true, diag));
    Err e = stage_image(s, diag);
    if (!e.code) e = request(s, "a bench\n", &us, diag);
    if (!e.code) samples_add(&t->warm, us);
    if (!e.code) e = stage_data(s, "bench/data", data, diag);
    if (!e.code) e = stage_image(s, diag);
    if (!e.code) e = request(s, "g 80\nc bench/data\nM 3 65536 4194304\n", &us, diag);
    if (!e.code && number_after(s->output, "map=") != DATA_BYTES) e = FAIL_WHY(diag, ERR_TASK_FAILED, "nothing was mapped: %s", s->output);
    if (!e.code) samples_add(&t->mapped, us);
    if (!e.code) e = measure_claims(s, &t->claim, diag);
    stop_agent(s);
    return e;
}

/* The pages of a mapping that begins at this address, in that process. ret_copied: those that are its own, not the memfd's. */
static bool pages_at(const char *process, uint64_t address, long *ret_resident_kb, long *ret_copied_kb)
{
    char path[300], line[512];
    bool here = false, found = false;
    snprintf(path, sizeof path, "/proc/%s/smaps", process);
    FILE *f = fopen(path, "re");
    while (f && fgets(line, sizeof line, f)) {
        unsigned long long from, to;
        if (sscanf(line, "%llx-%llx ", &from, &to) == 2) here = from == address;
        found |= here;
        if (here) sscanf(line, "Rss: %ld", ret_resident_kb);
        if (here) sscanf(line, "Anonymous: %ld", ret_copied_kb);
    }
    if (f) fclose(f);
    return found;
}

static bool find_pages(uint64_t address, long *ret_resident_kb, long *ret_copied_kb)
{
    bool found = false;
    DIR *all = opendir("/proc");
    for (struct dirent *d; all && !found && (d = readdir(all));)
        if (d->d_name[0] >= '1' && d->d_name[0] <= '9') found = pages_at(d->d_name, address, ret_resident_kb, ret_copied_kb);
    if (all) closedir(all);
    return found;
}

/*
 * Bytes copied for each byte of staged data, from the orchestrator's memfd to the module that has read all of it: what the stage counted, and what
 * the kernel says of the module's pages while it runs (private ones would be copies). Negative: this user may not look into a SEE.
 */
static Err measure_copies(Setting *s, View data, double *ret_copies, Diag *diag)
{
    long resident_kb = 0, copied_kb = 0;
    AUTO_BUFFER open = buffer_limited(MIB), jobs = buffer_limited(MIB);
    const BatchHead head = {s->open.id, s->open.stage, s->open.node, s->open.manager};
    const View commands = VIEW("g 80\nc bench/data\nm 3 65536 4194304\nL\n"); /* claims, maps, reads all of it, and runs on */
    const JobItem item = {.attempt = 1, .kind = SEGMENT_INLINE, .data = commands, .size = commands.size};
    TRY(stage_image(s, diag));
    uint64_t before = stage_stats(s->stage).bytes_copied;
    TRY(stage_data(s, "bench/data", data, diag));
    double counted = (double)(stage_stats(s->stage).bytes_copied - before);
    s->ready = s->done = false;
    TRY(message_put_task_open(&open, &s->open));
    TRY(message_begin_jobs(&jobs, &head));
    TRY(message_add_job(&jobs, &item));
    TRY(send(s, &open));
    TRY(until(s, &s->ready, diag));
    TRY(send(s, &jobs));
    const uint64_t end = clock_monotonic_ns() + 3 * NS_PER_S;
    while (resident_kb < DATA_BYTES / 1024 && !s->done && clock_monotonic_ns() < end) {
        TRY(loop_turn(s->loop, 20));
        find_pages(SEE_MEMORY_BASE + 65536, &resident_kb, &copied_kb);
    }
    *ret_copies = resident_kb < DATA_BYTES / 1024 ? -1 : (counted + (double)copied_kb * 1024) / DATA_BYTES;
    return OK;
}

static double cycles_per_us(void)
{
    unsigned aux;
    uint64_t from_ns = clock_monotonic_ns(), from = __builtin_ia32_rdtscp(&aux);
    usleep(50000);
    uint64_t to = __builtin_ia32_rdtscp(&aux), to_ns = clock_monotonic_ns();
    return (double)(to - from) * 1e3 / (double)(to_ns - from_ns);
}

static Err open_setting(Setting *s, const Bench *b, Diag *diag)
{
    char path[PATH_BYTES_MAX];
    ImageInfo info;
    *s = (Setting){.bench = b, .image = buffer_limited(IMAGE_BYTES_MAX), .cycles_per_us = cycles_per_us()};
    crypto_sign_keypair(s->public_key.bytes, s->secret.bytes);
    s->signers = (TrustedKeys){.count = 1, .keys[0] = s->public_key};
    snprintf(path, sizeof path, "%s/bench-staging", b->folder);
    snprintf(s->image_path, sizeof s->image_path, "%s/staging.see", b->work);
    TRY_WHY(diag, file_read(AT_FDCWD, path, &s->image), "%s", path);
    TRY(image_sign(&s->secret, &s->public_key, &s->image));
    TRY_WHY(diag, image_parse(view_buffer(&s->image), &info, diag), "%s", path);
    memcpy(s->measurement, info.measurement.bytes, sizeof s->measurement);
    TRY_WHY(diag, file_replace(AT_FDCWD, s->image_path, view_buffer(&s->image), 0600), "%s", s->image_path);
    s->open = (TaskOpen){.id = {{1}}, .node = 1, .manager = {"00112233445566aa"}, .image_path = view_text(s->image_path), .level = LEVEL_PROCESS,
                         .zygotes = 1, .lifetime_ns = 10 * NS_PER_S, .memory_max = 16 * MIB, .output_max = MIB, .args = VIEW("bench\0"), .arg_count = 1,
                         .staging = VIEW("bench")};
    memcpy(s->open.measurement, s->measurement, sizeof s->open.measurement);
    TRY(loop_new(&s->loop));
    TRY(bus_memory_new(s->loop, &s->bus));
    TRY(bus_subscribe(s->bus, SUBJECT_ALL_NODES, hear, s, &s->records));
    return bus_subscribe(s->bus, subject_manager(&s->open.manager, "*").text, hear, s, &s->answers);
}

static void close_setting(Setting *s)
{
    bus_unsubscribe(&s->records);
    bus_unsubscribe(&s->answers);
    bus_free(&s->bus);
    loop_free(&s->loop);
    buffer_free(&s->image);
}

static void report(const Times *t, size_t image_bytes, double copies, Figure *f)
{
    figure_add(f, "a hit: the image is warm", "us", samples_spread(&t->warm), 0);
    double cold = samples_ratio(&t->cold, &t->warm), mapped = samples_ratio(&t->cold, &t->mapped);
    row_at_least(figure_add(f, "cold: verified, started, locked down", "us", samples_spread(&t->cold), samples_ratio(&t->warm, &t->cold)), cold, 10,
                 "times a hit");
    f->peer = 1;
    row_at_least(figure_add(f, "a hit that claims and maps 4 MiB", "us", samples_spread(&t->mapped), 0), mapped, 10, "times as fast as cold");
    Spread claim = samples_spread(&t->claim);
    row_at_most(figure_add(f, "one claim, inside a SEE behind both filters", "us", claim, 0), claim.median, 10, "us");
    const Spread copied = {copies, copies, copies};
    if (copies >= 0) row_at_most(figure_add(f, "data copied for each staged byte", "bytes", copied, 0), copies, 0, "bytes");
    figure_note(f, "TASK_OPEN to result, one zygote, one micro-job, level process; a fresh warden for each cold one. The image has %zu bytes and is read "
                   "from the page cache: fetching it is not in the figure. Claims by the processor's own counter.", image_bytes);
}

Err measure_staging(const Bench *b, Figure *f, Diag *diag)
{
    Setting s;
    Times t = {.cold.count = 0};
    uint8_t *data = malloc(DATA_BYTES);
    if (!data) return FAIL(ENOMEM);
    memset(data, 7, DATA_BYTES);
    Err e = open_setting(&s, b, diag);
    for (int round = 0; round < ROUNDS && !e.code; round++) e = measure_round(&s, view_of(data, DATA_BYTES), &t, diag);
    double copies = -1;
    if (!e.code) e = start_agent(&s, true, diag);
    if (!e.code) e = measure_copies(&s, view_of(data, DATA_BYTES), &copies, diag);
    stop_agent(&s);
    if (!e.code) report(&t, s.image.size, copies, f);
    close_setting(&s);
    free(data);
    return e;
}
