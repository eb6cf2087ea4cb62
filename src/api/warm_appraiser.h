/**
 * The appraiser of a service's own node: says of zygotes that wait for a task whether they are what they should be, before one has them.
 * node/stage.h, docs/prefetch.md
 *
 * Accepted is evidence by this node's own key, as long as it is not revoked, for the very image, at least at its level, over a nonce that was made
 * here and used once, for a zygote that has a key and no task. Where the collateral folder (CONFIG/collateral) has keys of enrolled TPMs, the node's
 * key alone does not do: the machine must vouch for it. Keys and lists are read again for each verdict; one that cannot be read is a refusal.
 */
#pragma once
#include "api/internal.h"
#include "node/stage.h"

typedef struct WarmAppraiser WarmAppraiser;

/** errors: those of the collateral folder */
MUST_USE Err warm_appraiser_open(const char *config_dir, WarmAppraiser **ret_appraiser, Diag *diag);
/** Valid until it is closed. */
StageAppraiser warm_appraiser_hooks(WarmAppraiser *a);
void warm_appraiser_close(WarmAppraiser **appraiser);
