/*
 * The network that train.c trains and classify.c runs: 784 pixels, one hidden layer of 32 rectified units, 10 classes.
 * Plain float arithmetic in a fixed order: the same weights and pixels give the same answer on every machine, in a SEE and outside.
 */
#pragma once
#include <stdint.h>
#include <string.h>

enum { PIXELS = 784, HIDDEN = 32, CLASSES = 10 };

typedef struct {
    float hidden[PIXELS * HIDDEN], hidden_bias[HIDDEN];
    float output[HIDDEN * CLASSES], output_bias[CLASSES];
} Network;

typedef struct { float pixels[PIXELS], hidden[HIDDEN], scores[CLASSES]; } Activation;

/* Fills `a` from one image and returns the class with the highest score. */
static int network_run(const Network *n, const uint8_t *image, Activation *a)
{
    memcpy(a->hidden, n->hidden_bias, sizeof a->hidden);
    for (int i = 0; i < PIXELS; i++) {
        a->pixels[i] = (float)image[i] / 255.0f;
        if (image[i] == 0) continue; /* half of all pixels */
        for (int h = 0; h < HIDDEN; h++) a->hidden[h] += a->pixels[i] * n->hidden[i * HIDDEN + h];
    }
    memcpy(a->scores, n->output_bias, sizeof a->scores);
    for (int h = 0; h < HIDDEN; h++) {
        if (a->hidden[h] < 0) a->hidden[h] = 0;
        for (int c = 0; c < CLASSES; c++) a->scores[c] += a->hidden[h] * n->output[h * CLASSES + c];
    }
    int best = 0;
    for (int c = 1; c < CLASSES; c++) {
        if (a->scores[c] > a->scores[best]) best = c;
    }
    return best;
}
