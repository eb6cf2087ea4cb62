/**
 * A SEE image as a file: ELF, then the signature trailer. Reading and checking; nothing here runs or builds one.
 */
#pragma once
#include "crypto/sign.h"
#include "see/manifest.h"

#define IMAGE_SIGNATURE_CONTEXT "covey-image-v1"
#define IMAGE_TRAILER_MAGIC "COVEYSIG"

typedef struct {
    char magic[8];
    uint8_t public_key[SIGN_PUBLIC_BYTES];
    uint8_t signature[SIGNATURE_BYTES]; /* over the measurement, context IMAGE_SIGNATURE_CONTEXT */
} ImageTrailer;

typedef struct {
    View elf;               /* borrowed from the file content */
    Manifest manifest;
    Sha256 measurement;
    bool is_signed;
    ImageTrailer trailer;
} ImageInfo;

/** Takes an image file apart: ELF header, note, trailer; hostile input. errors: ERR_BAD_INPUT with the reason in diag */
MUST_USE Err image_parse(View file, ImageInfo *ret_info, Diag *diag);

/** Parses, then checks the signature and that its key is trusted. errors: ERR_UNSIGNED, ERR_BAD_SIGNATURE, ERR_UNTRUSTED */
MUST_USE Err image_verify(View file, const TrustedKeys *trusted, ImageInfo *ret_info, Diag *diag);

/** Appends (or replaces) the trailer. */
MUST_USE Err image_sign(const SecretKey *secret, const PublicKey *public_key, Buffer *image);
