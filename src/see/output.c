/*
 * The result and the log. Plain: written from linear memory straight into the slot. Sealed: gathered into chunks, each sealed and written when
 * the next one begins (only then is it known not to be the last), and a digest behind them; the log is dropped, because it would leave the
 * SEE in the open.
 */
#include <string.h>
#include <unistd.h>

#include "see/sealed.h"

static uint8_t chunk[STREAM_CHUNK_BYTES + AEAD_TAG_BYTES]; /* job.output_fill bytes of chunk job.output_chunk; sealed where it was gathered */

/* Of a module whose segment's value is private: as much of its output as has room. */
static PrivateValue value;

static void put(const uint8_t *data, uint64_t size, uint64_t offset)
{
    for (uint64_t done = 0; done < size;) {
        ssize_t n = pwrite(job.slot_fd, data + done, size - done, (off_t)(offset + done));
        if (n <= 0) job_end(OUTCOME_OUTPUT_LIMIT); /* the slot itself is full */
        done += (uint64_t)n;
    }
}

/* Reserves room for `size` more bytes of the result; returns where they go. */
static uint64_t take_room(uint64_t size)
{
    if (size > job.ask.output_max - job.answer.output_size) job_end(OUTCOME_OUTPUT_LIMIT);
    uint64_t offset = job.ask.output_offset + job.answer.output_size;
    job.answer.output_size += size;
    return offset;
}

static void seal_chunk(bool last)
{
    uint32_t size = job.output_fill + AEAD_TAG_BYTES;
    const View plain = view_of(chunk, job.output_fill);
    if (sealed_digest_chunk(&keys.digest, job.output_chunk, last, plain).code) job_end(OUTCOME_SEAL_BROKEN);
    if (stream_seal_chunk(&keys.output, job.output_chunk++, last, plain, chunk).code) job_end(OUTCOME_SEAL_BROKEN);
    job.output_fill = 0;
    put(chunk, size, take_room(size));
}

void output_forget(void) { value = (PrivateValue){.size = 0}; }

static void put_head(void) { put((const uint8_t *)&keys.head, sizeof keys.head, take_room(sizeof keys.head)); }

/* Where how a module ends is hidden, nothing is written before: of one that died another result is made, under another head, and an agent that had
 * seen the first would know. */
void output_begin(void)
{
    if (!is_sealed()) return;
    if (is_hiding()) output_forget();
    job.output_fill = job.output_chunk = 0;
    if (!is_hiding()) put_head();
}

static void gather(const uint8_t *data, uint64_t size)
{
    while (size > 0) {
        if (job.output_fill == STREAM_CHUNK_BYTES) seal_chunk(false);
        uint64_t room = STREAM_CHUNK_BYTES - job.output_fill, step = size < room ? size : room;
        memcpy(chunk + job.output_fill, data, step);
        job.output_fill += (uint32_t)step;
        data += step;
        size -= step;
    }
}

static void write_parts(const struct iovec *parts, int count, uint64_t bytes)
{
    uint64_t offset = take_room(bytes);
    ssize_t n = bytes ? pwritev(job.slot_fd, parts, count, (off_t)offset) : 0;
    if (n == (ssize_t)bytes) return;
    for (int i = 0; i < count; i++) { /* rare: written in part; once more, one by one */
        put(parts[i].iov_base, parts[i].iov_len, offset);
        offset += parts[i].iov_len;
    }
}

static void take_value(const struct iovec *part)
{
    const uint64_t room = sizeof value.text - value.size, size = part->iov_len < room ? part->iov_len : room;
    memcpy(value.text + value.size, part->iov_base, size);
    value.size += (uint32_t)size;
}

void output_write(const struct iovec *parts, int count, uint64_t bytes)
{
    if (!is_sealed()) {
        write_parts(parts, count, bytes);
        return;
    }
    for (int i = 0; i < count; i++) {
        if (is_hiding()) take_value(&parts[i]);
        else gather(parts[i].iov_base, parts[i].iov_len);
    }
}

void output_end(void)
{
    if (!is_sealed()) return;
    SealedResultEnd end;
    if (is_hiding()) put_head();
    if (is_hiding()) gather((const uint8_t *)&value, sizeof value);
    seal_chunk(true);
    sealed_digest_end(&keys.digest, end.digest);
    if (stream_seal_note(&keys.output, view_of(end.digest, sizeof end.digest), end.tag).code) job_end(OUTCOME_SEAL_BROKEN);
    put((const uint8_t *)&end, sizeof end, take_room(sizeof end));
}

/* What does not fit into the log is dropped: standard error never fails a micro-job. */
void output_log(const struct iovec *parts, int count)
{
    for (int i = 0; i < count; i++) {
        uint64_t room = is_sealed() ? 0 : job.ask.log_max - job.answer.log_size, size = parts[i].iov_len < room ? parts[i].iov_len : room;
        job.answer.log_truncated |= size < parts[i].iov_len;
        put(parts[i].iov_base, size, job.ask.log_offset + job.answer.log_size);
        job.answer.log_size += (uint32_t)size;
    }
}
