/* Data in a request's input: read from what was fetched and checked. */
#include "gateway/input.h"

#include "sys/fd.h"

static bool is_inline(const Place *p, uint32_t item, bool all_inline) { return all_inline || !place_item_is_staged(p, item); }

bool input_is_here(const Place *p, bool all_inline)
{
    for (uint32_t i = 1; i < place_item_count(p); i++)
        if (is_inline(p, i, all_inline) && p->fds[i] < 0) return false;
    return true;
}

Err input_put_data(const Place *p, uint64_t body_size, bool all_inline, Buffer *b)
{
    uint64_t sizes[SERVICE_DATA_MAX];
    uint32_t count = place_item_count(p) - 1;
    for (uint32_t i = 0; i < count; i++) {
        sizes[i] = UINT64_MAX;
        if (!is_inline(p, i + 1, all_inline)) continue;
        TRY(fd_stat_size(p->fds[i + 1], &sizes[i]));
        TRY(buffer_reserve(b, sizes[i] + 1));
        TRY(fd_pread_all(p->fds[i + 1], b->data + b->size, sizes[i], 0));
        b->size += sizes[i];
    }
    for (uint32_t i = 0; i < count; i++) TRY(buffer_put_u64(b, sizes[i]));
    TRY(buffer_put_u64(b, body_size));
    TRY(buffer_put_u64(b, count));
    return buffer_append(b, VIEW("COVEYSVC"));
}
