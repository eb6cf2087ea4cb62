/* Neural models: none can be made yet; until then nothing is called with one. */
#include "predict/net.h"
void net_free(Net *n) { (void)n; }
PredictModel net_model(const Net *n) { (void)n; return PREDICT_LSTM; }
unsigned net_tasks(const Net *n) { (void)n; return 0; }
size_t net_state_floats(const Net *n) { (void)n; return 0; }
size_t net_memory(const Net *n) { (void)n; return 0; }
void net_begin(const Net *n, float *state) { (void)n; (void)state; }
void net_step(Net *n, float *state, const Step *step) { (void)n; (void)state; (void)step; }
void net_say(Net *n, const float *state, float *p) { (void)n; (void)state; (void)p; }
