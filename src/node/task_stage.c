/*
 * What was staged for a task. Each of these may fail: then the task starts its own zygotes, and its micro-jobs find nothing to claim.
 */
#include <errno.h>
#include <fcntl.h>

#include "node/task.h"
#include "sys/fault.h"

static ImageClaim claim_of(const Task *t)
{
    return (ImageClaim){.task = t->open.staging, .measurement = t->open.measurement, .level = t->open.level, .memory_max = t->open.memory_max,
                        .output_max = t->open.output_max};
}

static Err copy_descriptor(int fd, int *ret_fd)
{
    int copy = FAULTABLE("fcntl", fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (copy < 0) return FAIL(errno);
    *ret_fd = copy;
    return OK;
}

/* SETUP of a sealed task must be the same on every node, whether it has a stage or not: such a task claims no data. */
void task_open_staging(Task *t)
{
    Stage *stage = t->node->stage;
    if (!stage || t->open.staging.size == 0) return;
    stage_give_way(stage, t->post_count * t->open.memory_max);
    const ImageClaim claim = claim_of(t);
    const Entry *image = stage_image_claim(stage, &claim);
    t->claims_image = image && copy_descriptor(image->fd, &t->image_fd).code == 0;
    if (t->open.level != LEVEL_PROCESS || t->open.sealed != SEALED_NONE) return;
    Err e = stage_shelf_open(stage, t->open.staging, t->open.measurement, &t->shelf);
    if (e.code) t->shelf = NULL;
}

void task_close_staging(Task *t)
{
    if (t->shelf) stage_shelf_close(t->node->stage, &t->shelf);
}

bool task_has_staged(Task *t, const JobItem *item, uint32_t *ret_place)
{
    bool whole = item->kind == SEGMENT_OBJECT && item->offset == 0 && item->size == item->object_size && item->size > 0;
    if (!t->shelf || !whole || (item->with_header && t->open.header.size)) return false;
    Entry *e = stage_find_data(t->node->stage, t->shelf, item->object.data, item->size);
    if (e && ret_place) {
        e->promised = true;
        *ret_place = e->place;
    }
    return e != NULL;
}

bool task_take_warm(Task *t, ZygoteLink *ret_link)
{
    if (!t->claims_image || !t->node->warm) return false;
    const ImageClaim claim = claim_of(t);
    t->claims_image = warm_take(t->node->warm, &claim, t->slots_each * slot_bytes_max(&t->plan), ret_link);
    return t->claims_image;
}
