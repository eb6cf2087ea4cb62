/* Any bytes at all as a task file: accepted and valid, or refused with one printable line. */
#include <stdlib.h>

#include "swarm/task.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) abort();
}

static void check_message(const Diag *diag)
{
    size_t size = strnlen(diag->text, sizeof diag->text);
    require(size > 0 && size < sizeof diag->text);
    for (size_t i = 0; i < size; i++) require(diag->text[i] >= 0x20 && diag->text[i] < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    TaskSpec t;
    Diag diag = {{0}};
    Err e = task_parse(view_of(data, size), "fuzz.yaml", "folder", &t, &diag);
    if (e.code) {
        check_message(&diag);
        return 0;
    }
    require(task_validate(&t, &diag).code == 0);
    require(t.source.size == size && memcmp(t.source.data, data, size) == 0);

    TaskSpec again; /* what was kept means the same */
    require(task_parse(view_buffer(&t.source), "fuzz.yaml", "folder", &again, &diag).code == 0);
    require(strcmp(t.name, again.name) == 0 && t.split.by == again.split.by);
    require(t.arg_count == again.arg_count && t.env_count == again.env_count);
    task_free(&again);
    task_free(&t);
    return 0;
}
