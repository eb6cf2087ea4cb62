/* One open task: opening, micro-jobs in, giving up, closing. */
#include "node/task.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "crypto/stream.h"
#include "see/sealed_result.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { JOB_NS_GUESS = 2500000 }; /* until the first ones have finished: too long rather than too short */

/* What a SEE may write as its result: with sealed data a head and a tag for each chunk come on top. */
uint64_t task_output_room(uint64_t output_max, bool sealed)
{
    return sealed ? SEALED_RESULT_AROUND_BYTES + stream_sealed_size(output_max) : output_max;
}

static uint64_t output_room(const TaskOpen *open) { return task_output_room(open->output_max, open->sealed != SEALED_NONE); }

static Err check(const TaskOpen *open, Diag *diag)
{
    if (open->level != LEVEL_SHARED && open->level != LEVEL_PROCESS)
        return FAIL_WHY(diag, ERR_LEVEL, "this node cannot give the security level %s", level_name((SecurityLevel)open->level));
    if (open->args.size + open->env.size > TASK_ARG_BYTES_MAX)
        return FAIL_WHY(diag, ERR_LIMIT, "arguments and environment are longer than %d bytes together", TASK_ARG_BYTES_MAX);
    if (output_room(open) > SEE_OUTPUT_MAX)
        return FAIL_WHY(diag, ERR_LIMIT, "sealed results may have up to 1023 MiB; lower security: output");
    return OK;
}

