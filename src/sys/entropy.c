/* Randomness from the kernel's pool; waits for it at boot. */
#include "sys/entropy.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/types.h>

#include "sys/fault.h"

Err random_bytes(void *data, size_t size)
{
    char *rest = data;
    while (size > 0) {
        ssize_t n = FAULTABLE("getrandom", getrandom(rest, size, 0));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return FAIL(errno);
        rest += n;
        size -= (size_t)n;
    }
    return OK;
}
