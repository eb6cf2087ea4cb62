/* Copies its lines, and computes for about as many milliseconds as its argument says (a SEE has no clock to wait by). */
#include "covey_job.h"

int main(int argc, char **argv)
{
    volatile uint64_t x = 1;
    uint64_t rounds = argc > 1 ? strtoull(argv[1], NULL, 10) * 400000 : 0;
    JobText line;
    while (job_next_line(&line)) {
        for (uint64_t i = 0; i < rounds; i++) x = x * UINT64_C(6364136223846793005) + 1;
        job_emit(line.text, line.size);
        job_emit("\n", 1);
    }
    return 0;
}
