/* Resources from files to a node's stage. */
#include "pto/hand_over.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/sendfile.h>

#include "crypto/sha256.h"
#include "sys/clock.h"
#include "sys/fault.h"
#include "sys/fd.h"

Err hand_over_open(const char *path, const SecretKey *secret, const PublicKey *public_key, HandOver *ret_hand_over)
{
    HandOver h = {.secret = secret, .public_key = *public_key, .sequence = clock_wall_ns()};
    TRY(stage_link_open(path, &h.link));
    *ret_hand_over = h;
    return OK;
}

void hand_over_close(HandOver *h) { stage_link_close(&h->link); }

/* The one copy there is: from the file's pages to the memfd that is handed over. */
static Err copy_whole(int from, uint64_t size, int to)
{
    for (uint64_t done = 0; done < size;) {
        ssize_t n = FAULTABLE("sendfile", sendfile(to, from, NULL, size - done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return FAIL(errno);
        if (n == 0) return FAIL(ERR_CHANGED);
        done += (uint64_t)n;
    }
    return OK;
}

Err hand_over_read(const char *path, int *ret_fd, uint64_t *ret_size, Sha256 *ret_hash)
{
    AUTO_FD file = -1, copy = -1;
    uint64_t size = 0, now = 0;
    TRY(fd_open(AT_FDCWD, path, O_RDONLY | O_NOCTTY, 0, &file));
    TRY(fd_stat_size(file, &size));
    if (size == 0 || size > RESOURCE_SIZE_MAX) return FAIL(ERR_BAD_INPUT);
    TRY(stage_memfd_new(size, &copy));
    TRY(copy_whole(file, size, copy));
    TRY(fd_stat_size(file, &now));
    if (now != size) return FAIL(ERR_CHANGED);
    TRY(stage_memfd_seal(copy));
    TRY(sha256_of_range(copy, 0, size, ret_hash)); /* of what nobody can change any more */
    *ret_size = size;
    *ret_fd = fd_take(&copy);
    return OK;
}

Err hand_over_name(const char *task, const char *file, char ret_name[RESOURCE_NAME_MAX + 1])
{
    int n = snprintf(ret_name, RESOURCE_NAME_MAX + 1, "%s/%s", task, file);
    if (n < 0 || n > RESOURCE_NAME_MAX) return FAIL(ERR_LIMIT);
    for (char *c = ret_name + strlen(task) + 1; *c; c++)
        if (!isalnum((unsigned char)*c) && *c != '.' && *c != '_') *c = '-';
    return resource_name_valid(view_text(ret_name)) ? OK : FAIL(ERR_LIMIT);
}

Err hand_over_offer(HandOver *h, Resource *r, int fd, uint64_t keep_ms)
{
    AUTO_BUFFER statement = buffer_limited(RESOURCE_BYTES_MAX);
    if (!h->link.greeted) return FAIL(ERR_BUSY);
    r->pto = h->public_key;
    r->stage = h->link.hello.stage;
    r->sequence = h->sequence + 1;
    r->expires_ms = clock_wall_ns() / NS_PER_MS + keep_ms;
    TRY(resource_encode(r, h->secret, &statement));
    TRY(stage_link_offer(&h->link, view_buffer(&statement), fd));
    h->sequence = r->sequence;
    return OK;
}
