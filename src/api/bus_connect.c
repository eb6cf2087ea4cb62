/* Connecting to a bus that leaves the process, with the key that the server knows this party by. */
#include "api/bus_address.h"
#include "api/internal.h"
#include "crypto/keyring.h"

static Err own_key(const BusParty *party, SecretKey *ret_secret, Diag *diag)
{
    char node_dir[PATH_BYTES_MAX];
    PublicKey public_key;
    if (party->role != BUS_NODE) return keyring_signing(party->config_dir, passphrase_ask, diag, ret_secret, &public_key, diag);
    TRY(path_format(node_dir, "%s/node", party->config_dir));
    return signing_key_open(node_dir, ret_secret, &public_key, diag);
}

Err bus_address_connect(const BusAddress *address, const BusParty *party, Loop *loop, Bus **ret_bus, Diag *diag)
{
    if (!address->url) return FAIL_WHY(diag, ERR_USAGE, "no bus was named; give --bus nats://HOST");
    SecretKey secret;
    BusNatsConfig config = {.url = address->url, .role = party->role, .id = party->id, .credentials = address->key, .tls_ca = address->tls_ca,
                            .replicas = address->replicas, .on_state = party->on_state, .context = party->context};
    if (!address->key) {
        TRY_WHY(diag, own_key(party, &secret, diag), "the key for %s", address->url);
        config.key = &secret;
    }
    Err e = bus_nats_connect(loop, &config, ret_bus, diag);
    if (config.key) secret_key_wipe(&secret);
    return e.code ? diag_complete(diag, e, "%s", address->url) : OK;
}

Err bus_connect(const covey_bus *bus, const BusParty *party, Loop *loop, Bus **ret_bus, Diag *diag)
{
    BusAddress address = {0};
    TRY_WHY(diag, bus_address_copy(bus, &address), "bus");
    Err e = bus_address_connect(&address, party, loop, ret_bus, diag);
    bus_address_free(&address);
    return e;
}
