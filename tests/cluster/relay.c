/*
 * A TCP relay that makes a link slow, thin or dead, for kernels without tc netem:
 *
 *   relay LISTEN-ADDRESS LISTEN-PORT ADDRESS PORT [--delay MS] [--rate BYTES-PER-SECOND] [--control FIFO]
 *
 * Each piece that arrives is passed on MS later, in order, and not faster than the rate (each direction of each connection). Lines
 * in the FIFO change it while it runs: "delay 50", "rate 100000", "rate 0" (none), "cut" (nothing passes, connections stay), "heal",
 * "reset" (connections end). TCP's own handshakes are not delayed: it is a model of a link, not of a network.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LINKS_MAX = 256, PIECES_MAX = 64, PIECE_BYTES = 16384, LINE_MAX = 128, NS_PER_MS = 1000000 };

typedef struct { uint64_t due_ns; size_t size, sent; char bytes[PIECE_BYTES]; } Piece;
/* One direction: from `in` to `out`. */
typedef struct { int in, out; bool ended, shut; unsigned head, count; uint64_t free_ns; Piece *pieces; } Pipe;
typedef struct { bool used; int client, server; Pipe pipes[2]; } Link;

static struct { uint64_t delay_ns, rate; bool cut; } shape;
static Link links[LINKS_MAX];

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "relay: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct sockaddr_in address_of(const char *host, const char *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (inet_pton(AF_INET, host, &a.sin_addr) != 1) {
        fprintf(stderr, "relay: %s is not an IPv4 address\n", host);
        exit(2);
    }
    return a;
}

static int listen_at(const char *host, const char *port)
{
    struct sockaddr_in a = address_of(host, port);
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) die("socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) < 0 || listen(fd, 64) < 0) die(host);
    return fd;
}

static void link_end(Link *l)
{
    close(l->client);
    close(l->server);
    for (int i = 0; i < 2; i++) free(l->pipes[i].pieces);
    *l = (Link){0};
}

static void link_begin(int client, const struct sockaddr_in *to)
{
    Link *l = links;
    while (l < links + LINKS_MAX && l->used) l++;
    int one = 1, server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (l == links + LINKS_MAX || server < 0 || connect(server, (const struct sockaddr *)to, sizeof *to) < 0) {
        close(client);
        if (server >= 0) close(server);
        return;
    }
    fcntl(server, F_SETFL, O_NONBLOCK);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    *l = (Link){.used = true, .client = client, .server = server, .pipes = {{.in = client, .out = server}, {.in = server, .out = client}}};
    for (int i = 0; i < 2; i++)
        if (!(l->pipes[i].pieces = calloc(PIECES_MAX, sizeof(Piece)))) die("memory");
}

/* false: the connection is broken. */
static bool pipe_read(Pipe *p, uint64_t now)
{
    Piece *piece = &p->pieces[(p->head + p->count) % PIECES_MAX];
    ssize_t n = read(p->in, piece->bytes, sizeof piece->bytes);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    p->ended = n == 0;
    if (n == 0) return true;
    uint64_t begins = p->free_ns > now ? p->free_ns : now;
    p->free_ns = begins + (shape.rate ? (uint64_t)n * 1000000000u / shape.rate : 0);
    piece->size = (size_t)n;
    piece->sent = 0;
    piece->due_ns = p->free_ns + shape.delay_ns;
    p->count++;
    return true;
}

static bool pipe_write(Pipe *p, uint64_t now)
{
    while (p->count && p->pieces[p->head].due_ns <= now) {
        Piece *piece = &p->pieces[p->head];
        ssize_t n = send(p->out, piece->bytes + piece->sent, piece->size - piece->sent, MSG_NOSIGNAL);
        if (n < 0) return errno == EAGAIN || errno == EINTR;
        piece->sent += (size_t)n;
        if (piece->sent < piece->size) return true;
        p->head = (p->head + 1) % PIECES_MAX;
        p->count--;
    }
    if (p->ended && p->count == 0 && !p->shut) {
        p->shut = true;
        shutdown(p->out, SHUT_WR);
    }
    return true;
}

