/* From an image file that anybody may still be writing to, to a sealed and checked copy. */
#include "warden/images.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* The file is read once into memory of our own; what is checked is what is sealed. */
static Err read_once(int file_fd, Buffer *content, Diag *diag)
{
    uint64_t size = 0;
    TRY_WHY(diag, fd_stat_size(file_fd, &size), "the image cannot be read");
    if (size == 0 || size > IMAGE_BYTES_MAX) return FAIL_WHY(diag, ERR_BAD_INPUT, "the image has %llu bytes; at most %d are allowed", (unsigned long long)size, IMAGE_BYTES_MAX);
    TRY(buffer_reserve(content, size));
    TRY_WHY(diag, fd_pread_all(file_fd, content->data, size, 0), "the image cannot be read");
    content->size = size;
    return OK;
}

Err images_get(SealedImages *images, const TrustedKeys *trusted, int file_fd, const uint8_t measurement[SHA256_BYTES],
               int *ret_fd, PublicKey *ret_signer, Diag *diag)
{
    SealedImage *known = find(images, measurement);
    if (!known) {
        AUTO_BUFFER content = buffer_limited(IMAGE_BYTES_MAX);
        ImageInfo info;
        int fd;
        TRY(read_once(file_fd, &content, diag));
        TRY(image_verify(view_buffer(&content), trusted, &info, diag));
        if (memcmp(info.measurement.bytes, measurement, SHA256_BYTES) != 0)
            return FAIL_WHY(diag, ERR_DENIED, "the image's measurement is not the one that was announced; it changed since the task began");
        TRY_WHY(diag, memfd_sealed_image("see-image", info.elf, &fd), "the image cannot be copied to sealed memory");
        known = place_for_new(images);
        memcpy(known->measurement, measurement, SHA256_BYTES);
        memcpy(known->signer.bytes, info.trailer.public_key, sizeof known->signer.bytes);
        known->fd = fd;
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
