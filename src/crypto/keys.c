/* Which keys count here: the user's own, those in the file `trusted`, and their successors; never a revoked one. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rfc3339.h"
#include "crypto/key_list.h"
#include "crypto/key_parts.h"
#include "crypto/key_store.h"
#include "sys/clock.h"
#include "sys/fd.h"

Err config_directory(char *ret_path, size_t room)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *below = "covey";
    if (!base || base[0] != '/') { /* the specification says: ignore a relative one */
        base = getenv("HOME");
        below = ".config/covey";
    }
    if (!base || base[0] != '/') return FAIL(ERR_NO_ENTRY);
    return key_store_path(base, below, ret_path, room);
}

static Err own_key_add(const char *directory, TrustedKeys *keys, Diag *diag)
{
    KeyFile file;
    Err error = key_store_read(directory, KEY_SIGNING, &file, diag);
    if (error.code == ENOENT) return OK; /* a node need not sign anything itself */
    TRY(error);
    memcpy(keys->keys[keys->count++].bytes, file.public_key, KEY_BYTES);
    key_file_wipe(&file);
    return OK;
}

static Err trusted_line(void *context, const KeyLine *line, Diag *diag)
{
    TrustedKeys *keys = context;
    PublicKey key;
    if (line->count != 1 || public_key_parse(line->words[0], &key).code != 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: not a public key; write it as `covey key show` prints it, covey-ed25519:...", line->at);
    if (trusted_has(keys, &key)) return OK;
    if (keys->count == TRUSTED_KEYS_MAX) return FAIL_WHY(diag, ERR_LIMIT, "%s: more than %d trusted keys", line->at, TRUSTED_KEYS_MAX);
    keys->keys[keys->count++] = key;
    return OK;
}

static void drop_revoked(const RevokedKeys *revoked, uint64_t now_s, TrustedKeys *keys)
{
    size_t kept = 0;
    for (size_t i = 0; i < keys->count; i++)
        if (!revoked_has(revoked, keys->keys[i].bytes, now_s)) keys->keys[kept++] = keys->keys[i];
    keys->count = kept;
}

Err trusted_keys_load(const char *directory, TrustedKeys *ret_keys, Diag *diag)
{
    TrustedKeys keys = {.count = 0};
    RevokedKeys revoked;
    uint64_t now_s = clock_wall_ns() / NS_PER_S;
    TRY(own_key_add(directory, &keys, diag));
    TRY(key_list_each(directory, "trusted", TRUSTED_FILE_BYTES_MAX, trusted_line, &keys, diag));
    TRY(revoked_load(directory, &revoked, diag));
    drop_revoked(&revoked, now_s, &keys); /* before following: a revoked key vouches for nobody */
    Err error = rotations_follow(directory, &revoked, now_s, &keys, diag);
    revoked_free(&revoked);
    TRY(error);
    *ret_keys = keys;
    return OK;
}

/* What goes into a file beside a key: one line of printable text. */
static Err check_comment(const char *comment, Diag *diag)
{
    for (const char *c = comment ? comment : ""; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f) return FAIL_WHY(diag, ERR_BAD_INPUT, "a comment is one line of text");
    if (comment && strlen(comment) > 200) return FAIL_WHY(diag, ERR_BAD_INPUT, "the comment is longer than 200 bytes");
    return OK;
}

Err keyring_trust(const char *directory, const char *key_text, const char *comment, Diag *diag)
{
    PublicKey key;
    TrustedKeys keys = {.count = 0};
    char line[KEY_LINE_BYTES_MAX];
    AUTO_FD lock = -1;
    if (public_key_parse(key_text, &key).code != 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: not a public key; it looks like covey-ed25519:...", key_text);
    TRY(check_comment(comment, diag));
    TRY(key_store_prepare(directory, diag));
    TRY(key_store_lock(directory, &lock, diag));
    TRY(revoked_refuse(directory, key.bytes, key_text, diag));
    TRY(key_list_each(directory, "trusted", TRUSTED_FILE_BYTES_MAX, trusted_line, &keys, diag));
    if (trusted_has(&keys, &key)) return OK;
    snprintf(line, sizeof line, "%s%s%s", key_text, comment ? " # " : "", comment ? comment : "");
    return key_list_append(directory, "trusted", TRUSTED_FILE_BYTES_MAX, line, diag);
}

Err keyring_revoke(const char *directory, const char *key_text, uint64_t since, const char *comment, Diag *diag)
{
    uint8_t key[KEY_BYTES];
    RevokedKeys revoked;
    char line[KEY_LINE_BYTES_MAX], time[RFC3339_TEXT_MAX];
    AUTO_FD lock = -1;
    if (key_any_parse(key_text, key).code != 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "%s: not a public key; it looks like covey-ed25519:... or covey-x25519:...", key_text);
    TRY(check_comment(comment, diag));
    TRY(key_store_prepare(directory, diag));
    TRY(key_store_lock(directory, &lock, diag));
    TRY(revoked_load(directory, &revoked, diag));
    bool already = revoked_has(&revoked, key, since), full = revoked.count == REVOKED_KEYS_MAX;
    revoked_free(&revoked);
    if (already) return OK;
    if (full) return FAIL_WHY(diag, ERR_LIMIT, "%s/revoked: more than %d revoked keys", directory, REVOKED_KEYS_MAX);
    rfc3339_print(since, time);
    snprintf(line, sizeof line, "%s%s%s%s%s", key_text, since ? " since " : "", since ? time : "", comment ? " # " : "", comment ? comment : "");
    return key_list_append(directory, "revoked", REVOKED_FILE_BYTES_MAX, line, diag);
}

static size_t words_of(char *text, char *ret_words[KEY_LINE_WORDS_MAX])
{
    size_t count = 0;
    char *rest = NULL;
    for (char *word = strtok_r(text, " \t\r\n", &rest); word && count < KEY_LINE_WORDS_MAX; word = strtok_r(NULL, " \t\r\n", &rest))
        ret_words[count++] = word;
    return count;
}

Err keyring_trust_rotation(const char *directory, const char *statement, Diag *diag)
{
    char text[ROTATION_TEXT_MAX], *words[KEY_LINE_WORDS_MAX];
    Rotation r;
    TrustedKeys keys;
    AUTO_FD lock = -1;
    if (strlen(statement) >= sizeof text) return FAIL_WHY(diag, ERR_BAD_INPUT, "not a rotation: too long");
    memcpy(text, statement, strlen(statement) + 1);
    if (rotation_parse(words, words_of(text, words), &r).code != 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "not a rotation; it is three words: OLD NEW SIGNATURE, as `covey key rotate` prints them");
    if (rotation_verify(&r).code != 0) return FAIL_WHY(diag, ERR_BAD_SIGNATURE, "the rotation is not signed by the key %s", words[0]);
    TRY(key_store_prepare(directory, diag));
    TRY(key_store_lock(directory, &lock, diag));
    TRY(revoked_refuse(directory, r.old.bytes, words[0], diag));
    TRY(revoked_refuse(directory, r.by.bytes, words[1], diag));
    TRY(trusted_keys_load(directory, &keys, diag));
    if (!trusted_has(&keys, &r.old)) return FAIL_WHY(diag, ERR_UNTRUSTED, "the key %s is not trusted here, so neither is its successor", words[0]);
    if (trusted_has(&keys, &r.by)) return OK;
    rotation_print(&r, text);
    return key_list_append(directory, "rotations", ROTATIONS_FILE_BYTES_MAX, text, diag);
}
