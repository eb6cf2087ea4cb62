/*
 * One object on its way: its pieces asked for in a window that grows while they come and is halved when one does not. Written where they
 * belong as they come, in any order; the whole is hashed at the end.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "bus/message_subject.h"
#include "node/objects_parts.h"
#include "sys/fd.h"

enum {
    PIECE_BYTES = OBJECT_CHUNK_BYTES_MAX,
    WINDOW_FIRST = 4,
    LOST_MS = 1000,          /* a piece has not come in this time and some round trips: it is lost */
    LOST_RTTS = 4,
    PAUSE_MS = 200,          /* the manager is busy, or the disk is full */
    MEASURED_BYTES_MIN = 1 << 20,
    WHY_MAX = PATH_BYTES_MAX + 128
};

static bool has(const ObjectFetch *f, uint32_t piece) { return f->got[piece / 8] >> (piece % 8) & 1; }

static uint32_t piece_size(const ObjectFetch *f, uint32_t piece)
{
    uint64_t left = f->size - (uint64_t)piece * PIECE_BYTES;
    return left < PIECE_BYTES ? (uint32_t)left : PIECE_BYTES;
}

void fetch_stop(Objects *o, ObjectFetch *f)
{
    if (!f->active) return;
    store_give_up(o->config.store, &f->part);
    free(f->got);
    f->got = NULL;
    f->active = false;
    o->active_count--;
}

/* Later: there is no room now, or what came was wrong. */
static void put_off(Objects *o, ObjectFetch *f, uint64_t now_ns)
{
    fetch_stop(o, f);
    f->pause_ns = now_ns + PAUSE_MS * NS_PER_MS;
}

static void end_by_error(Objects *o, ObjectFetch *f, Err e)
{
    char why[WHY_MAX];
    snprintf(why, sizeof why, "%s: cannot keep an object of %llu bytes there: %s", store_folder(o->config.store), (unsigned long long)f->size,
             e.code == ERR_BUSY ? "it is full of what running tasks need" : err_text(e.code));
    fetch_end(o, f, e, why);
}

/* A full disk may become less full, and micro-jobs that hold the store end; everything else stays as it is. */
static void no_room(Objects *o, ObjectFetch *f, Err e, uint64_t now_ns, bool *ret_ended)
{
    bool may_change = e.code == ENOSPC || e.code == EDQUOT || e.code == ERR_BUSY;
    put_off(o, f, now_ns);
    if (f->no_room_ns == 0) f->no_room_ns = now_ns;
    if (may_change && (e.code == ERR_BUSY || now_ns - f->no_room_ns < o->config.patience_ns)) return;
    end_by_error(o, f, e);
    *ret_ended = true;
}

static Err begin(Objects *o, ObjectFetch *f, uint64_t now_ns, bool *ret_ended)
{
    if (store_has(o->config.store, &f->id, f->size)) { /* another fetch brought it, or another life */
        fetch_end(o, f, OK, "");
        *ret_ended = true;
        return OK;
    }
    f->piece_count = (uint32_t)((f->size + PIECE_BYTES - 1) / PIECE_BYTES);
    uint8_t *got = calloc(f->piece_count / 8 + 1, 1);
    if (!got) return FAIL(ENOMEM);
    Err e = store_begin(o->config.store, &f->id, f->size, &f->part);
    if (e.code) {
        free(got);
        no_room(o, f, e, now_ns, ret_ended);
        return OK;
    }
    f->got = got;
    f->next_piece = f->got_count = f->arrived = 0;
    f->window = WINDOW_FIRST;
    memset(f->asks, 0, sizeof f->asks);
    f->began_ns = f->heard_ns = now_ns;
    f->active = true;
    o->active_count++;
    return OK;
}

static Err ask(Objects *o, const ObjectFetch *f, PieceAsk *a, uint64_t now_ns)
{
    AUTO_BUFFER message = buffer_limited(KIB);
    ObjectGet get = {.id = f->id, .offset = (uint64_t)a->piece * PIECE_BYTES, .size = piece_size(f, a->piece)};
    TRY(message_put_object_get(&message, &get));
    a->used = true;
    a->lost = false;
    a->sent_ns = now_ns;
    Err e = bus_publish(o->config.bus, subject_object(&f->wants->from, o->config.node_id).text, &message);
    return e.code == ENOMEM ? e : OK; /* what is not heard is lost, and asked for again */
}

static void find_lost(Objects *o, ObjectFetch *f, uint64_t now_ns)
{
    uint64_t patience = LOST_MS * NS_PER_MS + LOST_RTTS * f->rtt_ns;
    if (patience > o->config.patience_ns / 3) patience = o->config.patience_ns / 3;
    bool some = false;
    for (int i = 0; i < OBJECTS_PIECES_MAX; i++) {
        PieceAsk *a = &f->asks[i];
        if (!a->used || a->lost || now_ns - a->sent_ns < patience) continue;
        a->lost = some = true;
        o->stats.asked_again++;
    }
    if (some && f->window > 1) f->window /= 2;
}

static uint32_t on_their_way(const ObjectFetch *f)
{
    uint32_t count = 0;
    for (int i = 0; i < OBJECTS_PIECES_MAX; i++) count += f->asks[i].used && !f->asks[i].lost;
    return count;
}

