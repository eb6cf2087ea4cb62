/* Header, index entry, end: fixed little-endian fields. */
#include "dataset/layout.h"

static const char MAGIC[] = "COVEYDS1", END_MAGIC[] = "COVEYEND";

static void put(uint8_t *at, uint64_t v, int size)
{
    for (int i = 0; i < size; i++) at[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t get(const uint8_t *at, int size)
{
    uint64_t v = 0;
    for (int i = size - 1; i >= 0; i--) v = v << 8 | at[i];
    return v;
}

void header_write(const DatasetName *name, uint8_t ret_bytes[HEADER_BYTES])
{
    memcpy(ret_bytes, MAGIC, 8);
    put(ret_bytes + 8, SEALED_FORMAT, 4);
    memcpy(ret_bytes + 12, name->id, DATASET_ID_BYTES);
    put(ret_bytes + 28, name->version, 8);
}

bool header_has_magic(const uint8_t bytes[8]) { return memcmp(bytes, MAGIC, 8) == 0; }

Err header_read(const uint8_t bytes[HEADER_BYTES], DatasetName *ret_name, Diag *diag)
{
    if (!header_has_magic(bytes)) return FAIL_WHY(diag, ERR_BAD_INPUT, "is not a sealed dataset; covey seal makes one");
    uint64_t format = get(bytes + 8, 4);
    if (format != SEALED_FORMAT) return FAIL_WHY(diag, ERR_BAD_INPUT, "is in format %u, which this version does not know", (unsigned)format);
    memcpy(ret_name->id, bytes + 12, DATASET_ID_BYTES);
    ret_name->version = get(bytes + 28, 8);
    return OK;
}

void entry_write(const SealedSegment *segment, uint8_t ret_bytes[ENTRY_BYTES])
{
    put(ret_bytes, segment->offset, 8);
    put(ret_bytes + 8, segment->sealed_size, 8);
    put(ret_bytes + 16, segment->plain_size, 8);
    memcpy(ret_bytes + 24, segment->digest.bytes, sizeof segment->digest.bytes);
}

void entry_read(const uint8_t bytes[ENTRY_BYTES], SealedSegment *ret_segment)
{
    ret_segment->offset = get(bytes, 8);
    ret_segment->sealed_size = get(bytes + 8, 8);
    ret_segment->plain_size = get(bytes + 16, 8);
    memcpy(ret_segment->digest.bytes, bytes + 24, sizeof ret_segment->digest.bytes);
}

void end_write(const SealedEnd *end, uint8_t ret_bytes[END_BYTES])
{
    put(ret_bytes, end->index_offset, 8);
    put(ret_bytes + 8, end->footer_offset, 8);
    put(ret_bytes + 16, end->footer_size, 8);
    memcpy(ret_bytes + 24, END_MAGIC, 8);
}

bool end_read(const uint8_t bytes[END_BYTES], SealedEnd *ret_end)
{
    *ret_end = (SealedEnd){get(bytes, 8), get(bytes + 8, 8), get(bytes + 16, 8)};
    return memcmp(bytes + 24, END_MAGIC, 8) == 0;
}
