/* The import module `see`: resources that were put ahead of time into the staging area. Nothing is staged yet, and that is what it says. */
#include "see/runtime.h"

struct Z_see_instance_t;
uint32_t Z_seeZ_SEE_Prefetch_Available(struct Z_see_instance_t *unused, uint32_t task_id, uint32_t size);
uint32_t Z_seeZ_SEE_Claim_Prefetch(struct Z_see_instance_t *unused, uint32_t task_id, uint32_t size);

uint32_t Z_seeZ_SEE_Prefetch_Available(struct Z_see_instance_t *unused, uint32_t task_id, uint32_t size)
{
    (void)unused, (void)task_id, (void)size;
    return 0;
}

uint32_t Z_seeZ_SEE_Claim_Prefetch(struct Z_see_instance_t *unused, uint32_t task_id, uint32_t size)
{
    (void)unused, (void)task_id, (void)size;
    return UINT32_MAX; /* -1: nothing by that name is staged for this task */
}
