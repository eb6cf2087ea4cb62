/* What placement is told: of a node out of its record, of a task out of the task file, of a micro-job out of its segment. */
#include <errno.h>
#include <sys/stat.h>

#include "swarm/manager_parts.h"

static uint64_t name_hash(const char *name) { return name[0] ? fact_hash(name) : 0; }

/* Warm images are named by the first bytes of their measurements. */
static uint64_t image_hash(const uint8_t *measurement)
{
    uint64_t hash;
    _Static_assert(NODE_IMAGE_PREFIX_BYTES == sizeof hash, "a prefix is taken as the hash");
    memcpy(&hash, measurement, sizeof hash);
    return hash | 1; /* 0 is "not said" */
}

static void hash_names(char *const *names, size_t count, uint64_t ret_hashes[FACT_LIST_MAX])
{
    for (size_t i = 0; i < count; i++) ret_hashes[i] = fact_hash(names[i]);
}

Err facts_put_task(Manager *m)
{
    _Static_assert((int)PLACEMENT_NAMES_MAX <= (int)FACT_LIST_MAX, "a task file names no more than placement takes");
    const TaskSpec *t = m->request.task;
    uint64_t zones[FACT_LIST_MAX], exclude[FACT_LIST_MAX];
    hash_names(t->placement.zones, t->placement.zone_count, zones);
    hash_names(t->placement.exclude, t->placement.exclude_count, exclude);
    struct stat image = {0};
    if (m->request.remote && stat(stage_image(m), &image) < 0) return FAIL(errno);
    TaskNeed need = {.level = t->level, .memory_max = t->memory_max, .spot_allowed = t->placement.spot,
                     .zones_allowed = zones, .zones_allowed_count = t->placement.zone_count,
                     .nodes_excluded = exclude, .nodes_excluded_count = t->placement.exclude_count,
                     .weights = {t->placement.locality, t->placement.availability, t->placement.cost},
                     .image = image_hash(stage_measurement(m)), .image_bytes = (uint64_t)image.st_size};
    return placement_add_task(m->placement, &need, &m->task);
}

static double reliability_of(const Manager *m, const Member *member)
{
    if (!m->reputation) return 0;
    ReputationRecord r = reputation_of(m->reputation, member->who.node);
    return r.right + r.wrong ? r.reliability : 0;
}

Err facts_put_member(Manager *m, Member *member)
{
    NodeMessage n;
    uint64_t warm[NODE_IMAGES_MAX];
    TRY(message_get_node(view_buffer(&member->record), &n));
    NodeData input = {.content = m->input_known ? objects_content(&m->input_id) : 0, .bytes = m->input_size};
    bool appraised = m->trust != NULL; /* otherwise it is this process tree's, or its user wanted no evidence */
    bool confidential = member->evidence.kind & (EVIDENCE_SEV_SNP | EVIDENCE_TDX);
    size_t warm_count = n.images.size / NODE_IMAGE_PREFIX_BYTES;
    for (size_t i = 0; i < warm_count; i++) warm[i] = image_hash(n.images.data + i * NODE_IMAGE_PREFIX_BYTES);
    uint32_t levels = appraised && !confidential ? ~(1u << LEVEL_CONFIDENTIAL) : ~0u;
    NodeFacts f = {.owner = name_hash(n.owner), .zone = name_hash(n.zone), .level_mask = n.level_mask & levels,
                   .evidence_mask = appraised ? member->evidence.kind : ~0u, .data = &input, .data_count = member->has_input && m->input_known,
                   .cores = n.cores ? n.cores : 1, .memory_free = n.memory_free, .speed = 1, .bandwidth = (double)n.link_bytes_s,
                   .latency_s = n.link_latency_us / 1e6, .price = (double)n.price_micro / 1e6, .spot = n.is_spot, .notice_s = n.notice_s,
                   .reliability = reliability_of(m, member), .warm = warm, .warm_count = warm_count, .draining = n.draining};
    if (f.cores > FACT_CORES_MAX) f.cores = FACT_CORES_MAX;
    memcpy(f.node_id, n.node_id, sizeof f.node_id);
    bool known = member->placed;
    TRY(placement_put_node(m->placement, &f, &member->ref));
    member->placed = true;
    m->by_ref[member->ref] = member;
    if (!known) placement_set_room(m->placement, member->ref, 0);
    return OK;
}

/* In one process tree nothing has to travel. */
JobNeed facts_of_job(const Manager *m, const WindowJob *job)
{
    bool named = m->stage == 0 && m->input_known;
    return (JobNeed){.content = named ? objects_content(&m->input_id) : 0, .bytes = m->request.remote ? job->size : 0};
}
