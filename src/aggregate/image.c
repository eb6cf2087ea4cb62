/*
 * The built-in image of private tasks: the only program that the key broker gives the answer's key. Native code behind the same walls as any image.
 *
 * First stage: reads the records of one segment, bounds what a person contributes, clamps, adds up. Later stages: add up what others made, or take in
 * the numbers that a module said. Whoever covers all segments adds noise from the kernel's randomness, writes the answer and forgets the rest.
 * What it does, it is told by the key broker alone, inside the grant; arguments and environment are not looked at.
 */
#include <sodium.h>
#include <sys/random.h>
#include <sys/uio.h>

#include "aggregate/work.h"
#include "see/note.h"
#include "see/sealed.h"

SEE_NOTE(.memory_pages_initial = 1, .memory_pages_max = 1, .builder = "covey aggregate");

enum { PIECE_BYTES = 64 << 10 };
/* What a micro-job ends with when it cannot go on: the same for every segment, or because of sizes alone. */
enum { EXIT_REQUEST = 2, EXIT_COLUMN = 3, EXIT_ROOM = 4, EXIT_PARTIAL = 5, EXIT_RELEASE = 6 };

static Work work;
static _Alignas(16) uint8_t memory[WORK_MEMORY_BYTES];
static _Alignas(16) uint8_t piece[WORK_FRAME_MAX], output[WORK_ANSWER_MAX];
static struct { uint8_t nothing; } instance;

static _Noreturn void fail(uint32_t code)
{
    job.answer.exit_code = code;
    job_end(OUTCOME_EXIT_CODE);
}

static Err fill_from_kernel(void *context, void *bytes, size_t size)
{
    (void)context;
    uint8_t *at = bytes;
    while (size > 0) {
        const size_t step = size < 256 ? size : 256; /* getrandom never gives less than asked up to here */
        if (getrandom(at, step, 0) != (ssize_t)step) return FAIL(ERR_LIMIT);
        at += step;
        size -= step;
    }
    return OK;
}

static void write_out(const Buffer *b)
{
    const struct iovec part = {b->data, b->size};
    output_write(&part, 1, b->size);
}

static void read_records(void)
{
    const uint64_t size = input_size();
    Err e = OK;
    for (uint64_t at = 0; at < size && !e.code; at += PIECE_BYTES) {
        const uint64_t step = size - at < PIECE_BYTES ? size - at : PIECE_BYTES;
        input_read(piece, step, at);
        e = work_feed(&work, view_of(piece, step));
    }
    if (!e.code) e = work_end(&work);
    if (e.code) fail(e.code == ERR_NO_ENTRY ? EXIT_COLUMN : EXIT_ROOM);
}

static void take_piece(const Piece *p, bool is_value)
{
    const PrivateValue *value = (const PrivateValue *)piece;
    if (p->plain_size > sizeof piece || (is_value && p->plain_size != sizeof *value)) fail(EXIT_PARTIAL);
    input_read(piece, p->plain_size, p->plain_start);
    if (is_value) work_value(&work, view_of(value->text, value->size <= sizeof value->text ? value->size : 0));
    else if (work_merge(&work, view_of(piece, p->plain_size)).code) fail(EXIT_PARTIAL);
}

static void read_results(void)
{
    const uint64_t stage = job.ask.stage_and_job >> STAGE_SHIFT;
    const bool values = stage == 1 && !request_reads_records(work.request);
    for (uint32_t i = 0; i < keys.piece_count; i++) take_piece(&keys.pieces[i], values);
}

static void start(void)
{
    Buffer out = {.data = output, .capacity = sizeof output, .limit = sizeof output};
    const uint32_t role = private_setup.role;
    if (role != ROLE_RECORDS && role != ROLE_COMBINE) fail(EXIT_REQUEST);
    const uint64_t bytes = role == ROLE_RECORDS ? input_size() + 1 : 0;
    if (work_begin(&work, &private_setup.request, private_setup.segments, bytes, memory, sizeof memory, NULL).code) fail(EXIT_REQUEST);
    if (role == ROLE_RECORDS) read_records();
    else read_results();
    if (session_makes_answer()) {
        NoiseSource source = {.fill = fill_from_kernel, .steady = true};
        if (work_release(&work, &source, private_setup.segments, &out).code) fail(EXIT_RELEASE);
        noise_wipe(&source);
    } else if (work_save(&work, &out).code) {
        fail(EXIT_ROOM);
    }
    write_out(&out);
}

static void instantiate(void) {}

const SeeModule see_module = {&instance, sizeof instance, instantiate, start};
