/*
 * Floors of the swarm: the same small jobs over the segments of a file, on both cores, results in input order in one output file.
 *   usage: jobs calls|forks INPUT OUTPUT PROCESSES
 * calls: plain C calls, nothing between job and job. forks: one fork per job, which computes and answers through a pipe.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fnv.h"

typedef struct { const uint8_t *input; size_t input_size, count; char *lines; } Work;

static void run_call(const Work *w, size_t job)
{
    size_t at = job * FNV_SEGMENT_BYTES, left = w->input_size - at;
    fnv_line(fnv1a(w->input + at, left < FNV_SEGMENT_BYTES ? left : FNV_SEGMENT_BYTES), w->lines + job * FNV_LINE_BYTES);
}

static void run_fork(const Work *w, size_t job)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) _exit(1);
    pid_t child = fork();
    if (child == 0) {
        run_call(&(Work){w->input, w->input_size, w->count, w->lines}, job);
        _exit(write(ends[1], w->lines + job * FNV_LINE_BYTES, FNV_LINE_BYTES) == FNV_LINE_BYTES ? 0 : 1);
    }
    close(ends[1]);
    char line[FNV_LINE_BYTES];
    int status;
    if (child < 0 || read(ends[0], line, sizeof line) != sizeof line || waitpid(child, &status, 0) != child || status != 0) _exit(1);
    memcpy(w->lines + job * FNV_LINE_BYTES, line, sizeof line);
    close(ends[0]);
}

/* One worker per core takes every n-th job: no queue, no waiting. */
static int run(const Work *w, void (*run_one)(const Work *, size_t), size_t workers)
{
    for (size_t k = 0; k < workers; k++) {
        pid_t worker = fork();
        if (worker < 0) return 1;
        if (worker > 0) continue;
        for (size_t job = k; job < w->count; job += workers) run_one(w, job);
        _exit(0);
    }
    int failed = 0, status;
    while (wait(&status) > 0) failed |= status != 0;
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 5) return 2;
    int input = open(argv[2], O_RDONLY | O_CLOEXEC), output = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    struct stat st;
    if (input < 0 || output < 0 || fstat(input, &st) < 0 || st.st_size == 0) return 1;
    Work w = {.input_size = (size_t)st.st_size, .count = ((size_t)st.st_size + FNV_SEGMENT_BYTES - 1) / FNV_SEGMENT_BYTES};
    size_t output_size = w.count * FNV_LINE_BYTES;
    if (ftruncate(output, (off_t)output_size) < 0) return 1;
    w.input = mmap(NULL, w.input_size, PROT_READ, MAP_SHARED, input, 0);
    w.lines = mmap(NULL, output_size, PROT_READ | PROT_WRITE, MAP_SHARED, output, 0);
    if (w.input == MAP_FAILED || w.lines == MAP_FAILED) return 1;
    return run(&w, strcmp(argv[1], "forks") == 0 ? run_fork : run_call, (size_t)atoi(argv[4]));
}
