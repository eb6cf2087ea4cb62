/*
 * The key files of one user: signing.key (one line of text: the Ed25519 seed) and trusted (public keys, one a line).
 *
 * The secret never passes through a growing buffer, so that no copy of it stays behind in freed memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "crypto/sign.h"
#include "sys/entropy.h"
#include "sys/fault.h"
#include "sys/fd.h"

#define SECRET_PREFIX "covey-ed25519-seed:"
#define BASE64 sodium_base64_VARIANT_ORIGINAL_NO_PADDING

enum {
    SEED_BYTES = crypto_sign_SEEDBYTES,
    SEED_TEXT_BYTES = sizeof SECRET_PREFIX - 1 + sodium_base64_ENCODED_LEN(SEED_BYTES, BASE64), /* the last byte is the newline */
    TRUSTED_FILE_BYTES_MAX = TRUSTED_KEYS_MAX * 256,
};

Err config_directory(char *ret_path, size_t room)
{
    const char *base = getenv("XDG_CONFIG_HOME");
    const char *below = "covey";
    if (!base || base[0] != '/') { /* the specification says: ignore a relative one */
        base = getenv("HOME");
        below = ".config/covey";
    }
    if (!base || base[0] != '/') return FAIL(ERR_NO_ENTRY);

    int length = snprintf(NULL, 0, "%s/%s", base, below);
    if (length < 0 || (size_t)length >= room) return FAIL(ENAMETOOLONG);
    snprintf(ret_path, room, "%s/%s", base, below);
    return OK;
}

static Err path_join(const char *directory, const char *name, char ret_path[PATH_BYTES_MAX])
{
    int length = snprintf(ret_path, PATH_BYTES_MAX, "%s/%s", directory, name);
    return length > 0 && length < PATH_BYTES_MAX ? OK : FAIL(ENAMETOOLONG);
}

/* Refuses what somebody else could read or owns. Root may use another user's files. */
static Err check_private(const struct stat *st, const char *path, const char *chmod_mode, Diag *diag)
{
    if (st->st_uid != geteuid() && geteuid() != 0)
        return FAIL_WHY(diag, ERR_DENIED, "%s: belongs to another user; set XDG_CONFIG_HOME to a folder of your own", path);
    if (st->st_mode & 077)
        return FAIL_WHY(diag, ERR_DENIED, "%s: others can use it (mode %03o); run: chmod %s %s", path,
                        (unsigned)(st->st_mode & 0777), chmod_mode, path);
    return OK;
}

static Err seed_parse(const char text[SEED_TEXT_BYTES], uint8_t ret_seed[SEED_BYTES])
{
    size_t prefix = sizeof SECRET_PREFIX - 1, size = 0;
    if (memcmp(text, SECRET_PREFIX, prefix) != 0 || text[SEED_TEXT_BYTES - 1] != '\n') return FAIL(ERR_CORRUPT);
    if (sodium_base642bin(ret_seed, SEED_BYTES, text + prefix, SEED_TEXT_BYTES - 1 - prefix, NULL, &size, NULL, BASE64) != 0 ||
        size != SEED_BYTES)
        return FAIL(ERR_CORRUPT);
    return OK;
}

/* Opens the key file, checks its owner and mode on the opened file itself, and reads the seed. ENOENT when there is none. */
static Err seed_read(const char *path, uint8_t ret_seed[SEED_BYTES], Diag *diag)
{
    AUTO_FD fd = -1;
    Err opened = fd_open(AT_FDCWD, path, O_RDONLY | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, 0, &fd);
    if (opened.code == ENOENT) return opened;
    TRY_WHY(diag, opened, "%s", path);

    struct stat st;
    if (FAULTABLE("fstat", fstat(fd, &st)) < 0) return FAIL(errno);
    TRY(check_private(&st, path, "600", diag));

    char text[SEED_TEXT_BYTES];
    Err error = FAIL(ERR_CORRUPT);
    if (S_ISREG(st.st_mode) && st.st_size == sizeof text) error = fd_pread_all(fd, text, sizeof text, 0);
    if (error.code == 0) error = seed_parse(text, ret_seed);
    sodium_memzero(text, sizeof text);
    TRY_WHY(diag, error, "%s: not a signing key; move it away and a new one will be made", path);
    return OK;
}

