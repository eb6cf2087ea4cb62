/* The user's own keys: made on first use or on demand, opened, replaced by successors. */
#include "crypto/keyring.h"

#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <stdio.h>

#include "base/rfc3339.h"
#include "crypto/key_list.h"
#include "crypto/key_parts.h"
#include "crypto/key_store.h"
#include "sys/clock.h"
#include "sys/entropy.h"
#include "sys/fd.h"

static uint64_t now_s(void) { return clock_wall_ns() / NS_PER_S; }

static Err make_key(KeyKind kind, const char *passphrase, KeyFile *ret_file, Diag *diag)
{
    KeyFile f = {.kind = kind, .passes = KEY_PASSES, .memory_kib = KEY_MEMORY_KIB};
    uint8_t secret[KEY_BYTES];
    TRY_WHY(diag, random_bytes(secret, sizeof secret), "no randomness for a new key");
    TRY_WHY(diag, random_bytes(f.salt, sizeof f.salt), "no randomness for a new key");
    TRY_WHY(diag, random_bytes(f.nonce, sizeof f.nonce), "no randomness for a new key");
    Err error = OK;
    if (passphrase) error = key_file_protect(&f, secret, passphrase);
    else key_file_plain(kind, secret, &f);
    sodium_memzero(secret, sizeof secret);
    TRY_WHY(diag, error, "no memory (%d MiB) to protect a key with a passphrase", KEY_MEMORY_KIB >> 10);
    *ret_file = f;
    key_file_wipe(&f);
    return OK;
}

/* Without a passphrase, because nobody is there to be asked: so not when the user has chosen to have one. */
static Err make_on_first_use(const char *directory, KeyKind kind, Diag *diag)
{
    KeyFile other, file;
    Err error = key_store_read(directory, kind == KEY_SIGNING ? KEY_SEALING : KEY_SIGNING, &other, diag);
    if (error.code == 0 && other.is_protected) {
        return FAIL_WHY(diag, ERR_NO_ENTRY, "%s/%s: there is none, and your other key has a passphrase; run: covey key new --passphrase", directory,
                        key_file_name(kind));
    }
    if (error.code == 0) key_file_wipe(&other);
    else if (error.code != ENOENT) return error;
    TRY(make_key(kind, NULL, &file, diag));
    error = key_store_create(directory, &file, diag);
    key_file_wipe(&file);
    return error;
}

static Err read_or_make(const char *directory, KeyKind kind, KeyFile *ret_file, Diag *diag)
{
    TRY(key_store_prepare(directory, diag));
    Err error = key_store_read(directory, kind, ret_file, diag);
    if (error.code == ENOENT) {
        TRY(make_on_first_use(directory, kind, diag));
        error = key_store_read(directory, kind, ret_file, diag);
    }
    TRY_WHY(diag, error, "%s/%s", directory, key_file_name(kind));
    return OK;
}

/* The secret, after asking for the passphrase if there is one; ret_passphrase (may be NULL) gets it, empty when there is none. */
static Err unlock(const char *directory, const char *name, const KeyFile *file, PassphraseSource ask, void *context, uint8_t ret_secret[KEY_BYTES],
                  char *ret_passphrase, Diag *diag)
{
    char passphrase[PASSPHRASE_MAX] = "", path[PATH_BYTES_MAX];
    TRY_WHY(diag, key_store_path(directory, name, path, sizeof path), "%s", directory);
    if (file->is_protected && !ask) return FAIL_WHY(diag, ERR_DENIED, "%s: the key has a passphrase, and nobody can be asked for it", path);
    if (file->is_protected)
        TRY_WHY(diag, ask(context, path, passphrase, sizeof passphrase),
                "%s: the key has a passphrase; run on a terminal, or name a file that holds it (mode 600) in COVEY_PASSPHRASE_FILE", path);
    Err error = key_file_open(file, passphrase, ret_secret);
    if (error.code == 0 && ret_passphrase) memcpy(ret_passphrase, passphrase, sizeof passphrase);
    sodium_memzero(passphrase, sizeof passphrase);
    if (error.code == ERR_DENIED) return FAIL_WHY(diag, ERR_DENIED, "%s: wrong passphrase", path);
    TRY_WHY(diag, error, "%s: no memory (%u MiB) to try the passphrase", path, file->memory_kib >> 10);
    return OK;
}

static Err refuse_revoked(const char *directory, const KeyFile *file, Diag *diag)
{
    RevokedKeys revoked;
    TRY(revoked_load(directory, &revoked, diag));
    bool found = revoked_has(&revoked, file->public_key, now_s());
    revoked_free(&revoked);
    if (!found) return OK;
    return FAIL_WHY(diag, ERR_DENIED, "%s/%s: your key is revoked; make a new one with: covey key new --replace", directory,
                    key_file_name(file->kind));
}

