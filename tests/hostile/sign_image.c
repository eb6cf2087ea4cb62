/* Signs an ELF that was not built by `covey image build` with the user's key:  sign-image IN OUT. A tool of the tests. */
#include <fcntl.h>
#include <stdio.h>

#include "base/limits.h"
#include "image/image.h"
#include "sys/fd.h"

static Err sign(const char *from, const char *to, Diag *diag)
{
    char directory[PATH_BYTES_MAX];
    SecretKey secret;
    PublicKey public_key;
    ImageInfo info;
    AUTO_BUFFER image = buffer_limited(IMAGE_BYTES_MAX);

    TRY_WHY(diag, file_read(AT_FDCWD, from, &image), "%s", from);
    TRY(image_parse(view_buffer(&image), &info, diag));
    TRY_WHY(diag, config_directory(directory, sizeof directory), "no folder for the key");
    TRY(signing_key_open(directory, &secret, &public_key, diag));
    Err e = image_sign(&secret, &public_key, &image);
    secret_key_wipe(&secret);
    TRY_WHY(diag, e, "%s cannot be signed", from);
    return file_replace(AT_FDCWD, to, view_buffer(&image), 0644);
}

int main(int argc, char **argv)
{
    Diag diag = {""};
    if (argc != 3) return 2;
    Err e = sign(argv[1], argv[2], &diag);
    if (e.code) fprintf(stderr, "sign-image: %s (%s)\n", diag.text[0] ? diag.text : err_text(e.code), e.at);
    return err_exit_code(e.code);
}
