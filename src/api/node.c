/* A node: the agent and its warden on a bus that leaves the process, until it is told to go. */
#include <errno.h>
#include <math.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/audit_note.h"
#include "api/internal.h"
#include "api/node_name.h"
#include "base/units.h"
#include "node/agent.h"
#include "sys/clock.h"

#define WATCH_EVERY_NS (200 * NS_PER_MS)
#define NOTICE_DEFAULT_NS (30 * NS_PER_S)
#define CACHE_DEFAULT_BYTES (2 * GIB)
enum { STOP_BYTES = 128 /* at least one signalfd_siginfo, and one message of anything else */, PRICE_MAX = 1000000 };

typedef struct {
    const covey *covey;
    const covey_node_options *options;
    AgentConfig config;
    NodeName name;
    char cache_dir[PATH_BYTES_MAX], program[PATH_BYTES_MAX];
    char key_text[PUBLIC_KEY_TEXT_MAX];
    Loop *loop;
    Bus *bus;
    Agent *agent;
    LoopSource *stop, *watch;
    int stop_fd;
    bool draining, at_once, told_data;
    uint64_t gone_ns;           /* draining: when the notice is over */
} Serving;

static void __attribute__((format(printf, 2, 3))) say(const Serving *s, const char *format, ...)
{
    char text[DIAG_TEXT_MAX];
    if (!s->options->notice_line) return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    s->options->notice_line(s->options->context, text);
}

/* --- what the options say --- */

static Err read_price(const char *text, double *ret_price, Diag *diag)
{
    char *end;
    errno = 0;
    double price = strtod(text, &end);
    if (end == text || *end || errno || !isfinite(price) || price < 0 || price > PRICE_MAX)
        return FAIL_WHY(diag, ERR_USAGE, "price %s: not a number from 0 to %d, such as 0.04", text, PRICE_MAX);
    *ret_price = price;
    return OK;
}

/* Of each task: which image a manager wanted to have run here, and whether it was. */
static Err on_decided(void *context, const TaskId *task, const uint8_t measurement[32], Err verdict, const char *why)
{
    const Serving *s = context;
    Diag ignored = {{0}};
    char id[2 * sizeof task->bytes + 1], image[65];
    sodium_bin2hex(id, sizeof id, task->bytes, sizeof task->bytes);
    sodium_bin2hex(image, sizeof image, measurement, 32);
    json_t *detail = json_pack("{s:s, s:b, s:s}", "measurement", image, "trusted", verdict.code == 0, "reason", verdict.code ? why : "");
    return audit_note(s->covey, AUDIT_IMAGE_TRUST, id, detail, &ignored);
}

static Err check_folder(const char *path, Diag *diag)
{
    struct stat st;
    if (stat(path, &st) < 0) return FAIL_WHY(diag, ERR_NO_ENTRY, "%s: %s", path, err_text(errno));
    if (!S_ISDIR(st.st_mode)) return FAIL_WHY(diag, ERR_USAGE, "%s: is not a folder; data at hand is named by its folder", path);
    return OK;
}

static Err cache_directory(char ret_path[PATH_BYTES_MAX])
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && cache[0] == '/') return path_format(ret_path, "%s/covey/objects", cache);
    if (home && home[0] == '/') return path_format(ret_path, "%s/.cache/covey/objects", home);
    return FAIL(ERR_NO_ENTRY);
}

static Err choose_cache(Serving *s, Diag *diag)
{
    const covey_node_options *o = s->options;
    s->config.cache_bytes_max = CACHE_DEFAULT_BYTES;
    if (o->cache_size && !size_parse(o->cache_size, &s->config.cache_bytes_max))
        return FAIL_WHY(diag, ERR_USAGE, "cache size %s: not a size, such as 2GiB", o->cache_size);
    if (o->cache_dir) TRY_WHY(diag, path_format(s->cache_dir, "%s", o->cache_dir), "cache folder");
    else TRY_WHY(diag, cache_directory(s->cache_dir), "cache folder (set HOME or XDG_CACHE_HOME, or give --cache)");
    s->config.cache_dir = s->cache_dir;
    return OK;
}

/* The name is what subjects and the server's permissions hold: by default it follows from the key, and so needs no agreement. */
static Err choose_name(Serving *s, Diag *diag)
{
    char directory[PATH_BYTES_MAX];
    SecretKey secret;
    PublicKey public_key;
    TRY_WHY(diag, path_format(directory, "%s/node", s->covey->config_dir), "configuration folder");
    TRY_WHY(diag, signing_key_open(directory, &secret, &public_key, diag), "the node's key");
    secret_key_wipe(&secret);
    public_key_print(&public_key, s->key_text);
    s->name = node_name_of(&public_key);
    s->config.node_id = s->options->name ? s->options->name : s->name.text;
    return OK;
}

