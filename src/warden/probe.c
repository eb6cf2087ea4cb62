/*
 * Whether this machine can give a level, found by trying: a child in the same namespaces, behind the same wall, executes an image that is
 * not one. When only the exec fails, everything before it held.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/level.h"
#include "sys/memfd.h"
#include "warden/warden.h"
#include "warden/zygote.h"

static Err probe_wall(Diag *diag)
{
    int ends[2];
    AUTO_FD image = -1;
    TRY(memfd_sealed_image("see-probe", VIEW("not an executable"), &image));
    TRY(socket_pair(ends));
    AUTO_FD ours = ends[0], theirs = ends[1];
    WardenStart start = {.type = WARDEN_START, .level = LEVEL_PROCESS, .memory_max = 1 << 20};
    Zygote zygote;
    Diag why = {{0}};
    Err e = zygote_begin(&start, image, theirs, &zygote, &why);
    if (!e.code) e = zygote_started(&zygote, &why);
    if (e.code == ERR_BAD_INPUT) return OK; /* the image was reached, and refused */
    if (!e.code) {
        int status;
        zygote_end(&zygote, &status);
        return FAIL_WHY(diag, ERR_LEVEL, "the wall let something run that is no program");
    }
    return FAIL_WHY(diag, ERR_LEVEL, "%s", why.text[0] ? why.text : err_text(e.code));
}

Err warden_probe(int level, Diag *diag)
{
    switch (level) {
    case LEVEL_SHARED:
    case LEVEL_PROCESS: return probe_wall(diag);
    case LEVEL_MICROVM: return FAIL_WHY(diag, ERR_LEVEL, "microvm is not part of this version");
    case LEVEL_CONFIDENTIAL: return FAIL_WHY(diag, ERR_LEVEL, "no SEE of this version is a confidential guest of its own; in one, the lines 'evidence' say what the processor vouches for");
    default: return FAIL_WHY(diag, ERR_LEVEL, "there is no such level");
    }
}