static void obey(char *line)
{
    char word[16] = "";
    unsigned long long number = 0;
    sscanf(line, "%15s %llu", word, &number);
    if (strcmp(word, "delay") == 0) shape.delay_ns = number * NS_PER_MS;
    else if (strcmp(word, "rate") == 0) shape.rate = number;
    else if (strcmp(word, "cut") == 0) shape.cut = true;
    else if (strcmp(word, "heal") == 0) shape.cut = false;
    else if (strcmp(word, "reset") != 0) fprintf(stderr, "relay: what is '%s'?\n", line);
    for (int i = 0; i < LINKS_MAX && strcmp(word, "reset") == 0; i++)
        if (links[i].used) link_end(&links[i]);
}

static void read_control(int fd)
{
    char text[LINE_MAX];
    ssize_t n = read(fd, text, sizeof text - 1);
    if (n <= 0) return;
    text[n] = '\0';
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line) obey(line);
}

/* When the next piece is due; and what to wait for. */
static int plan(struct pollfd *fds, Pipe **who, uint64_t now, int *ret_timeout)
{
    int count = 0;
    uint64_t next = UINT64_MAX;
    for (int i = 0; i < LINKS_MAX && !shape.cut; i++)
        for (int d = 0; links[i].used && d < 2; d++) {
            Pipe *p = &links[i].pipes[d];
            if (!p->ended && p->count < PIECES_MAX) {
                fds[count] = (struct pollfd){.fd = p->in, .events = POLLIN};
                who[count++] = p;
            }
            uint64_t due = p->count ? p->pieces[p->head].due_ns : UINT64_MAX;
            if (due <= now) {
                fds[count] = (struct pollfd){.fd = p->out, .events = POLLOUT};
                who[count++] = p;
            } else if (due < next) next = due;
        }
    *ret_timeout = next == UINT64_MAX ? -1 : (int)((next - now) / NS_PER_MS) + 1;
    return count;
}

static void turn(int listener, int control, const struct sockaddr_in *to)
{
    static struct pollfd fds[4 * LINKS_MAX + 2];
    static Pipe *who[4 * LINKS_MAX + 2];
    int timeout, count = plan(fds, who, now_ns(), &timeout);
    fds[count] = (struct pollfd){.fd = control, .events = POLLIN};
    fds[count + 1] = (struct pollfd){.fd = shape.cut ? -1 : listener, .events = POLLIN};
    if (poll(fds, (nfds_t)count + 2, timeout) < 0 && errno != EINTR) die("poll");
    uint64_t now = now_ns();
    for (int i = 0; i < LINKS_MAX && !shape.cut; i++) {
        bool whole = links[i].used;
        for (int d = 0; whole && d < 2; d++) {
            Pipe *p = &links[i].pipes[d];
            if (!p->ended && p->count < PIECES_MAX) whole = pipe_read(p, now);
            if (whole) whole = pipe_write(p, now);
        }
        bool over = links[i].used && links[i].pipes[0].shut && links[i].pipes[1].shut;
        if (links[i].used && (!whole || over)) link_end(&links[i]);
    }
    if (fds[count + 1].revents & POLLIN) {
        int client = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (client >= 0) link_begin(client, to);
    }
    if (fds[count].revents & POLLIN) read_control(control);
}

int main(int argc, char **argv)
{
    int control = -1;
    if (argc < 5 || argc % 2 == 0) {
        fprintf(stderr, "usage: relay LISTEN-ADDRESS LISTEN-PORT ADDRESS PORT [--delay MS] [--rate BYTES-PER-SECOND] [--control FIFO]\n");
        return 2;
    }
    for (int i = 5; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--delay") == 0) shape.delay_ns = strtoull(argv[i + 1], NULL, 10) * NS_PER_MS;
        else if (strcmp(argv[i], "--rate") == 0) shape.rate = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--control") == 0) control = open(argv[i + 1], O_RDWR | O_CLOEXEC | O_NONBLOCK);
        else return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    struct sockaddr_in to = address_of(argv[3], argv[4]);
    int listener = listen_at(argv[1], argv[2]);
    for (;;) turn(listener, control, &to);
}
