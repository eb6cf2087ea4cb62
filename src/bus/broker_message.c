/* The messages between agents, manager and key broker, written and read. */
#include "bus/broker_message.h"

#include "base/limits.h"

enum { VERSION = 1 }; /* a change that an older peer would misread gets a new number; see docs/formats/broker.md */

uint8_t broker_message_type(View v) { return v.size ? v.data[0] : 0; }

/* --- what all have in common --- */

static bool name_valid(View name, size_t max, bool dots)
{
    for (size_t i = 0; i < name.size; i++) {
        uint8_t c = name.data[i];
        bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter_or_digit && c != '-' && c != '_' && !(dots && c == '.')) return false;
    }
    return name.size > 0 && name.size <= max;
}

static bool head_valid(const BrokerHead *h) { return name_valid(h->reply_to, BROKER_REPLY_TO_MAX, true); }

static Err put_start(Buffer *b, BrokerMessageType type, uint64_t token)
{
    TRY(buffer_put_u8(b, (uint8_t)type));
    TRY(buffer_put_u8(b, VERSION));
    return buffer_put_u64(b, token);
}

static Err put_head(Buffer *b, BrokerMessageType type, const BrokerHead *h)
{
    TRY(put_start(b, type, h->token));
    return buffer_put_bytes(b, h->reply_to);
}

/* A message of this type; the first fault sets the reader's `bad`. */
static Reader open_message(View v, BrokerMessageType type, uint64_t *ret_token)
{
    Reader r = reader_of(v);
    if (read_u8(&r) != type || read_u8(&r) != VERSION) r.bad = true;
    *ret_token = read_u64(&r);
    return r;
}

static Reader open_request(View v, BrokerMessageType type, BrokerHead *ret_head)
{
    Reader r = open_message(v, type, &ret_head->token);
    ret_head->reply_to = read_bytes(&r, BROKER_REPLY_TO_MAX);
    if (!head_valid(ret_head)) r.bad = true;
    return r;
}

static void get_raw(Reader *r, void *ret_bytes, size_t size)
{
    View raw = read_raw(r, size);
    if (!r->bad) memcpy(ret_bytes, raw.data, size);
}

static bool is_request(uint8_t type) { return (type >= BROKER_CHALLENGE && type <= BROKER_WRAP) || type == BROKER_RESULT || type == BROKER_APPRAISE; }

Err broker_get_head(View v, BrokerHead *ret_head)
{
    BrokerHead h;
    const uint8_t type = broker_message_type(v);
    if (!is_request(type)) return FAIL(ERR_PROTOCOL);
    Reader r = open_request(v, (BrokerMessageType)type, &h);
    if (r.bad) return FAIL(ERR_PROTOCOL);
    *ret_head = h;
    return OK;
}

Err broker_get_token(View v, uint64_t *ret_token)
{
    uint64_t token;
    const uint8_t type = broker_message_type(v);
    if (type < BROKER_NONCE || type > BROKER_APPRAISED || is_request(type)) return FAIL(ERR_PROTOCOL);
    Reader r = open_message(v, (BrokerMessageType)type, &token);
    if (r.bad) return FAIL(ERR_PROTOCOL);
    *ret_token = token;
    return OK;
}

/* --- challenge --- */

Err broker_put_challenge(Buffer *b, const BrokerChallenge *m)
{
    return head_valid(&m->head) ? put_head(b, BROKER_CHALLENGE, &m->head) : FAIL(ERR_PROTOCOL);
}

