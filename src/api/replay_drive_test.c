/* Does nothing stay behind when a replay ends before its answers have come? */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "api/replay.h"
#include "sys/fd.h"
#include "sys/test.h"

enum { REQUESTS = 5 };

/* A server that takes connections and never answers. */
static int listen_somewhere(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    ck_assert_int_eq(listen(fd, 64), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

START_TEST(a_replay_that_is_interrupted_leaves_no_connection_open)
{
    Diag diag = {{0}};
    ReplayRequest requests[REQUESTS] = {{0}};
    char session[] = "s", *sessions[] = {session};
    atomic_bool interrupted = true;
    covey_replay_options options = {0};
    covey_replayed figures;
    Replay r = {.options = &options, .target = {.host = "127.0.0.1", .path = "/v1/services/s"}, .requests = requests, .count = REQUESTS,
                .sessions = sessions, .session_count = 1, .body = buffer_limited(KIB), .interrupted = &interrupted};
    AUTO_FD server = listen_somewhere(&r.target.port);
    ck_assert_ok(service_parse(VIEW("service: s\ntasks:\n  - {task: a, image: i}\n"), "s.yaml", NULL, &r.service, &diag));
    ck_assert_ok(loop_new(&r.loop));
    int before = test_open_descriptors();
    ck_assert_err(replay_drive(&r, "off", &figures, &diag), ERR_INTERRUPTED);
    AUTO_FD asked = accept(server, NULL, NULL); /* it had asked */
    ck_assert_int_ge(asked, 0);
    fd_close(&asked);
    ck_assert_int_eq(test_open_descriptors(), before);
    loop_free(&r.loop);
    service_free(&r.service);
    buffer_free(&r.body);
}
END_TEST

TEST_MAIN("api/replay_drive", a_replay_that_is_interrupted_leaves_no_connection_open)
