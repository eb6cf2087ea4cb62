/* The image file: ELF, then the signature trailer. Nothing else may stand behind the ELF. */
#include "image/image.h"

#include <assert.h>

#include "base/limits.h"
#include "crypto/sha256.h"
#include "image/elf.h"

_Static_assert(sizeof(ImageTrailer) == 8 + SIGN_PUBLIC_BYTES + SIGNATURE_BYTES, "the layout is a format");

static Err trailer_read(View rest, ImageInfo *info, Diag *diag)
{
    if (rest.size == 0) return OK;
    if (rest.size != sizeof info->trailer || memcmp(rest.data, IMAGE_TRAILER_MAGIC, sizeof info->trailer.magic) != 0)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "not a SEE image: %zu bytes behind the ELF file are not a signature", rest.size);
    memcpy(&info->trailer, rest.data, sizeof info->trailer);
    info->is_signed = true;
    return OK;
}

Err image_parse(View file, ImageInfo *ret_info, Diag *diag)
{
    assert(ret_info);

    ImageInfo info = {.is_signed = false};
    if (file.size > IMAGE_BYTES_MAX)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "not a SEE image: larger than %d MiB", IMAGE_BYTES_MAX >> 20);
    TRY(elf_check(file, &info.elf, &info.manifest, diag));
    if (info.manifest.abi_version != SEE_ABI_VERSION)
        return FAIL_WHY(diag, ERR_BAD_INPUT, "the image has ABI version %u and this Covey speaks %u; build the image again",
                        info.manifest.abi_version, SEE_ABI_VERSION);
    if (!manifest_validate(&info.manifest)) return FAIL_WHY(diag, ERR_BAD_INPUT, "not a SEE image: its manifest is malformed");
    TRY(trailer_read(view_of(file.data + info.elf.size, file.size - info.elf.size), &info, diag));
    TRY(sha256_large(info.elf, &info.measurement));

    *ret_info = info;
    return OK;
}

static View measurement_view(const Sha256 *measurement)
{
    return view_of(measurement->bytes, sizeof measurement->bytes);
}

static bool is_trusted(const TrustedKeys *trusted, const PublicKey *key)
{
    for (size_t i = 0; i < trusted->count; i++)
        if (memcmp(&trusted->keys[i], key, sizeof *key) == 0) return true;
    return false;
}

Err image_verify(View file, const TrustedKeys *trusted, ImageInfo *ret_info, Diag *diag)
{
    assert(trusted && ret_info);

    ImageInfo info;
    TRY(image_parse(file, &info, diag));
    if (!info.is_signed) return FAIL_WHY(diag, ERR_UNSIGNED, "the image is not signed; `covey image build` makes signed ones");

    PublicKey signer;
    memcpy(&signer, info.trailer.public_key, sizeof signer);
    Err verified = sign_verify(&signer, IMAGE_SIGNATURE_CONTEXT, measurement_view(&info.measurement), info.trailer.signature);
    if (verified.code)
        return FAIL_WHY(diag, verified.code, "the image's signature does not verify: it was changed after it was signed");
    if (!is_trusted(trusted, &signer)) {
        char text[PUBLIC_KEY_TEXT_MAX];
        public_key_print(&signer, text);
        return FAIL_WHY(diag, ERR_UNTRUSTED,
                        "the image is signed by %s, which is not trusted here; to trust it, add that line to the file "
                        "`trusted` in Covey's configuration folder",
                        text);
    }
    *ret_info = info;
    return OK;
}

Err image_sign(const SecretKey *secret, const PublicKey *public_key, Buffer *image)
{
    assert(secret && public_key && image);

    ImageInfo info;
    TRY(image_parse(view_buffer(image), &info, NULL));
    TRY(buffer_reserve(image, sizeof info.trailer));

    ImageTrailer trailer;
    memcpy(trailer.magic, IMAGE_TRAILER_MAGIC, sizeof trailer.magic);
    memcpy(trailer.public_key, public_key->bytes, sizeof trailer.public_key);
    sign_message(secret, IMAGE_SIGNATURE_CONTEXT, measurement_view(&info.measurement), trailer.signature);
    image->size = info.elf.size;
    return buffer_append(image, view_of(&trailer, sizeof trailer));
}
