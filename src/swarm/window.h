/**
 * The micro-jobs of a stage that are not yet behind us: a window from `base`, the oldest whose result nobody has taken, to `next`, the
 * first not yet cut. A ring, so that a task of any length needs memory only for how far its micro-jobs run ahead of each other.
 * Pure: no I/O, no clock.
 */
#pragma once
#include "base/bytes.h"

enum { WINDOW_AHEAD_MAX = 1 << 18 };  /* no more are cut while the oldest unfinished one is this far behind */

typedef enum { JOB_WAITING, JOB_OUTSTANDING, JOB_DONE, JOB_FAILED } JobState;

/** A path that many segments share. */
typedef struct { uint32_t references; char text[]; } SegmentPath;

typedef struct {
    uint64_t offset, size;  /* of the segment; once JOB_DONE: of the result in the spool */
    uint64_t plain_size;    /* of a sealed segment */
    union { SegmentPath *path; uint8_t *bytes; } held; /* SEGMENT_RANGE, SEGMENT_INLINE; until the job has ended */
    uint32_t member;        /* JOB_OUTSTANDING: who has it */
    uint16_t attempt;       /* the number that a result must carry; counts every time it was sent */
    uint8_t state, kind;
    uint8_t tries;          /* ends that count against the limit of attempts */
    uint8_t returns;        /* times it came back without having run */
    bool with_header, outlived;
} WindowJob;

typedef struct {
    WindowJob *ring;
    uint64_t base, next, room;         /* room is a power of two */
    uint64_t *waiting;                 /* ring of jobs to be sent again, oldest first; as much room */
    uint64_t waiting_head, waiting_count;
    uint64_t inline_bytes;             /* held by all */
} Window;

void window_free(Window *w);
/** The job, or NULL when it is behind us or not cut yet. Valid until the next window_push. */
WindowJob *window_at(const Window *w, uint64_t index);
/** Appends a job, all zeros (JOB_WAITING); its index is next - 1 afterwards. errors: ERR_LIMIT (WINDOW_AHEAD_MAX), ENOMEM */
MUST_USE Err window_push(Window *w, WindowJob **ret_job);
/** Leaves the oldest job behind; it must have ended. */
void window_pop(Window *w);
/** A job that was out goes to the end of those to be sent again. */
void window_send_again(Window *w, uint64_t index);
/** Takes the job that has waited longest to be sent again; false when there is none. */
bool window_take_waiting(Window *w, uint64_t *ret_index);
/** Gives back what holds the segment. */
void window_release(Window *w, WindowJob *job);

MUST_USE Err segment_path_new(const char *text, SegmentPath **ret_path);
void segment_path_drop(SegmentPath **path);
