/* covey_unseal and covey_sealed_inspect. */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "api/internal.h"
#include "api/outlet.h"
#include "crypto/keyring.h"
#include "dataset/sealed.h"
#include "sys/clock.h"

/* In locked memory; wiped when freed. */
typedef struct { SealSecretKey sealing; AeadKey data; } Secrets;

static Err describe(const SealedFile *f, covey_sealed_info *ret, Diag *diag)
{
    SealedFacts facts;
    Policy policy;
    sealed_facts(f, &facts);
    TRY(policy_decode(facts.policy_cbor, &policy, diag));
    *ret = (covey_sealed_info){.version = facts.version, .segments = facts.segments, .plain_bytes = facts.plain_bytes, .is_result = facts.is_result};
    sodium_bin2hex(ret->id, sizeof ret->id, facts.id, sizeof facts.id);
    snprintf(ret->name, sizeof ret->name, "%s", policy.name);
    policy_free(&policy);
    return OK;
}

/** The first of the file's recipients that is this user, with the current sealing key or one that was kept. */
static Err find_key(const covey *c, const SealedFile *f, const char *path, Secrets *secrets, Diag *diag)
{
    SealPublicKey recipient;
    for (size_t i = 0; sealed_recipient(f, i, &recipient); i++) {
        Err e = keyring_sealing_find(c->config_dir, &recipient, passphrase_ask, diag, &secrets->sealing, diag);
        if (e.code == ERR_NO_ENTRY) continue;
        TRY_WHY(diag, e, "keys");
        return sealed_key(f, &secrets->sealing, &secrets->data, diag);
    }
    return FAIL_WHY(diag, ERR_DENIED, "%s: is sealed for others; none of your sealing keys (covey key show) is among its recipients", path);
}

static Err write_out(void *context, View plain) { return outlet_write(context, plain); }

static Err unseal_to(SealedFile *f, const AeadKey *key, const char *output, Diag *diag)
{
    Outlet out;
    char ignored[PATH_BYTES_MAX];
    TRY(outlet_open(output, &out, diag));
    Err e = out.target[0] && fchmod(out.fd, 0600) < 0 ? FAIL(errno) : OK; /* it was sealed: nobody else's business */
    if (e.code == 0) e = sealed_unseal_all(f, key, write_out, &out, diag);
    if (e.code == 0) e = outlet_commit(&out, false, ignored, diag);
    sodium_memzero(out.pending.data, out.pending.capacity);
    outlet_close(&out);
    return e.code ? diag_complete(diag, e, "%s", output ? output : "standard output") : OK;
}

typedef struct { const char *path, *output; uint64_t version_min; } Unsealing;

static Err unseal(const covey *c, const Unsealing *u, SealedFile *f, Secrets *secrets, covey_sealed_info *ret, Diag *diag)
{
    SealedFacts facts;
    sealed_facts(f, &facts);
    TRY(sealed_expect(f, facts.id, u->version_min, diag));
    TRY_WHY(diag, describe(f, ret, diag), "%s", u->path);
    TRY(find_key(c, f, u->path, secrets, diag));
    return unseal_to(f, &secrets->data, u->output, diag);
}

static Err unseal_file(const covey *c, const Unsealing *u, covey_sealed_info *ret, Diag *diag)
{
    TrustedKeys trusted;
    SealedFile *f = NULL;
    TRY_WHY(diag, trusted_keys_load(c->config_dir, &trusted, diag), "trusted keys");
    TRY(sealed_open(u->path, &trusted, &f, diag));
    Secrets *secrets = sodium_malloc(sizeof *secrets);
    Err e = secrets ? unseal(c, u, f, secrets, ret, diag) : FAIL_WHY(diag, ERR_LIMIT, "no memory that can be locked; raise the limit (ulimit -l)");
    sodium_free(secrets);
    sealed_close(&f);
    return e;
}

covey_code covey_unseal(covey *c, const char *path, const char *output, uint64_t version_min, covey_sealed_info *ret, covey_error *error)
{
    Diag diag = {0};
    if (!c || !path || !ret) return api_result(FAIL_WHY(&diag, ERR_USAGE, "covey_unseal: needs a file"), &diag, error);
    if (sodium_init() < 0) return api_result(FAIL(ENOMEM), NULL, error);
    uint64_t begin = clock_monotonic_ns();
    Err e = unseal_file(c, &(Unsealing){path, output, version_min}, ret, &diag);
    if (e.code == 0) ret->seconds = (double)(clock_monotonic_ns() - begin) / 1e9;
    return api_result(e, &diag, error);
}

static Err print_policy(const SealedFile *f, char *text, size_t room, Diag *diag)
{
    SealedFacts facts;
    Policy policy;
    AUTO_BUFFER yaml = buffer_limited(room - 1);
    sealed_facts(f, &facts);
    TRY(policy_decode(facts.policy_cbor, &policy, diag));
    Err e = policy_print_yaml(&policy, &yaml);
    policy_free(&policy);
    if (e.code) return FAIL_WHY(diag, e.code, "the policy needs more room than %zu bytes", room);
    memcpy(text, yaml.data, yaml.size);
    text[yaml.size] = '\0';
    return OK;
}

static Err inspect(const char *path, covey_sealed_info *ret, char *policy, size_t room, Diag *diag)
{
    SealedFile *f = NULL;
    TRY(sealed_open(path, NULL, &f, diag));
    Err e = describe(f, ret, diag);
    if (e.code == 0 && policy && room) e = print_policy(f, policy, room, diag);
    sealed_close(&f);
    return e;
}

covey_code covey_sealed_inspect(covey *c, const char *path, covey_sealed_info *ret, char *policy, size_t room, covey_error *error)
{
    Diag diag = {0};
    if (!c || !path || !ret) return api_result(FAIL_WHY(&diag, ERR_USAGE, "covey_sealed_inspect: needs a file"), &diag, error);
    Err e = inspect(path, ret, policy, room, &diag);
    return api_result(e, &diag, error);
}
