/* The list of revoked keys; and whether it, or what stands beside it, changed. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/rfc3339.h"
#include "crypto/key_list.h"
#include "crypto/key_parts.h"
#include "crypto/key_store.h"
#include "sys/clock.h"
#include "sys/fault.h"

Err key_any_parse(const char *text, uint8_t ret_key[KEY_BYTES])
{
    PublicKey signing;
    SealPublicKey sealing;
    if (public_key_parse(text, &signing).code == 0) {
        memcpy(ret_key, signing.bytes, KEY_BYTES);
        return OK;
    }
    TRY(seal_public_parse(text, &sealing));
    memcpy(ret_key, sealing.bytes, KEY_BYTES);
    return OK;
}

static Err revoked_line(void *context, const KeyLine *line, Diag *diag)
{
    RevokedKeys *r = context;
    uint64_t since = 0;
    char **words = line->words;
    if (r->count == REVOKED_KEYS_MAX) return FAIL_WHY(diag, ERR_LIMIT, "%s: more than %d revoked keys", line->at, REVOKED_KEYS_MAX);
    if (key_any_parse(words[0], r->keys[r->count]).code != 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: not a public key; write it as `covey key show` prints it, covey-ed25519:...", line->at);
    bool good = line->count == 1 ||
                (line->count == 3 && strcmp(words[1], "since") == 0 && rfc3339_parse(view_text(words[2]), &since).code == 0);
    if (!good) return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: after the key comes nothing, or: since 2027-01-01T00:00:00Z", line->at);
    r->since[r->count++] = since;
    return OK;
}

Err revoked_load(const char *directory, RevokedKeys *ret_revoked, Diag *diag)
{
    RevokedKeys r = {.keys = calloc(REVOKED_KEYS_MAX, sizeof *r.keys), .since = calloc(REVOKED_KEYS_MAX, sizeof *r.since)};
    Err error = !r.keys || !r.since ? FAIL(ENOMEM) : key_list_each(directory, "revoked", REVOKED_FILE_BYTES_MAX, revoked_line, &r, diag);
    if (error.code) revoked_free(&r);
    else *ret_revoked = r;
    return error;
}

void revoked_free(RevokedKeys *r)
{
    free(r->keys);
    free(r->since);
    *r = (RevokedKeys){0};
}

bool revoked_has(const RevokedKeys *r, const uint8_t key[32], uint64_t at_time)
{
    for (size_t i = 0; i < r->count; i++)
        if (memcmp(r->keys[i], key, KEY_BYTES) == 0 && at_time >= r->since[i]) return true;
    return false;
}

Err revoked_refuse(const char *directory, const uint8_t key[KEY_BYTES], const char *text, Diag *diag)
{
    RevokedKeys revoked;
    TRY(revoked_load(directory, &revoked, diag));
    bool found = revoked_has(&revoked, key, clock_wall_ns() / NS_PER_S);
    revoked_free(&revoked);
    return found ? FAIL_WHY(diag, ERR_DENIED, "%s is revoked (%s/revoked)", text, directory) : OK;
}

static Err file_stamp(const char *path, FileStamp *ret_stamp)
{
    struct stat st;
    *ret_stamp = (FileStamp){0};
    if (FAULTABLE("stat", stat(path, &st)) < 0) return errno == ENOENT ? OK : FAIL(errno);
    *ret_stamp = (FileStamp){st.st_ino, (uint64_t)st.st_size, (uint64_t)st.st_mtim.tv_sec, (uint64_t)st.st_mtim.tv_nsec};
    return OK;
}

Err trust_stamp(const char *directory, TrustStamp *ret_stamp)
{
    static const char *const NAMES[TRUST_FILES] = {"trusted", "revoked", "rotations"};
    TrustStamp stamp;
    for (size_t i = 0; i < TRUST_FILES; i++) {
        char path[PATH_BYTES_MAX];
        TRY(key_store_path(directory, NAMES[i], path, sizeof path));
        TRY(file_stamp(path, &stamp.files[i]));
    }
    *ret_stamp = stamp;
    return OK;
}