/* The signing key's seed, refused when it is revoked. */
static Err signing_seed(const char *directory, PassphraseSource ask, void *context, uint8_t ret_seed[KEY_BYTES], char *ret_passphrase, Diag *diag)
{
    KeyFile file;
    TRY(read_or_make(directory, KEY_SIGNING, &file, diag));
    Err error = refuse_revoked(directory, &file, diag);
    if (error.code == 0) error = unlock(directory, key_file_name(KEY_SIGNING), &file, ask, context, ret_seed, ret_passphrase, diag);
    key_file_wipe(&file);
    return error;
}

Err keyring_signing(const char *directory, PassphraseSource ask, void *context, SecretKey *ret_secret, PublicKey *ret_public, Diag *diag)
{
    uint8_t seed[KEY_BYTES];
    TRY(signing_seed(directory, ask, context, seed, NULL, diag));
    crypto_sign_seed_keypair(ret_public->bytes, ret_secret->bytes, seed);
    sodium_memzero(seed, sizeof seed);
    return OK;
}

Err signing_key_open(const char *directory, SecretKey *ret_secret, PublicKey *ret_public, Diag *diag)
{
    return keyring_signing(directory, passphrase_ask, diag, ret_secret, ret_public, diag);
}

Err keyring_sealing(const char *directory, PassphraseSource ask, void *context, SealSecretKey *ret_secret, SealPublicKey *ret_public, Diag *diag)
{
    KeyFile file;
    TRY(read_or_make(directory, KEY_SEALING, &file, diag));
    Err error = unlock(directory, key_file_name(KEY_SEALING), &file, ask, context, ret_secret->bytes, NULL, diag);
    if (error.code == 0) memcpy(ret_public->bytes, file.public_key, KEY_BYTES);
    key_file_wipe(&file);
    return error;
}

static Err public_half(const char *directory, KeyKind kind, uint8_t ret_public[KEY_BYTES], Diag *diag)
{
    KeyFile file;
    TRY(read_or_make(directory, kind, &file, diag));
    memcpy(ret_public, file.public_key, KEY_BYTES);
    key_file_wipe(&file);
    return OK;
}

Err keyring_public(const char *directory, PublicKey *ret_signing, SealPublicKey *ret_sealing, Diag *diag)
{
    PublicKey signing;
    SealPublicKey sealing;
    if (ret_signing) TRY(public_half(directory, KEY_SIGNING, signing.bytes, diag));
    if (ret_sealing) TRY(public_half(directory, KEY_SEALING, sealing.bytes, diag));
    if (ret_signing) *ret_signing = signing;
    if (ret_sealing) *ret_sealing = sealing;
    return OK;
}

static bool is_sealing_key(const char *name)
{
    const char *plain = key_file_name(KEY_SEALING);
    return strncmp(name, plain, strlen(plain)) == 0 && (name[strlen(plain)] == '\0' || name[strlen(plain)] == '.');
}

/* One file that may be the wanted key; *ret_found says whether it was, and then the error is that of opening it. */
static Err try_kept(const char *directory, const char *name, const SealPublicKey *wanted, PassphraseSource ask, void *context,
                    SealSecretKey *ret_secret, bool *ret_found, Diag *diag)
{
    KeyFile file;
    if (key_store_read_named(directory, name, KEY_SEALING, &file, NULL).code != 0) return OK; /* not a key: not the wanted one */
    Err error = OK;
    *ret_found = memcmp(file.public_key, wanted->bytes, KEY_BYTES) == 0;
    if (*ret_found) error = unlock(directory, name, &file, ask, context, ret_secret->bytes, NULL, diag);
    key_file_wipe(&file);
    return error;
}

Err keyring_sealing_find(const char *directory, const SealPublicKey *wanted, PassphraseSource ask, void *context, SealSecretKey *ret_secret,
                         Diag *diag)
{
    DIR *folder = opendir(directory);
    if (!folder && errno != ENOENT) return FAIL_WHY(diag, errno, "%s: %s", directory, strerrordesc_np(errno));
    Err error = OK;
    bool found = false;
    for (struct dirent *e; folder && !found && error.code == 0 && (e = readdir(folder));)
        if (is_sealing_key(e->d_name)) error = try_kept(directory, e->d_name, wanted, ask, context, ret_secret, &found, diag);
    if (folder) closedir(folder);
    TRY(error);
    if (found) return OK;
    char text[PUBLIC_KEY_TEXT_MAX];
    seal_public_print(wanted, text);
    return FAIL_WHY(diag, ERR_NO_ENTRY, "%s: the secret key of %s is not here", directory, text);
}

