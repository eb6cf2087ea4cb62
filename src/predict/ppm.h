/**
 * Prediction by partial match (Cleary, Witten 1984): the longest context that was seen before speaks first; what it leaves to tasks that never
 * followed it ("escape", method C of Moffat 1990: distinct / (total + distinct)) goes to the next shorter one, and so on; the rest evenly to all
 * others. Tasks that a longer context has spoken of are excluded below.
 */
#pragma once
#include "predict/contexts.h"
#include "predict/session.h"

enum { PPM_ORDER_MAX = 6 };

/** Hashes of the contexts of order 0..; returns how many there are: the start of a session is part of the longest. s NULL: nothing happened yet. */
unsigned ppm_contexts(const Session *s, uint64_t ret_hashes[PPM_ORDER_MAX + 1]);
/**
 * ret_p[0..count-1] by task, sum 1; ret_order: the longest order that matched, -1: none.
 * excluded   scratch of `count` bytes
 */
void ppm_distribution(const Contexts *c, const uint64_t *hashes, unsigned orders, size_t count, uint8_t *excluded, float *ret_p, int *ret_order);
void ppm_learn(Contexts *c, const uint64_t *hashes, unsigned orders, uint16_t task);
