/* Budgets of clients: a table of small sets. */
#include "predict/clients.h"

#include <errno.h>
#include <stdlib.h>

#include "predict/hash.h"

enum { PLACES = 8 };

Err clients_new(uint32_t max, uint32_t burst, double share, Clients *ret_clients)
{
    uint32_t size = PLACES;
    while (size < max) size *= 2;
    Client *all = calloc(size, sizeof *all);
    if (!all) return FAIL(ENOMEM);
    *ret_clients = (Clients){.all = all, .mask = size / PLACES - 1, .burst = burst, .share = share};
    return OK;
}

void clients_free(Clients *c)
{
    free(c->all);
    *c = (Clients){0};
}

size_t clients_memory(const Clients *c) { return ((size_t)c->mask + 1) * PLACES * sizeof *c->all; }

static void age(Client *x, uint32_t epoch)
{
    uint32_t passed = epoch - x->epoch;
    x->counted = passed > 31 ? 0 : x->counted >> passed;
    x->epoch = epoch;
}

static Client *place_of(Clients *c, uint64_t id)
{
    Client *places = &c->all[(size_t)(hash_mix(id) & c->mask) * PLACES], *least = places;
    for (int i = 0; i < PLACES; i++) {
        age(&places[i], c->epoch);
        if (places[i].id == id) return &places[i];
        if (places[i].counted < least->counted) least = &places[i];
    }
    *least = (Client){.id = id, .epoch = c->epoch};
    return least;
}

bool client_counts(Clients *c, uint64_t id)
{
    if (++c->in_epoch == CLIENT_EPOCH_EVENTS) {
        c->in_epoch = 0;
        c->epoch++;
        c->total /= 2;
    }
    Client *x = place_of(c, id);
    if (c->share < 1 && x->counted >= c->burst + c->share * c->total) return false;
    x->counted++;
    c->total++; /* of what counted: a flood that is refused does not widen its own share */
    return true;
}
