/* WASI: arguments, environment, random, exit. */
#include <stdio.h>
#include <string.h>

#include "see/wasi.h"

bool wasi_put(uint32_t address, const void *value, uint32_t size)
{
    uint8_t *at = memory_at(address, size);
    if (at) memcpy(at, value, size);
    return at != NULL;
}

/* The environment of every micro-job ends with who it is. */
enum { OWN_ENV = 2, OWN_ENV_BYTES = 64 };

static void own_env(char text[OWN_ENV][OWN_ENV_BYTES], const char *ret_list[TASK_ARGS_MAX + OWN_ENV])
{
    const uint64_t index = job.ask.stage_and_job & ((UINT64_C(1) << STAGE_SHIFT) - 1);
    snprintf(text[0], OWN_ENV_BYTES, "COVEY_JOB=%llu", (unsigned long long)index);
    snprintf(text[1], OWN_ENV_BYTES, "COVEY_STAGE=%u", (unsigned)(job.ask.stage_and_job >> STAGE_SHIFT));
    memcpy(ret_list, setup.env, setup.head.env_count * sizeof *ret_list);
    for (int i = 0; i < OWN_ENV; i++) ret_list[setup.head.env_count + (uint32_t)i] = text[i];
}

static uint32_t put_sizes(const char *const *list, uint32_t count, uint32_t count_at, uint32_t bytes_at)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) bytes += (uint32_t)strlen(list[i]) + 1;
    return wasi_put_u32(count_at, count) && wasi_put_u32(bytes_at, bytes) ? WASI_SUCCESS : WASI_FAULT;
}

static uint32_t put_strings(const char *const *list, uint32_t count, uint32_t pointers_at, uint32_t text_at)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t size = (uint32_t)strlen(list[i]) + 1;
        if (!memory_at((uint64_t)pointers_at + 4 * (uint64_t)i, 4) || !wasi_put_u32(pointers_at + 4 * i, text_at)) return WASI_FAULT;
        if (!wasi_put(text_at, list[i], size)) return WASI_FAULT;
        text_at += size;
    }
    return WASI_SUCCESS;
}

WASI(args_sizes_get, uint32_t count_at, uint32_t bytes_at)
{
    return put_sizes(setup.args, setup.head.arg_count, count_at, bytes_at);
}

WASI(args_get, uint32_t pointers_at, uint32_t text_at)
{
    return put_strings(setup.args, setup.head.arg_count, pointers_at, text_at);
}

WASI(environ_sizes_get, uint32_t count_at, uint32_t bytes_at)
{
    char text[OWN_ENV][OWN_ENV_BYTES];
    const char *list[TASK_ARGS_MAX + OWN_ENV];
    own_env(text, list);
    return put_sizes(list, setup.head.env_count + OWN_ENV, count_at, bytes_at);
}

WASI(environ_get, uint32_t pointers_at, uint32_t text_at)
{
    char text[OWN_ENV][OWN_ENV_BYTES];
    const char *list[TASK_ARGS_MAX + OWN_ENV];
    own_env(text, list);
    return put_strings(list, setup.head.env_count + OWN_ENV, pointers_at, text_at);
}

WASI(random_get, uint32_t at, uint32_t size)
{
    uint8_t *data = memory_at(at, size);
    if (!data) return WASI_FAULT;
    random_fill(data, size);
    return WASI_SUCCESS;
}

void Z_wasi_snapshot_preview1Z_proc_exit(struct Z_wasi_snapshot_preview1_instance_t *unused, uint32_t code);
void Z_wasi_snapshot_preview1Z_proc_exit(struct Z_wasi_snapshot_preview1_instance_t *unused __attribute__((unused)), uint32_t code)
{
    job.answer.exit_code = code;
    job_end(code == 0 ? OUTCOME_OK : OUTCOME_EXIT_CODE);
}

WASI(proc_raise, uint32_t signal_number) { (void)signal_number; return WASI_NOSYS; }
WASI(sched_yield) { return WASI_SUCCESS; }
