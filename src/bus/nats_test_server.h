/** Real nats-servers for tests: on free ports, with a store in the test's folder; killed with the test. */
#pragma once
#include "bus/nats.h"
#include "bus/nats_config.h"
#include "sys/test.h"

enum { TEST_SERVERS_MAX = 3 };

typedef struct {
    char config[256], url[64];
    int port, pid_fd;
    const char *tls_ca;
} TestServer;

/** False, with a line on standard error: there is no nats-server here. With CI=true that fails the test. */
bool test_server_there(void);
int test_free_port(void);
/** Writes `text` as its configuration file and starts it. */
void test_server_begin(TestServer *s, const TestFolder *folder, int port, const char *text);
/** With the file and the port that it had; waits until it answers. */
void test_server_start(TestServer *s);
void test_server_kill(TestServer *s);

/** The same each time for one number. */
void test_key(uint8_t number, SecretKey *ret_secret, PublicKey *ret_public);

/** What a handler heard: "<subject>=<first bytes> " each, and counts. */
typedef struct { char log[2000]; size_t size, bytes; uint64_t count; int error; } Heard;
Err test_hear(void *heard, const char *subject, View message);

/** With key `number`, the role and the id; ck_asserts. */
Bus *test_connect(Loop *loop, const TestServer *s, BusRole role, const char *id, uint8_t number);
BusNatsConfig test_config(const TestServer *s, BusRole role, const char *id, const SecretKey *key);
void test_listen(Bus *bus, const char *subject, Heard *heard);
Err test_say(Bus *bus, const char *subject, const char *text);
/** Turns the loop until `*count` is at least `wanted`, or so many ms are over. */
bool test_wait(Loop *loop, const uint64_t *count, uint64_t wanted, uint32_t ms);
/** Nodes "a" (key 1) and "b" (key 2), managers keys 10 and 11, broker key 20. */
void test_server_config(const TestFolder *folder, int port, Buffer *ret_text);
