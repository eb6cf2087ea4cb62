/* The configuration file of a NATS server for Covey: who may connect, and the least that each may do. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/internal.h"
#include "api/node_name.h"
#include "bus/nats_config.h"
#include "crypto/keyring.h"
#include "sys/clock.h"

enum { PARTIES_MAX = 65536 };

typedef struct {
    NatsUser *nodes, *managers, *brokers;
    NodeName *names; /* of the nodes */
    size_t node_count, manager_count, broker_count;
    RevokedKeys revoked; /* here: they connect nowhere */
} Parties;

static void parties_free(Parties *p)
{
    free(p->nodes);
    free(p->managers);
    free(p->brokers);
    free(p->names);
    revoked_free(&p->revoked);
}

static Err read_key(const Parties *p, const char *text, const char *what, PublicKey *ret_key, Diag *diag)
{
    const bool is_key = public_key_parse(text, ret_key).code == 0;
    if (is_key && revoked_has(&p->revoked, ret_key->bytes, clock_wall_ns() / NS_PER_S))
        return FAIL_WHY(diag, ERR_DENIED, "%s %s: is revoked here; leave it out, or name its successor", what, text);
    if (is_key) return OK;
    return FAIL_WHY(diag, ERR_USAGE, "%s %s: is not a public key, one line covey-ed25519:... as `covey key show%s` prints it", what, text,
                    strcmp(what, "node") == 0 ? " --node" : "");
}

/* "KEY" or "NAME=KEY"; a key begins with its kind and has = only at its very end, if at all. */
static Err read_node(const Parties *p, const char *text, NatsUser *ret_user, NodeName *ret_name, Diag *diag)
{
    const char *key = strstr(text, "=covey-");
    TRY(read_key(p, key ? key + 1 : text, "node", &ret_user->key, diag));
    if (!key) *ret_name = node_name_of(&ret_user->key);
    else if ((size_t)(key - text) < sizeof ret_name->text) snprintf(ret_name->text, sizeof ret_name->text, "%.*s", (int)(key - text), text);
    else return FAIL_WHY(diag, ERR_USAGE, "node %s: the name is longer than %zu characters", text, sizeof ret_name->text - 1);
    ret_user->id = ret_name->text;
    return OK;
}

static Err read_keys(const Parties *p, const char *const *texts, size_t count, const char *what, NatsUser **ret_users, Diag *diag)
{
    if (count == 0) return OK;
    NatsUser *users = calloc(count, sizeof *users);
    *ret_users = users; /* the caller's to free, whatever follows */
    if (!users) return FAIL_WHY(diag, ENOMEM, "no memory");
    for (size_t i = 0; i < count; i++) TRY(read_key(p, texts[i], what, &users[i].key, diag));
    return OK;
}

static Err read_nodes(const covey_bus_config *c, Parties *p, Diag *diag)
{
    if (c->node_count == 0) return OK;
    p->nodes = calloc(c->node_count, sizeof *p->nodes);
    p->names = calloc(c->node_count, sizeof *p->names);
    if (!p->nodes || !p->names) return FAIL_WHY(diag, ENOMEM, "no memory");
    for (size_t i = 0; i < c->node_count; i++) TRY(read_node(p, c->nodes[i], &p->nodes[i], &p->names[i], diag));
    return OK;
}

static Err write_config(const covey_bus_config *c, Parties *p, Buffer *ret_text, Diag *diag)
{
    if (c->node_count > PARTIES_MAX || c->manager_count > PARTIES_MAX || c->broker_count > PARTIES_MAX)
        return FAIL_WHY(diag, ERR_USAGE, "more than %d keys of one kind", PARTIES_MAX);
    char directory[PATH_BYTES_MAX];
    if (config_directory(directory, sizeof directory).code == 0) TRY(revoked_load(directory, &p->revoked, diag));
    TRY(read_nodes(c, p, diag));
    TRY(read_keys(p, c->managers, c->manager_count, "manager", &p->managers, diag));
    TRY(read_keys(p, c->brokers, c->broker_count, "broker", &p->brokers, diag));
    const NatsServerConfig config = {
        .listen = c->listen ? c->listen : "127.0.0.1:4222", .store = c->store, .server_name = c->server_name,
        .tls_cert = c->tls_cert, .tls_key = c->tls_key, .tls_ca = c->tls_ca,
        .cluster = c->cluster, .cluster_listen = c->cluster_listen, .routes = c->routes, .route_count = c->route_count,
        .nodes = p->nodes, .managers = p->managers, .brokers = p->brokers,
        .node_count = c->node_count, .manager_count = c->manager_count, .broker_count = c->broker_count};
    return nats_config_write(&config, ret_text, diag);
}

covey_code covey_bus_configure(const covey_bus_config *config, char **ret_text, covey_error *error)
{
    Diag diag = {0};
    Parties parties = {0};
    AUTO_BUFFER text = buffer_limited(NATS_CONFIG_BYTES_MAX);
    Err e = write_config(config, &parties, &text, &diag);
    if (e.code == 0) e = buffer_put_u8(&text, 0);
    parties_free(&parties);
    if (e.code == 0) {
        *ret_text = strndup((const char *)text.data, text.size);
        if (!*ret_text) e = FAIL(ENOMEM);
    }
    return api_result(e, &diag, error);
}
