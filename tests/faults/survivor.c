/* A micro-job for the kill tests: takes about a millisecond, and says all that must be the same after any death: its number, a checksum
 * of its segment, and random bytes of its own. As a combiner (stage 1 and up) it hands on what it reads. */
#include "covey_job.h"

enum { WORK = 200000 };

int main(void)
{
    JobText segment = job_read_all();
    if (job_stage() > 0) {
        job_emit(segment.text, segment.size);
        return 0;
    }
    uint32_t sum = 2166136261u;
    uint64_t random, work = 1;
    for (size_t i = 0; i < segment.size; i++) sum = (sum ^ (uint8_t)segment.text[i]) * 16777619u;
    for (int i = 0; i < WORK; i++) work = work * UINT64_C(6364136223846793005) + sum; /* not to be optimised away */
    if (getentropy(&random, sizeof random) < 0) job_fail("no randomness");
    printf("%" PRIu64 " %zu %08x %016" PRIx64 " %016" PRIx64 "\n", job_index(), segment.size, sum, work, random);
    return 0;
}
