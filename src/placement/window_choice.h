/**
 * The choice that the manager made before there was a scheduler (placement/placement.h): hard limits (level, memory), then the node with the
 * largest free share of its window.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint32_t level_mask;
    uint64_t memory_free;
    uint32_t window, outstanding;
} PlacementNode;

typedef struct { uint32_t level; uint64_t memory_max; } PlacementNeed;

#define PLACEMENT_NONE SIZE_MAX
/** Index of the node for the next micro-job, or PLACEMENT_NONE when no eligible node has room. */
size_t placement_choose(const PlacementNode *nodes, size_t count, const PlacementNeed *need);
/** Whether any node could ever take it. */
int placement_possible(const PlacementNode *nodes, size_t count, const PlacementNeed *need);
