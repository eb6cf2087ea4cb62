/*
 * Trains the network, deterministically, in seconds: standard input is the training images (idx3) followed by their labels (idx1),
 * standard output a C header with the weights. Stochastic gradient descent on the cross entropy, a smaller step every epoch.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "network.h"

enum { IMAGES = 60000, IMAGES_HEAD = 16, LABELS_HEAD = 8, EPOCHS = 5 };

static uint8_t images_file[IMAGES_HEAD + IMAGES * PIXELS], labels_file[LABELS_HEAD + IMAGES];
static Network network;

static void die(const char *why)
{
    fprintf(stderr, "train: %s\n", why);
    exit(1);
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(void)
{
    static uint64_t state = 1;
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Uniform in +-sqrt(6 / inputs) (He, Zhang, Ren, Sun 2015). */
static void randomise(float *weights, size_t count, int inputs)
{
    float range = sqrtf(6.0f / (float)inputs);
    for (size_t i = 0; i < count; i++) weights[i] = ((float)(next_random() >> 40) / (float)(1 << 23) - 1.0f) * range;
}

/* Scores to probabilities, minus the truth: the gradient of the cross entropy. */
static void output_gradient(const float scores[CLASSES], int label, float ret_gradient[CLASSES])
{
    float highest = scores[0], sum = 0;
    for (int c = 1; c < CLASSES; c++) highest = fmaxf(highest, scores[c]);
    for (int c = 0; c < CLASSES; c++) sum += ret_gradient[c] = expf(scores[c] - highest);
    for (int c = 0; c < CLASSES; c++) ret_gradient[c] = ret_gradient[c] / sum - (c == label ? 1.0f : 0.0f);
}

static void learn(const uint8_t *image, int label, float step)
{
    Activation a;
    float up[CLASSES], down[HIDDEN];

    network_run(&network, image, &a);
    output_gradient(a.scores, label, up);
    for (int h = 0; h < HIDDEN; h++) {
        down[h] = 0;
        for (int c = 0; c < CLASSES; c++) {
            down[h] += network.output[h * CLASSES + c] * up[c];
            network.output[h * CLASSES + c] -= step * a.hidden[h] * up[c];
        }
        if (a.hidden[h] == 0) down[h] = 0;
        network.hidden_bias[h] -= step * down[h];
    }
    for (int c = 0; c < CLASSES; c++) network.output_bias[c] -= step * up[c];
    for (int i = 0; i < PIXELS; i++) {
        if (image[i] == 0) continue;
        for (int h = 0; h < HIDDEN; h++) network.hidden[i * HIDDEN + h] -= step * a.pixels[i] * down[h];
    }
}

static void print(const char *field, const float *weights, size_t count)
{
    printf("    .%s = {", field);
    for (size_t i = 0; i < count; i++) printf("%s%.9g%s", i % 8 ? " " : "\n", weights[i], i + 1 < count ? "," : "");
    printf("},\n");
}

int main(void)
{
    if (fread(images_file, 1, sizeof images_file, stdin) != sizeof images_file) die("the training images are cut short");
    if (fread(labels_file, 1, sizeof labels_file, stdin) != sizeof labels_file) die("the training labels are cut short");
    const uint8_t *images = images_file + IMAGES_HEAD, *labels = labels_file + LABELS_HEAD;
    for (int i = 0; i < IMAGES; i++) {
        if (labels[i] >= CLASSES) die("a label is not a class");
    }

    randomise(network.hidden, PIXELS * HIDDEN, PIXELS);
    randomise(network.output, HIDDEN * CLASSES, HIDDEN);
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
        for (int i = 0; i < IMAGES; i++) {
            size_t which = next_random() % IMAGES;
            learn(images + which * PIXELS, labels[which], 0.01f / (float)(1 + epoch));
        }
    }

    printf("/* Made by train.c. */\nstatic const Network network = {\n");
    print("hidden", network.hidden, PIXELS * HIDDEN);
    print("hidden_bias", network.hidden_bias, HIDDEN);
    print("output", network.output, HIDDEN * CLASSES);
    print("output_bias", network.output_bias, CLASSES);
    printf("};\n");
    return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 1;
}
