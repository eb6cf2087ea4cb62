/** What a key broker of this user is made of, the one inside `covey run` and `covey keybroker` alike: keys, folders, revocations. */
#pragma once
#include "api/internal.h"
#include "keybroker/broker.h"

typedef struct {
    struct BrokerSecrets *secrets;    /* in locked memory; wiped when freed */
    PublicKey owner;
    SealPublicKey sealing;
    TrustedKeys nodes, earlier;
    RevokedKeys revoked;
    const char *config_dir;           /* the handle's */
    char state_dir[PATH_BYTES_MAX], collateral_dir[PATH_BYTES_MAX];
    BrokerConfig config;              /* borrows from the rest: the setup must stay where it is */
} BrokerSetup;

/** state_dir, collateral_dir NULL: the usual ones, and no collateral if there is none. `nodes` are those that the user trusts; the caller may
 *  change them. Free it after the broker, also when this fails. errors: those of the keyring */
MUST_USE Err broker_setup(const covey *c, const char *state_dir, const char *collateral_dir, BrokerSetup *ret_setup, Diag *diag);
void broker_setup_free(BrokerSetup *s);
