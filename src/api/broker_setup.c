/* Keys from the keyring, trust from the configuration folder, state beside the journals. */
#include "api/broker_setup.h"

#include <errno.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "api/aggregate_image.h"

struct BrokerSecrets {
    SecretKey signing;
    SealSecretKey sealing, found;
    SealPublicKey found_public; /* whose `found` is, when has_found */
    bool has_found;
};

/* Neither a core file nor another process of this user gets to see keys: those in locked memory are left out of a core file anyway, what a function
 * has left on the stack is not. */
static Err hide_memory(BrokerSetup *s)
{
    const int before = prctl(PR_GET_DUMPABLE);
    if (before < 0 || prctl(PR_SET_DUMPABLE, 0) < 0) return FAIL(errno);
    s->was_dumpable = before == 1;
    return OK;
}

static Err load_secrets(const covey *c, BrokerSetup *s, Diag *diag)
{
    TRY_WHY(diag, hide_memory(s), "keeping keys out of core files");
    if (sodium_init() < 0) return FAIL_WHY(diag, ERR_LIMIT, "the cryptographic library does not start");
    s->secrets = sodium_malloc(sizeof *s->secrets);
    if (!s->secrets) return FAIL_WHY(diag, ERR_LIMIT, "no memory that can be locked; raise the limit (ulimit -l)");
    sodium_memzero(s->secrets, sizeof *s->secrets);
    TRY(keyring_signing(c->config_dir, passphrase_ask, diag, &s->secrets->signing, &s->owner, diag));
    return keyring_sealing(c->config_dir, passphrase_ask, diag, &s->secrets->sealing, &s->sealing, diag);
}

static Err find_folders(const covey *c, const char *state_dir, const char *collateral_dir, BrokerSetup *s, Diag *diag)
{
    struct stat st;
    if (state_dir) TRY_WHY(diag, path_format(s->state_dir, "%s", state_dir), "state folder");
    else TRY_WHY(diag, path_format(s->state_dir, "%s/../keybroker", c->tasks_dir), "state folder");
    if (collateral_dir) return path_format(s->collateral_dir, "%s", collateral_dir);
    TRY_WHY(diag, path_format(s->collateral_dir, "%s/collateral", c->config_dir), "collateral folder");
    if (stat(s->collateral_dir, &st) < 0) s->collateral_dir[0] = '\0';
    return OK;
}

/* A key of before a rotation, looked for when a dataset comes that is sealed to it. The last one is remembered: its passphrase is asked for once. */
static Err find_sealing(void *context, const SealPublicKey *wanted, SealSecretKey *ret_secret, Diag *diag)
{
    const BrokerSetup *setup = context;
    struct BrokerSecrets *s = setup->secrets;
    if (!s->has_found || memcmp(&s->found_public, wanted, sizeof *wanted) != 0) {
        s->has_found = false;
        TRY(keyring_sealing_find(setup->config_dir, wanted, passphrase_ask, diag, &s->found, diag));
        s->found_public = *wanted;
        s->has_found = true;
    }
    *ret_secret = s->found;
    return OK;
}

static Err add_own_node(const BrokerSetup *s, TrustedKeys *nodes)
{
    if (nodes->count == TRUSTED_KEYS_MAX) return FAIL(ERR_LIMIT);
    nodes->keys[nodes->count++] = s->own_node;
    return OK;
}

Err broker_setup_own_node(BrokerSetup *s, const PublicKey *node)
{
    s->own_node = *node;
    s->has_own_node = true;
    return add_own_node(s, &s->nodes);
}

static Err load_lists(BrokerSetup *s, Diag *diag)
{
    TrustedKeys nodes, earlier;
    RevokedKeys revoked;
    TRY_WHY(diag, trusted_keys_load(s->config_dir, &nodes, diag), "trusted nodes");
    if (s->has_own_node) TRY_WHY(diag, add_own_node(s, &nodes), "trusted nodes");
    TRY_WHY(diag, keyring_earlier(s->config_dir, &earlier, diag), "the owner's earlier keys");
    TRY_WHY(diag, revoked_load(s->config_dir, &revoked, diag), "revoked keys");
    if (!s->names_nodes) s->nodes = nodes;
    s->earlier = earlier;
    revoked_free(&s->revoked);
    s->revoked = revoked;
    return OK;
}

static Err refresh(void *context, bool *ret_changed, Diag *diag)
{
    BrokerSetup *s = context;
    TrustStamp stamp;
    TRY_WHY(diag, trust_stamp(s->config_dir, &stamp), "%s", s->config_dir);
    *ret_changed = !trust_is_the_same(&stamp, &s->stamp);
    if (*ret_changed) TRY(load_lists(s, diag));
    s->stamp = stamp;
    return OK;
}

Err broker_setup(const covey *c, const char *state_dir, const char *collateral_dir, BrokerSetup *ret_setup, Diag *diag)
{
    BrokerSetup *s = ret_setup;
    s->config_dir = c->config_dir;
    TRY_WHY(diag, load_secrets(c, s, diag), "the owner's keys");
    TRY_WHY(diag, trust_stamp(s->config_dir, &s->stamp), "%s", s->config_dir);
    TRY(load_lists(s, diag));
    TRY(find_folders(c, state_dir, collateral_dir, s, diag));
    s->config = (BrokerConfig){.state_dir = s->state_dir,
                               .signing = &s->secrets->signing,
                               .owner = &s->owner,
                               .earlier = &s->earlier,
                               .sealing = &s->secrets->sealing,
                               .sealing_public = &s->sealing,
                               .sealing_context = s,
                               .find_sealing = find_sealing,
                               .nodes = &s->nodes,
                               .revoked = &s->revoked,
                               .refresh = refresh,
                               .refresh_context = s,
                               .collateral_dir = s->collateral_dir[0] ? s->collateral_dir : NULL};
    return OK;
}

void broker_setup_aggregate(BrokerSetup *s)
{
    if (aggregate_measurement(&s->aggregate, NULL).code == 0) s->config.aggregate = &s->aggregate;
}

void broker_setup_free(BrokerSetup *s)
{
    revoked_free(&s->revoked);
    sodium_free(s->secrets);
    s->secrets = NULL;
    if (s->was_dumpable) prctl(PR_SET_DUMPABLE, 1);
    s->was_dumpable = false;
}
