/* Who may say and hear what, and the rest of the file around it. */
#include "bus/nats_config.h"

#include <errno.h>
#include <stdlib.h>

#include "bus/nkey.h"
#include "bus/subject.h"

/* %s is the node's id. A node asks its own consumer and acknowledges to it, and makes none: who makes one says where the server delivers. */
static const char *const NODE_SAYS[] = {
    "covey.nodes.%s", "covey.manager.*.%s", "covey.object.*.%s", "covey.keybroker.%s", "covey.keybroker.*.%s",
    "$JS.API.CONSUMER.MSG.NEXT.COVEY_NODE.%s", "$JS.ACK.COVEY_NODE.%s.>", NULL};
static const char *const NODE_HEARS[] = {"covey.node.%s.*", "covey.chunk.%s", NULL};

static const char *const MANAGER_SAYS[] = {
    "covey.node.*", "covey.chunk.*", "covey.keybroker.*", "covey.keybroker.*.*",
    "$JS.API.STREAM.CREATE.COVEY_NODE", "$JS.API.STREAM.CREATE.COVEY_MANAGER", "$JS.API.STREAM.CREATE.COVEY_NODES", "$JS.API.STREAM.CREATE.KV_covey-leases",
    "$JS.API.STREAM.UPDATE.COVEY_NODE", "$JS.API.STREAM.UPDATE.COVEY_MANAGER", "$JS.API.STREAM.UPDATE.COVEY_NODES", "$JS.API.STREAM.UPDATE.KV_covey-leases",
    "$JS.API.STREAM.PURGE.COVEY_NODE", "$JS.API.STREAM.PURGE.COVEY_MANAGER", "$JS.API.STREAM.PURGE.COVEY_NODES",
    "$JS.API.STREAM.MSG.GET.KV_covey-leases", "$KV.covey-leases.*",
    "$JS.API.CONSUMER.CREATE.COVEY_NODE.*.covey.node.*", "$JS.API.CONSUMER.DELETE.COVEY_NODE.*",
    "$JS.API.CONSUMER.CREATE.COVEY_MANAGER.*.covey.manager.*.*", "$JS.API.CONSUMER.DELETE.COVEY_MANAGER.*",
    "$JS.API.CONSUMER.MSG.NEXT.COVEY_MANAGER.*", "$JS.ACK.COVEY_MANAGER.>",
    "$JS.API.CONSUMER.CREATE.COVEY_NODES.*.covey.nodes.*", "$JS.API.CONSUMER.MSG.NEXT.COVEY_NODES.*", NULL};
static const char *const MANAGER_HEARS[] = {"covey.nodes.*", "covey.object.*.*", "covey.task.*", NULL};

static const char *const BROKER_SAYS[] = {"covey.node.*.broker", "covey.task.*", NULL};
static const char *const BROKER_HEARS[] = {"covey.keybroker.*", "covey.keybroker.*.*", NULL};

/* --- one user --- */

typedef struct { PublicKey key; const char *node; bool is_manager, is_broker; } Roles;

static Err put_list(Buffer *b, const char *const *subjects, const char *id)
{
    for (; *subjects; subjects++) {
        const char *place = strstr(*subjects, "%s");
        const int before = place ? (int)(place - *subjects) : (int)strlen(*subjects);
        TRY(buffer_format(b, "          \"%.*s%s%s\"\n", before, *subjects, place ? id : "", place ? place + 2 : ""));
    }
    return OK;
}

static Err put_user(Buffer *b, const Roles *r)
{
    char nkey[NKEY_TEXT_MAX];
    nkey_print(&r->key, nkey);
    TRY(buffer_format(b, "    { # %s%s%s%s\n      nkey: %s\n      permissions: {\n        publish: { allow: [\n", r->node ? "node " : "", r->node ? r->node : "",
                      r->is_manager ? " manager" : "", r->is_broker ? " broker" : "", nkey));
    if (r->node) TRY(put_list(b, NODE_SAYS, r->node));
    if (r->is_manager) TRY(put_list(b, MANAGER_SAYS, ""));
    if (r->is_broker) TRY(put_list(b, BROKER_SAYS, ""));
    TRY(buffer_format(b, "        ] }\n        subscribe: { allow: [\n          \"_INBOX.%s.>\"\n", nkey));
    if (r->node) TRY(put_list(b, NODE_HEARS, r->node));
    if (r->is_manager) TRY(put_list(b, MANAGER_HEARS, ""));
    if (r->is_broker) TRY(put_list(b, BROKER_HEARS, ""));
    return buffer_format(b, "        ] }\n      }\n    }\n");
}

/* --- all of them, each key once, sorted --- */

static int by_key(const void *a, const void *b) { return memcmp(((const Roles *)a)->key.bytes, ((const Roles *)b)->key.bytes, SIGN_PUBLIC_BYTES); }
static int by_node(const void *a, const void *b)
{
    const Roles *x = a, *y = b;
    return strcmp(x->node ? x->node : "", y->node ? y->node : "");
}

/* After sorting by key: the roles of equal keys become one's. */
static Err merge(Roles *all, size_t *count, Diag *diag)
{
    size_t kept = 0;
    qsort(all, *count, sizeof *all, by_key);
    for (size_t i = 0; i < *count; i++) {
        if (kept == 0 || by_key(&all[kept - 1], &all[i]) != 0) {
            all[kept++] = all[i];
            continue;
        }
        Roles *r = &all[kept - 1];
        if (r->node && all[i].node) return FAIL_WHY(diag, ERR_USAGE, "nodes %s and %s have one key; give each node its own (covey key new)", r->node, all[i].node);
        if (all[i].node) r->node = all[i].node;
        r->is_manager |= all[i].is_manager;
        r->is_broker |= all[i].is_broker;
    }
    *count = kept;
    return OK;
}

