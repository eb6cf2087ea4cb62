/* Who has which content at hand: for each content a list of nodes. A content that nobody holds any more keeps no list. */
#include "placement/placement_parts.h"

#include <errno.h>
#include <stdlib.h>

const Holders *holders_of(const Placement *p, uint64_t content)
{
    uint32_t at;
    return table_find(&p->by_content, content, &at) ? &p->holders[at] : NULL;
}

static Err list_of(Placement *p, uint64_t content, Holders **ret_list)
{
    uint32_t at;
    if (!table_find(&p->by_content, content, &at)) {
        if (p->holders_count == p->holders_room) {
            const uint32_t room = p->holders_room ? p->holders_room * 2 : 16;
            Holders *holders = realloc(p->holders, room * sizeof *holders);
            if (!holders) return FAIL(ENOMEM);
            p->holders = holders;
            p->holders_room = room;
        }
        at = p->holders_count;
        TRY(table_put(&p->by_content, content, at));
        p->holders[p->holders_count++] = (Holders){.content = content};
    }
    *ret_list = &p->holders[at];
    return OK;
}

/* The last list takes the place of an empty one. */
static void drop_list(Placement *p, uint32_t at)
{
    Holders *list = &p->holders[at];
    table_remove(&p->by_content, list->content);
    free(list->nodes);
    *list = p->holders[--p->holders_count];
    uint32_t old;
    if (at < p->holders_count && table_find(&p->by_content, list->content, &old)) {
        const Err e = table_put(&p->by_content, list->content, at); /* it is there: replacing allocates nothing */
        (void)e;
    }
}

static void list_remove(Placement *p, uint64_t content, PlacementNodeRef node)
{
    uint32_t at;
    if (!table_find(&p->by_content, content, &at)) return;
    Holders *list = &p->holders[at];
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list->count; i++)
        if (list->nodes[i] != node) list->nodes[kept++] = list->nodes[i];
    list->count = kept;
    if (kept == 0) drop_list(p, at);
}

static Err list_add(Placement *p, uint64_t content, PlacementNodeRef node)
{
    Holders *list;
    TRY(list_of(p, content, &list));
    if (list->count == list->room) {
        const uint32_t room = list->room ? list->room * 2 : 2;
        PlacementNodeRef *nodes = realloc(list->nodes, room * sizeof *nodes);
        if (!nodes) return FAIL(ENOMEM);
        list->nodes = nodes;
        list->room = room;
    }
    list->nodes[list->count++] = node;
    return OK;
}

Err holders_add(Placement *p, PlacementNodeRef node)
{
    const Node *n = &p->nodes[node];
    for (uint32_t i = 0; i < n->data_count; i++) TRY(list_add(p, n->data[i].content, node));
    return OK;
}

void holders_remove(Placement *p, PlacementNodeRef node)
{
    const Node *n = &p->nodes[node];
    for (uint32_t i = 0; i < n->data_count; i++) list_remove(p, n->data[i].content, node);
}
