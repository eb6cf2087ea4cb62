/* Five bodies under gravity, symplectic Euler steps: short loops of dependent floating point with square roots and divisions. */
#include "kernel.h"

#include <math.h>

enum { BODIES = 5, STEPS = 1200000 };

typedef struct { double x, y, z, vx, vy, vz, mass; } Body;

static Body body[BODIES];

static void step(double dt)
{
    for (int i = 0; i < BODIES; i++) {
        Body *p = &body[i];
        for (int j = i + 1; j < BODIES; j++) {
            Body *q = &body[j];
            double dx = p->x - q->x, dy = p->y - q->y, dz = p->z - q->z;
            double square = dx * dx + dy * dy + dz * dz + 0.01;
            double pull = dt / (square * sqrt(square));
            p->vx -= dx * q->mass * pull;
            p->vy -= dy * q->mass * pull;
            p->vz -= dz * q->mass * pull;
            q->vx += dx * p->mass * pull;
            q->vy += dy * p->mass * pull;
            q->vz += dz * p->mass * pull;
        }
    }
    for (int i = 0; i < BODIES; i++) {
        body[i].x += dt * body[i].vx;
        body[i].y += dt * body[i].vy;
        body[i].z += dt * body[i].vz;
    }
}

int main(void)
{
    uint64_t seed = 2, sum = 0;
    for (int i = 0; i < BODIES; i++) {
        double *field = &body[i].x;
        for (int k = 0; k < 6; k++) field[k] = (double)(kernel_random(&seed) >> 40) / 16777216.0 - 0.5;
        body[i].mass = 0.1 + i;
    }
    for (int i = 0; i < STEPS; i++) step(0.0001);
    for (int i = 0; i < BODIES; i++) sum = kernel_fold(sum, kernel_double_bits(body[i].x + body[i].vy));
    return kernel_done(sum);
}
