/* The life of a zygote: asked for, set up, heard, lost, replaced. */
#include <stdio.h>
#include <sys/epoll.h>

#include "node/task.h"
#include "sys/clock.h"

enum { PACKETS_PER_TURN = 64 };

/* Tells the warden, which may know already; when it cannot be told it is gone itself. */
static void end_zygote(Node *node, uint32_t id)
{
    if (warden_link_end(&node->warden, id).code == 0) return;
    node->warden_lost = true;
    loop_defer(node->work);
}

static void clear_post(Post *p)
{
    loop_remove(&p->source);
    zygote_link_drop(&p->zygote, &p->task->plan);
    broker_ask_end(&p->attest.ask);
    buffer_free(&p->attest.held);
    p->task->node->live_zygotes--;
    loop_defer(p->task->node->work);
}

void post_free(Post *p)
{
    if (p->zygote.state == ZYGOTE_NONE) return;
    end_zygote(p->task->node, p->zygote.id);
    clear_post(p);
}

/* The micro-jobs that it had: the one that ran gets the outcome, those behind it wait again. */
static Err salvage(Post *p, Outcome outcome)
{
    Task *t = p->task;
    ZygoteLink *z = &p->zygote;
    if (t->plan.is_process && z->told_count) t->results.sees_started++;
    while (z->told_count > 1) {
        const Slot *s = &z->slots[z->told[--z->told_count]];
        for (uint32_t i = s->job_count; i > 0; i--) jobs_put_back(&t->jobs, s->places[i - 1].job);
    }
    return z->told_count ? post_salvage(p, z->told[0], outcome) : OK;
}

static void plan_retry(Post *p)
{
    Task *t = p->task;
    uint32_t doublings = p->failures < POST_RETRY_DOUBLINGS_MAX ? p->failures : POST_RETRY_DOUBLINGS_MAX;
    p->retry_ns = p->failures++ == 0 ? 0 : clock_monotonic_ns() + (POST_RETRY_MS * NS_PER_MS << doublings);
    if (++t->deaths > POST_RESTARTS_MAX * (t->post_count + 1))
        task_doom(t, ERR_TASK_FAILED, "%u SEE zygotes in a row died without finishing a micro-job", t->deaths);
}

Err post_lose(Post *p, Outcome outcome)
{
    if (p->zygote.state == ZYGOTE_NONE) return OK;
    plan_retry(p); /* before the salvage: a micro-job that is found finished takes it back */
    TRY(salvage(p, outcome));
    post_free(p);
    return OK;
}

Err post_ready(Post *p, uint64_t now_ns)
{
    p->zygote.since_ns = now_ns;
    if (!p->task->plan.is_process) p->task->results.sees_started++;
    return task_say_ready(p->task, &p->zygote);
}

/* The zygote has started, or is warm: it gets its slots and hears what its task is. */
static Err tell_task(Post *p)
{
    Task *t = p->task;
    Err e = zygote_link_set_up(&p->zygote, &t->plan, &t->open, t->slots_each, t->shelf ? t->shelf->fds : NULL);
    if (e.code == 0 || e.code == ERR_CLOSED) return OK; /* closed: its end is on the way */
    if (!t->is_ready) task_doom(t, e.code, "the slots of a SEE could not be made: %s", err_text(e.code));
    return post_lose(p, OUTCOME_LOST);
}

static Err handle(Post *p, const ChannelReport *report)
{
    uint64_t now = clock_monotonic_ns();
    switch (report->type) {
    case CHANNEL_DONE: return post_collect(p, report, now);
    case CHANNEL_WARMED: return tell_task(p);
    case CHANNEL_READY:
        if (!p->zygote.start_ns) p->zygote.start_ns = now - p->zygote.since_ns; /* a warm one was started before */
        return p->zygote.is_sealed ? attest_begin(p, now) : post_ready(p, now);
    default: /* FAILED */
        if (!p->task->is_ready) task_doom(p->task, ERR_BAD_INPUT, "a SEE could not be set up: %s", report->text);
        return post_lose(p, OUTCOME_LOST);
    }
}

