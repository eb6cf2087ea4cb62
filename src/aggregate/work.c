/* Records into aggregates, aggregates into frames, frames into an answer. */
#include "aggregate/work.h"

#include "aggregate/answer.h"

enum { COLUMN, PERSON, BY, WHERE };

static const char *wanted(const PrivacyRequest *r, PrivacyString which)
{
    const char *name = request_string(r, which);
    return name[0] ? name : NULL;
}

static Err take_record(void *context, const View *fields)
{
    Work *w = context;
    bool counts = true, first = true;
    if (w->records.names[WHERE] && !view_equal(fields[WHERE], view_text(request_string(w->request, PRIVACY_EQUALS)))) return OK;
    if (w->query.query.by_person) TRY(contribution_admit(&w->persons, fields[PERSON], fields[BY], &counts, &first));
    if (!counts) return OK;
    return aggregate_record(w->aggregate, fields[BY], fields[COLUMN], first);
}

static Err begin_records(Work *w)
{
    const PrivacyRequest *r = w->request;
    w->records = (Records){.names = {[COLUMN] = wanted(r, PRIVACY_COLUMN), [PERSON] = wanted(r, PRIVACY_PERSON), [BY] = wanted(r, PRIVACY_BY),
                                     [WHERE] = wanted(r, PRIVACY_WHERE)},
                           .sink = take_record, .context = w};
    return OK;
}

/* An empty aggregate is as long as a full one, but for open keys: there is room for as many as a SEE counts. */
static Err find_frame(Work *w, uint8_t *scratch, size_t size)
{
    Buffer saved = {.data = scratch, .capacity = size, .limit = size};
    if (w->query.query.open_keys) {
        w->frame = WORK_OPEN_FRAME;
        return OK;
    }
    TRY(aggregate_save(w->aggregate, &saved));
    w->frame = (uint32_t)saved.size + 4;
    return w->frame <= WORK_FRAME_MAX ? OK : FAIL(ERR_LIMIT);
}

/* As large as so much text can need, so that no persons can be too many: whether there is memory for that is decided by the segment's size alone. */
static Err begin_persons(Work *w, uint64_t segment_bytes, uint8_t *memory, size_t size)
{
    if (segment_bytes > CONTRIBUTION_SEGMENT_BYTES_MAX) return FAIL(ERR_LIMIT);
    const size_t most = contribution_size((size_t)segment_bytes, contribution_records((size_t)segment_bytes));
    return most <= size ? contribution_start(w->query.query.limits, memory, most, &w->persons) : FAIL(ERR_LIMIT);
}

Err work_begin(Work *w, const PrivacyRequest *request, uint64_t segments, uint64_t segment_bytes, void *memory, size_t size, Diag *diag)
{
    size_t need;
    w->request = request;
    TRY(request_read(request, segments, &w->query, diag));
    const Query *q = &w->query.query;
    TRY(aggregate_size(q, QUERY_OPEN_ROOM, &need));
    need = (need + 15) & ~(size_t)15;
    if (need > size) return FAIL(ERR_LIMIT);
    TRY(aggregate_start(q, NULL, QUERY_OPEN_ROOM, memory, need, &w->aggregate));
    TRY(find_frame(w, (uint8_t *)memory + need, size - need));
    if (q->by_person && segment_bytes) TRY(begin_persons(w, segment_bytes, (uint8_t *)memory + need, size - need));
    return begin_records(w);
}

Err work_feed(Work *w, View piece) { return records_feed(&w->records, piece); }

Err work_end(Work *w) { return records_end(&w->records); }

Err work_merge(Work *w, View frame)
{
    Reader r = reader_of(frame);
    const uint32_t size = read_u32(&r);
    if (frame.size != w->frame || size > r.rest.size) return FAIL(ERR_CORRUPT);
    return aggregate_merge(w->aggregate, view_of(r.rest.data, size));
}

void work_value(Work *w, View text) { aggregate_block(w->aggregate, text); }

Err work_save(const Work *w, Buffer *out)
{
    TRY(buffer_put_u32(out, 0));
    TRY(aggregate_save(w->aggregate, out));
    if (out->size > w->frame) return FAIL(ERR_LIMIT);
    const uint32_t size = (uint32_t)out->size - 4;
    memcpy(out->data, &size, sizeof size);
    TRY(buffer_reserve(out, w->frame - out->size));
    memset(out->data + out->size, 0, w->frame - out->size);
    out->size = w->frame;
    return OK;
}

Err work_release(Work *w, NoiseSource *source, uint64_t segments, Buffer *out)
{
    Answer answer = {.request = w->request, .query = &w->query, .segments = segments, .out = out};
    TRY(query_plan(&w->query.query, &w->query.plan, NULL));
    aggregate_plan(w->aggregate, &w->query.plan);
    TRY(answer_begin(&answer));
    TRY(aggregate_release(w->aggregate, source, answer_number, &answer));
    return answer_end(&answer);
}
