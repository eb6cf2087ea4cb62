/*
 * Runs a command and looks for a text in the memory of its process, of that process' children, and of other processes that are
 * named, all the while it
 * runs and once more when it ends, before its memory is gone:  memory-search TEXT [PID...] -- COMMAND...
 *
 * Prints what it found, one line a process. The exit code is the command's. Needs root, as some of the processes are not dumpable.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SUBJECTS_MAX = 16, PIECE = 1 << 20, PAUSE_US = 4000 };
typedef struct { pid_t pid; const char *who; uint64_t searches, bytes, found; } Subject;

static Subject subjects[SUBJECTS_MAX];
static int subject_count;
static char text[256];
static size_t text_size;

static Subject *subject_of(pid_t pid, const char *who)
{
    for (int i = 0; i < subject_count; i++)
        if (subjects[i].pid == pid) return &subjects[i];
    if (subject_count == SUBJECTS_MAX) return NULL;
    subjects[subject_count] = (Subject){.pid = pid, .who = who};
    return &subjects[subject_count++];
}

/* Pieces overlap, so that nothing is missed where one ends. */
static void search_range(int memory, uint64_t from, uint64_t to, Subject *s)
{
    static char piece[PIECE + sizeof text];
    for (uint64_t at = from; at < to; at += PIECE) {
        size_t wanted = to - at < sizeof piece ? (size_t)(to - at) : sizeof piece;
        ssize_t got = pread(memory, piece, wanted, (off_t)at);
        if (got <= 0) continue; /* not readable, such as [vvar], or never touched */
        s->bytes += (uint64_t)got;
        if (memmem(piece, (size_t)got, text, text_size)) s->found++;
    }
}

/* false when the process is gone or shows nothing. */
static bool search(Subject *s)
{
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/maps", s->pid);
    FILE *maps = fopen(path, "re");
    snprintf(path, sizeof path, "/proc/%d/mem", s->pid);
    int memory = open(path, O_RDONLY | O_CLOEXEC);
    bool any = false;
    while (maps && memory >= 0 && fgets(line, sizeof line, maps)) {
        uint64_t from, to;
        char rights[5];
        if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &from, &to, rights) != 3 || rights[0] != 'r') continue;
        search_range(memory, from, to, s);
        any = true;
    }
    if (maps) fclose(maps);
    if (memory >= 0) close(memory);
    s->searches += any;
    return any;
}

static void search_all(pid_t command)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", command, command);
    FILE *children = fopen(path, "re");
    int pid;
    while (children && fscanf(children, "%d", &pid) == 1) subject_of(pid, "warden");
    if (children) fclose(children);
    for (int i = 0; i < subject_count; i++) search(&subjects[i]);
}

/* Until it stops for its end (the memory is all there) or is gone; other stops are let go on. */
static bool still_runs(pid_t pid, int *ret_status)
{
    int status;
    if (waitpid(pid, &status, WNOHANG) == 0) return true;
    if (WIFEXITED(status) || WIFSIGNALED(status)) {
        *ret_status = status;
        return false;
    }
    if (status >> 16 == PTRACE_EVENT_EXIT) search_all(pid);
    ptrace(PTRACE_CONT, pid, NULL, status >> 16 || WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status));
    return true;
}

static int watch(char **command)
{
    int ready[2], status = 0;
    if (pipe(ready) < 0) return 4;
    pid_t pid = fork();
    if (pid == 0) {
        char go;
        close(ready[1]);
        if (read(ready[0], &go, 1) == 1) execvp(command[0], command);
        _exit(127);
    }
    if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACEEXIT) < 0 || write(ready[1], "", 1) != 1) return 4;
    subject_of(pid, "run");
    while (still_runs(pid, &status)) {
        usleep(PAUSE_US);
        search_all(pid);
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
    int at = 2;
    if (argc < 4) return 2;
    text_size = strlen(argv[1]);
    if (text_size == 0 || text_size >= sizeof text) return 2;
    memcpy(text, argv[1], text_size);
    for (; at < argc && strcmp(argv[at], "--") != 0; at++) subject_of(atoi(argv[at]), "broker");
    if (at + 1 >= argc) return 2;
    int code = watch(argv + at + 1);
    for (int i = 0; i < subject_count; i++) {
        if (strcmp(subjects[i].who, "broker") == 0) search(&subjects[i]); /* afterwards too */
        printf("%s searched %" PRIu64 " found %" PRIu64 "\n", subjects[i].who, subjects[i].searches, subjects[i].found);
    }
    return code;
}
