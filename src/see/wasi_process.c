/* WASI: arguments, environment, random, exit. */
#include <string.h>

#include "see/wasi.h"

bool wasi_put(uint32_t address, const void *value, uint32_t size)
{
    uint8_t *at = memory_at(address, size);
    if (at) memcpy(at, value, size);
    return at != NULL;
}

/* The environment of every micro-job ends with who it is. */
enum { OWN_ENV = 2, OWN_ENV_BYTES = 40 };

/* "NAME=number"; by hand, because printf would bring half of libc into every image. */
static void name_and_number(const char *name, uint64_t number, char ret_text[OWN_ENV_BYTES])
{
    char digits[20];
    int count = 0;
    do digits[count++] = (char)('0' + number % 10); while (number /= 10);
    while (*name) *ret_text++ = *name++;
    while (count > 0) *ret_text++ = digits[--count];
    *ret_text = '\0';
}

static void own_env(char text[OWN_ENV][OWN_ENV_BYTES], const char *ret_list[TASK_ARGS_MAX + OWN_ENV])
{
    name_and_number("COVEY_JOB=", job.ask.stage_and_job & ((UINT64_C(1) << STAGE_SHIFT) - 1), text[0]);
    name_and_number("COVEY_STAGE=", job.ask.stage_and_job >> STAGE_SHIFT, text[1]);
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

WASI(args_sizes_get, SELF, uint32_t count_at, uint32_t bytes_at)
{
    return put_sizes(setup.args, setup.head.arg_count, count_at, bytes_at);
}

WASI(args_get, SELF, uint32_t pointers_at, uint32_t text_at)
{
    return put_strings(setup.args, setup.head.arg_count, pointers_at, text_at);
}

WASI(environ_sizes_get, SELF, uint32_t count_at, uint32_t bytes_at)
{
    char text[OWN_ENV][OWN_ENV_BYTES];
    const char *list[TASK_ARGS_MAX + OWN_ENV];
    own_env(text, list);
    return put_sizes(list, setup.head.env_count + OWN_ENV, count_at, bytes_at);
}

WASI(environ_get, SELF, uint32_t pointers_at, uint32_t text_at)
{
    char text[OWN_ENV][OWN_ENV_BYTES];
    const char *list[TASK_ARGS_MAX + OWN_ENV];
    own_env(text, list);
    return put_strings(list, setup.head.env_count + OWN_ENV, pointers_at, text_at);
}

WASI(random_get, SELF, uint32_t at, uint32_t size)
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

WASI(proc_raise, SELF, uint32_t signal_number) { (void)signal_number; return WASI_NOSYS; }
WASI(sched_yield, SELF) { return WASI_SUCCESS; }
