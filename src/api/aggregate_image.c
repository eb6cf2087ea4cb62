/* Finds aggregate.see: in a build tree, or where Covey is installed. */
#include "api/aggregate_image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "image/cache.h"
#include "sys/fd.h"
#include "sys/process.h"

#define AGGREGATE_FILE "aggregate.see"

static Err read_elf(Buffer *ret_elf, Diag *diag)
{
    char own[PATH_BYTES_MAX - 64], beside[PATH_BYTES_MAX];
    TRY_WHY(diag, process_own_directory(own, sizeof own), "cannot find the folder of the running program");
    snprintf(beside, sizeof beside, "%s/src/aggregate/" AGGREGATE_FILE, own);
    Err e = file_read(AT_FDCWD, beside, ret_elf);
    if (e.code == ENOENT || e.code == ENOTDIR) e = file_read(AT_FDCWD, COVEY_LIBDIR "/" AGGREGATE_FILE, ret_elf);
    if (e.code == ENOENT || e.code == ENOTDIR)
        return FAIL_WHY(diag, ERR_NO_ENTRY, "the built-in image of private tasks is neither %s nor %s; install Covey again", beside,
                        COVEY_LIBDIR "/" AGGREGATE_FILE);
    TRY_WHY(diag, e, "%s", AGGREGATE_FILE);
    return OK;
}

Err aggregate_measurement(Sha256 *ret_measurement, Diag *diag)
{
    AUTO_BUFFER elf = buffer_limited(IMAGE_BYTES_MAX);
    ImageInfo info;
    TRY(read_elf(&elf, diag));
    TRY(image_parse(view_buffer(&elf), &info, diag));
    *ret_measurement = info.measurement;
    return OK;
}

static void key_of(const Sha256 *measurement, const PublicKey *signer, Sha256 *ret_key)
{
    uint8_t both[sizeof measurement->bytes + sizeof signer->bytes];
    memcpy(both, measurement->bytes, sizeof measurement->bytes);
    memcpy(both + sizeof measurement->bytes, signer->bytes, sizeof signer->bytes);
    sha256_of(view_of(both, sizeof both), ret_key);
}

static Err sign_into_cache(const covey *c, Buffer *image, ReadyImage *ret_image, Diag *diag)
{
    char directory[PATH_BYTES_MAX];
    SecretKey secret;
    PublicKey signer;
    ImageInfo info;
    Sha256 key;
    TRY(signing_key_open(c->config_dir, &secret, &signer, diag));
    Err e = image_sign(&secret, &signer, image);
    secret_key_wipe(&secret);
    TRY_WHY(diag, e, "the built-in image cannot be signed");
    TRY(image_parse(view_buffer(image), &info, diag));
    TRY(cache_directory(directory, sizeof directory, diag));
    key_of(&info.measurement, &signer, &key);
    cache_path(directory, &key, ret_image->path, sizeof ret_image->path);
    ret_image->measurement = info.measurement;
    AUTO_BUFFER cached = buffer_limited(IMAGE_BYTES_MAX);
    if (file_read(AT_FDCWD, ret_image->path, &cached).code == 0 && view_equal(view_buffer(&cached), view_buffer(image))) return OK;
    TRY_WHY(diag, cache_put(directory, ret_image->path, view_buffer(image)), "%s: cannot write to the image cache", ret_image->path);
    return OK;
}

Err aggregate_ready(const covey *c, ReadyImage *ret_image, Diag *diag)
{
    AUTO_BUFFER image = buffer_limited(IMAGE_BYTES_MAX);
    TRY(read_elf(&image, diag));
    return sign_into_cache(c, &image, ret_image, diag);
}
