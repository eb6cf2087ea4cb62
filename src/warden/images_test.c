/* Is what the warden executes a copy of its own, and the only one that it makes? */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/limits.h"
#include "base/test.h"
#include "image/image.h"
#include "sys/fd.h"
#include "sys/memfd.h"
#include "warden/images.h"

static Buffer image;
static ImageInfo info;
static TrustedKeys trusted;

static void read_image(void)
{
    char path[4096], folder[] = "/tmp/covey-images-XXXXXX", command[64];
    SecretKey secret;
    const char *build = getenv("COVEY_BUILD");
    trusted = (TrustedKeys){.count = 1};
    image = buffer_limited(IMAGE_BYTES_MAX);
    snprintf(path, sizeof path, "%s/src/see/see-test-image", build ? build : "build");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    ck_assert_ok(signing_key_open(folder, &secret, &trusted.keys[0], NULL));
    snprintf(command, sizeof command, "rm -r %s", folder);
    ck_assert_int_eq(system(command), 0);
    ck_assert_ok(file_read(AT_FDCWD, path, &image));
    ck_assert_ok(image_sign(&secret, &trusted.keys[0], &image));
    ck_assert_ok(image_parse(view_buffer(&image), &info, NULL));
}

/* Bytes that this process has moved by reading and writing. */
static uint64_t moved(void)
{
    unsigned long long read = 0, written = 0;
    FILE *f = fopen("/proc/self/io", "r");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_eq(fscanf(f, "rchar: %llu wchar: %llu", &read, &written), 2);
    fclose(f);
    return read + written;
}

/* On the heap, while nothing was given back: a copy there would show. */
static long peak_kb(void)
{
    long kb = 0;
    char line[256];
    FILE *f = fopen("/proc/self/status", "r");
    ck_assert_ptr_nonnull(f);
    while (fgets(line, sizeof line, f)) sscanf(line, "VmHWM: %ld", &kb);
    fclose(f);
    return kb;
}

START_TEST(an_image_is_copied_once)
{
    SealedImages images = {.count = 0};
    PublicKey signer;
    int file, executable;
    read_image();
    ck_assert_ok(memfd_sealed_image("staged", view_buffer(&image), &file));
    const uint64_t before = moved(), size = image.size;
    const long resident = peak_kb();
    ck_assert_ok(images_get(&images, &trusted, file, info.measurement.bytes, &executable, &signer, NULL));
    ck_assert_mem_eq(signer.bytes, trusted.keys[0].bytes, sizeof signer.bytes);
    const uint64_t copied = moved() - before;
    ck_assert_msg(copied >= size && copied < size + 64 * KIB, "%llu bytes moved for %llu", (unsigned long long)copied, (unsigned long long)size);
    ck_assert_int_lt(peak_kb() - resident, (long)(size / KIB) * 3 / 2); /* the pages of the one copy, as they are filled and as they are checked */
    ck_assert_ok(images_get(&images, &trusted, file, info.measurement.bytes, &executable, &signer, NULL));
    ck_assert_uint_lt(moved() - before, size + 64 * KIB); /* known by now */
    ck_assert_int_ne(executable, file);
    images_free(&images);
    fd_close(&file);
    buffer_free(&image);
}
END_TEST

START_TEST(what_is_executed_can_be_changed_by_nobody_and_is_what_was_checked)
{
    SealedImages images = {.count = 0};
    PublicKey signer;
    int file, executable = -1;
    read_image();
    ck_assert_ok(memfd_fixed("file", image.size, &file));
    ck_assert_ok(fd_pwrite_all(file, view_buffer(&image), 0));
    ck_assert_ok(images_get(&images, &trusted, file, info.measurement.bytes, &executable, &signer, NULL));
    ck_assert_ok(fd_pwrite_all(file, VIEW("changed"), 4096));
    Buffer back = buffer_limited(image.size);
    ck_assert_ok(buffer_reserve(&back, image.size));
    ck_assert_ok(fd_pread_all(executable, back.data, image.size, 0));
    ck_assert_mem_eq(back.data, image.data, image.size);
    ck_assert_int_eq(fcntl(executable, F_GET_SEALS), F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
    images_free(&images);
    ck_assert_err(images_get(&images, &trusted, file, info.measurement.bytes, &executable, &signer, NULL), ERR_BAD_SIGNATURE);
    buffer_free(&back);
    fd_close(&file);
    buffer_free(&image);
}
END_TEST

TEST_MAIN("warden/images", an_image_is_copied_once, what_is_executed_can_be_changed_by_nobody_and_is_what_was_checked)