/* Only what is cheap: the warden measures it, checks the signature, and says what is wrong with it. */
static Err open_image(View path, int *ret_fd, Diag *diag)
{
    char name[PATH_BYTES_MAX + 1];
    if (path.size >= sizeof name) return FAIL_WHY(diag, ERR_LIMIT, "the path of the image is too long");
    memcpy(name, path.data, path.size);
    name[path.size] = '\0';

    AUTO_FD fd = -1;
    Err e = fd_open(AT_FDCWD, name, O_RDONLY | O_NOCTTY | O_NONBLOCK, 0, &fd);
    if (e.code) return FAIL_WHY(diag, e.code, "%s: cannot open the image: %s", name, err_text(e.code));
    uint64_t size = 0;
    TRY_WHY(diag, fd_stat_size(fd, &size), "%s: cannot read the image", name);
    if (size == 0 || size > IMAGE_BYTES_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: not a SEE image: %llu bytes", name, (unsigned long long)size);
    *ret_fd = fd_take(&fd);
    return OK;
}

static Err fill_in(Task *t, View message, Diag *diag)
{
    TRY_WHY(diag, buffer_append(&t->message, message), "cannot keep the task");
    TRY_WHY(diag, message_get_task_open(view_buffer(&t->message), &t->open), "a malformed TASK_OPEN");
    TRY(check(&t->open, diag));
    t->slots_each = t->open.level == LEVEL_SHARED ? SHARED_SLOTS : PROCESS_SLOTS;
    t->plan = slot_plan((SecurityLevel)t->open.level, output_room(&t->open), t->slots_each * t->post_count);
    const BatchHead head = {.id = t->open.id, .stage = t->open.stage, .node = t->open.node, .manager = t->open.manager};
    t->results = results_new(&t->node->outbox, &head, t->open.digest_key);
    t->results.hold_count = t->node->remote ? RESULTS_HOLD_COUNT : 0;
    uint64_t places = (uint64_t)t->slots_each * t->plan.jobs_max * WINDOW_AHEAD;
    const uint64_t least = t->node->remote ? WINDOW_POST_REMOTE : WINDOW_POST_MIN;
    uint64_t window = t->post_count * (places > least ? places : least);
    TRY_WHY(diag, jobs_new(&t->jobs, window < WINDOW_JOBS_MAX ? (uint32_t)window : WINDOW_JOBS_MAX), "no memory for the queue");
    if (t->open.sealed == SEALED_SEGMENTS) TRY_WHY(diag, wraps_new(t->jobs.window, &t->wraps), "no memory for keys");
    task_open_staging(t);
    if (t->image_fd >= 0) return OK; /* it is staged */
    return t->open.image_size ? task_want_image(t, diag) : open_image(t->open.image_path, &t->image_fd, diag);
}

Err task_open(Node *node, View message, Task **ret_task, Diag *diag)
{
    TaskOpen open;
    TRY_WHY(diag, message_get_task_open(message, &open), "a malformed TASK_OPEN");
    uint32_t posts = open.zygotes ? open.zygotes : node->cores;
    Task *t = calloc(1, sizeof *t + posts * sizeof t->posts[0]);
    if (!t) return FAIL_WHY(diag, ENOMEM, "no memory for the task");
    t->node = node;
    t->message = buffer_limited(message.size);
    t->image_fd = -1;
    t->job_ns = JOB_NS_GUESS;
    t->heard_ns = clock_monotonic_ns();
    t->post_count = posts;
    for (uint32_t i = 0; i < posts; i++) t->posts[i] = (Post){.task = t, .zygote.channel = -1};
    Err e = fill_in(t, message, diag);
    if (e.code) {
        task_close(&t);
        return e;
    }
    *ret_task = t;
    return OK;
}

void task_close(Task **task)
{
    Task *t = *task;
    if (!t) return;
    for (uint32_t i = 0; i < t->post_count; i++) post_free(&t->posts[i]);
    task_close_objects(t);
    task_close_staging(t);
    wraps_free(&t->wraps);
    jobs_free(&t->jobs);
    files_close(&t->files);
    results_free(&t->results);
    fd_close(&t->image_fd);
    buffer_free(&t->message);
    free(t);
    *task = NULL;
}

/* More than the window: the manager broke the protocol; it gets them back unrun rather than waiting for ever. Or this node drains. */
static Err give_back(Task *t, const JobItem *item)
{
    return results_add(&t->results, &(ResultItem){.job = item->job, .attempt = item->attempt, .outcome = OUTCOME_NONE});
}

/* A segment that is an object waits for it, a sealed one for its key. */
static Err take_one(Task *t, JobBatch *batch, const JobItem *item)
{
    uint32_t job;
    if (t->draining) return FAIL(ERR_LIMIT);
    bool object = item->kind == SEGMENT_OBJECT;
    if (!t->wraps && !object) return jobs_add(&t->jobs, batch, item);
    TRY(jobs_hold(&t->jobs, batch, item, &job));
    if (object) return task_take_object(t, job);
    wraps_add(t->wraps, job);
    return OK;
}

static Err take_each(Task *t, JobBatch *batch)
{
    BatchReader reader;
    if (message_open_batch(jobs_batch_message(batch), MESSAGE_JOBS, &reader).code) return OK;
    for (;;) {
        JobItem item;
        bool more = false;
        if (message_next_job(&reader, &item, &more).code || !more) return OK; /* the rest of a malformed message is dropped */
        Err e = take_one(t, batch, &item);
        if (e.code == ERR_LIMIT) e = give_back(t, &item);
        TRY(e);
    }
}

Err task_take_jobs(Task *t, View message)
{
    JobBatch *batch;
    TRY(jobs_batch_new(message, &batch));
    Err e = take_each(t, batch);
    jobs_batch_done(batch);
    t->wanted = true;
    if (!e.code) e = attest_want(t, clock_monotonic_ns());
    loop_defer(t->node->work);
    return e;
}

Err task_say_ready(Task *t, const ZygoteLink *z)
{
    if (t->is_ready || t->doom) return OK;
    t->is_ready = true;
    uint32_t batch = t->node->remote && t->jobs.window > 4 * BATCH_REMOTE ? BATCH_REMOTE : t->jobs.window / 4;
    TaskReady ready = {.id = t->open.id, .stage = t->open.stage, .node = t->open.node, .window = t->jobs.window,
                       .batch = batch < 1 ? 1 : batch > BUS_BATCH_JOBS_MAX ? BUS_BATCH_JOBS_MAX : batch,
                       .start_ns = z->start_ns, .attest_ns = z->attest_ns};
    AUTO_BUFFER message = buffer_limited(KIB);
    TRY(message_put_task_ready(&message, &ready));
    return outbox_send(&t->node->outbox, &t->open.manager, &message);
}

Err task_turn(Task *t, uint64_t now_ns)
{
    if (t->doom || t->image_fd < 0) return OK;
    TRY(posts_start(t, now_ns));
    TRY(attest_ask_wraps(t, now_ns));
    TRY(task_dispatch(t, now_ns));
    const bool last = t->jobs.held == 0 || t->draining;
    if (!t->is_ready || !results_due(&t->results, t->job_ns / t->post_count, last, now_ns)) return OK; /* not ready: nobody listens yet */
    return results_flush(&t->results);
}

void task_doom(Task *t, int code, const char *format, ...)
{
    if (t->doom) return;
    t->doom = code;
    va_list args;
    va_start(args, format);
    vsnprintf(t->doom_text, sizeof t->doom_text, format, args);
    va_end(args);
    loop_defer(t->node->work);
}

Err task_send_refused(Node *node, const BatchHead *to, int code, const char *text)
{
    AUTO_BUFFER message = buffer_limited(4 * KIB);
    TaskRefused refused = {.id = to->id, .stage = to->stage, .node = to->node, .code = code, .text = view_text(text)};
    TRY(message_put_task_refused(&message, &refused));
    return outbox_send(&node->outbox, &to->manager, &message);
}

/* Everything that has not begun: what is queued, what waits for a key, what waits for an object. */
static Err give_back_all(Task *t)
{
    for (uint32_t job = jobs_take(&t->jobs); job != JOB_NONE; job = jobs_take(&t->jobs))
        TRY(task_answer_unrun(t, job, OUTCOME_NONE, (View){0}));
    for (uint32_t job = t->wraps ? wraps_give_up(t->wraps) : JOB_NONE; job != JOB_NONE; job = wraps_give_up(t->wraps))
        TRY(task_answer_unrun(t, job, OUTCOME_NONE, (View){0}));
    TRY(task_give_back_waiting(t));
    return OK;
}

Err task_drain(Task *t)
{
    t->draining = true;
    return give_back_all(t);
}

Err task_refuse(Task *t)
{
    assert(t->doom);

    for (uint32_t i = 0; i < t->post_count; i++) TRY(post_lose(&t->posts[i], OUTCOME_LOST));
    TRY(give_back_all(t));
    TRY(results_flush(&t->results));
    return task_send_refused(t->node, &t->results.head, t->doom, t->doom_text);
}
