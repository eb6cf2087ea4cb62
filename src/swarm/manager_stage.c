/* Stages: where micro-jobs come from (the splitter, or groups of the stage before), and what follows when all have ended. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "see/sealed_result.h"
#include "swarm/manager_parts.h"

const char *stage_image(const Manager *m) { return m->stage == 0 ? m->request.image_path : m->request.combine_image_path; }

const uint8_t *stage_measurement(const Manager *m) { return m->stage == 0 ? m->request.measurement : m->request.combine_measurement; }

bool stage_complete(const Manager *m) { return m->cut && m->window.base == m->window.next; }

/* The segment of a new micro-job, which outlives what the splitter lends us. */
static Err hold_range(Manager *m, WindowJob *job, const Segment *s)
{
    if (!m->path || strcmp(m->path->text, s->path) != 0) {
        SegmentPath *path;
        TRY(segment_path_new(s->path, &path));
        segment_path_drop(&m->path);
        m->path = path;
    }
    m->path->references++;
    job->held.path = m->path;
    job->kind = SEGMENT_RANGE;
    return OK;
}

static Err hold_inline(Manager *m, WindowJob *job, View data)
{
    uint8_t *bytes = malloc(data.size ? data.size : 1);
    if (!bytes) return FAIL(ENOMEM);
    if (data.size) memcpy(bytes, data.data, data.size);
    job->held.bytes = bytes;
    job->kind = SEGMENT_INLINE;
    job->size = data.size;
    m->window.inline_bytes += data.size;
    return OK;
}

static Err hold(Manager *m, WindowJob *job, const Segment *s)
{
    job->with_header = s->with_header;
    job->size = s->size;
    job->offset = s->offset;
    if (s->path) return hold_range(m, job, s);
    if (m->request.task->split.by == SPLIT_COUNT) return OK; /* SEGMENT_NONE */
    return hold_inline(m, job, s->data);
}

/* Whether the micro-job has ended well in an earlier run. */
static Err find_resumed(Manager *m, uint64_t index, JournalRow *ret_row, bool *ret_found)
{
    *ret_found = false;
    return m->request.resume ? journal_find(m->journal, m->stage, index, ret_row, ret_found) : OK;
}

static void resumed(Manager *m, WindowJob *job, uint64_t index, const JournalRow *row)
{
    if (m->stage == 0) m->progress.bytes_done += is_sealed(m) ? job->plain_size : job->size;
    job->state = JOB_DONE;
    job->offset = row->offset;
    job->size = row->size;
    m->stage_succeeded++;
    m->last_done = index;
    if (m->stage > 0) return;
    m->progress.resumed++;
    m->progress.succeeded++;
}

static Err cut_input(Manager *m, bool *ret_more)
{
    Segment s;
    TRY(splitter_next(m->splitter, &s, ret_more, &m->diag));
    if (!*ret_more) {
        m->progress.splitting_done = true;
        return OK;
    }
    if (s.size > SEGMENT_BYTES_MAX)
        return FAIL_WHY(&m->diag, ERR_LIMIT, "%s: %llu bytes are more than one micro-job may be given (1 GiB); split it",
                        s.path ? s.path : "input", (unsigned long long)s.size);
    uint64_t index = m->window.next;
    JournalRow row;
    bool found;
    TRY(find_resumed(m, index, &row, &found));
    WindowJob *job;
    TRY(window_push(&m->window, &job));
    m->progress.micro_jobs++;
    job->size = s.size;
    job->plain_size = s.plain_size;
    if (found) resumed(m, job, index, &row);
    else TRY(hold(m, job, &s));
    return OK;
}

typedef struct { JournalRow rows[COMBINE_FANIN_MAX]; uint32_t count; uint64_t bytes; } Group;

/* The next group: results in order, until one more would pass the aim or there are as many as one run takes. */
static Err next_group(Manager *m, Group *ret_group)
{
    Group *g = ret_group;
    g->count = 0;
    g->bytes = 0;
    for (; m->groups.from < m->groups.count; m->groups.from++) {
        JournalRow row;
        bool found;
        TRY(journal_find(m->journal, m->stage - 1, m->groups.from, &row, &found));
        if (!found || row.outcome != OUTCOME_OK) continue;
        uint64_t size = row.size + (is_sealed(m) ? sizeof(SealedResultFrame) : 0);
        bool full = g->count == COMBINE_FANIN_MAX || (g->count >= 2 && g->bytes + size > MANAGER_GROUP_BYTES);
        if (full) break;
        g->rows[g->count++] = row;
        g->bytes += size;
    }
    if (g->bytes <= SEGMENT_BYTES_MAX) return OK;
    return FAIL_WHY(&m->diag, ERR_LIMIT,
                    "two results of together %llu bytes are more than one combining run may be given (1 GiB); make results smaller",
                    (unsigned long long)g->bytes);
}

