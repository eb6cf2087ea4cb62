/** Names of tasks and their numbers, 1..; bounded. */
#pragma once
#include "predict/predict.h"

typedef struct { uint8_t *names[PREDICT_TASKS_MAX + 1]; uint8_t sizes[PREDICT_TASKS_MAX + 1]; uint16_t slots[2048]; uint16_t count; } Vocabulary;

void vocabulary_free(Vocabulary *v);
/** errors: ERR_LIMIT, ERR_USAGE, ENOMEM */
MUST_USE Err vocabulary_number(Vocabulary *v, View name, uint16_t *ret_number);
View vocabulary_name(const Vocabulary *v, uint16_t number);
