/*
 * The file of hashes between runs. One line a file: 64 hex digits, then device, inode, size, mtime and ctime in ns, then the path to the end of
 * the line. Written beside and renamed; what does not read well is left out, and hashed again.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/hand_parts.h"
#include "sys/clock.h"
#include "sys/fd.h"

enum { HASHES_BYTES_MAX = HAND_FILES_MAX * (PATH_BYTES_MAX + 256), SETTLE_S = 2 };

bool hand_settled(const HandStamp *s, uint64_t wall_ns)
{
    return s->mtime_ns + SETTLE_S * NS_PER_S < wall_ns && s->ctime_ns + SETTLE_S * NS_PER_S < wall_ns;
}

/* `line` ends with NUL. */
static void take_line(const DataAtHand *h, const char *line)
{
    ObjectId id;
    HandStamp s;
    size_t size;
    int used = 0;
    if (strlen(line) < 2 * OBJECT_ID_BYTES) return;
    if (sodium_hex2bin(id.bytes, sizeof id.bytes, line, 2 * OBJECT_ID_BYTES, NULL, &size, NULL) != 0 || size != sizeof id.bytes) return;
    int n = sscanf(line + 2 * OBJECT_ID_BYTES, " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %n", &s.device, &s.inode, &s.size,
                   &s.mtime_ns, &s.ctime_ns, &used);
    if (n != 5 || used == 0) return;
    HandFile *f = hand_files_find(&h->files, line + 2 * OBJECT_ID_BYTES + used);
    if (!f || !hand_same(&f->stamp, &s)) return;
    f->id = id;
    f->hashed = true;
}

Err hand_hashes_load(DataAtHand *h)
{
    if (!h->hashes) return OK;
    AUTO_BUFFER text = buffer_limited(HASHES_BYTES_MAX);
    Err e = file_read(AT_FDCWD, h->hashes, &text);
    if (e.code == ENOMEM) return e;
    if (e.code) return OK; /* the first time, or not to be read: everything is hashed */
    TRY(buffer_put_u8(&text, 0));
    char *rest = (char *)text.data;
    for (char *line; (line = strsep(&rest, "\n"));) take_line(h, line);
    return OK;
}

static Err put_line(Buffer *b, const HandFile *f)
{
    char hex[2 * OBJECT_ID_BYTES + 1];
    sodium_bin2hex(hex, sizeof hex, f->id.bytes, sizeof f->id.bytes);
    const HandStamp *s = &f->stamp;
    return buffer_format(b, "%s %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %s\n", hex, s->device, s->inode, s->size, s->mtime_ns,
                         s->ctime_ns, f->path);
}

void hand_hashes_save(DataAtHand *h)
{
    if (!h->hashes || !h->unsaved) return;
    AUTO_BUFFER text = buffer_limited(HASHES_BYTES_MAX);
    uint64_t now = clock_wall_ns();
    Err e = OK;
    for (uint32_t i = 0; !e.code && i < h->files.count; i++) {
        const HandFile *f = &h->files.items[i];
        if (f->hashed && hand_settled(&f->stamp, now) && !strchr(f->path, '\n')) e = put_line(&text, f);
    }
    if (!e.code) e = file_replace(AT_FDCWD, h->hashes, view_buffer(&text), 0600);
    h->unsaved = e.code != 0;
}