static Err check_ids(Roles *all, size_t count, Diag *diag)
{
    qsort(all, count, sizeof *all, by_node);
    for (size_t i = 0; i < count; i++) {
        const char *id = all[i].node;
        if (id && !subject_is_token(id))
            return FAIL_WHY(diag, ERR_USAGE, "'%s' is no id of a node: at most %d letters, digits, - and _", id, SUBJECT_TOKEN_MAX);
        if (id && i && all[i - 1].node && strcmp(all[i - 1].node, id) == 0) return FAIL_WHY(diag, ERR_USAGE, "two keys for node %s", id);
    }
    return OK;
}

static Err put_users(Buffer *b, const NatsServerConfig *c, Roles *all, Diag *diag)
{
    size_t count = 0;
    for (size_t i = 0; i < c->node_count; i++) all[count++] = (Roles){.key = c->nodes[i].key, .node = c->nodes[i].id};
    for (size_t i = 0; i < c->manager_count; i++) all[count++] = (Roles){.key = c->managers[i].key, .is_manager = true};
    for (size_t i = 0; i < c->broker_count; i++) all[count++] = (Roles){.key = c->brokers[i].key, .is_broker = true};
    TRY(merge(all, &count, diag));
    TRY(check_ids(all, count, diag));
    qsort(all, count, sizeof *all, by_key);
    TRY(buffer_format(b, "authorization {\n  timeout: 5\n  users: [\n"));
    for (size_t i = 0; i < count; i++) TRY(put_user(b, &all[i]));
    return buffer_format(b, "  ]\n}\n");
}

/* --- the file --- */

static Err check_text(const char *text, Diag *diag)
{
    if (!text) return OK;
    if (strlen(text) > NATS_CONFIG_TEXT_MAX || strpbrk(text, "\"\\\r\n")) return FAIL_WHY(diag, ERR_USAGE, "'%s' cannot stand in the file: it is too long, or has quotes, backslashes or lines", text);
    return OK;
}

static Err check(const NatsServerConfig *c, Diag *diag)
{
    const char *const texts[] = {c->listen, c->store, c->server_name, c->tls_cert, c->tls_key, c->tls_ca, c->cluster, c->cluster_listen};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) TRY(check_text(texts[i], diag));
    for (size_t i = 0; i < c->route_count; i++) TRY(check_text(c->routes[i], diag));
    if (!c->tls_cert != !c->tls_key || (c->tls_ca && !c->tls_cert)) return FAIL_WHY(diag, ERR_USAGE, "TLS needs a certificate and its key; a CA alone is not enough");
    if (c->cluster && !c->server_name) return FAIL_WHY(diag, ERR_USAGE, "a server of a cluster needs a name of its own (--name)");
    if (c->route_count && !c->cluster) return FAIL_WHY(diag, ERR_USAGE, "routes belong to a cluster: name it (--cluster)");
    if (c->node_count + c->manager_count + c->broker_count == 0) return FAIL_WHY(diag, ERR_USAGE, "nobody could connect: name keys (--node, --manager, --broker)");
    return OK;
}

/* Clients prove who they are by their NKey; servers of a cluster by a certificate. */
static Err put_tls(Buffer *b, const NatsServerConfig *c, const char *indent, const char *ca)
{
    if (!c->tls_cert) return OK;
    TRY(buffer_format(b, "%stls {\n%s  cert_file: \"%s\"\n%s  key_file: \"%s\"\n", indent, indent, c->tls_cert, indent, c->tls_key));
    if (ca) TRY(buffer_format(b, "%s  ca_file: \"%s\"\n%s  verify: true\n", indent, ca, indent));
    return buffer_format(b, "%s}\n", indent);
}

static Err put_cluster(Buffer *b, const NatsServerConfig *c)
{
    if (!c->cluster) return OK;
    if (!c->tls_ca) TRY(buffer_format(b, "# Without a CA whoever reaches the port of the cluster is taken for a server: keep it within a network of your own.\n"));
    TRY(buffer_format(b, "cluster {\n  name: \"%s\"\n  listen: \"%s\"\n  routes: [\n", c->cluster, c->cluster_listen ? c->cluster_listen : "0.0.0.0:6222"));
    for (size_t i = 0; i < c->route_count; i++) TRY(buffer_format(b, "    \"%s\"\n", c->routes[i]));
    TRY(buffer_format(b, "  ]\n"));
    TRY(put_tls(b, c, "  ", c->tls_ca));
    return buffer_format(b, "}\n");
}

static Err put_all(Buffer *b, const NatsServerConfig *c, Roles *room, Diag *diag)
{
    TRY(buffer_format(b, "# Made by covey bus config. GOGC=400 nats-server -c THIS-FILE; after a change: nats-server --signal reload\nlisten: \"%s\"\n", c->listen));
    if (c->server_name) TRY(buffer_format(b, "server_name: \"%s\"\n", c->server_name));
    TRY(buffer_format(b, "max_payload: 1MB\njetstream {\n  store_dir: \"%s\"\n}\n", c->store));
    TRY(put_tls(b, c, "", NULL));
    TRY(put_cluster(b, c));
    return put_users(b, c, room, diag);
}

Err nats_config_write(const NatsServerConfig *c, Buffer *ret_text, Diag *diag)
{
    TRY(check(c, diag));
    Roles *room = calloc(c->node_count + c->manager_count + c->broker_count, sizeof *room);
    if (!room) return FAIL(ENOMEM);
    Buffer text = buffer_limited(NATS_CONFIG_BYTES_MAX);
    Err e = put_all(&text, c, room, diag);
    free(room);
    if (e.code) buffer_free(&text);
    else *ret_text = text;
    return e;
}
