/* Fuzzes checkpoints: with the checksum as it came, and made right, so that what lies behind it is read too. */
#include <stdlib.h>

#include "predict/checkpoint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void load(View bytes)
{
    AUTO_PREDICTOR p = NULL;
    AUTO_BUFFER again = buffer_limited(CHECKPOINT_BYTES_MAX);
    const PredictorOptions o = {.sessions_max = 4, .contexts_max = 4, .states_max = 1, .clients_max = 8};
    Prediction prediction;
    Diag diag;
    if (predictor_new(&o, &p).code) abort();
    if (predictor_load(p, bytes, &diag).code) return;
    predictor_learn(p, &(PredictEvent){.session = 1, .task = 1});
    predictor_predict(p, 1, NULL, &prediction);
    if (predictor_save(p, &again).code || again.size == 0) abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { BYTES_MAX = 1 << 16 };
    load(view_of(data, size));
    if (size < 20 || size > BYTES_MAX) return 0;
    uint8_t *copy = malloc(size);
    if (!copy) return 0;
    memcpy(copy, data, size);
    uint32_t whole = (uint32_t)size;
    for (int i = 0; i < 4; i++) copy[12 + i] = (uint8_t)(whole >> (8 * i));
    uint32_t crc = checkpoint_crc(view_of(copy, size - 4));
    for (int i = 0; i < 4; i++) copy[size - 4 + (size_t)i] = (uint8_t)(crc >> (8 * i));
    load(view_of(copy, size));
    free(copy);
    return 0;
}