/* Lost ones first, then new ones. */
static Err ask_some(Objects *o, ObjectFetch *f, uint64_t now_ns)
{
    uint32_t room = on_their_way(f) < f->window ? f->window - on_their_way(f) : 0;
    for (int i = 0; i < OBJECTS_PIECES_MAX && room; i++) {
        PieceAsk *a = &f->asks[i];
        if (a->used && !a->lost) continue;
        if (!a->used) {
            if (f->next_piece == f->piece_count) continue;
            a->piece = f->next_piece++;
        }
        TRY(ask(o, f, a, now_ns));
        room--;
    }
    return OK;
}

Err fetch_turn(Objects *o, ObjectFetch *f, uint64_t now_ns, bool *ret_ended)
{
    if (now_ns < f->pause_ns) return OK;
    if (!f->active) TRY(begin(o, f, now_ns, ret_ended));
    if (*ret_ended || !f->active) return OK;
    if (now_ns > f->heard_ns && now_ns - f->heard_ns > o->config.patience_ns) {
        fetch_end(o, f, FAIL(ETIMEDOUT), "the manager does not send the object that it named");
        *ret_ended = true;
        return OK;
    }
    find_lost(o, f, now_ns);
    return ask_some(o, f, now_ns);
}

static void measure(Objects *o, const ObjectFetch *f, uint64_t now_ns)
{
    uint64_t took = now_ns > f->began_ns ? now_ns - f->began_ns : 1;
    o->stats.bytes += f->size;
    if (f->size < MEASURED_BYTES_MIN) return;
    uint64_t speed = (uint64_t)((double)f->size * (double)NS_PER_S / (double)took);
    o->stats.bytes_s = o->stats.bytes_s ? (3 * o->stats.bytes_s + speed) / 4 : speed;
}

/* Whole, by count; whether it is the object, its hash says. */
static void complete(Objects *o, ObjectFetch *f, uint64_t now_ns)
{
    Err e = store_finish(o->config.store, &f->part);
    if (e.code == 0) {
        measure(o, f, now_ns);
        fetch_end(o, f, OK, "");
        return;
    }
    if (e.code != ERR_CORRUPT) {
        end_by_error(o, f, e);
        return;
    }
    o->stats.corrupt++;
    put_off(o, f, now_ns);
    if (++f->corrupt >= OBJECTS_CORRUPT_MAX) fetch_end(o, f, e, "what the manager sends is not the object that it named: its hash is another");
}

static void learn(Objects *o, ObjectFetch *f, PieceAsk *a, uint64_t now_ns)
{
    uint64_t rtt = now_ns > a->sent_ns ? now_ns - a->sent_ns : 1;
    f->rtt_ns = f->rtt_ns ? (7 * f->rtt_ns + rtt) / 8 : rtt;
    uint64_t us = rtt / 1000 + 1;
    if (us < UINT32_MAX && (o->stats.latency_us == 0 || us < o->stats.latency_us)) o->stats.latency_us = (uint32_t)us;
    a->used = a->lost = false;
    if (++f->arrived < f->window) return;
    f->arrived = 0;
    if (f->window < OBJECTS_PIECES_MAX) f->window++;
}

static PieceAsk *ask_of(ObjectFetch *f, uint32_t piece)
{
    for (int i = 0; i < OBJECTS_PIECES_MAX; i++)
        if (f->asks[i].used && f->asks[i].piece == piece) return &f->asks[i];
    return NULL;
}

static Err write_piece(Objects *o, const ObjectFetch *f, const ObjectChunk *chunk)
{
    Err e = fd_pwrite_all(f->part.fd, chunk->bytes, chunk->offset);
    if (e.code != ENOSPC && e.code != EDQUOT) return e;
    bool some;
    store_shrink(o->config.store, &some);
    return some ? fd_pwrite_all(f->part.fd, chunk->bytes, chunk->offset) : e;
}

/* Only what was asked for and has not come yet; a second copy of a piece would find no ask of its own. */
Err fetch_take(Objects *o, ObjectFetch *f, const ObjectChunk *chunk, uint64_t now_ns)
{
    uint64_t piece = chunk->offset / PIECE_BYTES;
    if (chunk->offset % PIECE_BYTES || piece >= f->piece_count || chunk->bytes.size != piece_size(f, (uint32_t)piece)) return OK;
    PieceAsk *a = ask_of(f, (uint32_t)piece);
    if (!a || has(f, (uint32_t)piece)) return OK;
    Err e = write_piece(o, f, chunk);
    bool ended = false;
    if (e.code) {
        no_room(o, f, e, now_ns, &ended);
        return OK;
    }
    f->got[piece / 8] |= (uint8_t)(1u << (piece % 8));
    f->heard_ns = now_ns;
    learn(o, f, a, now_ns);
    if (++f->got_count == f->piece_count) {
        complete(o, f, now_ns);
        return OK;
    }
    return ask_some(o, f, now_ns);
}

void fetch_none(Objects *o, ObjectFetch *f, int32_t code, uint64_t now_ns)
{
    if (code == ERR_BUSY) {
        for (int i = 0; i < OBJECTS_PIECES_MAX; i++) f->asks[i].lost = f->asks[i].used;
        f->window = 1;
        f->pause_ns = now_ns + PAUSE_MS * NS_PER_MS;
        return;
    }
    fetch_end(o, f, FAIL(code), code == ERR_NO_ENTRY ? "the manager does not have the object that it named" : "the manager cannot read the object that it named");
}
