/**
 * The counting models beside PPM: each looks at one view of the session (its last tasks with the time that passed, the set of what happened, the
 * hour, attributes, its own habits), counts what followed, and leaves what it does not know to PPM:
 *
 *     p(t) = (count(t) + distinct * ppm(t)) / (total + distinct)       Witten, Bell 1991
 *
 * The last views are not of tasks but of ranks: "the same again", "the one before that", "a new one"; so that they hold for tasks never seen.
 */
#pragma once
#include "predict/contexts.h"
#include "predict/session.h"

typedef enum {
    VIEW_TASK, VIEW_TASKS_2, VIEW_TASKS_3, VIEW_GAP, VIEW_GAP_2, VIEW_GAP_3, VIEW_TIMES, VIEW_SET, VIEW_BAG, VIEW_CLOCK, VIEW_AGE, VIEW_ATTRIBUTES,
    VIEW_PREFIX, VIEW_LATELY, VIEW_LATELY_2, VIEW_OWN_TASK, VIEW_HASHED, /* those above are contexts of tasks */
    VIEW_OWN_RECENT = VIEW_HASHED, VIEW_RANKS, VIEW_RUN, VIEW_COUNT
} ViewKind;
const char *view_name(ViewKind kind);

enum { RANK_NEW = SESSION_OWN_MAX, RANK_END, RANK_COUNT };

/** What the views see of a session (NULL: nothing happened). Those of VIEW_RANKS and VIEW_RUN count ranks. */
void views_contexts(const Session *s, uint64_t ret_hashes[VIEW_COUNT]);
/** One view's distribution over `count` tasks; base: that of PPM. */
void view_distribution(const Contexts *c, ViewKind kind, uint64_t hash, const Session *s, const float *base, size_t count, float *ret_p);
/** everybody: false: only the view of the session's own habits learns. */
void views_learn(Contexts *c, Contexts *own, const uint64_t hashes[VIEW_COUNT], const Session *s, uint16_t task, bool everybody);