/* Reads until nothing is left, the zygote is lost, or the manager must be waited for. */
static Err hear(Post *p)
{
    for (int i = 0; i < PACKETS_PER_TURN && p->zygote.state != ZYGOTE_NONE; i++) {
        if (outbox_blocked(&p->task->node->outbox)) return OK;
        ChannelReport report;
        Err e = zygote_link_receive(&p->zygote, &report);
        if (e.code == ERR_BUSY) return OK;
        TRY(e.code ? post_lose(p, e.code == ERR_PROTOCOL ? OUTCOME_MALFORMED : OUTCOME_LOST) : handle(p, &report));
    }
    return OK;
}

static Err on_channel(void *context, uint32_t events)
{
    (void)events;
    Post *p = context;
    loop_defer(p->task->node->work);
    return hear(p);
}

/* It is told the task at once when it is ready to hear it, otherwise when it says so. */
static Err adopt(Post *p, uint64_t now_ns)
{
    p->zygote.since_ns = now_ns;
    Err e = loop_add_fd(p->task->node->loop, p->zygote.channel, EPOLLIN, on_channel, p, &p->source);
    if (e.code) return post_lose(p, OUTCOME_LOST);
    return p->zygote.state == ZYGOTE_WARM ? tell_task(p) : OK;
}

static Err start(Post *p, uint64_t now_ns)
{
    Task *t = p->task;
    Node *node = t->node;
    if (task_take_warm(t, &p->zygote)) return adopt(p, now_ns);
    const bool keeps_cpu = t->plan.is_process && t->post_count >= node->processors;
    WardenStart start = {
        .level = t->open.level, .memory_max = t->open.memory_max, .flags = (t->shelf ? WARDEN_STAGED : 0) | (keeps_cpu ? WARDEN_KEEPS_CPU : 0),
        .slot_bytes_max = t->slots_each * slot_bytes_max(&t->plan)};
    memcpy(start.measurement, t->open.measurement, sizeof start.measurement);
    Err e = zygote_link_start(&p->zygote, &node->warden, ++node->last_zygote, &start, t->image_fd);
    if (e.code == ERR_CLOSED) {
        node->warden_lost = true;
        loop_defer(node->work);
        return OK;
    }
    if (e.code) {
        plan_retry(p);
        return OK;
    }
    node->live_zygotes++;
    p->zygote.since_ns = now_ns;
    e = loop_add_fd(node->loop, p->zygote.channel, EPOLLIN, on_channel, p, &p->source);
    return e.code ? post_lose(p, OUTCOME_LOST) : OK;
}

Err posts_start(Task *t, uint64_t now_ns)
{
    for (uint32_t i = 0; i < t->post_count && !t->doom && !t->node->warden_lost; i++) {
        Post *p = &t->posts[i];
        if (p->zygote.state != ZYGOTE_NONE || now_ns < p->retry_ns) continue;
        if (t->node->live_zygotes >= ZYGOTES_MAX && !(t->node->warm && warm_give_way(t->node->warm))) continue;
        TRY(start(p, now_ns));
    }
    return OK;
}

static uint32_t count_answered(const ZygoteLink *z)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < z->told_count; i++) count += slot_count_answered(&z->slots[z->told[i]]);
    return count;
}

/* What runs must give a sign of life once in a lifetime: a DONE, or one more answer in a slot. */
static Err watch_running(Post *p, uint64_t now_ns)
{
    ZygoteLink *z = &p->zygote;
    if (outbox_blocked(&p->task->node->outbox)) z->since_ns = now_ns; /* it may have spoken: nobody listens now */
    if (z->told_count == 0) return OK;
    uint32_t answered = count_answered(z);
    if (answered > z->answered) {
        z->answered = answered;
        z->since_ns = now_ns;
    }
    uint64_t lifetime = p->task->open.lifetime_ns;
    bool hung = now_ns > z->since_ns + lifetime + lifetime / 4 + WATCHDOG_GRACE_MS * NS_PER_MS;
    return hung ? post_lose(p, OUTCOME_LIFETIME) : OK;
}

