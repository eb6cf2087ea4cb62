/* A node without SEEs, with faults: for tests of the manager. */
#include "swarm/fake_node.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "bus/message_subject.h"
#include "sys/fd.h"

typedef struct { BatchHead head; ResultItem item; FakeAnswer answer; } Pending;

struct FakeNode {
    Loop *loop;
    Bus *bus;
    BusSubscription *subscription;
    LoopSource *turn;
    FakeNodeConfig config;
    uint64_t random, incarnation;
    TaskOpen open;            /* views are not used */
    uint64_t sees;
    Pending *pending;
    size_t pending_count, pending_room;
    FakeCounts counts;
    int fd;                   /* of `path` */
    char path[PATH_BYTES_MAX];
    Buffer segment;
};

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(FakeNode *n)
{
    uint64_t z = n->random += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool strikes(FakeNode *n, uint32_t per_mille) { return per_mille && next_random(n) % 1000 < per_mille; }

static Err say(FakeNode *n, Buffer *message)
{
    Err e = bus_publish(n->bus, subject_manager(&n->open.manager, n->config.id).text, message);
    return e.code == ERR_NO_ENTRY ? OK : e; /* the manager has gone */
}

static void pending_free(Pending *p)
{
    buffer_free(&p->answer.output);
    buffer_free(&p->answer.log);
}

static void forget_pending(FakeNode *n)
{
    for (size_t i = 0; i < n->pending_count; i++) pending_free(&n->pending[i]);
    n->pending_count = 0;
}

/* --- answering --- */

static Err add_answer(FakeNode *n, Buffer *message, const Pending *p)
{
    ResultItem item = p->item;
    if (strikes(n, n->config.faults.wrong_attempt)) {
        item.attempt++;
        TRY(message_add_result(message, &item));
        item.attempt--;
    }
    if (strikes(n, n->config.faults.wrong_digest)) item.digest.bytes[0] ^= 1;
    if (item.output.size && strikes(n, n->config.faults.copied_digest)) item.output.size--;
    TRY(message_add_result(message, &item));
    if (strikes(n, n->config.faults.repeat)) TRY(message_add_result(message, &item));
    n->counts.answers++;
    return OK;
}

static bool held_back(FakeNode *n, const Pending *p)
{
    if (n->config.hold && p->item.job == n->config.hold_job && n->pending_count > 1) return true;
    return strikes(n, n->config.faults.delay);
}

/* Sends what is not held back; the head of the message is that of the first. */
static bool same_head(const BatchHead *a, const BatchHead *b)
{
    return memcmp(&a->id, &b->id, sizeof a->id) == 0 && a->stage == b->stage && a->node == b->node &&
           memcmp(&a->manager, &b->manager, sizeof a->manager) == 0;
}

static Err answer_some(FakeNode *n)
{
    AUTO_BUFFER message = buffer_limited(BUS_MESSAGE_BYTES_MAX);
    BatchHead head = n->pending[0].head;
    TRY(message_begin_results(&message, &head, n->sees));
    size_t kept = 0, added = 0;
    for (size_t i = 0; i < n->pending_count; i++) {
        Pending *p = &n->pending[i];
        bool other = !same_head(&p->head, &head);
        if (other || added >= BUS_BATCH_JOBS_MAX / 3 || held_back(n, p)) {
            n->pending[kept++] = *p;
            continue;
        }
        if (!strikes(n, n->config.faults.drop)) TRY(add_answer(n, &message, p));
        added++;
        pending_free(p);
    }
    n->pending_count = kept;
    if (added == 0) return OK;
    n->sees = 0;
    return say(n, &message);
}

static Err on_turn(void *context, uint32_t events)
{
    (void)events;
    FakeNode *n = context;
    if (n->pending_count == 0 || n->config.silent || !n->subscription) return OK;
    if (strikes(n, n->config.faults.garbage)) {
        AUTO_BUFFER garbage = buffer_limited(KIB);
        for (uint64_t i = next_random(n) % 100; i > 0; i--) TRY(buffer_put_u8(&garbage, (uint8_t)next_random(n)));
        TRY(say(n, &garbage));
    }
    TRY(answer_some(n));
    if (n->pending_count) loop_defer(n->turn);
    return OK;
}

/* --- taking micro-jobs --- */

static Err read_segment(FakeNode *n, const JobItem *item, View *ret_segment)
{
    *ret_segment = item->data;
    if (item->kind != SEGMENT_RANGE || n->config.no_reading) return OK;
    if (item->path.size != strlen(n->path) || memcmp(n->path, item->path.data, item->path.size) != 0) {
        fd_close(&n->fd);
        snprintf(n->path, sizeof n->path, "%.*s", (int)item->path.size, (const char *)item->path.data);
        TRY(fd_open(AT_FDCWD, n->path, O_RDONLY, 0, &n->fd));
    }
    n->segment.size = 0;
    TRY(buffer_reserve(&n->segment, item->size + 1));
    TRY(fd_pread_all(n->fd, n->segment.data, item->size, item->offset));
    *ret_segment = view_of(n->segment.data, item->size);
    return OK;
}

static Pending *pending_new(FakeNode *n)
{
    if (n->pending_count == n->pending_room) {
        n->pending_room = n->pending_room ? n->pending_room * 2 : 64;
        n->pending = reallocarray(n->pending, n->pending_room, sizeof *n->pending);
        if (!n->pending) abort();
    }
    return &n->pending[n->pending_count++];
}

static Err take_job(FakeNode *n, const BatchHead *head, const JobItem *item)
{
    View segment;
    TRY(read_segment(n, item, &segment));
    Pending *p = pending_new(n);
    *p = (Pending){.head = *head, .answer = {.outcome = OUTCOME_OK, .output = buffer_limited(GIB), .log = buffer_limited(SEE_LOG_MAX)}};
    n->config.work(n->config.context, head->stage, item, segment, &p->answer);
    if (strikes(n, n->config.faults.crash)) p->answer.outcome = OUTCOME_CRASHED;
    if (strikes(n, n->config.faults.return_unrun)) p->answer.outcome = OUTCOME_NONE;
    p->item = (ResultItem){.job = item->job, .attempt = item->attempt, .outcome = p->answer.outcome, .exit_code = p->answer.exit_code};
    if (p->answer.outcome == OUTCOME_OK) p->item.output = view_buffer(&p->answer.output);
    p->item.log = view_buffer(&p->answer.log);
    result_digest(n->open.digest_key, p->item.output, &p->item.digest);
    n->sees++;
    n->counts.jobs++;
    return OK;
}

static Err take_jobs(FakeNode *n, View message)
{
    BatchReader reader;
    TRY(message_open_batch(message, MESSAGE_JOBS, &reader));
    for (;;) {
        JobItem item;
        bool more;
        TRY(message_next_job(&reader, &item, &more));
        if (!more) break;
        TRY(take_job(n, &reader.head, &item));
    }
    if (n->pending_count > n->counts.outstanding_max) n->counts.outstanding_max = (uint32_t)n->pending_count;
    loop_defer(n->turn);
    return OK;
}

static Err take_open(FakeNode *n, View message)
{
    TRY(message_get_task_open(message, &n->open));
    n->counts.opens++;
    forget_pending(n);
    AUTO_BUFFER answer = buffer_limited(64 * KIB);
    if (n->config.refuse_code) {
        TaskRefused refused = {.id = n->open.id, .stage = n->open.stage, .node = n->open.node,
                               .code = n->config.refuse_code, .text = view_text(n->config.refuse_text)};
        TRY(message_put_task_refused(&answer, &refused));
    } else {
        TaskReady ready = {.id = n->open.id, .stage = n->open.stage, .node = n->open.node, .window = n->config.window, .batch = n->config.batch};
        TRY(message_put_task_ready(&answer, &ready));
    }
    return say(n, &answer);
}

static Err on_message(void *context, const char *subject, View message)
{
    (void)subject;
    FakeNode *n = context;
    if (strikes(n, n->config.faults.die)) {
        fake_node_die(n);
        return OK;
    }
    switch (message_type(message)) {
    case MESSAGE_TASK_OPEN: return take_open(n, message);
    case MESSAGE_JOBS: return take_jobs(n, message);
    case MESSAGE_TASK_CLOSE: n->counts.closes++; forget_pending(n); return OK;
    case MESSAGE_TASK_ALIVE: return OK;
    default: return FAIL(ERR_PROTOCOL); /* ends the test: a manager says nothing else */
    }
}

/* --- coming and going --- */

Err fake_node_new(Loop *loop, Bus *bus, const FakeNodeConfig *config, FakeNode **ret_node)
{
    FakeNode *n = calloc(1, sizeof *n);
    if (!n) return FAIL(ENOMEM);
    n->loop = loop;
    n->bus = bus;
    n->config = *config;
    n->random = config->seed;
    n->fd = -1;
    n->segment = buffer_limited(2 * GIB);
    Err e = loop_add_deferred(loop, on_turn, n, &n->turn);
    if (!e.code) e = fake_node_announce(n);
    if (e.code) {
        fake_node_free(&n);
        return e;
    }
    *ret_node = n;
    return OK;
}

void fake_node_free(FakeNode **node)
{
    FakeNode *n = *node;
    if (!n) return;
    *node = NULL;
    bus_unsubscribe(&n->subscription);
    loop_remove(&n->turn);
    forget_pending(n);
    free(n->pending);
    buffer_free(&n->segment);
    fd_close(&n->fd);
    free(n);
}

Err fake_node_announce(FakeNode *n)
{
    forget_pending(n);
    if (!n->subscription) TRY(bus_subscribe(n->bus, subject_node(n->config.id).text, on_message, n, &n->subscription));
    NodeMessage m = {.incarnation = ++n->incarnation, .level_mask = n->config.level_mask ? n->config.level_mask : ~0u,
                     .cores = n->config.cores ? n->config.cores : 2,
                     .memory_free = n->config.memory_free ? n->config.memory_free : 64 * GIB};
    snprintf(m.node_id, sizeof m.node_id, "%s", n->config.id);
    if (n->config.owner) snprintf(m.owner, sizeof m.owner, "%s", n->config.owner);
    AUTO_BUFFER message = buffer_limited(KIB);
    TRY(message_put_node(&message, &m));
    Err e = bus_publish(n->bus, subject_nodes(n->config.id).text, &message);
    return e.code == ERR_NO_ENTRY ? OK : e;
}

void fake_node_die(FakeNode *n)
{
    n->counts.deaths++;
    forget_pending(n);
    bus_unsubscribe(&n->subscription);
}

FakeCounts fake_node_counts(const FakeNode *n) { return n->counts; }
