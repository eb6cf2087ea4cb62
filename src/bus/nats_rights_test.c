/* With a real server and the file that covey bus config writes: can a node, or a stranger, hear or say what is not its own? */
#include <errno.h>
#include <fcntl.h>
#include <nats/nats.h>

#include "base/limits.h"
#include "bus/nats_test_server.h"
#include "bus/nkey.h"
#include "sys/clock.h"
#include "sys/fd.h"

static TestFolder folder;
static TestServer server;
static Loop *loop;

static bool begin(void)
{
    if (!test_server_there()) return false;
    const int port = test_free_port();
    AUTO_BUFFER text = {0};
    folder = test_folder();
    test_server_config(&folder, port, &text);
    ck_assert_ok(buffer_put_u8(&text, 0));
    test_server_begin(&server, &folder, port, (const char *)text.data);
    ck_assert_ok(loop_new(&loop));
    return true;
}

static void end(void)
{
    loop_free(&loop);
    test_server_kill(&server);
    test_folder_remove(&folder);
}

/* --- a client with a node's key that keeps to no rules --- */

typedef struct { SecretKey secret; char nkey[NKEY_TEXT_MAX]; natsConnection *connection; } Rogue;

static natsStatus sign(char **text, unsigned char **signature, int *size, const char *nonce, void *rogue)
{
    (void)text;
    *signature = malloc(SIGNATURE_BYTES);
    *size = SIGNATURE_BYTES;
    nkey_sign(&((Rogue *)rogue)->secret, view_text(nonce), *signature);
    return NATS_OK;
}

static natsStatus rogue_connect(Rogue *r, uint8_t key_number)
{
    natsOptions *o;
    PublicKey key;
    test_key(key_number, &r->secret, &key);
    nkey_print(&key, r->nkey);
    natsOptions_Create(&o);
    natsOptions_SetURL(o, server.url);
    natsOptions_SetNKey(o, r->nkey, sign, r);
    natsStatus s = natsConnection_Connect(&r->connection, o);
    natsOptions_Destroy(o);
    return s;
}

/* What the server said against it since; it answers a violation before the ping behind it. */
static bool refused(const Rogue *r, const char *what)
{
    const char *said = NULL;
    ck_assert_int_eq(natsConnection_FlushTimeout(r->connection, 5000), NATS_OK);
    natsConnection_GetLastError(r->connection, &said);
    return said && strcasestr(said, "permissions violation") && strcasestr(said, what);
}

START_TEST(a_node_cannot_say_what_is_not_its_own)
{
    if (!begin()) return;
    Bus *m = test_connect(loop, &server, BUS_MANAGER, "m1", 10);
    Rogue b = {0};
    ck_assert_int_eq(rogue_connect(&b, 2), NATS_OK);
    static const char *const FORBIDDEN[] = {
        "covey.nodes.a", "covey.node.a", "covey.node.b", "covey.manager.m1.a", "covey.object.m1.a", "covey.chunk.a", "covey.keybroker.a", "covey.keybroker",
        "covey.task.0123", "covey.node.a.broker", "$KV.covey-leases.x", "$JS.API.STREAM.PURGE.COVEY_NODE", "$JS.API.STREAM.DELETE.COVEY_NODE",
        "$JS.API.STREAM.MSG.GET.COVEY_NODE", "$JS.API.DIRECT.GET.COVEY_NODE", "$JS.API.STREAM.CREATE.MINE", "$JS.API.CONSUMER.CREATE.COVEY_NODE.b.covey.node.b",
        "$JS.API.CONSUMER.DURABLE.CREATE.COVEY_NODE.b", "$JS.API.CONSUMER.CREATE.COVEY_NODE", "$JS.API.CONSUMER.MSG.NEXT.COVEY_NODE.a",
        "$JS.API.CONSUMER.MSG.NEXT.COVEY_MANAGER.m1", "$JS.API.CONSUMER.DELETE.COVEY_NODE.a", "$JS.ACK.COVEY_NODE.a.1.1.1.1.1", "_INBOX.x.y"};
    for (size_t i = 0; i < sizeof FORBIDDEN / sizeof *FORBIDDEN; i++) {
        ck_assert_int_eq(natsConnection_PublishString(b.connection, FORBIDDEN[i], "x"), NATS_OK);
        ck_assert_msg(refused(&b, FORBIDDEN[i]), "%s", FORBIDDEN[i]);
    }
    natsConnection_Destroy(b.connection);
    bus_free(&m);
    end();
}
END_TEST

