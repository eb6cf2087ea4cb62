/*
 * A hostile SEE: anything at all in its slot, and any word of the zygote about how it ended. Every micro-job that was in the slot must
 * then be answered or waiting again, exactly once, and nothing outside the slot is read (the sanitizer watches).
 *
 * Input: level, number of micro-jobs, how, signal; then what the slot's first bytes are overwritten with.
 */
#include <stdlib.h>

#include "node/task.h"
#include "sys/loop.h"

enum { JOBS = SLOT_JOBS_MAX, OUTPUT_MAX = 4096 };
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Err ignore(void *context, uint32_t events)
{
    (void)context;
    (void)events;
    return OK;
}

static void must(Err e)
{
    if (e.code) abort();
}

static Node *the_node(void)
{
    static Node node;
    if (node.loop) return &node;
    node.warden = warden_link_none(NULL, NULL);
    must(loop_new(&node.loop));
    must(loop_add_deferred(node.loop, ignore, NULL, &node.work));
    must(bus_memory_new(node.loop, &node.outbox.bus)); /* nobody listens: messages end there */
    node.outbox.node_id = "n";
    return &node;
}

static Task *task_with(SecurityLevel level, uint32_t jobs)
{
    Task *t = calloc(1, sizeof *t + sizeof(Post));
    if (!t) abort();
    t->node = the_node();
    t->image_fd = -1;
    t->plan = slot_plan(level, OUTPUT_MAX, 1);
    t->slots_each = t->post_count = 1;
    const BatchHead head = {.node = 1, .manager = {"0123456789abcdef"}};
    t->results = results_new(&t->node->outbox, &head, t->open.digest_key);
    must(jobs_new(&t->jobs, JOBS));
    JobBatch *batch;
    must(jobs_batch_new((View){0}, &batch));
    for (uint32_t i = 0; i < jobs; i++) must(jobs_add(&t->jobs, batch, &(JobItem){.job = i, .attempt = 1}));
    jobs_batch_done(batch);

    ZygoteLink *z = &t->posts[0].zygote;
    t->posts[0].task = t;
    *z = (ZygoteLink){.state = ZYGOTE_READY, .channel = -1, .slots = calloc(1, sizeof *z->slots), .slot_count = 1};
    if (!z->slots) abort();
    must(slot_open(&t->plan, &z->slots[0]));
    t->node->live_zygotes++;
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4) return 0;
    const SecurityLevel level = data[0] & 1 ? LEVEL_PROCESS : LEVEL_SHARED;
    const uint32_t jobs = level == LEVEL_PROCESS ? 1 : 1 + data[1] % JOBS;
    Task *t = task_with(level, jobs);
    Slot *s = &t->posts[0].zygote.slots[0];
    for (uint32_t i = 0; i < jobs; i++) {
        uint32_t job = jobs_take(&t->jobs);
        slot_add(s, &t->plan, job, job, 1, 0);
    }
    slot_finish(s);
    size_t written = size - 4 < SLOT_DATA ? size - 4 : SLOT_DATA;
    memcpy(s->map, data + 4, written);

    ChannelReport done = {.type = CHANNEL_DONE, .count = 1, .slots = {{0, data[2], data[3]}}};
    must(post_collect(&t->posts[0], &done, 1));
    uint32_t answered = t->results.count;
    if (t->jobs.held != t->jobs.waiting || answered + t->jobs.held != jobs || answered == 0) abort();
    task_close(&t);
    return 0;
}
