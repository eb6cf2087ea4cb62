/*
 * Runs a command, kills one of its processes at a random moment, and checks that nothing survives its end.
 *
 *     assassin SEED MILLISECONDS COMMAND...       kills within that time      assassin - 0 COMMAND...    kills nobody, only checks
 *
 * Says who was killed and how the command ended, on standard error: "assassin: killed see after 12 ms; the command ended with 1".
 * Exit code: the command's own (128 + signal when it was killed); 97 when it hangs, 98 when a process outlives it.
 *
 * Being a subreaper, it inherits whatever is orphaned below it, in whichever session or namespace that hides.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { HANG_SECONDS = 120, LEFTOVER_MS = 5000, FAMILY_MAX = 4096, COMM_BYTES = 32, EXIT_HANG = 97, EXIT_LEFTOVER = 98 };

typedef struct { pid_t pid, parent; char comm[COMM_BYTES]; } Process;

static Process all[FAMILY_MAX], family[FAMILY_MAX];

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* "pid (comm) state ppid ..."; comm may hold anything, its end is the last parenthesis. A zombie does not count. */
static int read_process(const char *pid, Process *ret)
{
    char path[64], text[512];
    snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *f = fopen(path, "re");
    size_t size = f ? fread(text, 1, sizeof text - 1, f) : 0;
    if (f) fclose(f);
    text[size] = 0;
    char *open = strchr(text, '('), *close = strrchr(text, ')'), state;
    if (!open || !close || sscanf(close + 1, " %c %d", &state, &ret->parent) != 2 || state == 'Z') return 0;
    *close = 0;
    ret->pid = atoi(pid);
    snprintf(ret->comm, sizeof ret->comm, "%s", open + 1);
    return 1;
}

/* Everybody below this process. */
static int find_family(void)
{
    int count = 0, found = 0, known;
    DIR *proc = opendir("/proc");
    for (struct dirent *e; proc && (e = readdir(proc)) && count < FAMILY_MAX;) {
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9') count += read_process(e->d_name, &all[count]);
    }
    if (proc) closedir(proc);
    do {
        known = found;
        for (int i = 0; i < count; i++) {
            int is_ours = all[i].parent == getpid();
            for (int j = 0; j < found; j++) is_ours |= all[i].parent == family[j].pid;
            if (!is_ours || all[i].pid == 0) continue;
            family[found++] = all[i];
            all[i].pid = 0;
        }
    } while (found > known);
    return found;
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Reaps what has ended; true when the command itself has. */
static int reap(pid_t command, int *ret_status)
{
    int ended = 0, status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (pid != command) continue;
        *ret_status = status;
        ended = 1;
    }
    return ended;
}

static void kill_family(void)
{
    for (int count = find_family(); count > 0; count = find_family()) {
        for (int i = 0; i < count; i++) kill(family[i].pid, SIGKILL);
        while (waitpid(-1, NULL, WNOHANG) > 0) continue;
        usleep(1000);
    }
}

static void kill_one(uint64_t *state, uint64_t started)
{
    int count = find_family();
    if (count == 0) return;
    const Process *victim = &family[next_random(state) % (uint64_t)count];
    kill(victim->pid, SIGKILL);
    fprintf(stderr, "assassin: killed %s (%d of %d) after %llu ms\n", victim->comm, (int)(victim - family) + 1, count,
            (unsigned long long)(now_ms() - started));
}

static int leftovers(void)
{
    int count = find_family(), status;
    for (uint64_t end = now_ms() + LEFTOVER_MS; count > 0 && now_ms() < end; count = find_family()) {
        while (waitpid(-1, &status, WNOHANG) > 0) continue;
        usleep(2000);
    }
    for (int i = 0; i < count; i++) fprintf(stderr, "assassin: %s (%d) outlives the command\n", family[i].comm, family[i].pid);
    return count;
}

static int watch(pid_t command, const char *seed, uint64_t within_ms)
{
    uint64_t state = strtoull(seed, NULL, 10), started = now_ms();
    uint64_t when = within_ms ? started + next_random(&state) % within_ms : UINT64_MAX;
    int status = 0;
    while (!reap(command, &status)) {
        if (now_ms() >= when) {
            kill_one(&state, started);
            when = UINT64_MAX;
        }
        if (now_ms() - started > HANG_SECONDS * 1000) {
            fprintf(stderr, "assassin: the command hangs\n");
            kill_family();
            return EXIT_HANG;
        }
        usleep(500);
    }
    if (leftovers() > 0) {
        kill_family();
        return EXIT_LEFTOVER;
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: assassin SEED MILLISECONDS COMMAND...\n");
        return 2;
    }
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    pid_t command = fork();
    if (command < 0) {
        perror("assassin: fork");
        return 2;
    }
    if (command == 0) {
        execvp(argv[3], argv + 3);
        fprintf(stderr, "assassin: %s: %s\n", argv[3], strerror(errno));
        _exit(127);
    }
    return watch(command, argv[1], strtoull(argv[2], NULL, 10));
}