static Err read_options(Serving *s, Diag *diag)
{
    const covey_node_options *o = s->options;
    AgentConfig *c = &s->config;
    *c = (AgentConfig){.warden_program = s->program, .cores = o->cores, .config_dir = s->covey->config_dir, .decided = on_decided,
                       .decided_context = s, .remote = true, .zone = o->zone,
                       .owner = o->owner, .spot = o->spot, .notice_ns = NOTICE_DEFAULT_NS, .data_dirs = o->data,
                       .data_dir_count = (uint32_t)o->data_count};
    if (o->cores > ZYGOTES_MAX) return FAIL_WHY(diag, ERR_USAGE, "%u cores: a node has at most %d", o->cores, ZYGOTES_MAX);
    if (o->price) TRY(read_price(o->price, &c->price_per_core_hour, diag));
    if (o->notice && !duration_parse(o->notice, &c->notice_ns))
        return FAIL_WHY(diag, ERR_USAGE, "notice %s: not a time, such as 30s or 2m", o->notice);
    for (size_t i = 0; i < o->data_count; i++) TRY(check_folder(o->data[i], diag));
    TRY(choose_cache(s, diag));
    TRY(choose_name(s, diag));
    TRY(program_find(s->covey->program, s->program, diag));
    TRY_WHY(diag, trusted_keys_load(s->covey->config_dir, &c->trusted, diag), "trusted keys");
    return OK;
}

/* --- while it serves --- */

static Err begin_drain(Serving *s, const char *why)
{
    if (s->draining) return OK;
    s->draining = true;
    s->gone_ns = clock_monotonic_ns() + s->config.notice_ns;
    say(s, "%s: takes no more micro-jobs, and ends when those that run are done, in %.0f s at the latest", why,
        (double)s->config.notice_ns / (double)NS_PER_S);
    return agent_drain(s->agent);
}

static Err on_stop(void *context, uint32_t events)
{
    (void)events;
    Serving *s = context;
    char message[STOP_BYTES];
    while (read(s->stop_fd, message, sizeof message) < 0 && errno == EINTR) continue;
    s->at_once = s->draining;
    return begin_drain(s, "told to stop");
}

static void on_state(void *context, bool connected, const char *text)
{
    (void)connected;
    say(context, "%s", text);
}

static void say_data(Serving *s)
{
    if (s->told_data || !s->options->data_count) return;
    const AgentProgress p = agent_progress(s->agent);
    if (!p.hand_told) return;
    s->told_data = true;
    say(s, "data at hand: %llu files, %.1f MiB", (unsigned long long)p.hand.files, (double)p.hand.bytes / MIB);
}

static Err on_watch(void *context, uint32_t events)
{
    (void)events;
    Serving *s = context;
    loop_set_timer(s->watch, clock_monotonic_ns() + WATCH_EVERY_NS);
    say_data(s);
    bool noticed = s->options->notice_file && access(s->options->notice_file, F_OK) == 0;
    return noticed ? begin_drain(s, s->options->notice_file) : OK;
}

static bool has_to_go(const Serving *s)
{
    return s->at_once || (s->draining && (agent_idle(s->agent) || clock_monotonic_ns() >= s->gone_ns));
}

/* --- its life --- */

static Err join(Serving *s, Diag *diag)
{
    const BusParty party = {.config_dir = s->covey->config_dir, .role = BUS_NODE, .id = s->config.node_id, .on_state = on_state, .context = s};
    TRY_WHY(diag, loop_new(&s->loop), "event loop");
    TRY(bus_connect(&s->options->bus, &party, s->loop, &s->bus, diag));
    TRY_WHY(diag, agent_new(s->loop, s->bus, &s->config, &s->agent, diag), "node agent");
    if (s->stop_fd >= 0) TRY_WHY(diag, loop_add_fd(s->loop, s->stop_fd, EPOLLIN, on_stop, s, &s->stop), "event loop");
    TRY_WHY(diag, loop_add_timer(s->loop, clock_monotonic_ns() + WATCH_EVERY_NS, on_watch, s, &s->watch), "event loop");
    return OK;
}

static void leave(Serving *s)
{
    loop_remove(&s->watch);
    loop_remove(&s->stop);
    agent_free(&s->agent);
    bus_free(&s->bus);
    loop_free(&s->loop);
}

static Err serve(Serving *s, Diag *diag)
{
    TRY(read_options(s, diag));
    TRY(join(s, diag));
    say(s, "%s joined %s; its key is %s", s->config.node_id, s->options->bus.url, s->key_text);
    while (!has_to_go(s)) TRY_WHY(diag, loop_turn(s->loop, -1), "event loop");
    return OK;
}

covey_code covey_node_serve(covey *c, const covey_node_options *options, int stop_fd, covey_error *error)
{
    Diag diag = {0};
    Serving *s = calloc(1, sizeof *s);
    if (!s) return api_result(FAIL(ENOMEM), NULL, error);
    *s = (Serving){.covey = c, .options = options, .stop_fd = stop_fd};
    Err e = serve(s, &diag);
    bool served = s->agent != NULL;
    leave(s);
    if (served && !e.code) say(s, "left");
    free(s);
    return api_result(e, &diag, error);
}
