/** What a stream of predictions was worth: top-1, top-3, log loss, calibration. */
#pragma once
#include <stddef.h>
#include <stdint.h>

enum { SCORE_BINS = 15 };

typedef struct {
    uint64_t asked, top1, top3;
    double loss;                    /* sum of -log p */
    struct { uint64_t count, right; double sure; } bins[SCORE_BINS]; /* by probability of the first */
} Score;

/** p: probabilities by number, from `first` to count-1. Among equals the lower number stands before. */
void score_add(Score *s, const float *p, size_t first, size_t count, size_t target);
double score_top1(const Score *s);
double score_top3(const Score *s);
double score_log_loss(const Score *s); /* nats per prediction */
double score_ece(const Score *s);      /* expected calibration error of the first, SCORE_BINS equal bins (Guo 2017) */
