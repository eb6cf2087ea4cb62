/**
 * The micro-jobs of a stage that are not yet behind us: a window from `base`, the oldest whose result nobody has taken, to `next`, the
 * first not yet cut. A ring, so that a task of any length needs memory only for how far its micro-jobs run ahead of each other.
 * Pure: no I/O, no clock.
 */
#pragma once
#include "base/bytes.h"

enum { WINDOW_AHEAD_MAX = 1 << 18 };  /* no more are cut while the oldest unfinished one is this far behind */

typedef enum { JOB_OPEN, JOB_DONE, JOB_FAILED } JobState;

/** A path that many segments share. */
typedef struct { uint32_t references; char text[]; } SegmentPath;

/** A micro-job as it was sent to one member. */
typedef struct {
    uint32_t member;        /* its number; 0: nobody */
    uint16_t attempt;       /* the number that its answer must carry */
    uint8_t why;            /* CopyWhy of swarm/copies.h */
    float charge_s;         /* what placement charged the node */
    uint32_t sent_ms;       /* since the manager began */
} Copy;

/** More copies, and votes; only where there are any (swarm/copies.h). */
typedef struct JobMore JobMore;

typedef struct {
    uint64_t offset, size;  /* of the segment; once JOB_DONE: of the result in the spool */
    uint64_t plain_size;    /* of a sealed segment */
    union { SegmentPath *path; uint8_t *bytes; } held; /* SEGMENT_RANGE, SEGMENT_INLINE; until the job has ended */
    Copy first;
    JobMore *more;          /* NULL: none */
    uint8_t *object;        /* id of the object that nodes ask for the segment by (swarm/manager_objects.c); NULL: none */
    uint16_t attempts;      /* times it was sent: the last number that an answer may carry */
    uint8_t state, kind;
    uint8_t tries;          /* ends that count against the limit of attempts */
    uint8_t returns;        /* times it came back without having run */
    uint8_t wanted;         /* copies that wait to be sent */
    bool with_header : 1, outlived : 1, copied : 1 /* somebody found it slow, and it got one more copy */;
} WindowJob;

typedef struct {
    WindowJob *ring;
    uint64_t base, next, room;         /* room is a power of two */
    struct { uint64_t index; uint8_t why; } *wanted; /* ring of copies that wait to be sent, oldest first */
    uint64_t wanted_head, wanted_count, wanted_room;
    uint64_t inline_bytes;             /* held by all */
} Window;

void window_free(Window *w);
/** The job, or NULL when it is behind us or not cut yet. Valid until the next window_push. */
WindowJob *window_at(const Window *w, uint64_t index);
/** Appends a job, all zeros (JOB_OPEN); its index is next - 1 afterwards. errors: ERR_LIMIT (WINDOW_AHEAD_MAX), ENOMEM */
MUST_USE Err window_push(Window *w, WindowJob **ret_job);
/** Leaves the oldest job behind; it must have ended. */
void window_pop(Window *w);
/** One (more) copy of the job is to be sent: to the end of the queue. errors: ENOMEM */
MUST_USE Err window_want(Window *w, uint64_t index, uint8_t why);
/** Takes the copy that has waited longest; of jobs that have ended in the meantime nothing is wanted any more. false: none. */
bool window_take_wanted(Window *w, uint64_t *ret_index, uint8_t *ret_why);
/** Gives back what holds the segment, and votes. */
void window_release(Window *w, WindowJob *job);

MUST_USE Err segment_path_new(const char *text, SegmentPath **ret_path);
void segment_path_drop(SegmentPath **path);
