/* Follows a random cycle through 4 MiB of list nodes, adding as it goes: every step waits for the load before. */
#include "kernel.h"

enum { NODES = 1 << 18, STEPS = 8000000 };

typedef struct Node { struct Node *next; uint32_t value; uint32_t visits; } Node;

int main(void)
{
    uint64_t seed = 7, sum = 0;
    Node *nodes = kernel_memory(NODES * sizeof(Node));
    uint32_t *order = kernel_memory(NODES * sizeof(uint32_t));
    for (uint32_t i = 0; i < NODES; i++) order[i] = i;
    for (uint32_t i = NODES - 1; i > 0; i--) {
        uint32_t j = (uint32_t)(kernel_random(&seed) % (i + 1)), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
    for (uint32_t i = 0; i < NODES; i++) nodes[order[i]] = (Node){&nodes[order[(i + 1) % NODES]], i * 2654435761u, 0};
    Node *at = nodes;
    for (int step = 0; step < STEPS; step++) {
        sum += at->value ^ at->visits++;
        at = at->next;
    }
    return kernel_done(sum);
}
