/* The messages about a node: NODE, NODE_CHALLENGE, NODE_EVIDENCE. */
#include "bus/message_wire.h"

enum { FLAG_SPOT = 1, FLAG_DRAINING = 2, FLAG_LEAVING = 4, FLAG_LINK_MEASURED = 8, FLAGS_ALL = 15 };

/* A node id becomes part of a subject, so it holds no dot, wildcard or blank; zone and owner are shown to users and compared. */
static bool name_valid(View name, bool with_dots)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter_or_digit && c != '-' && c != '_' && !(with_dots && c == '.')) return false;
    }
    return name.size <= NODE_NAME_MAX;
}

static bool id_valid(View id) { return id.size > 0 && name_valid(id, false); }

static View name_view(const char name[NODE_NAME_MAX + 1]) { return view_of(name, strnlen(name, NODE_NAME_MAX + 1)); }

static bool node_valid(const NodeMessage *m)
{
    return id_valid(name_view(m->node_id)) && name_valid(name_view(m->zone), true) && name_valid(name_view(m->owner), true) && m->incarnation != 0
        && m->images.size % NODE_IMAGE_PREFIX_BYTES == 0 && m->images.size <= NODE_IMAGES_MAX * NODE_IMAGE_PREFIX_BYTES
        && m->data.size % NODE_DATASET_BYTES == 0 && m->data.size <= NODE_DATASETS_MAX * NODE_DATASET_BYTES;
}

static uint32_t flags_of(const NodeMessage *m)
{
    return (m->is_spot ? FLAG_SPOT : 0) | (m->draining ? FLAG_DRAINING : 0) | (m->leaving ? FLAG_LEAVING : 0) |
           (m->link_measured ? FLAG_LINK_MEASURED : 0);
}

Err message_put_node(Buffer *b, const NodeMessage *m)
{
    if (!node_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(message_put_type(b, MESSAGE_NODE));
    TRY(buffer_put_bytes(b, name_view(m->node_id)));
    TRY(buffer_put_u64(b, m->incarnation));
    TRY(buffer_put_u32(b, m->level_mask));
    TRY(buffer_put_u32(b, m->cores));
    TRY(buffer_put_u64(b, m->memory_free));
    TRY(buffer_put_bytes(b, name_view(m->zone)));
    TRY(buffer_put_bytes(b, name_view(m->owner)));
    TRY(buffer_put_u64(b, m->price_micro));
    TRY(buffer_put_u32(b, m->notice_s));
    TRY(buffer_put_u32(b, flags_of(m)));
    TRY(buffer_put_u64(b, m->link_bytes_s));
    TRY(buffer_put_u32(b, m->link_latency_us));
    TRY(buffer_put_bytes(b, m->images));
    return buffer_put_bytes(b, m->data);
}

static bool read_name(Reader *r, char ret_name[NODE_NAME_MAX + 1])
{
    View v = read_bytes(r, NODE_NAME_MAX);
    if (v.size == 0) return true;
    if (memchr(v.data, 0, v.size)) return false;
    memcpy(ret_name, v.data, v.size);
    return true;
}

Err message_get_node(View v, NodeMessage *ret_message)
{
    Reader r;
    TRY(message_get_type(v, MESSAGE_NODE, &r));
    NodeMessage m = {0};
    bool right = read_name(&r, m.node_id);
    m.incarnation = read_u64(&r);
    m.level_mask = read_u32(&r);
    m.cores = read_u32(&r);
    m.memory_free = read_u64(&r);
    right = read_name(&r, m.zone) && right;
    right = read_name(&r, m.owner) && right;
    m.price_micro = read_u64(&r);
    m.notice_s = read_u32(&r);
    uint32_t flags = read_u32(&r);
    m.is_spot = flags & FLAG_SPOT;
    m.draining = flags & FLAG_DRAINING;
    m.leaving = flags & FLAG_LEAVING;
    m.link_measured = flags & FLAG_LINK_MEASURED;
    m.link_bytes_s = read_u64(&r);
    m.link_latency_us = read_u32(&r);
    m.images = read_bytes(&r, NODE_IMAGES_MAX * NODE_IMAGE_PREFIX_BYTES);
    m.data = read_bytes(&r, NODE_DATASETS_MAX * NODE_DATASET_BYTES);
    if (!reader_done(&r) || !right || (flags & ~(uint32_t)FLAGS_ALL) || !node_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

Err node_dataset_put(Buffer *b, const NodeDataset *data)
{
    TRY(buffer_reserve(b, NODE_DATASET_BYTES));
    store_u64(store_raw(b->data + b->size, data->id.bytes, sizeof data->id.bytes), data->size);
    b->size += NODE_DATASET_BYTES;
    return OK;
}

NodeDataset node_dataset_at(const NodeMessage *m, uint32_t i)
{
    const uint8_t *at = m->data.data + (size_t)i * NODE_DATASET_BYTES;
    NodeDataset data;
    load_raw(&at, data.id.bytes, sizeof data.id.bytes);
    data.size = load_u64(&at);
    return data;
}

Err message_put_node_challenge(Buffer *b, const NodeChallenge *m)
{
    if (!message_manager_valid(&m->manager)) return FAIL(ERR_PROTOCOL);
    TRY(message_put_type(b, MESSAGE_NODE_CHALLENGE));
    TRY(buffer_append(b, view_of(m->manager.text, MANAGER_ID_CHARS)));
    return buffer_append(b, view_of(m->nonce, sizeof m->nonce));
}

Err message_get_node_challenge(View v, NodeChallenge *ret_message)
{
    Reader r;
    NodeChallenge m = {0};
    TRY(message_get_type(v, MESSAGE_NODE_CHALLENGE, &r));
    message_read_array(&r, (uint8_t *)m.manager.text, MANAGER_ID_CHARS);
    message_read_array(&r, m.nonce, sizeof m.nonce);
    if (!reader_done(&r) || !message_manager_valid(&m.manager)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

/* Evidence, or the reason why there is none. */
static bool evidence_valid(const NodeEvidence *m)
{
    return m->evidence.size <= BROKER_EVIDENCE_MAX && m->text.size <= REFUSED_TEXT_MAX && (m->evidence.size > 0) != (m->text.size > 0);
}

Err message_put_node_evidence(Buffer *b, const NodeEvidence *m)
{
    if (!evidence_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(message_put_type(b, MESSAGE_NODE_EVIDENCE));
    TRY(buffer_append(b, view_of(m->nonce, sizeof m->nonce)));
    TRY(buffer_put_bytes(b, m->evidence));
    return buffer_put_bytes(b, m->text);
}

Err message_get_node_evidence(View v, NodeEvidence *ret_message)
{
    Reader r;
    NodeEvidence m = {0};
    TRY(message_get_type(v, MESSAGE_NODE_EVIDENCE, &r));
    message_read_array(&r, m.nonce, sizeof m.nonce);
    m.evidence = read_bytes(&r, BROKER_EVIDENCE_MAX);
    m.text = read_bytes(&r, REFUSED_TEXT_MAX);
    if (!reader_done(&r) || !evidence_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}
