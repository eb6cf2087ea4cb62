/* Floor: fork, _exit and wait of a process with a given number of touched pages.   usage: fork COUNT PAGES; prints nanoseconds each */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    long count = argc == 3 ? atol(argv[1]) : 0, pages = argc == 3 ? atol(argv[2]) : 0;
    if (count <= 0 || pages < 0) return 2;
    size_t size = (size_t)(pages + 1) * 4096;
    char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    memset(memory, 1, size - 4096);

    double start = now_ns();
    for (long i = 0; i < count; i++) {
        pid_t child = fork();
        if (child == 0) _exit(0);
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child || status != 0) return 1;
    }
    printf("%.0f\n", (now_ns() - start) / (double)count);
    return 0;
}