START_TEST(a_node_cannot_hear_what_is_not_its_own)
{
    if (!begin()) return;
    Bus *m = test_connect(loop, &server, BUS_MANAGER, "m1", 10);
    Rogue b = {0};
    ck_assert_int_eq(rogue_connect(&b, 2), NATS_OK);
    static const char *const FORBIDDEN[] = {">", "covey.>", "covey.node.a", "covey.node.*", "covey.node.a.broker", "covey.manager.m1.*", "covey.manager.m1.b",
                                            "covey.nodes.*", "covey.object.*.*", "covey.chunk.a", "covey.keybroker.*", "_INBOX.>", "$JS.>", "$KV.>"};
    for (size_t i = 0; i < sizeof FORBIDDEN / sizeof *FORBIDDEN; i++) {
        natsSubscription *s = NULL;
        ck_assert_int_eq(natsConnection_SubscribeSync(&s, b.connection, FORBIDDEN[i]), NATS_OK);
        ck_assert_msg(refused(&b, FORBIDDEN[i]), "%s", FORBIDDEN[i]);
        natsSubscription_Destroy(s);
    }
    natsConnection_Destroy(b.connection);
    bus_free(&m);
    end();
}
END_TEST

START_TEST(work_that_is_redirected_to_another_node_is_dropped_there)
{
    if (!begin()) return;
    Bus *m = test_connect(loop, &server, BUS_MANAGER, "m1", 10), *a = test_connect(loop, &server, BUS_NODE, "a", 1);
    Heard at_a = {0};
    Rogue b = {0};
    BusNatsStatus status = {0};
    test_listen(a, "covey.node.a", &at_a);
    test_listen(a, "covey.chunk.a", &at_a);
    ck_assert_ok(test_say(m, "covey.node.a", "own"));
    ck_assert_ok(test_say(m, "covey.node.b", "secret of b"));
    ck_assert(test_wait(loop, &at_a.count, 1, 5000));
    ck_assert_int_eq(rogue_connect(&b, 2), NATS_OK);
    /* b asks for its own work, and names what a hears as the place to answer: the server does not mind */
    ck_assert_int_eq(natsConnection_PublishRequestString(b.connection, "$JS.API.CONSUMER.MSG.NEXT.COVEY_NODE.b", "covey.chunk.a", "{\"batch\":1,\"no_wait\":true}"), NATS_OK);
    ck_assert_int_eq(natsConnection_PublishRequestString(b.connection, "$JS.API.CONSUMER.MSG.NEXT.COVEY_NODE.b", "covey.node.a", "{\"batch\":1,\"no_wait\":true}"), NATS_OK);
    for (int i = 0; i < 200 && !status.dropped; i++) {
        ck_assert_ok(loop_turn(loop, 10));
        bus_nats_status(a, &status);
    }
    ck_assert_uint_ge(status.dropped, 1);
    ck_assert(!test_wait(loop, &at_a.count, 2, 300));
    natsConnection_Destroy(b.connection);
    bus_free(&a);
    bus_free(&m);
    end();
}
END_TEST

static Err try_connect(const BusNatsConfig *config, Diag *why)
{
    Bus *untouched = NULL;
    Err e = bus_nats_connect(loop, config, &untouched, why);
    ck_assert(e.code ? untouched == NULL : untouched != NULL);
    bus_free(&untouched);
    return e;
}

START_TEST(who_has_no_key_there_is_told_so)
{
    if (!begin()) return;
    SecretKey stranger;
    PublicKey ignored;
    Diag why = {{0}};
    test_key(99, &stranger, &ignored);
    BusNatsConfig config = test_config(&server, BUS_NODE, "a", &stranger);
    ck_assert_err(try_connect(&config, &why), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(why.text, "does not know this key"));
    config.key = NULL;
    ck_assert_err(try_connect(&config, &why), ERR_DENIED);
    config = test_config(&server, BUS_MANAGER, "m1", &stranger);
    config.connect_ms = 400;
    test_key(1, &stranger, &ignored); /* a node's: it may not make streams */
    ck_assert_err(try_connect(&config, &why), ERR_DENIED);
    ck_assert_msg(strstr(why.text, "manager") != NULL, "%s", why.text);
    end();
}
END_TEST

static void keep_text(void *kept, bool connected, const char *text)
{
    if (!connected) snprintf(kept, 200, "%s", text);
}

