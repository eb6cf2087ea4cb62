/* The older choice: hard limits first, then the largest free share of a window, so that fast nodes and large ones fill evenly. */
#include "placement/window_choice.h"

#include <stdbool.h>

static bool eligible(const PlacementNode *n, const PlacementNeed *need)
{
    return need->level < 32 && (n->level_mask >> need->level & 1) && n->memory_free >= need->memory_max;
}

static uint32_t room(const PlacementNode *n) { return n->outstanding < n->window ? n->window - n->outstanding : 0; }

/* Whether a's free share is larger than b's; without division. */
static bool freer(const PlacementNode *a, const PlacementNode *b)
{
    return (uint64_t)room(a) * b->window > (uint64_t)room(b) * a->window;
}

size_t placement_choose(const PlacementNode *nodes, size_t count, const PlacementNeed *need)
{
    size_t best = PLACEMENT_NONE;
    for (size_t i = 0; i < count; i++) {
        if (!eligible(&nodes[i], need) || room(&nodes[i]) == 0) continue;
        if (best == PLACEMENT_NONE || freer(&nodes[i], &nodes[best])) best = i;
    }
    return best;
}

int placement_possible(const PlacementNode *nodes, size_t count, const PlacementNeed *need)
{
    for (size_t i = 0; i < count; i++)
        if (eligible(&nodes[i], need)) return 1;
    return 0;
}
