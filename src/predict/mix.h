/**
 * Mixing in the log domain, with weights learned online (as in PAQ; Mattern 2013): p(t) ~ exp(sum over models m of w_m log p_m(t)), where the weights
 * are sums over a few sets, each chosen by a small context, and follow the gradient of the log loss. And mixing in the linear domain with fixed share
 * (Herbster, Warmuth 1998): never worse in log loss than any one of its members by more than a constant (with
 * a rate of learning below 1 a larger constant, and less haste).
 */
#pragma once
#include "predict/predict.h"

enum { MIX_SETS = 3, MIX_MODELS_MAX = 24, MIX_MEMBERS_MAX = 8 };

typedef struct {
    unsigned models, contexts[MIX_SETS];
    float *weights[MIX_SETS];       /* [context][model] */
    float *rates[MIX_SETS];         /* sums of squared gradients: each weight has a rate of its own (Duchi 2011) */
} Mixer;

MUST_USE Err mixer_new(unsigned models, const unsigned contexts[MIX_SETS], Mixer *ret_mixer);
void mixer_free(Mixer *m);
size_t mixer_memory(const Mixer *m);
/** Both of the same sizes. */
void mixer_copy(Mixer *m, const Mixer *from);
/** Where a model speaks from the beginning: the first set's weight of it. */
void mixer_begin(Mixer *m, unsigned model, float weight);
/** The sum of the sets, for these contexts. */
void mixer_weights(const Mixer *m, const unsigned at[MIX_SETS], float ret_weights[MIX_MODELS_MAX]);
/** logs: [model][stride], of `count` tasks. ret_p sums to 1. */
void mixer_distribution(const float *weights, unsigned models, const float *logs, size_t stride, size_t count, float *ret_p);
/** p: what mixer_distribution gave for it. rates: of each set; those with many contexts see less, and must not chase it. */
void mixer_learn(Mixer *m, const unsigned at[MIX_SETS], const float *p, const float *logs, size_t stride, size_t count, uint16_t task,
                 const float rates[MIX_SETS]);

typedef struct { unsigned members; float weights[MIX_MEMBERS_MAX]; } Shares;
/** At least two; most is given to the last. */
void shares_begin(Shares *s, unsigned members);
/** p: what each member gave to what happened. */
void shares_learn(Shares *s, const float *p);
