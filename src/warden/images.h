/**
 * Images that this warden has checked: each in a sealed memfd that nobody can change any more, by measurement.
 */
#pragma once
#include "crypto/sign.h"

enum { SEALED_IMAGES_MAX = 16 };

typedef struct { uint8_t measurement[SHA256_BYTES]; PublicKey signer; int fd; uint64_t last_use; } SealedImage;
typedef struct { SealedImage items[SEALED_IMAGES_MAX]; size_t count; uint64_t uses; } SealedImages;

/** The sealed copy of the image in file_fd: read, its signature and measurement checked, then kept; ret_fd is borrowed until the next
 *  call. errors: ERR_UNSIGNED, ERR_BAD_SIGNATURE, ERR_UNTRUSTED, ERR_BAD_INPUT, ERR_DENIED (another image than was announced) */
MUST_USE Err images_get(SealedImages *images, const TrustedKeys *trusted, int file_fd, const uint8_t measurement[SHA256_BYTES],
                        int *ret_fd, PublicKey *ret_signer, Diag *diag);
void images_free(SealedImages *images);