START_TEST(who_is_refused_when_reconnecting_is_told_so_and_does_not_wait_for_ever)
{
    if (!begin()) return;
    SecretKey key;
    PublicKey public_key;
    Diag why = {{0}};
    Bus *bus;
    char text[200] = "", known[NKEY_TEXT_MAX], other[NKEY_TEXT_MAX];
    AUTO_BUFFER file = buffer_limited(64 << 10);
    test_key(99, &key, &public_key);
    nkey_print(&public_key, other);
    test_key(1, &key, &public_key);
    nkey_print(&public_key, known);
    BusNatsConfig config = test_config(&server, BUS_NODE, "a", &key);
    config.on_state = keep_text;
    config.context = text;
    ck_assert_ok(bus_nats_connect(loop, &config, &bus, &why));
    test_server_kill(&server);
    ck_assert_ok(file_read(AT_FDCWD, server.config, &file));
    for (uint8_t *at; (at = memmem(file.data, file.size, known, strlen(known)));) memcpy(at, other, strlen(known));
    ck_assert_ok(file_replace(AT_FDCWD, server.config, view_buffer(&file), 0600));
    test_server_start(&server);
    Err e = OK;
    for (const uint64_t until = clock_monotonic_ns() + 20 * NS_PER_S; !e.code && clock_monotonic_ns() < until;) e = loop_turn(loop, 50);
    ck_assert_err(e, ERR_DENIED);
    ck_assert_str_eq(text, "the NATS server does not know this key any more; see its configuration, then start again");
    bus_free(&bus);
    end();
}
END_TEST

START_TEST(errors_of_connecting_say_what_to_do)
{
    if (!begin()) return;
    Diag why = {{0}};
    SecretKey key;
    PublicKey ignored;
    test_key(1, &key, &ignored);
    BusNatsConfig config = test_config(&server, BUS_NODE, "a", &key);
    config.url = "nats://127.0.0.1:1";
    Err e = try_connect(&config, &why);
    ck_assert_int_eq(err_exit_code(e.code), 4);
    ck_assert_str_eq(why.text, "nats://127.0.0.1:1: no NATS server answers there; start one (covey bus config writes its file), or check host and port");
    static const char *const WRONG[] = {"127.0.0.1", "http://x", "nats://", "nats://u:secret@h", "nats://a,,nats://b", ""};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        config.url = WRONG[i];
        ck_assert_err(try_connect(&config, &why), ERR_USAGE);
        ck_assert_ptr_null(strstr(why.text, "secret"));
    }
    config.url = server.url;
    config.id = "a.b";
    ck_assert_err(try_connect(&config, &why), ERR_USAGE);
    config.id = "a";
    config.tls_ca = "/nowhere/ca.pem";
    ck_assert_err(try_connect(&config, &why), ENOENT);
    config.tls_ca = NULL;
    config.tls_key = test_path(&folder, "key.pem");
    config.tls_cert = config.credentials = test_path(&folder, "open");
    ck_assert_ok(file_replace(AT_FDCWD, config.tls_key, VIEW("key"), 0600));
    ck_assert_ok(file_replace(AT_FDCWD, config.tls_cert, VIEW("certificate"), 0644));
    ck_assert_err(try_connect(&config, &why), ERR_DENIED); /* a certificate is public; credentials hold a secret */
    ck_assert_ptr_nonnull(strstr(why.text, "/open: others can read the credentials (mode 644); run: chmod 600 "));
    config.credentials = NULL;
    ck_assert_int_eq(chmod(config.tls_key, 0640), 0);
    ck_assert_err(try_connect(&config, &why), ERR_DENIED);
    ck_assert_ptr_nonnull(strstr(why.text, "/key.pem: others can read the key (mode 640); run: chmod 600 "));
    end();
}
END_TEST

START_TEST(a_server_without_jetstream_is_named_as_that)
{
    if (!test_server_there()) return;
    char text[100];
    const int port = test_free_port();
    folder = test_folder();
    snprintf(text, sizeof text, "listen: \"127.0.0.1:%d\"\n", port);
    test_server_begin(&server, &folder, port, text);
    ck_assert_ok(loop_new(&loop));
    Diag why = {{0}};
    const BusNatsConfig config = test_config(&server, BUS_NODE, "a", NULL);
    ck_assert_err(try_connect(&config, &why), ERR_CLOSED);
    ck_assert_ptr_nonnull(strstr(why.text, "without JetStream"));
    end();
}
END_TEST

TEST_MAIN("bus/nats_rights", a_node_cannot_say_what_is_not_its_own, a_node_cannot_hear_what_is_not_its_own,
          work_that_is_redirected_to_another_node_is_dropped_there, who_has_no_key_there_is_told_so,
          who_is_refused_when_reconnecting_is_told_so_and_does_not_wait_for_ever, errors_of_connecting_say_what_to_do,
          a_server_without_jetstream_is_named_as_that)