/* Once is enough when none of the task's zygotes has ever become ready: the others would take as long. */
static Err lose_unready(Post *p)
{
    if (!p->task->is_ready) task_doom(p->task, ERR_TASK_FAILED, "a SEE was not ready after %d s", START_SECONDS_MAX);
    return post_lose(p, OUTCOME_LOST);
}

Err posts_watch(Task *t, uint64_t now_ns)
{
    for (uint32_t i = 0; i < t->post_count; i++) {
        Post *p = &t->posts[i];
        ZygoteLink *z = &p->zygote;
        bool late = now_ns > z->since_ns + START_SECONDS_MAX * NS_PER_S;
        if (z->state == ZYGOTE_READY) TRY(watch_running(p, now_ns));
        else if (z->state == ZYGOTE_ATTESTING) TRY(attest_watch(p, now_ns));
        else if (z->state == ZYGOTE_STARTING && late) t->node->warden_lost = true; /* it does not even refuse: it is hung */
        else if ((z->state == ZYGOTE_WARMING || z->state == ZYGOTE_SETTING_UP) && late) TRY(lose_unready(p));
    }
    return attest_watch_wraps(t, now_ns);
}

/* The warden's word on the image, told once; other refusals are failures and no decisions. */
static Err tell_decision(Task *t, Err verdict, const char *why)
{
    const Node *n = t->node;
    if (!n->decided || t->is_decided || (verdict.code && err_kind(verdict.code) != ERR_KIND_DENIED)) return OK;
    t->is_decided = true;
    return n->decided(n->decided_context, &t->open.id, t->open.measurement, verdict, why);
}

static Err on_started(Post *p)
{
    Err e = tell_decision(p->task, OK, "");
    if (e.code == 0) return tell_task(p);
    task_doom(p->task, e.code, "the audit log of the node cannot be written, so the image does not run: %s", err_text(e.code));
    return post_lose(p, OUTCOME_LOST);
}

/* A refusal before the task is open is the answer to the task; later it is one more failure of this post. */
static Err on_refused(Post *p, const WardenReport *r)
{
    Err ignored = tell_decision(p->task, FAIL(r->code), r->text); /* refused either way */
    (void)ignored;
    if (!p->task->is_ready) task_doom(p->task, r->code, "%s", r->text[0] ? r->text : err_text(r->code));
    return post_lose(p, OUTCOME_LOST);
}

Err posts_hear(Task *t, const WardenReport *report, bool *ret_mine)
{
    Post *p = NULL;
    for (uint32_t i = 0; i < t->post_count && !p; i++)
        if (t->posts[i].zygote.state != ZYGOTE_NONE && t->posts[i].zygote.id == report->zygote) p = &t->posts[i];
    *ret_mine = p != NULL;
    if (!p) return OK;
    bool starting = p->zygote.state == ZYGOTE_STARTING;
    if (report->type == WARDEN_STARTED && starting) return on_started(p);
    if (report->type == WARDEN_REFUSED && starting) return on_refused(p, report);
    if (report->type == WARDEN_EVIDENCE_READY && p->zygote.state == ZYGOTE_ATTESTING) return attest_hear_evidence(p, report);
    if (report->type != WARDEN_ENDED) return OK; /* an answer to something that is settled */
    TRY(hear(p)); /* what it said before it ended counts */
    return post_lose(p, OUTCOME_LOST);
}

Err posts_orphaned(Task *t)
{
    for (uint32_t i = 0; i < t->post_count; i++) {
        Post *p = &t->posts[i];
        uint32_t failures = p->failures, deaths = t->deaths;
        if (p->zygote.state != ZYGOTE_NONE) TRY(hear(p));
        TRY(post_lose(p, OUTCOME_LOST));
        p->failures = failures < p->failures ? failures : p->failures; /* not this post's fault */
        t->deaths = deaths < t->deaths ? deaths : t->deaths;
        p->retry_ns = 0;
    }
    return OK;
}