Err broker_get_challenge(View v, BrokerChallenge *ret_message)
{
    BrokerChallenge m;
    Reader r = open_request(v, BROKER_CHALLENGE, &m.head);
    if (!reader_done(&r)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

Err broker_put_nonce(Buffer *b, const BrokerNonce *m)
{
    TRY(put_start(b, BROKER_NONCE, m->token));
    return buffer_append(b, view_of(m->nonce, sizeof m->nonce));
}

Err broker_get_nonce(View v, BrokerNonce *ret_message)
{
    BrokerNonce m;
    Reader r = open_message(v, BROKER_NONCE, &m.token);
    get_raw(&r, m.nonce, sizeof m.nonce);
    if (!reader_done(&r)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

/* --- attestation --- */

static bool attest_valid(const BrokerAttest *m)
{
    return head_valid(&m->head) && m->stage <= 127 && name_valid(m->node_id, BROKER_NODE_ID_MAX, false) && m->footer.size > 0 &&
           m->footer.size <= BROKER_FOOTER_MAX && m->evidence.size > 0 && m->evidence.size <= BROKER_EVIDENCE_MAX &&
           (m->privacy.size == 0 || m->privacy.size == PRIVACY_REQUEST_BYTES);
}

Err broker_put_attest(Buffer *b, const BrokerAttest *m)
{
    if (!attest_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_head(b, m->ahead ? BROKER_APPRAISE : BROKER_ATTEST, &m->head));
    TRY(buffer_append(b, view_of(m->task_id, sizeof m->task_id)));
    TRY(buffer_put_u32(b, m->stage));
    TRY(buffer_put_bytes(b, m->node_id));
    TRY(buffer_put_bytes(b, m->footer));
    TRY(buffer_put_bytes(b, m->evidence));
    return buffer_put_bytes(b, m->privacy);
}

Err broker_get_attest(View v, BrokerAttest *ret_message)
{
    BrokerAttest m = {.ahead = broker_message_type(v) == BROKER_APPRAISE};
    Reader r = open_request(v, m.ahead ? BROKER_APPRAISE : BROKER_ATTEST, &m.head);
    get_raw(&r, m.task_id, sizeof m.task_id);
    m.stage = read_u32(&r);
    m.node_id = read_bytes(&r, BROKER_NODE_ID_MAX);
    m.footer = read_bytes(&r, BROKER_FOOTER_MAX);
    m.evidence = read_bytes(&r, BROKER_EVIDENCE_MAX);
    m.privacy = read_bytes(&r, PRIVACY_REQUEST_BYTES);
    if (!reader_done(&r) || !attest_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

Err broker_put_appraised(Buffer *b, const BrokerAppraised *m) { return put_start(b, BROKER_APPRAISED, m->token); }

Err broker_get_appraised(View v, BrokerAppraised *ret_message)
{
    BrokerAppraised m;
    Reader r = open_message(v, BROKER_APPRAISED, &m.token);
    if (!reader_done(&r)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

Err broker_put_grant(Buffer *b, const BrokerGrant *m)
{
    if (m->session_id == 0) return FAIL(ERR_PROTOCOL);
    TRY(put_start(b, BROKER_GRANT, m->token));
    TRY(buffer_put_u64(b, m->session_id));
    TRY(buffer_append(b, view_of(m->encapsulated, sizeof m->encapsulated)));
    return buffer_append(b, view_of(m->sealed, sizeof m->sealed));
}

Err broker_get_grant(View v, BrokerGrant *ret_message)
{
    BrokerGrant m;
    Reader r = open_message(v, BROKER_GRANT, &m.token);
    m.session_id = read_u64(&r);
    get_raw(&r, m.encapsulated, sizeof m.encapsulated);
    get_raw(&r, m.sealed, sizeof m.sealed);
    if (!reader_done(&r) || m.session_id == 0) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

/* --- wraps --- */

/* The size is part of the wrap's nonce, as 32 bits. */
static bool wrap_valid(const BrokerWrap *m)
{
    if (!head_valid(&m->head) || m->session_id == 0 || m->count == 0 || m->count > BROKER_WRAP_JOBS_MAX) return false;
    for (uint32_t i = 0; i < m->count; i++)
        if (m->plain_sizes[i] > SEGMENT_BYTES_MAX) return false;
    return true;
}

Err broker_put_wrap(Buffer *b, const BrokerWrap *m)
{
    if (!wrap_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_head(b, BROKER_WRAP, &m->head));
    TRY(buffer_put_u64(b, m->session_id));
    TRY(buffer_put_u32(b, m->count));
    TRY(buffer_reserve(b, m->count * (size_t)16));
    for (uint32_t i = 0; i < m->count; i++) {
        TRY(buffer_put_u64(b, m->jobs[i]));
        TRY(buffer_put_u64(b, m->plain_sizes[i]));
    }
    return OK;
}

Err broker_get_wrap(View v, BrokerWrap *ret_message)
{
    BrokerHead head;
    Reader r = open_request(v, BROKER_WRAP, &head);
    const uint64_t session = read_u64(&r);
    const uint32_t count = read_u32(&r);
    if (r.bad || count > BROKER_WRAP_JOBS_MAX || r.rest.size != count * (size_t)16) return FAIL(ERR_PROTOCOL);
    Reader items = r; /* looked through before the answer is touched: it is too large to be made twice */
    for (uint32_t i = 0; i < count; i++) {
        read_u64(&items);
        if (read_u64(&items) > SEGMENT_BYTES_MAX) return FAIL(ERR_PROTOCOL);
    }
    BrokerWrap *m = ret_message;
    if (session == 0 || count == 0) return FAIL(ERR_PROTOCOL);
    m->head = head;
    m->session_id = session;
    m->count = count;
    for (uint32_t i = 0; i < count; i++) {
        m->jobs[i] = read_u64(&r);
        m->plain_sizes[i] = read_u64(&r);
    }
    return OK;
}

static bool wraps_valid(const BrokerWraps *m)
{
    return m->count > 0 && m->count <= BROKER_WRAP_JOBS_MAX && m->wraps.size == m->count * (size_t)BROKER_WRAP_BYTES;
}

Err broker_put_wraps(Buffer *b, const BrokerWraps *m)
{
    if (!wraps_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_start(b, BROKER_WRAPS, m->token));
    TRY(buffer_put_u32(b, m->count));
    return buffer_append(b, m->wraps);
}

Err broker_get_wraps(View v, BrokerWraps *ret_message)
{
    BrokerWraps m;
    Reader r = open_message(v, BROKER_WRAPS, &m.token);
    m.count = read_u32(&r);
    m.wraps = r.rest;
    if (r.bad || !wraps_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

/* --- the result file --- */

static bool result_valid(const BrokerResult *m)
{
    return head_valid(&m->head) && m->claims.size > 0 && m->claims.size <= BROKER_CLAIMS_MAX;
}

Err broker_put_result(Buffer *b, const BrokerResult *m)
{
    if (!result_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_head(b, BROKER_RESULT, &m->head));
    TRY(buffer_append(b, view_of(m->task_id, sizeof m->task_id)));
    return buffer_put_bytes(b, m->claims);
}

Err broker_get_result(View v, BrokerResult *ret_message)
{
    BrokerResult m;
    Reader r = open_request(v, BROKER_RESULT, &m.head);
    get_raw(&r, m.task_id, sizeof m.task_id);
    m.claims = read_bytes(&r, BROKER_CLAIMS_MAX);
    if (!reader_done(&r) || !result_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

static bool footer_valid(const BrokerFooter *m) { return m->footer.size > 0 && m->footer.size <= BROKER_FOOTER_MAX; }

Err broker_put_footer(Buffer *b, const BrokerFooter *m)
{
    if (!footer_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_start(b, BROKER_FOOTER, m->token));
    return buffer_put_bytes(b, m->footer);
}

Err broker_get_footer(View v, BrokerFooter *ret_message)
{
    BrokerFooter m;
    Reader r = open_message(v, BROKER_FOOTER, &m.token);
    m.footer = read_bytes(&r, BROKER_FOOTER_MAX);
    if (!reader_done(&r) || !footer_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}

/* --- refusals --- */

/* The text is shown to a person: one line. */
static bool refused_valid(const BrokerRefused *m)
{
    for (size_t i = 0; i < m->text.size; i++)
        if (m->text.data[i] < ' ' || m->text.data[i] == 0x7f) return false;
    return m->code > 0 && m->text.size <= BROKER_TEXT_MAX;
}

Err broker_put_refused(Buffer *b, const BrokerRefused *m)
{
    if (!refused_valid(m)) return FAIL(ERR_PROTOCOL);
    TRY(put_start(b, BROKER_REFUSED, m->token));
    TRY(buffer_put_u32(b, (uint32_t)m->code));
    return buffer_put_bytes(b, m->text);
}

Err broker_get_refused(View v, BrokerRefused *ret_message)
{
    BrokerRefused m;
    Reader r = open_message(v, BROKER_REFUSED, &m.token);
    m.code = (int32_t)read_u32(&r);
    m.text = read_bytes(&r, BROKER_TEXT_MAX);
    if (!reader_done(&r) || !refused_valid(&m)) return FAIL(ERR_PROTOCOL);
    *ret_message = m;
    return OK;
}
