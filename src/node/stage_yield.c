/* What gives way: for what is worth more, for jobs, at its time, and when a key counts no more. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "node/stage_parts.h"
#include "sys/clock.h"
#include "sys/fd.h"

/* Worth less, then older. */
static Entry *least(const Stage *s, const uint64_t *below)
{
    Entry *worst = NULL;
    for (uint32_t i = 0; i < s->entry_count; i++) {
        Entry *e = s->entries[i];
        if (below && e->r.value >= *below) continue;
        if (!worst || e->r.value < worst->r.value || (e->r.value == worst->r.value && e->offer < worst->offer)) worst = e;
    }
    return worst;
}

static uint64_t bytes_below(const Stage *s, uint64_t value)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < s->entry_count; i++)
        if (s->entries[i]->r.value < value) bytes += s->entries[i]->r.size;
    return bytes;
}

/* Nothing is evicted for a resource that does not get in. */
bool stage_make_room(Stage *s, const Resource *r)
{
    const uint64_t max = s->config.bytes_max;
    if (r->size > max || (s->stats.bytes_held + r->size > max && s->stats.bytes_held - bytes_below(s, r->value) + r->size > max)) return false;
    if (s->entry_count == STAGE_RESOURCES_MAX && !least(s, &r->value)) return false;
    while (s->stats.bytes_held + r->size > max || s->entry_count == STAGE_RESOURCES_MAX) {
        Entry *e = least(s, &r->value);
        if (!e) return false;
        stage_evict_entry(s, e, STAGE_EVICTED_BUDGET);
    }
    return true;
}

/* --- memory --- */

static bool read_number(const char *path, const char *key, uint64_t unit, uint64_t *ret_number)
{
    AUTO_BUFFER text = buffer_limited(64 * KIB);
    if (file_read(AT_FDCWD, path, &text).code || buffer_put_u8(&text, 0).code) return false;
    const char *at = key ? strstr((const char *)text.data, key) : (const char *)text.data;
    char *end;
    if (!at) return false;
    if (key) at += strlen(key);
    unsigned long long number = strtoull(at, &end, 10);
    if (end == at) return false;
    *ret_number = number * unit;
    return true;
}

/* What the machine could give, and what the node's own control group (where it is the root of its namespace) still allows. */
static uint64_t machine_memory(void)
{
    uint64_t available = UINT64_MAX, limit, used;
    if (!read_number("/proc/meminfo", "MemAvailable:", KIB, &available)) return UINT64_MAX;
    bool v2 = read_number("/sys/fs/cgroup/memory.max", NULL, 1, &limit) && read_number("/sys/fs/cgroup/memory.current", NULL, 1, &used);
    bool v1 = !v2 && read_number("/sys/fs/cgroup/memory/memory.limit_in_bytes", NULL, 1, &limit) &&
              read_number("/sys/fs/cgroup/memory/memory.usage_in_bytes", NULL, 1, &used);
    if ((v2 || v1) && limit > used && limit - used < available) available = limit - used;
    return available;
}

static uint64_t memory_available(const Stage *s)
{
    return s->config.memory_available ? s->config.memory_available(s->config.context) : machine_memory();
}

void stage_give_way(Stage *s, uint64_t bytes)
{
    if (s->entry_count == 0) return;
    uint64_t available = memory_available(s);
    while (s->entry_count && available < s->config.keep_free + bytes) {
        Entry *e = least(s, NULL);
        available += e->r.size;
        stage_evict_entry(s, e, STAGE_EVICTED_PRESSURE);
    }
}

/* --- time --- */

static uint64_t first_expiry(const Stage *s)
{
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < s->entry_count; i++)
        if (s->entries[i]->r.expires_ms < first) first = s->entries[i]->r.expires_ms;
    return first;
}

/* At the next expiry, but every STAGE_TICK_MS at least: memory is looked at, and the clock may jump. */
void stage_arm_timer(Stage *s)
{
    uint64_t now = clock_monotonic_ns(), wall = stage_wall_ms(s), expiry = first_expiry(s), wait = STAGE_TICK_MS;
    if (expiry <= wall) wait = 0;
    else if (expiry - wall < wait) wait = expiry - wall;
    loop_set_timer(s->timer, s->entry_count ? now + wait * NS_PER_MS : UINT64_MAX);
}

/* One after another: an eviction may take others along. */
static Entry *find_expired(const Stage *s, uint64_t wall_ms)
{
    for (uint32_t i = 0; i < s->entry_count; i++)
        if (s->entries[i]->r.expires_ms <= wall_ms) return s->entries[i];
    return NULL;
}

Err stage_on_timer(void *context, uint32_t events)
{
    (void)events;
    Stage *s = context;
    for (uint32_t i = 0; i < s->shelf_count; i++) stage_shelf_look(s, s->shelves[i], NULL);
    for (Entry *e = find_expired(s, stage_wall_ms(s)); e; e = find_expired(s, stage_wall_ms(s))) stage_evict_entry(s, e, STAGE_EVICTED_EXPIRED);
    stage_give_way(s, 0);
    stage_arm_timer(s);
    return OK;
}

/* --- keys --- */

static Entry *find_unvouched(const Stage *s)
{
    for (uint32_t i = 0; i < s->entry_count; i++) {
        const PublicKey *key = &s->entries[i]->r.pto;
        if (!stage_key_is_trusted(s, key) || stage_key_is_revoked(s, key)) return s->entries[i];
    }
    return NULL;
}

void stage_set_keys(Stage *s, const StageKeys *keys, const RevokedKeys *revoked)
{
    s->config.keys = *keys;
    s->config.revoked = revoked;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < s->seen_count; i++) /* a key that is trusted again later begins where it was, as long as there is room */
        if (stage_key_is_trusted(s, &s->seen[i].key) || s->seen_count < STAGE_KEYS_MAX) s->seen[kept++] = s->seen[i];
    s->seen_count = kept;
    for (Entry *e = find_unvouched(s); e; e = find_unvouched(s)) stage_evict_entry(s, e, STAGE_EVICTED_REVOKED);
}