/* A key that is there and may not be replaced is left alone. */
static Err renew(const char *directory, KeyKind kind, bool replace, const char *passphrase, Diag *diag)
{
    KeyFile file;
    char kept[KEPT_NAME_MAX];
    TRY(make_key(kind, passphrase, &file, diag));
    Err error = replace ? key_store_replace(directory, &file, now_s(), kept, diag) : key_store_create(directory, &file, diag);
    key_file_wipe(&file);
    return error;
}

static Err exists(const char *directory, KeyKind kind, bool *ret_exists, Diag *diag)
{
    KeyFile file;
    Err error = key_store_read(directory, kind, &file, diag);
    *ret_exists = error.code == 0;
    if (error.code == 0) key_file_wipe(&file);
    return error.code == ENOENT ? OK : error;
}

Err keyring_new(const char *directory, bool replace, const char *passphrase, Diag *diag)
{
    bool signing = false, sealing = false;
    AUTO_FD lock = -1;
    TRY(key_store_prepare(directory, diag));
    TRY(key_store_lock(directory, &lock, diag));
    if (!replace) {
        TRY(exists(directory, KEY_SIGNING, &signing, diag));
        TRY(exists(directory, KEY_SEALING, &sealing, diag));
    }
    if (signing && sealing)
        return FAIL_WHY(diag, ERR_DENIED, "%s: you have keys; covey key rotate makes successors that others follow, "
                                          "covey key new --replace unrelated ones", directory);
    if (!signing) TRY(renew(directory, KEY_SIGNING, replace, passphrase, diag));
    if (!sealing) TRY(renew(directory, KEY_SEALING, replace, passphrase, diag));
    return OK;
}

/* Before the new key is put in place: whatever dies here, a key that nobody has is vouched for, and the old one is still the user's. */
static Err announce(const char *directory, const uint8_t old_seed[KEY_BYTES], const KeyFile *successor, char ret_statement[ROTATION_TEXT_MAX],
                    Diag *diag)
{
    SecretKey secret;
    PublicKey old, by;
    Rotation rotation;
    char line[KEY_LINE_BYTES_MAX], text[PUBLIC_KEY_TEXT_MAX], time[RFC3339_TEXT_MAX];
    memcpy(by.bytes, successor->public_key, KEY_BYTES);
    crypto_sign_seed_keypair(old.bytes, secret.bytes, old_seed);
    rotation_make(&secret, &old, &by, &rotation);
    secret_key_wipe(&secret);
    rotation_print(&rotation, ret_statement);
    TRY(key_list_append(directory, "rotations", ROTATIONS_FILE_BYTES_MAX, ret_statement, diag));
    public_key_print(&old, text);
    rfc3339_print(now_s(), time);
    snprintf(line, sizeof line, "%s # my own until %s", text, time);
    return key_list_append(directory, "trusted", TRUSTED_FILE_BYTES_MAX, line, diag);
}

static Err rotate_signing(const char *directory, const uint8_t old_seed[KEY_BYTES], const char *passphrase, char ret_statement[ROTATION_TEXT_MAX],
                          Diag *diag)
{
    KeyFile successor;
    char kept[KEPT_NAME_MAX], statement[ROTATION_TEXT_MAX];
    TRY(make_key(KEY_SIGNING, passphrase, &successor, diag));
    Err error = announce(directory, old_seed, &successor, statement, diag);
    if (error.code == 0) error = key_store_replace(directory, &successor, now_s(), kept, diag);
    if (error.code == 0) memcpy(ret_statement, statement, sizeof statement);
    key_file_wipe(&successor);
    return error;
}

Err keyring_rotate(const char *directory, const char *passphrase, PassphraseSource ask, void *context, char ret_statement[ROTATION_TEXT_MAX],
                   Diag *diag)
{
    uint8_t seed[KEY_BYTES];
    char asked[PASSPHRASE_MAX] = "";
    AUTO_FD lock = -1;
    TRY(key_store_prepare(directory, diag));
    TRY(key_store_lock(directory, &lock, diag));
    TRY(signing_seed(directory, ask, context, seed, asked, diag));
    if (!passphrase && asked[0]) passphrase = asked;
    Err error = rotate_signing(directory, seed, passphrase, ret_statement, diag);
    if (error.code == 0) error = renew(directory, KEY_SEALING, true, passphrase, diag);
    sodium_memzero(seed, sizeof seed);
    sodium_memzero(asked, sizeof asked);
    return error;
}
