/* The neural models' part: states are kept for the sessions seen last; one that was lost is computed again from the events that are kept. */
#include <errno.h>
#include <stdlib.h>

#include "predict/predictor_parts.h"

static Err resize_states(Predictor *p)
{
    size_t floats = 0;
    for (int i = 0; i < NETS; i++)
        if (p->nets[i]) floats += net_state_floats(p->nets[i]);
    float *states = calloc((size_t)p->options.states_max * floats + 1, sizeof *states);
    NeuralState *state_of = calloc(p->options.states_max, sizeof *state_of);
    if (!states || !state_of) {
        free(states);
        free(state_of);
        return FAIL(ENOMEM);
    }
    free(p->states);
    free(p->state_of);
    p->states = states;
    p->state_of = state_of;
    p->state_floats = floats;
    for (uint32_t i = 1; i <= p->sessions.used; i++) p->sessions.all[i].state = 0;
    return OK;
}

static const float COUNTS_PART = 0.6f, NET_PART = 0.25f; /* with how much the models begin when a net joins them */

Err predictor_set_net(Predictor *p, Net *net)
{
    Net **place = &p->nets[net_model(net) == PREDICT_TRANSFORMER], *before = *place;
    *place = net;
    Err e = resize_states(p);
    if (e.code) {
        *place = before;
        return e;
    }
    bool replaces = before != NULL;
    net_free(before);
    if (!replaces) mixer_begin(&p->all, SAY_COUNTS - SAY_PPM, COUNTS_PART); /* a successor keeps the weights of the one before */
    if (!replaces) mixer_begin(&p->all, (net_model(net) == PREDICT_TRANSFORMER ? SAY_TRANSFORMER : SAY_LSTM) - SAY_PPM, NET_PART);
    p->say.valid = false;
    return OK;
}

/* The session's state, brought up to its last event. */
static float *state_for(Predictor *p, Session *s)
{
    NeuralState *of = s->state ? &p->state_of[s->state - 1] : NULL;
    bool kept = of && of->session == s->id && of->events <= s->count && s->count - of->events <= SESSION_STEPS_MAX;
    if (!kept) {
        uint32_t victim = p->state_next++ % p->options.states_max; /* as they came: nearly by last use, at no cost */
        s->state = victim + 1;
        of = &p->state_of[victim];
        *of = (NeuralState){s->id, s->count > SESSION_STEPS_MAX ? s->count - SESSION_STEPS_MAX : 0};
    }
    float *state = p->states + (size_t)(s->state - 1) * p->state_floats;
    for (int i = 0; i < NETS; i++) {
        Net *n = p->nets[i];
        if (!n) continue;
        if (!kept) net_begin(n, state);
        for (uint32_t k = of->events; k < s->count; k++) net_step(n, state, session_step(s, s->count - 1 - k));
        state += net_state_floats(n);
    }
    of->events = s->count;
    return p->states + (size_t)(s->state - 1) * p->state_floats;
}

void predictor_say_nets(Predictor *p)
{
    Say *say = &p->say;
    Session *s = say->s ? session_find(&p->sessions, say->session) : NULL;
    const float *state = s && s->count && (p->nets[0] || p->nets[1]) ? state_for(p, s) : NULL;
    for (int i = 0; i < NETS; i++) {
        float *row = say_row(say, SAY_LSTM + (unsigned)i);
        const float *ppm = say_row(say, SAY_PPM);
        memcpy(row, say_row(say, SAY_COUNTS), say->count * sizeof *row); /* where a net has nothing to say it agrees with the counting models */
        if (!p->nets[i] || !state) continue;
        unsigned tasks = net_tasks(p->nets[i]);
        net_say(p->nets[i], state, row);
        if (tasks < say->count) { /* tasks that came up since it was trained: what PPM gives them */
            float known = 0, all = 0;
            for (size_t t = 0; t < say->count; t++) {
                if (t >= tasks) row[t] = ppm[t];
                else known += row[t];
                all += row[t];
            }
            for (size_t t = 0; t < say->count; t++) row[t] /= all > 0 ? all : known;
        }
        state += net_state_floats(p->nets[i]);
    }
}
