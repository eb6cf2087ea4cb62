/* The user's earlier signing keys: kept beside the current one, and still trusted because they were rotated and not revoked. */
#include <dirent.h>
#include <errno.h>

#include "crypto/key_parts.h"
#include "crypto/key_store.h"
#include "crypto/keyring.h"

static bool is_kept_signing_key(const char *name)
{
    const char *plain = key_file_name(KEY_SIGNING);
    size_t size = strlen(plain);
    return strncmp(name, plain, size) == 0 && name[size] == '.';
}

/* What cannot be read is no key of the user's. */
static void add_kept(const char *directory, const char *name, const TrustedKeys *trusted, TrustedKeys *keys)
{
    KeyFile file;
    PublicKey key;
    if (keys->count == TRUSTED_KEYS_MAX || key_store_read_named(directory, name, KEY_SIGNING, &file, NULL).code != 0) return;
    memcpy(key.bytes, file.public_key, sizeof key.bytes);
    key_file_wipe(&file);
    if (trusted_has(trusted, &key) && !trusted_has(keys, &key)) keys->keys[keys->count++] = key;
}

Err keyring_earlier(const char *directory, TrustedKeys *ret_keys, Diag *diag)
{
    TrustedKeys trusted, keys = {.count = 0};
    TRY(trusted_keys_load(directory, &trusted, diag));
    DIR *folder = opendir(directory);
    if (!folder && errno != ENOENT) return FAIL_WHY(diag, errno, "%s: %s", directory, strerrordesc_np(errno));
    for (struct dirent *e; folder && (e = readdir(folder));)
        if (is_kept_signing_key(e->d_name)) add_kept(directory, e->d_name, &trusted, &keys);
    if (folder) closedir(folder);
    *ret_keys = keys;
    return OK;
}
