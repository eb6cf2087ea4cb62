/*
 * random_get. Derived: the ChaCha20 key stream (RFC 8439 section 2.4; 64-bit nonce and counter as in the original) under the task's seed,
 * with stage and micro-job as the nonce, so that copies of a micro-job agree byte for byte and no two micro-jobs share a stream.
 * Each call starts at a fresh block. Real: the kernel's, asked anew every time, so that a fork has nothing to share.
 */
#include <sodium.h>
#include <string.h>
#include <sys/random.h>

#include "see/runtime.h"

enum { BLOCK = 64, KERNEL_BYTES_MAX = 256 /* getrandom never gives less than asked up to here */ };

static void fill_real(uint8_t *data, uint64_t size)
{
    memory_will_write(data, size);
    while (size > 0) {
        ssize_t n = getrandom(data, size < KERNEL_BYTES_MAX ? size : KERNEL_BYTES_MAX, 0);
        if (n <= 0) see_exit(3);
        data += n;
        size -= (uint64_t)n;
    }
}

void random_fill(uint8_t *data, uint64_t size)
{
    if (setup.head.real_random) {
        fill_real(data, size);
        return;
    }
    uint8_t nonce[8];
    memcpy(nonce, &job.ask.stage_and_job, sizeof nonce);
    memset(data, 0, size);
    crypto_stream_chacha20_xor_ic(data, data, size, nonce, job.random_block, setup.head.task_seed);
    job.random_block += (size + BLOCK - 1) / BLOCK;
}
