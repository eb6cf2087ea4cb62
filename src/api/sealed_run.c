/* Runs over sealed datasets: whose broker, and where the results go. */
#include "api/sealed_run.h"

#include <string.h>

#include "bus/socket.h"
#include "crypto/keyring.h"

#define KEYBROKER_ON_BUS "nats"

bool sealed_run_wanted(const covey_task *t)
{
    const TaskSpec *s = &t->spec;
    return s->split.by != SPLIT_COUNT && s->input_path && strcmp(s->input_path, "-") != 0 && sealed_probe(s->input_path);
}

Err sealed_run_check(const covey_task *t, bool has_output_function, Diag *diag)
{
    const char *output = t->spec.output;
    if (!has_output_function && output && strcmp(output, "-") != 0) return OK;
    return FAIL_WHY(diag, ERR_USAGE, "%s is sealed, and so are the results: they need a file; give --output FILE, or 'output: FILE' in the task",
                    t->spec.input_path);
}

/* Only who sealed the data can release their keys. */
static Err check_owner(const covey_task *t, const SealedFile *file, Diag *diag)
{
    SealedFacts facts;
    PublicKey own;
    TrustedKeys earlier;
    char signer[PUBLIC_KEY_TEXT_MAX];
    sealed_facts(file, &facts);
    TRY(keyring_public(t->owner->config_dir, &own, NULL, diag));
    if (memcmp(&own, &facts.signer, sizeof own) == 0) return OK;
    TRY(keyring_earlier(t->owner->config_dir, &earlier, diag));
    for (size_t i = 0; i < earlier.count; i++)
        if (memcmp(&earlier.keys[i], &facts.signer, sizeof own) == 0) return OK;
    public_key_print(&facts.signer, signer);
    return FAIL_WHY(diag, ERR_UNTRUSTED, "%s was sealed by %s, and only that owner's key broker releases its keys; give --keybroker unix:PATH%s",
                    t->spec.input_path, signer, t->bus.url ? ", or --keybroker nats when it serves on the bus" : "");
}

static Err connect_afar(SealedRun *s, const char *address, Loop *loop, Diag *diag)
{
    const char *path;
    TRY(bus_socket_path(address, &path, diag));
    return bus_socket_connect(loop, path, &s->afar, diag);
}

static Err find_sealed(const covey_task *t, const Manager *m, TaskId *ret_id, const SealedFile **ret_file, Diag *diag)
{
    *ret_file = manager_sealed(m, ret_id);
    return *ret_file ? OK : FAIL_WHY(diag, ERR_CHANGED, "%s was a sealed dataset a moment ago, and is none now", t->spec.input_path);
}

Err sealed_run_find(SealedRun *s, const covey_task *t, const Manager *m, Loop *loop, Diag *diag)
{
    TaskId id;
    const SealedFile *file;
    TRY(find_sealed(t, m, &id, &file, diag));
    if (t->keybroker && strcmp(t->keybroker, KEYBROKER_ON_BUS) == 0) {
        if (!t->bus.url) return FAIL_WHY(diag, ERR_USAGE, "a key broker on the bus was named, and no bus; give --bus URL as well");
    } else if (t->keybroker) {
        if (t->bus.url)
            return FAIL_WHY(diag, ERR_USAGE, "%s: the nodes of a bus cannot reach it; let it serve there (covey keybroker --bus) and give --keybroker nats",
                            t->keybroker);
        TRY(connect_afar(s, t->keybroker, loop, diag));
    } else {
        TRY(check_owner(t, file, diag));
    }
    return OK;
}

Err sealed_run_open(SealedRun *s, const covey_task *t, const Manager *m, Loop *loop, Bus *bus, Diag *diag)
{
    TaskId id;
    const SealedFile *file;
    TRY(find_sealed(t, m, &id, &file, diag));
    if (!t->keybroker) TRY(own_broker_open(t->owner, t->spec.privacy != NULL, loop, bus, &s->own, diag));
    TRY(sealed_output_open(&s->output, t->spec.output, &id, s->afar ? s->afar : bus, diag));
    s->output.is_answer = t->spec.privacy != NULL;
    return OK;
}

void sealed_run_close(SealedRun *s)
{
    sealed_output_close(&s->output);
    own_broker_close(&s->own);
    bus_free(&s->afar);
}
