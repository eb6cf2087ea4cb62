/* Names in a hash table with open addressing; it is at most half full. */
#include "predict/vocabulary.h"

#include <errno.h>
#include <stdlib.h>

#include "predict/hash.h"

enum { SLOTS = sizeof((Vocabulary *)0)->slots / sizeof(uint16_t) };

void vocabulary_free(Vocabulary *v)
{
    for (unsigned i = 1; i <= v->count; i++) free(v->names[i]);
    *v = (Vocabulary){0};
}

View vocabulary_name(const Vocabulary *v, uint16_t number)
{
    return number >= 1 && number <= v->count ? view_of(v->names[number], v->sizes[number]) : (View){0};
}

static uint64_t hash_name(View name)
{
    uint64_t hash = name.size;
    for (size_t i = 0; i < name.size; i++) hash = hash_with(hash, name.data[i]);
    return hash;
}

static Err add(Vocabulary *v, View name, uint16_t *slot)
{
    if (v->count == PREDICT_TASKS_MAX) return FAIL(ERR_LIMIT);
    uint8_t *copy = malloc(name.size);
    if (!copy) return FAIL(ENOMEM);
    memcpy(copy, name.data, name.size);
    *slot = ++v->count;
    v->names[v->count] = copy;
    v->sizes[v->count] = (uint8_t)name.size;
    return OK;
}

Err vocabulary_number(Vocabulary *v, View name, uint16_t *ret_number)
{
    if (name.size == 0 || name.size > PREDICT_NAME_MAX) return FAIL(ERR_USAGE);
    uint64_t at = hash_name(name);
    while (v->slots[at % SLOTS] && !view_equal(vocabulary_name(v, v->slots[at % SLOTS]), name)) at++;
    if (!v->slots[at % SLOTS]) TRY(add(v, name, &v->slots[at % SLOTS]));
    *ret_number = v->slots[at % SLOTS];
    return OK;
}
