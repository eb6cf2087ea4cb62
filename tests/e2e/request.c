/* A task of a service for the tests: answers with its input, fails, traps, takes its time, or answers with much. */
#include "covey_job.h"

static void be_slow(const char *milliseconds)
{
    volatile uint64_t steps = 0;
    uint64_t wanted = strtoull(milliseconds, NULL, 10);
    if (!wanted) wanted = 20000;
    for (uint64_t i = 0; i < wanted * 300000; i++) steps = steps + i; /* there is no clock to look at */
}

int main(int argc, char **argv)
{
    const char *how = argc > 1 ? argv[1] : "";
    JobText in = job_read_all();
    if (strcmp(how, "fail") == 0) {
        fprintf(stderr, "it went wrong\n");
        return 3;
    }
    if (strcmp(how, "trap") == 0) __builtin_trap();
    if (strcmp(how, "slow") == 0) {
        be_slow(in.text);
        return puts("done") == EOF;
    }
    if (strcmp(how, "much") == 0) {
        for (int i = 0; i < 10000000; i++)
            if (fwrite("0123", 1, 4, stdout) != 4) return 1;
        return 0;
    }
    return fwrite(in.text, 1, in.size, stdout) != in.size;
}
