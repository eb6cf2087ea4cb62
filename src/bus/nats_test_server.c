/* Starting and killing servers. */
#include "bus/nats_test_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus/nats_internal.h"
#include "sys/clock.h"
#include "sys/fd.h"
#include "sys/process.h"

static const char *const PLACES[] = {"/usr/sbin/nats-server", "/usr/bin/nats-server", "/usr/local/bin/nats-server"};

static const char *server_program(void)
{
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++)
        if (access(PLACES[i], X_OK) == 0) return PLACES[i];
    return NULL;
}

bool test_server_there(void)
{
    if (server_program()) return true;
    ck_assert_msg(!getenv("CI"), "no nats-server here (Debian: nats-server)");
    fprintf(stderr, "skipped: no nats-server here (Debian: nats-server)\n");
    return false;
}

int test_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    AUTO_FD fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, size), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

void test_server_begin(TestServer *s, const TestFolder *folder, int port, const char *text)
{
    *s = (TestServer){.port = port, .pid_fd = -1};
    snprintf(s->config, sizeof s->config, "%.200s/server-%d.conf", folder->path, port);
    snprintf(s->url, sizeof s->url, "nats://127.0.0.1:%d", port);
    ck_assert_ok(file_replace(AT_FDCWD, s->config, view_text(text), 0600));
    test_server_start(s);
}

void test_server_start(TestServer *s)
{
    char log[300];
    pid_t pid;
    snprintf(log, sizeof log, "%s.log", s->config);
    const char *const argv[] = {"nats-server", "-c", s->config, "-l", log, NULL};
    AUTO_FD nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    ck_assert_ok(process_spawn(server_program(), argv, nothing, &pid, &s->pid_fd));
    NatsServerInfo info;
    const uint64_t until = clock_monotonic_ns() + 10 * NS_PER_S;
    while (nats_probe(s->url, 1000, &info).code) {
        ck_assert_msg(clock_monotonic_ns() < until, "%s: does not answer; see %s", s->url, log);
        usleep(10000);
    }
}

void test_server_kill(TestServer *s)
{
    int status;
    if (s->pid_fd < 0) return;
    process_kill(s->pid_fd);
    ck_assert_ok(process_wait(s->pid_fd, &status));
    fd_close(&s->pid_fd);
}

void test_key(uint8_t number, SecretKey *ret_secret, PublicKey *ret_public)
{
    uint8_t seed[crypto_sign_SEEDBYTES] = {number};
    ck_assert_int_ge(sodium_init(), 0);
    crypto_sign_seed_keypair(ret_public->bytes, ret_secret->bytes, seed);
}

/* --- buses --- */

Err test_hear(void *heard, const char *subject, View message)
{
    Heard *h = heard;
    h->count++;
    h->bytes += message.size;
    if (h->size < sizeof h->log - 200)
        h->size += (size_t)snprintf(h->log + h->size, sizeof h->log - h->size, "%s=%.*s ", subject, (int)(message.size < 20 ? message.size : 20),
                                    message.size ? (const char *)message.data : "");
    return h->error ? FAIL(h->error) : OK;
}

BusNatsConfig test_config(const TestServer *s, BusRole role, const char *id, const SecretKey *key)
{
    return (BusNatsConfig){.url = s->url, .role = role, .id = id, .key = key, .tls_ca = s->tls_ca, .ack_wait_ms = 500, .stream_bytes = 64 * MIB};
}

Bus *test_connect(Loop *loop, const TestServer *s, BusRole role, const char *id, uint8_t number)
{
    SecretKey secret;
    PublicKey key;
    Bus *bus = NULL;
    Diag why = {{0}};
    test_key(number, &secret, &key);
    const BusNatsConfig config = test_config(s, role, id, &secret);
    Err e = bus_nats_connect(loop, &config, &bus, &why);
    ck_assert_msg(e.code == 0, "%s (%s at %s)", why.text, err_text(e.code), e.at);
    return bus;
}

void test_listen(Bus *bus, const char *subject, Heard *heard)
{
    BusSubscription *s;
    ck_assert_ok(bus_subscribe(bus, subject, test_hear, heard, &s));
}

Err test_say(Bus *bus, const char *subject, const char *text)
{
    AUTO_BUFFER message = buffer_limited(KIB);
    TRY(buffer_append(&message, view_text(text)));
    return bus_publish(bus, subject, &message);
}

bool test_wait(Loop *loop, const uint64_t *count, uint64_t wanted, uint32_t ms)
{
    const uint64_t until = clock_monotonic_ns() + ms * NS_PER_MS;
    while (*count < wanted && clock_monotonic_ns() < until) ck_assert_ok(loop_turn(loop, 10));
    return *count >= wanted;
}

void test_server_config(const TestFolder *folder, int port, Buffer *ret_text)
{
    char listen[32], store[300];
    NatsUser nodes[2] = {{.id = "a"}, {.id = "b"}}, managers[2] = {{.id = NULL}}, brokers[1] = {{.id = NULL}};
    SecretKey ignored;
    for (uint8_t i = 0; i < 2; i++) test_key((uint8_t)(i + 1), &ignored, &nodes[i].key);
    for (uint8_t i = 0; i < 2; i++) test_key((uint8_t)(i + 10), &ignored, &managers[i].key);
    test_key(20, &ignored, &brokers[0].key);
    snprintf(listen, sizeof listen, "127.0.0.1:%d", port);
    snprintf(store, sizeof store, "%.200s/store-%d", folder->path, port);
    const NatsServerConfig config = {.listen = listen, .store = store, .nodes = nodes, .node_count = 2, .managers = managers, .manager_count = 2,
                                     .brokers = brokers, .broker_count = 1};
    Diag why = {{0}};
    Err e = nats_config_write(&config, ret_text, &why);
    ck_assert_msg(e.code == 0, "%s", why.text);
}
