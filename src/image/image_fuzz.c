/*
 * Any bytes through image_parse and image_verify. What parses must hold together: a legal manifest, an ELF inside the file,
 * and a signature that, once made by us, verifies. Most inputs would end at the first header, so the input is also laid over a
 * sound sample, where the first two bytes say.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"
#include "image/image_sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(View file)
{
    static const TrustedKeys NOBODY = {.count = 0};
    ImageInfo info;
    Diag diag = {0};
    Err parsed = image_parse(file, &info, &diag);
    if (parsed.code) {
        assert(parsed.code == ERR_BAD_INPUT && diag.text[0]);
        return;
    }
    assert(manifest_validate(&info.manifest));
    assert(info.elf.data == file.data && info.elf.size <= file.size);
    assert(file.size - info.elf.size == (info.is_signed ? sizeof info.trailer : 0));

    int code = image_verify(file, &NOBODY, &info, NULL).code;
    assert(code == (info.is_signed ? ERR_BAD_SIGNATURE : ERR_UNSIGNED) || code == ERR_UNTRUSTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check(view_of(data, size));

    ImageSample sample = image_sample();
    if (size < 2) return 0;
    size_t at = (data[0] | (size_t)data[1] << 8) % sizeof sample;
    size_t count = size - 2 < sizeof sample - at ? size - 2 : sizeof sample - at;
    memcpy((uint8_t *)&sample + at, data + 2, count);
    check(view_of(&sample, sizeof sample));
    return 0;
}
