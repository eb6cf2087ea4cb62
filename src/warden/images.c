/* From an image file that anybody may still be writing to, to a sealed and checked copy. */
#include "warden/images.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/limits.h"
#include "image/image.h"
#include "sys/memfd.h"

static SealedImage *find(SealedImages *images, const uint8_t measurement[SHA256_BYTES])
{
    for (size_t i = 0; i < images->count; i++)
        if (memcmp(images->items[i].measurement, measurement, SHA256_BYTES) == 0) return &images->items[i];
    return NULL;
}

/* A free place, or the one that was not used for longest; a zygote that runs from it keeps its own hold on the memory. */
static SealedImage *place_for_new(SealedImages *images)
{
    if (images->count < SEALED_IMAGES_MAX) return &images->items[images->count++];
    SealedImage *oldest = &images->items[0];
    for (size_t i = 1; i < images->count; i++)
        if (images->items[i].last_use < oldest->last_use) oldest = &images->items[i];
    fd_close(&oldest->fd);
    return oldest;
}

static Err check(View content, const TrustedKeys *trusted, const uint8_t measurement[SHA256_BYTES], SealedImage *image, Diag *diag)
{
    ImageInfo info;
    TRY(image_verify(content, trusted, &info, diag));
    if (memcmp(info.measurement.bytes, measurement, SHA256_BYTES) != 0)
        return FAIL_WHY(diag, ERR_DENIED, "the image's measurement is not the one that was announced; it changed since the task began");
    memcpy(image->measurement, measurement, SHA256_BYTES);
    memcpy(image->signer.bytes, info.trailer.public_key, sizeof image->signer.bytes);
    return OK;
}

/* The file is read once, into the memory that will be executed: what is checked is sealed already. The signature stays behind the ELF, where no
 * kernel looks. */
static Err read_once(int file_fd, const TrustedKeys *trusted, const uint8_t measurement[SHA256_BYTES], SealedImage *ret_image, Diag *diag)
{
    AUTO_FD fd = -1;
    void *content;
    uint64_t size = 0;
    TRY_WHY(diag, fd_stat_size(file_fd, &size), "the image cannot be read");
    if (size == 0 || size > IMAGE_BYTES_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "the image has %llu bytes; at most %d are allowed", (unsigned long long)size, IMAGE_BYTES_MAX);
    TRY_WHY(diag, memfd_sealed_copy("see-image", file_fd, size, &fd), "the image cannot be copied to sealed memory");
    TRY_WHY(diag, fd_map(fd, size, PROT_READ, &content), "the image cannot be read");
    Err e = check(view_of(content, size), trusted, measurement, ret_image, diag);
    fd_unmap(content, size);
    if (!e.code) ret_image->fd = fd_take(&fd);
    return e;
}

Err images_get(SealedImages *images, const TrustedKeys *trusted, int file_fd, const uint8_t measurement[SHA256_BYTES],
               int *ret_fd, PublicKey *ret_signer, Diag *diag)
{
    SealedImage *known = find(images, measurement);
    if (!known) {
        SealedImage image;
        TRY(read_once(file_fd, trusted, measurement, &image, diag));
        known = place_for_new(images);
        *known = image;
    }
    known->last_use = ++images->uses;
    *ret_signer = known->signer;
    *ret_fd = known->fd;
    return OK;
}

void images_free(SealedImages *images)
{
    for (size_t i = 0; i < images->count; i++) fd_close(&images->items[i].fd);
    images->count = 0;
}