static Err gather(Manager *m, const Group *g)
{
    Buffer *input = &m->groups.input;
    input->size = 0;
    for (uint32_t i = 0; i < g->count; i++) {
        View result;
        TRY(journal_result(m->journal, &g->rows[i], &result));
        if (is_sealed(m)) TRY(buffer_put_u32(input, (uint32_t)result.size)); /* a SealedResultFrame */
        TRY(buffer_append(input, result));
    }
    return OK;
}

static Err cut_group(Manager *m, bool *ret_more)
{
    Group g;
    TRY(next_group(m, &g));
    *ret_more = g.count > 0;
    if (g.count == 0) return OK;
    uint64_t index = m->window.next;
    JournalRow row;
    bool found;
    TRY(find_resumed(m, index, &row, &found));
    if (!found) TRY(gather(m, &g));
    WindowJob *job;
    TRY(window_push(&m->window, &job));
    if (found) resumed(m, job, index, &row);
    else TRY(hold_inline(m, job, view_buffer(&m->groups.input)));
    return OK;
}

Err stage_cut(Manager *m, bool *ret_more) { return m->stage == 0 ? cut_input(m, ret_more) : cut_group(m, ret_more); }

static void end_counting_failures(Manager *m)
{
    if (m->progress.failed == 0) {
        manager_end(m, OK);
        return;
    }
    const ManagerFailure *f = &m->first_failure;
    char code[32] = "";
    if (f->outcome == OUTCOME_EXIT_CODE) snprintf(code, sizeof code, " (%u)", f->exit_code);
    manager_end(m, FAIL_WHY(&m->diag, ERR_TASK_FAILED, "%llu of %llu micro-jobs failed for good; the first: %s %llu: %s%s",
                            (unsigned long long)m->progress.failed, (unsigned long long)m->progress.micro_jobs,
                            f->stage == 0 ? "micro-job" : "combining run", (unsigned long long)f->job, outcome_text(f->outcome), code));
}

static Err emit_last(Manager *m)
{
    JournalRow row;
    bool found;
    View result;
    TRY(journal_find(m->journal, m->stage, m->last_done, &row, &found));
    if (!found) return FAIL(ERR_CORRUPT);
    TRY(journal_result(m->journal, &row, &result));
    return manager_put_output(m, result);
}

uint64_t stage_left(const Manager *m)
{
    if (m->cut) return 0;
    uint64_t done, total, next = m->window.next;
    if (m->stage > 0) return (m->groups.count - m->groups.from) / COMBINE_FANIN_MAX + 1;
    if (m->request.task->split.by == SPLIT_COUNT) return m->request.task->split.count - next;
    splitter_progress(m->splitter, &done, &total);
    if (total == 0 || done == 0 || next == 0) return UINT32_MAX; /* nobody knows: many */
    return (uint64_t)((double)(total - done) / ((double)done / (double)next));
}

static Err begin_next_level(Manager *m)
{
    members_close_stage(m);
    m->groups.from = 0;
    m->groups.count = m->window.next;
    window_free(&m->window);
    late_free(&m->late);
    m->stage++;
    m->progress.stage = m->stage;
    m->stage_succeeded = 0;
    m->cut = false;
    placement_remove_task(m->placement, m->task);
    TRY(facts_put_task(m));
    TRY(objects_open_stage(m));
    members_open_stage(m);
    loop_defer(m->work);
    return OK;
}

Err stage_next(Manager *m)
{
    TRY(journal_commit(m->journal));
    if (m->combiner) {
        TRY(combiner_finish(m->combiner, &m->diag));
        end_counting_failures(m);
        return OK;
    }
    if (is_sealed(m) && m->progress.failed) { /* results with gaps between them are not joined */
        end_counting_failures(m);
        return OK;
    }
    bool last = m->stage_succeeded == 0 || (m->stage > 0 && m->window.next == 1);
    if (!last) return begin_next_level(m);
    if (m->stage_succeeded) TRY(emit_last(m));
    end_counting_failures(m);
    return OK;
}
