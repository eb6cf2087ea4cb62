/*
 * The segment as the module reads it. Plain: read from the slot straight into linear memory. Sealed: whole chunks are opened where the module
 * wants them, in linear memory; what is asked for in smaller pieces comes through one chunk's bounce buffer. No byte of a chunk is seen
 * before the whole chunk is known to be genuine.
 */
#include <unistd.h>

#include "see/sealed.h"

enum { NO_CHUNK = -1, NO_PIECE = -1 };

static uint8_t bounce[STREAM_CHUNK_BYTES + AEAD_TAG_BYTES]; /* job.bounced_chunk of job.bounced_piece lies open in it */

uint64_t input_size(void) { return is_sealed() ? keys.plain_size : job.ask.input_size; }

void input_begin(void)
{
    job.bounced_chunk = NO_CHUNK;
    job.cipher_piece = NO_PIECE;
}

static void read_slot(uint8_t *data, uint64_t size, uint64_t offset)
{
    for (uint64_t got = 0; got < size;) {
        ssize_t n = pread(job.input_fd, data + got, size - got, (off_t)(offset + got));
        if (n <= 0) job_end(OUTCOME_INPUT_ERROR);
        got += (uint64_t)n;
    }
}

static const Piece *piece_at(uint64_t offset, uint32_t *ret_index)
{
    uint32_t i = 0;
    while (i + 1 < keys.piece_count && keys.pieces[i + 1].plain_start <= offset) i++;
    *ret_index = i;
    return &keys.pieces[i];
}

typedef struct { uint32_t number; bool last; uint64_t plain_size, slot_offset; } Chunk;

static Chunk chunk_of(const Piece *p, uint64_t within)
{
    uint64_t number = within / STREAM_CHUNK_BYTES, start = number * STREAM_CHUNK_BYTES, left = p->plain_size - start;
    return (Chunk){.number = (uint32_t)number,
                   .last = left <= STREAM_CHUNK_BYTES,
                   .plain_size = left < STREAM_CHUNK_BYTES ? left : STREAM_CHUNK_BYTES,
                   .slot_offset = p->slot_offset + number * (STREAM_CHUNK_BYTES + AEAD_TAG_BYTES)};
}

static AeadCipher *cipher_of(const Piece *p)
{
    int64_t piece = p - keys.pieces;
    if (job.cipher_piece != piece) { /* keys.input is of another piece */
        job.cipher_piece = NO_PIECE;
        if (aead_begin(&p->key, &keys.input).code) job_end(OUTCOME_SEAL_BROKEN);
        job.cipher_piece = piece;
    }
    return &keys.input;
}

/* Straight into linear memory, where `room` bytes are wanted: if more than the chunk, its tag is read with it and the next chunk goes over it. */
static void open_in_place(const Piece *p, const Chunk *c, uint8_t *data, uint64_t room)
{
    uint8_t tag[AEAD_TAG_BYTES];
    const bool tag_fits = room >= c->plain_size + AEAD_TAG_BYTES;
    const uint64_t size = tag_fits ? c->plain_size + AEAD_TAG_BYTES : c->plain_size;
    memory_will_write(data, size);
    read_slot(data, size, c->slot_offset);
    if (tag_fits) memcpy(tag, data + c->plain_size, sizeof tag);
    else read_slot(tag, sizeof tag, c->slot_offset + c->plain_size);
    if (stream_open_parts(cipher_of(p), c->number, c->last, view_of(data, c->plain_size), tag, data).code) job_end(OUTCOME_SEAL_BROKEN);
}

static void open_in_bounce(const Piece *p, uint32_t piece, const Chunk *c)
{
    if (job.bounced_chunk == c->number && job.bounced_piece == piece) return;
    job.bounced_chunk = NO_CHUNK;
    read_slot(bounce, c->plain_size + AEAD_TAG_BYTES, c->slot_offset);
    if (stream_open_chunk(cipher_of(p), c->number, c->last, view_of(bounce, c->plain_size + AEAD_TAG_BYTES), bounce).code)
        job_end(OUTCOME_SEAL_BROKEN);
    job.bounced_chunk = c->number;
    job.bounced_piece = piece;
}

static void read_sealed(uint8_t *data, uint64_t size, uint64_t offset)
{
    while (size > 0) {
        uint32_t index;
        const Piece *p = piece_at(offset, &index);
        const uint64_t within = offset - p->plain_start + p->skip;
        const Chunk c = chunk_of(p, within);
        uint64_t into = within % STREAM_CHUNK_BYTES, step = c.plain_size - into < size ? c.plain_size - into : size;
        if (step == 0) job_end(OUTCOME_SEAL_BROKEN);
        if (into == 0 && step == c.plain_size) {
            open_in_place(p, &c, data, size);
        } else {
            open_in_bounce(p, index, &c);
            memcpy(data, bounce + into, step);
        }
        data += step;
        offset += step;
        size -= step;
    }
}

void input_check(void)
{
    for (uint32_t i = 0; i < keys.piece_count; i++) {
        const Piece *p = &keys.pieces[i];
        uint64_t at = 0;
        do { /* an empty segment is one empty chunk */
            const Chunk c = chunk_of(p, at);
            open_in_bounce(p, i, &c);
            at += STREAM_CHUNK_BYTES;
        } while (at < p->plain_size);
    }
}

void input_read(uint8_t *data, uint64_t size, uint64_t offset)
{
    if (is_sealed()) {
        read_sealed(data, size, offset);
        return;
    }
    memory_will_write(data, size);
    read_slot(data, size, job.ask.input_offset + offset);
}
