/* The cache of built images. A damaged entry, or one that another key signed, is the same as none: it will be built and
 * written again. */
#include "image/cache.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "sys/fd.h"

Err cache_directory(char *ret_path, size_t room, Diag *diag)
{
    assert(ret_path);

    char path[PATH_BYTES_MAX];
    const char *base = getenv("XDG_CACHE_HOME"), *below = "covey/images";
    if (!base || base[0] != '/') {
        base = getenv("HOME");
        below = ".cache/covey/images";
    }
    if (!base || base[0] != '/')
        return FAIL_WHY(diag, ERR_NO_ENTRY, "neither XDG_CACHE_HOME nor HOME is set, so images cannot be cached");
    int size = snprintf(path, sizeof path, "%s/%s", base, below);
    if (size < 0 || size >= (int)sizeof path || (size_t)size >= room) return FAIL(ENAMETOOLONG);
    TRY_WHY(diag, dir_make_all(path, 0700), "%s: cannot make the image cache", path);
    memcpy(ret_path, path, (size_t)size + 1);
    return OK;
}

void cache_path(const char *directory, const Sha256 *key, char *ret_path, size_t room)
{
    char hex[65];
    sha256_hex(key, hex);
    snprintf(ret_path, room, "%s/%s.see", directory, hex);
}

Err cache_get(const char *path, const PublicKey *signer, const Sha256 *module_hash, Buffer *ret_image, ImageInfo *ret_info)
{
    assert(path && signer && module_hash && ret_image && ret_info);

    TrustedKeys only_signer = {.keys = {*signer}, .count = 1};
    ImageInfo info;
    AUTO_BUFFER content = buffer_limited(ret_image->limit);
    Err error = file_read(AT_FDCWD, path, &content);
    if (error.code == 0) error = image_verify(view_buffer(&content), &only_signer, &info, NULL);
    if (error.code || memcmp(info.manifest.module_hash, module_hash->bytes, sizeof module_hash->bytes) != 0)
        return FAIL(ERR_NO_ENTRY);

    utimensat(AT_FDCWD, path, NULL, 0); /* used now: it leaves the cache last; no harm when that fails */
    buffer_free(ret_image);
    *ret_image = content;
    content = buffer_limited(0);
    *ret_info = info;
    return OK;
}

static bool is_entry(const char *name)
{
    size_t size = strlen(name);
    return size == 64 + 4 && strcmp(name + 64, ".see") == 0;
}

/* Counts the entries and finds the one that was used longest ago. */
static size_t survey(DIR *folder, char ret_oldest[NAME_MAX + 1])
{
    size_t count = 0;
    struct timespec oldest = {0};
    rewinddir(folder);
    for (const struct dirent *entry; (entry = readdir(folder));) {
        struct stat st;
        if (!is_entry(entry->d_name) || fstatat(dirfd(folder), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) continue;
        bool older =
            st.st_mtim.tv_sec < oldest.tv_sec || (st.st_mtim.tv_sec == oldest.tv_sec && st.st_mtim.tv_nsec < oldest.tv_nsec);
        if (count++ == 0 || older) {
            oldest = st.st_mtim;
            snprintf(ret_oldest, NAME_MAX + 1, "%s", entry->d_name);
        }
    }
    return count;
}

/* Best effort: another process may be doing the same, and a cache that is too large is no reason to fail. */
static void prune(const char *directory)
{
    DIR *folder = opendir(directory);
    if (!folder) return;
    char oldest[NAME_MAX + 1];
    while (survey(folder, oldest) > CACHE_IMAGES_MAX)
        if (unlinkat(dirfd(folder), oldest, 0) < 0) break;
    closedir(folder);
}

Err cache_put(const char *directory, const char *path, View image)
{
    TRY(file_replace(AT_FDCWD, path, image, 0644));
    prune(directory);
    return OK;
}