/* A new seed under its own name first, then linked: of two processes that come at the same time one wins and both use its key. */
static Err seed_create(const char *path, Diag *diag)
{
    uint8_t seed[SEED_BYTES];
    uint64_t unique;
    TRY_WHY(diag, random_bytes(seed, sizeof seed), "no randomness for a new key");
    TRY_WHY(diag, random_bytes(&unique, sizeof unique), "no randomness for a new key");

    char text[SEED_TEXT_BYTES + 1], beside[PATH_BYTES_MAX];
    memcpy(text, SECRET_PREFIX, sizeof SECRET_PREFIX);
    sodium_bin2base64(text + sizeof SECRET_PREFIX - 1, sizeof text - sizeof SECRET_PREFIX + 1, seed, sizeof seed, BASE64);
    text[SEED_TEXT_BYTES - 1] = '\n';
    sodium_memzero(seed, sizeof seed);

    int length = snprintf(beside, sizeof beside, "%s.%016llx", path, (unsigned long long)unique);
    Err error = FAIL(ENAMETOOLONG);
    if (length > 0 && length < (int)sizeof beside) error = file_replace(AT_FDCWD, beside, view_of(text, SEED_TEXT_BYTES), 0600);
    sodium_memzero(text, sizeof text);
    TRY_WHY(diag, error, "%s: cannot write a new signing key", path);

    error = FAULTABLE("link", link(beside, path)) == 0 || errno == EEXIST ? OK : FAIL(errno);
    unlink(beside);
    TRY_WHY(diag, error, "%s: cannot write a new signing key", path);
    return OK;
}

static void key_pair_of(const uint8_t seed[SEED_BYTES], SecretKey *ret_secret, PublicKey *ret_public)
{
    crypto_sign_seed_keypair(ret_public->bytes, ret_secret->bytes, seed);
}

Err signing_key_open(const char *directory, SecretKey *ret_secret, PublicKey *ret_public, Diag *diag)
{
    char path[PATH_BYTES_MAX];
    TRY_WHY(diag, path_join(directory, "signing.key", path), "%s", directory);
    TRY_WHY(diag, dir_make_all(directory, 0700), "%s: cannot make the folder for the signing key", directory);

    struct stat st;
    if (FAULTABLE("stat", stat(directory, &st)) < 0) return FAIL_WHY(diag, errno, "%s: %s", directory, strerrordesc_np(errno));
    TRY(check_private(&st, directory, "700", diag));

    uint8_t seed[SEED_BYTES];
    Err error = seed_read(path, seed, diag);
    if (error.code == ENOENT) {
        TRY(seed_create(path, diag));
        error = seed_read(path, seed, diag);
    }
    TRY_WHY(diag, error, "%s", path);
    key_pair_of(seed, ret_secret, ret_public);
    sodium_memzero(seed, sizeof seed);
    return OK;
}

static Err own_key_add(const char *directory, TrustedKeys *keys, Diag *diag)
{
    char path[PATH_BYTES_MAX];
    uint8_t seed[SEED_BYTES];
    TRY_WHY(diag, path_join(directory, "signing.key", path), "%s", directory);
    Err error = seed_read(path, seed, diag);
    if (error.code == ENOENT) return OK; /* a node need not sign anything itself */
    TRY(error);

    SecretKey secret;
    key_pair_of(seed, &secret, &keys->keys[keys->count++]);
    secret_key_wipe(&secret);
    sodium_memzero(seed, sizeof seed);
    return OK;
}

/* One line without its newline: a key, or blank, or a comment; spaces around it are ignored. */
static Err trusted_line_add(const char *path, size_t number, View line, TrustedKeys *keys, Diag *diag)
{
    const char *begin = (const char *)line.data, *end = begin + line.size;
    const char *hash = memchr(begin, '#', line.size);
    if (hash) end = hash;
    while (begin < end && (*begin == ' ' || *begin == '\t')) begin++;
    while (begin < end && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r')) end--;
    if (begin == end) return OK;

    char text[PUBLIC_KEY_TEXT_MAX];
    if (keys->count == TRUSTED_KEYS_MAX)
        return FAIL_WHY(diag, ERR_LIMIT, "%s:%zu: more than %d trusted keys", path, number, TRUSTED_KEYS_MAX);
    if ((size_t)(end - begin) < sizeof text) {
        memcpy(text, begin, (size_t)(end - begin));
        text[end - begin] = '\0';
        if (public_key_parse(text, &keys->keys[keys->count]).code == 0) {
            keys->count++;
            return OK;
        }
    }
    return FAIL_WHY(diag, ERR_BAD_INPUT, "%s:%zu: not a public key; write it as `covey key show` prints it, covey-ed25519:...",
                    path, number);
}

Err trusted_keys_load(const char *directory, TrustedKeys *ret_keys, Diag *diag)
{
    TrustedKeys keys = {.count = 0};
    TRY(own_key_add(directory, &keys, diag));

    char path[PATH_BYTES_MAX];
    TRY_WHY(diag, path_join(directory, "trusted", path), "%s", directory);
    AUTO_BUFFER content = buffer_limited(TRUSTED_FILE_BYTES_MAX);
    Err error = file_read(AT_FDCWD, path, &content);
    if (error.code != ENOENT) TRY_WHY(diag, error, "%s", path);

    View rest = view_buffer(&content);
    for (size_t number = 1; rest.size > 0; number++) {
        const uint8_t *newline = memchr(rest.data, '\n', rest.size);
        size_t length = newline ? (size_t)(newline - rest.data) : rest.size;
        TRY(trusted_line_add(path, number, view_of(rest.data, length), &keys, diag));
        size_t taken = newline ? length + 1 : length;
        rest = view_of(rest.data + taken, rest.size - taken);
    }
    *ret_keys = keys;
    return OK;
}
