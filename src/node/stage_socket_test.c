/* The stage's socket against orchestrators that die, flood, send halves and garbage, or sit there: requests may be slower, and nothing else. */
#include "node/stage_socket.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "node/stage_fixture.h"
#include "sys/clock.h"

static StageWorld w;
static StageSocket *listener;
static char path[128];

static void begin_for(uid_t uid)
{
    Diag diag = {{0}};
    fixture_begin(&w, NULL);
    snprintf(path, sizeof path, "%s/stage.sock", w.folder);
    Err e = stage_socket_open(w.stage, w.loop, path, uid, &listener, &diag);
    ck_assert_msg(e.code == 0, "%s", diag.text);
}
static void begin(void) { begin_for(getuid()); }

static void end(void)
{
    stage_socket_close(&listener);
    ck_assert_int_eq(access(path, F_OK), -1);
    fixture_end(&w);
}

/* Turns the loop until the link has an outcome, or it is closed. */
static Err next(StageLink *l, StageOutcome *ret_outcome)
{
    for (uint64_t give_up = clock_monotonic_ns() + 20 * NS_PER_S; clock_monotonic_ns() < give_up;) {
        Err e = stage_link_receive(l, ret_outcome);
        if (e.code != ERR_BUSY) return e;
        ck_assert_ok(loop_turn(w.loop, 1));
    }
    return FAIL(ERR_BUSY);
}

static StageLink connect_to(void)
{
    StageLink l;
    StageOutcome ignored;
    ck_assert_ok(stage_link_open(path, &l));
    for (int i = 0; i < 2000 && !l.greeted; i++) {
        Err e = stage_link_receive(&l, &ignored);
        ck_assert(e.code == ERR_BUSY);
        ck_assert_ok(loop_turn(w.loop, 1));
    }
    ck_assert(l.greeted);
    return l;
}

static Err offer(StageLink *l, const Resource *r, View content)
{
    AUTO_BUFFER statement = buffer_limited(RESOURCE_BYTES_MAX);
    AUTO_FD fd = fixture_memfd(content);
    ck_assert_ok(resource_encode(r, &w.pto.secret, &statement));
    return stage_link_offer(l, view_buffer(&statement), fd);
}

START_TEST(an_orchestrator_offers_hears_and_evicts)
{
    StageOutcome o;
    begin();
    StageLink l = connect_to();
    ck_assert_mem_eq(l.hello.stage.bytes, stage_id(w.stage)->bytes, STAGE_ID_BYTES);
    ck_assert_uint_eq(l.hello.bytes_max, MIB);
    Resource r = fixture_next(&w, "score/model", VIEW("weights\n"));
    ck_assert_ok(offer(&l, &r, VIEW("weights\n")));
    ck_assert_ok(next(&l, &o));
    ck_assert(o.code == STAGE_STAGED && o.sequence == 1 && o.size == 8 && o.bytes_held == 8 && o.elapsed_ns > 0);
    ck_assert_str_eq(o.name, "score/model");
    ck_assert_ok(offer(&l, &r, VIEW("weights\n")));
    ck_assert_ok(next(&l, &o));
    ck_assert_uint_eq(o.code, STAGE_REPLAYED);
    ck_assert_ok(stage_link_evict(&l, &w.pto.public_key, 1));
    ck_assert_ok(next(&l, &o));
    ck_assert(o.code == STAGE_EVICTED_BY_PTO && o.bytes_held == 0);
    ck_assert_ok(stage_link_evict(&l, &w.pto.public_key, 1));
    ck_assert_ok(next(&l, &o));
    ck_assert_uint_eq(o.code, STAGE_NOT_HERE);
    stage_link_close(&l);
    end();
}
END_TEST

START_TEST(a_process_of_another_user_is_not_let_in)
{
    StageOutcome o;
    StageLink l;
    begin_for(getuid() + 1);
    ck_assert_ok(stage_link_open(path, &l));
    ck_assert_err(next(&l, &o), ERR_CLOSED);
    ck_assert(!l.greeted && stage_socket_stats(listener).strangers == 1);
    stage_link_close(&l);
    end();
}
END_TEST

