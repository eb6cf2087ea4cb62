/* The blend's arithmetic. */
#include "predict/mix.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "predict/vector.h"

static const float GRADIENT_MAX = 4;

Err mixer_new(unsigned models, const unsigned contexts[MIX_SETS], Mixer *ret_mixer)
{
    Mixer m = {.models = models};
    for (int i = 0; i < MIX_SETS; i++) {
        m.contexts[i] = contexts[i];
        m.weights[i] = calloc((size_t)contexts[i] * models, sizeof *m.weights[i]);
        m.rates[i] = calloc((size_t)contexts[i] * models, sizeof *m.rates[i]);
        if (m.weights[i] && m.rates[i]) continue;
        mixer_free(&m);
        return FAIL(ENOMEM);
    }
    *ret_mixer = m;
    return OK;
}

void mixer_free(Mixer *m)
{
    for (int i = 0; i < MIX_SETS; i++) {
        free(m->weights[i]);
        free(m->rates[i]);
    }
    *m = (Mixer){0};
}

size_t mixer_memory(const Mixer *m)
{
    size_t sum = 0;
    for (int i = 0; i < MIX_SETS; i++) sum += (size_t)m->contexts[i] * m->models * 2 * sizeof(float);
    return sum;
}

void mixer_copy(Mixer *m, const Mixer *from)
{
    for (int i = 0; i < MIX_SETS; i++) {
        size_t size = (size_t)m->contexts[i] * m->models * sizeof(float);
        memcpy(m->weights[i], from->weights[i], size);
        memcpy(m->rates[i], from->rates[i], size);
    }
}

void mixer_begin(Mixer *m, unsigned model, float weight)
{
    for (unsigned i = 0; i < m->contexts[0]; i++) m->weights[0][i * m->models + model] = weight;
}

void mixer_weights(const Mixer *m, const unsigned at[MIX_SETS], float ret_weights[MIX_MODELS_MAX])
{
    for (unsigned k = 0; k < m->models; k++) {
        ret_weights[k] = 0;
        for (int i = 0; i < MIX_SETS; i++) ret_weights[k] += m->weights[i][at[i] * m->models + k];
    }
}

void mixer_distribution(const float *weights, unsigned models, const float *logs, size_t stride, size_t count, float *ret_p)
{
    memset(ret_p, 0, count * sizeof *ret_p);
    for (unsigned k = 0; k < models; k++)
        if (weights[k] != 0) vector_add(ret_p, logs + k * stride, weights[k], count);
    vector_softmax(ret_p, count);
}

void mixer_learn(Mixer *m, const unsigned at[MIX_SETS], const float *p, const float *logs, size_t stride, size_t count, uint16_t task,
                 const float rates[MIX_SETS])
{
    for (unsigned k = 0; k < m->models; k++) {
        const float *log_p = logs + k * stride;
        float gradient = log_p[task] - vector_dot(p, log_p, count);
        gradient = gradient > GRADIENT_MAX ? GRADIENT_MAX : gradient < -GRADIENT_MAX ? -GRADIENT_MAX : gradient;
        for (int i = 0; i < MIX_SETS; i++) {
            size_t w = at[i] * m->models + k;
            m->rates[i][w] += gradient * gradient;
            m->weights[i][w] += rates[i] * gradient / sqrtf(1 + m->rates[i][w]);
        }
    }
}

static const float LAST_SHARE = 0.7f, SHARE = 0.0005f, SHARE_RATE = 0.2f; /* below 1: a bad moment does not turn everything over */

void shares_begin(Shares *s, unsigned members)
{
    s->members = members;
    for (unsigned i = 0; i < members; i++) s->weights[i] = i + 1 < members ? (1 - LAST_SHARE) / (float)(members - 1) : LAST_SHARE;
}

void shares_learn(Shares *s, const float *p)
{
    float sum = 0;
    for (unsigned i = 0; i < s->members; i++) sum += s->weights[i] *= exp_of(SHARE_RATE * log_of(p[i] > 1e-9f ? p[i] : 1e-9f));
    for (unsigned i = 0; i < s->members; i++) s->weights[i] = s->weights[i] / sum * (1 - SHARE) + SHARE / (float)s->members;
}
