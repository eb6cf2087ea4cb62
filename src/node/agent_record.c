/* What the node says of itself, and when; and the hashing of data at hand beside the other work. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bus/message_subject.h"
#include "node/agent_parts.h"
#include "sys/clock.h"

enum {
    BEAT_MS = 1000,
    BEAT_BUSY_MS = 250,           /* while it has a task: eight times in the shortest lease */
    HASH_STEP_BYTES = 4 << 20,    /* a few ms */
    HASH_PAUSE_MS = 2,
    RECORD_BYTES_MAX = 64 << 10,
};

static uint64_t memory_free(void)
{
    long pages = sysconf(_SC_AVPHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : 0;
}

static Err put_record(const Agent *a, bool leaving, Buffer *message)
{
    NodeMessage m = a->facts;
    AUTO_BUFFER data = buffer_limited(NODE_DATASETS_MAX * NODE_DATASET_BYTES);
    if (a->node.hand) TRY(data_at_hand_list(a->node.hand, &data));
    m.data = view_buffer(&data);
    m.images = view_of(a->warm, a->warm_count * sizeof a->warm[0]);
    m.memory_free = memory_free();
    m.draining = a->draining;
    m.leaving = leaving;
    if (a->node.objects) {
        const ObjectsStats stats = objects_stats(a->node.objects);
        m.link_bytes_s = stats.bytes_s;
        m.link_latency_us = stats.latency_us;
        m.link_measured = stats.bytes_s != 0;
    }
    return message_put_node(message, &m);
}

/* Nobody listens yet, or the bus is full: the next heartbeat says it again. */
static Err say(Agent *a, bool leaving)
{
    AUTO_BUFFER message = buffer_limited(RECORD_BYTES_MAX);
    TRY(put_record(a, leaving, &message));
    Err e = bus_publish(a->bus, subject_nodes(a->node_id).text, &message);
    if (e.code == ERR_NO_ENTRY || e.code == ERR_BUSY) return OK;
    a->announced = e.code == 0;
    return e;
}

/* Folders are looked through again after a while; what is new is hashed in on_hashing. */
static Err look_at_data(Agent *a, uint64_t now_ns)
{
    if (!a->node.hand || now_ns < a->scan_ns) return OK;
    a->scan_ns = now_ns + HAND_RESCAN_S * NS_PER_S;
    TRY(data_at_hand_scan(a->node.hand));
    loop_set_timer(a->hashing, 0);
    return OK;
}

static bool has_news(const Agent *a) { return a->node.hand && data_at_hand_version(a->node.hand) != a->told_version; }

Err record_say(Agent *a, uint64_t now_ns)
{
    TRY(look_at_data(a, now_ns));
    const uint64_t beat_ns = a->said_ns + (a->task_count ? BEAT_BUSY_MS : BEAT_MS) * NS_PER_MS;
    bool due = !a->announced || (a->remote && now_ns >= beat_ns) || (has_news(a) && data_at_hand_progress(a->node.hand).complete);
    if (!due) return OK;
    if (has_news(a)) a->told_version = data_at_hand_version(a->node.hand);
    a->said_ns = now_ns;
    return say(a, false);
}

void record_leave(Agent *a)
{
    if (!a->remote || !a->announced) return;
    Err e = say(a, true);
    (void)e; /* then the lease says it, a few seconds later */
}

Err agent_drain(Agent *a)
{
    if (a->draining) return OK;
    a->draining = true;
    for (uint32_t i = 0; i < a->task_count; i++) TRY(task_drain(a->tasks[i]));
    loop_defer(a->node.work);
    return say(a, false);
}

bool agent_idle(const Agent *a)
{
    for (uint32_t i = 0; i < a->task_count; i++)
        if (a->tasks[i]->jobs.held) return false;
    return !outbox_blocked(&a->node.outbox);
}

AgentProgress agent_progress(const Agent *a)
{
    AgentProgress p = {.tasks = a->task_count};
    if (a->node.objects) {
        const ObjectsStats stats = objects_stats(a->node.objects);
        p.object_bytes = stats.bytes;
        p.object_bytes_s = stats.bytes_s;
        p.asked_again = stats.asked_again;
        p.corrupt = stats.corrupt;
    }
    if (a->node.hand) p.hand = data_at_hand_progress(a->node.hand);
    p.hand_told = p.hand.complete && !has_news(a) && a->announced;
    return p;
}

void record_warm(Agent *a, const uint8_t measurement[32])
{
    for (uint32_t i = 0; i < a->warm_count; i++)
        if (memcmp(a->warm[i], measurement, sizeof a->warm[i]) == 0) return;
    memcpy(a->warm[a->warm_next], measurement, sizeof a->warm[0]);
    a->warm_next = (a->warm_next + 1) % NODE_IMAGES_MAX;
    if (a->warm_count < NODE_IMAGES_MAX) a->warm_count++;
}

static Err on_hashing(void *context, uint32_t events)
{
    (void)events;
    Agent *a = context;
    bool more = false;
    TRY(data_at_hand_hash(a->node.hand, HASH_STEP_BYTES, &more));
    loop_set_timer(a->hashing, more ? clock_monotonic_ns() + HASH_PAUSE_MS * NS_PER_MS : UINT64_MAX);
    return OK;
}

/* --- opening --- */

static Err take_name(const char *what, const char *name, char ret_name[NODE_NAME_MAX + 1], Diag *diag)
{
    if (!name) return OK;
    if (strlen(name) > NODE_NAME_MAX) return FAIL_WHY(diag, ERR_USAGE, "the %s may have up to %d characters", what, NODE_NAME_MAX);
    snprintf(ret_name, NODE_NAME_MAX + 1, "%s", name);
    return OK;
}

static Err take_facts(Agent *a, const AgentConfig *config, Diag *diag)
{
    /* Levels: what wardens are made for. Whether this machine gives it the warden finds by trying, and a task that is refused is told why. */
    NodeMessage m = {.incarnation = a->incarnation, .level_mask = 1u << LEVEL_SHARED | 1u << LEVEL_PROCESS, .cores = a->node.cores,
                     .is_spot = config->spot, .notice_s = (uint32_t)(config->notice_ns / NS_PER_S)};
    TRY(take_name("node's name", config->node_id, m.node_id, diag));
    TRY(take_name("zone", config->zone, m.zone, diag));
    TRY(take_name("owner", config->owner, m.owner, diag));
    if (!(config->price_per_core_hour >= 0 && config->price_per_core_hour < 1e9)) return FAIL_WHY(diag, ERR_USAGE, "a price is not negative");
    m.price_micro = (uint64_t)(config->price_per_core_hour * 1e6 + 0.5);
    AUTO_BUFFER message = buffer_limited(RECORD_BYTES_MAX);
    TRY_WHY(diag, message_put_node(&message, &m), "names of node, zone and owner are of letters, digits, - and _ (zone and owner may have dots)");
    a->facts = m;
    return OK;
}

static Err open_objects(Agent *a, const AgentConfig *config, Diag *diag)
{
    if (!config->cache_dir) return OK;
    TRY(store_new(config->cache_dir, config->cache_bytes_max, &a->node.store, diag));
    const ObjectsConfig objects = {.loop = a->node.loop, .bus = a->bus, .node_id = a->node_id, .store = a->node.store,
                                   .patience_ns = config->object_patience_ns};
    return objects_new(&objects, &a->node.objects);
}

static Err open_data(Agent *a, const AgentConfig *config, Diag *diag)
{
    if (!config->data_dir_count) return OK;
    char hashes[PATH_BYTES_MAX];
    if (config->cache_dir && snprintf(hashes, sizeof hashes, "%s/data-at-hand", config->cache_dir) >= (int)sizeof hashes) return FAIL(ENAMETOOLONG);
    TRY(data_at_hand_new(config->data_dirs, config->data_dir_count, config->cache_dir ? hashes : NULL, &a->node.hand, diag));
    return loop_add_timer(a->node.loop, 0, on_hashing, a, &a->hashing);
}

Err record_open(Agent *a, const AgentConfig *config, Diag *diag)
{
    a->remote = config->remote;
    a->silence_ns = !config->remote ? UINT64_MAX : config->silence_ns ? config->silence_ns : TASK_SILENCE_S * NS_PER_S;
    a->scan_ns = clock_monotonic_ns() + HAND_RESCAN_S * NS_PER_S;
    TRY(take_facts(a, config, diag));
    TRY(open_objects(a, config, diag));
    return open_data(a, config, diag);
}

void record_close(Agent *a)
{
    objects_free(&a->node.objects);
    store_free(&a->node.store);
    loop_remove(&a->hashing);
    data_at_hand_free(&a->node.hand);
}