START_TEST(the_socket_is_the_orchestrators_users)
{
    enum { NOBODY = 65534 };
    int status = -1;
    if (getuid() != 0) return; /* only root can give it away, and become somebody else */
    begin_for(NOBODY);
    ck_assert_int_eq(chmod(w.folder, 0711), 0);
    pid_t pid = fork();
    if (pid == 0) {
        StageLink l;
        struct pollfd p = {.events = POLLIN};
        if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0 || stage_link_open(path, &l).code) _exit(1);
        p.fd = l.socket;
        _exit(poll(&p, 1, 10000) == 1 && (p.revents & POLLIN) && !(p.revents & POLLHUP) ? 0 : 2);
    }
    for (int i = 0; i < 20000 && waitpid(pid, &status, WNOHANG) == 0; i++) ck_assert_ok(loop_turn(w.loop, 1));
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %d", status);
    ck_assert(stage_socket_stats(listener).accepted == 1 && stage_socket_stats(listener).strangers == 0);
    end();
}
END_TEST

/* What is broken, and whether a descriptor comes with it. */
static const struct { const char *bytes; size_t size; bool fd; } GARBAGE[] = {
    {"x", 1, false}, {"\2\0\0\0", 4, true}, {"\2\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16, false}, {"\2\0\0\0\5\0\0\0\0\0\0\0\0\0\0\0abc", 19, true},
    {"\2\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 16, true}, {"\3\0\0\0\0\0\0\0", 8, false}, {"\1\0\0\0\1\0\0\0", 8, false}, {"\4\0\0\0\1\0\0\0", 8, true},
    {"\xff\xff\xff\xff", 4, false}};

START_TEST(whoever_breaks_the_protocol_is_cut_off_and_must_wait)
{
    for (size_t i = 0; i < sizeof GARBAGE / sizeof GARBAGE[0]; i++) {
        StageOutcome o;
        begin();
        StageLink l = connect_to(), again;
        AUTO_FD fd = fixture_memfd(VIEW("x"));
        ck_assert_ok(socket_send(l.socket, view_of(GARBAGE[i].bytes, GARBAGE[i].size), &fd, GARBAGE[i].fd));
        ck_assert_err(next(&l, &o), ERR_CLOSED);
        ck_assert(stage_socket_stats(listener).cut_off == 1 && stage_socket_stats(listener).peers == 0);
        const uint64_t cut = clock_monotonic_ns();
        ck_assert_ok(stage_link_open(path, &again));
        for (int turn = 0; i == 0 && turn < 20000 && !again.greeted; turn++) {
            ck_assert_int_eq(stage_link_receive(&again, &o).code, ERR_BUSY);
            ck_assert_ok(loop_turn(w.loop, 10));
        }
        ck_assert(i > 0 || (again.greeted && clock_monotonic_ns() - cut > 300 * NS_PER_MS));
        stage_link_close(&l);
        stage_link_close(&again);
        end();
    }
}
END_TEST

START_TEST(too_large_a_packet_and_too_many_descriptors_are_a_broken_protocol)
{
    static uint8_t large[STAGE_PACKET_MAX + 1] = {2};
    StageOutcome o;
    begin();
    StageLink l = connect_to();
    ck_assert_ok(socket_send(l.socket, view_of(large, sizeof large), NULL, 0));
    ck_assert_err(next(&l, &o), ERR_CLOSED);
    stage_link_close(&l);
    end();
    begin();
    l = connect_to();
    int fds[2] = {fixture_memfd(VIEW("x")), fixture_memfd(VIEW("x"))};
    ck_assert_ok(socket_send(l.socket, view_of(large, 16), fds, 2));
    ck_assert_err(next(&l, &o), ERR_CLOSED);
    stage_link_close(&l);
    close(fds[0]);
    close(fds[1]);
    end();
}
END_TEST

START_TEST(no_more_than_so_many_are_let_in_and_the_next_ones_wait)
{
    StageOutcome o;
    StageLink links[STAGE_PEERS_MAX], late;
    begin();
    for (int i = 0; i < STAGE_PEERS_MAX; i++) links[i] = connect_to();
    ck_assert_ok(stage_link_open(path, &late));
    for (int i = 0; i < 50; i++) {
        ck_assert_int_eq(stage_link_receive(&late, &o).code, ERR_BUSY);
        ck_assert_ok(loop_turn(w.loop, 1));
    }
    ck_assert(!late.greeted);
    stage_link_close(&links[1]);
    for (int i = 0; i < 2000 && !late.greeted; i++) {
        ck_assert_int_eq(stage_link_receive(&late, &o).code, ERR_BUSY);
        ck_assert_ok(loop_turn(w.loop, 1));
    }
    ck_assert(late.greeted);
    for (int i = 0; i < STAGE_PEERS_MAX; i++) stage_link_close(&links[i]);
    stage_link_close(&late);
    end();
}
END_TEST

/* A turn of the loop is bounded whatever comes: what else the loop has to do gets its turn. */
START_TEST(a_flood_of_offers_keeps_nobody_from_the_loop)
{
    uint32_t sent = 0;
    begin();
    StageLink l = connect_to();
    const uint32_t before = w.said_count;
    uint32_t most = 0;
    for (int turn = 0; turn < 200; turn++) {
        Resource r = fixture_next(&w, "score", VIEW("weights\n"));
        r.sequence = 1; /* replayed, all but one */
        while (offer(&l, &r, VIEW("weights\n")).code == 0) sent++;
        uint32_t said = w.said_count;
        ck_assert_ok(loop_turn(w.loop, 0));
        if (w.said_count - said > most) most = w.said_count - said;
    }
    ck_assert_uint_gt(sent, 200);
    ck_assert_uint_gt(w.said_count, before + 200);
    ck_assert_uint_le(most, STAGE_PACKETS_PER_TURN + 1);
    ck_assert_uint_gt(stage_socket_stats(listener).missed, 0); /* it does not read what became of them: nobody waits for that */
    stage_link_close(&l);
    end();
}
END_TEST

START_TEST(an_orchestrator_that_dies_leaves_what_it_staged)
{
    begin();
    pid_t pid = fork();
    if (pid == 0) { /* its sequence numbers are its own */
        StageLink l;
        if (stage_link_open(path, &l).code) _exit(1);
        AUTO_BUFFER statement = buffer_limited(RESOURCE_BYTES_MAX);
        Resource r = fixture_next(&w, "score", VIEW("weights\n"));
        int fd = fixture_memfd(VIEW("weights\n"));
        struct pollfd p = {l.socket, POLLIN, 0};
        if (resource_encode(&r, &w.pto.secret, &statement).code || stage_link_offer(&l, view_buffer(&statement), fd).code) _exit(2);
        poll(&p, 1, 10000);
        kill(getpid(), SIGKILL);
    }
    for (int i = 0; i < 20000 && fixture_last(&w) != STAGE_STAGED; i++) ck_assert_ok(loop_turn(w.loop, 1));
    ck_assert_int_eq(fixture_last(&w), STAGE_STAGED);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    for (int i = 0; i < 20000 && stage_socket_stats(listener).peers; i++) ck_assert_ok(loop_turn(w.loop, 1));
    ck_assert_uint_eq(stage_socket_stats(listener).peers, 0);
    ck_assert_uint_eq(stage_stats(w.stage).resources, 1);
    end();
}
END_TEST

START_TEST(a_socket_that_a_dead_node_left_behind_is_replaced_and_a_live_one_is_not)
{
    StageSocket *second = NULL;
    Diag diag = {{0}};
    begin();
    ck_assert_err(stage_socket_open(w.stage, w.loop, path, getuid(), &second, &diag), ERR_BUSY);
    ck_assert_ptr_nonnull(strstr(diag.text, "another node does"));
    ck_assert_int_eq(access(path, F_OK), 0);
    end();
    begin();
    char kept[160], command[400];
    snprintf(kept, sizeof kept, "%s.kept", path);
    ck_assert_int_eq(link(path, kept), 0);
    stage_socket_close(&listener);
    ck_assert_int_eq(rename(kept, path), 0);
    ck_assert_ok(stage_socket_open(w.stage, w.loop, path, getuid(), &listener, &diag));
    snprintf(command, sizeof command, "test -S %s", path);
    ck_assert_int_eq(system(command), 0);
    end();
}
END_TEST

TEST_MAIN("node/stage_socket", an_orchestrator_offers_hears_and_evicts, a_process_of_another_user_is_not_let_in,
          the_socket_is_the_orchestrators_users,
          whoever_breaks_the_protocol_is_cut_off_and_must_wait, too_large_a_packet_and_too_many_descriptors_are_a_broken_protocol,
          no_more_than_so_many_are_let_in_and_the_next_ones_wait, a_flood_of_offers_keeps_nobody_from_the_loop,
          an_orchestrator_that_dies_leaves_what_it_staged, a_socket_that_a_dead_node_left_behind_is_replaced_and_a_live_one_is_not)
