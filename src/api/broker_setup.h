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
    TrustStamp stamp;                 /* of the files that nodes, earlier and revoked were read from */
    bool names_nodes;                 /* `nodes` are the caller's, whoever is trusted */
    PublicKey own_node;               /* trusted too, when has_own_node */
    bool has_own_node;
    bool was_dumpable;                /* this process, before it had the keys */
    const char *config_dir;           /* the handle's */
    char state_dir[PATH_BYTES_MAX], collateral_dir[PATH_BYTES_MAX];
    Sha256 aggregate;                 /* measurement of the built-in image; unset where that is not installed */
    BrokerConfig config;              /* borrows from the rest: the setup must stay where it is */
} BrokerSetup;

/** state_dir, collateral_dir NULL: the usual ones, and no collateral if there is none. `nodes` are those that the user trusts; the caller may
 *  put others in their place (names_nodes) or add this machine's (broker_setup_own_node). While the broker lives it follows changes of the user's
 *  lists, and this process leaves no core file. Free it after the broker, also when this fails. errors: those of the keyring */
MUST_USE Err broker_setup(const covey *c, const char *state_dir, const char *collateral_dir, BrokerSetup *ret_setup, Diag *diag);
/** errors: ERR_LIMIT */
MUST_USE Err broker_setup_own_node(BrokerSetup *s, const PublicKey *node);
/** What gives keys to private tasks needs the built-in image's measurement, and finding it takes longer than all the rest. Where the image is not
 *  installed such tasks are refused. */
void broker_setup_aggregate(BrokerSetup *s);
void broker_setup_free(BrokerSetup *s);
