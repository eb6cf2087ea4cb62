/* Does an image hold together, and is every other file refused, changed ones by their signature? */
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "base/limits.h"
#include "base/test.h"
#include "base/test_document.h"
#include "image/image_sample.h"

typedef struct { SecretKey secret; TrustedKeys trusted; } Signer;

static Signer signer_of(uint8_t first_seed_byte)
{
    uint8_t seed[crypto_sign_SEEDBYTES] = {first_seed_byte};
    Signer s = {.trusted = {.count = 1}};
    crypto_sign_seed_keypair(s.trusted.keys[0].bytes, s.secret.bytes, seed);
    return s;
}

static Buffer signed_sample(const Signer *s)
{
    ImageSample sample = image_sample();
    Buffer image = buffer_limited(MIB);
    ck_assert_ok(buffer_append(&image, view_of(&sample, sizeof sample)));
    ck_assert_ok(image_sign(&s->secret, &s->trusted.keys[0], &image));
    return image;
}

static void expect_refused(View file, const char *sentence)
{
    ImageInfo info, untouched;
    memset(&info, 9, sizeof info);
    untouched = info;
    Diag diag = {0};
    ck_assert_err(image_parse(file, &info, &diag), ERR_BAD_INPUT);
    ck_assert_str_eq(diag.text, sentence);
    ck_assert_mem_eq(&info, &untouched, sizeof info);
}

static void expect_sample_refused(const ImageSample *sample, const char *sentence)
{
    expect_refused(view_of(sample, sizeof *sample), sentence);
}

START_TEST(a_sample_is_parsed_and_measured_without_its_trailer)
{
    ImageSample sample = image_sample();
    ImageInfo info;
    Sha256 expected;
    Diag diag = {0};
    View file = view_of(&sample, sizeof sample);
    ck_assert_ok(image_parse(file, &info, &diag));
    ck_assert(!info.is_signed);
    ck_assert_uint_eq(info.elf.size, sizeof sample);
    ck_assert_str_eq(info.manifest.builder, "a sample");
    sha256_of(file, &expected);
    ck_assert_mem_eq(&info.measurement, &expected, sizeof expected);

    Signer s = signer_of(1);
    AUTO_BUFFER image = signed_sample(&s);
    ck_assert_ok(image_parse(view_buffer(&image), &info, &diag));
    ck_assert(info.is_signed);
    ck_assert_mem_eq(&info.measurement, &expected, sizeof expected);
}
END_TEST

START_TEST(the_image_of_the_document_is_what_is_signed_here)
{
    if (SAMPLE_MACHINE != EM_X86_64) return; /* the document's is of that machine */
    Signer s = signer_of(1);
    char measurement[65];
    ImageInfo info;
    AUTO_BUFFER made = signed_sample(&s), written = test_document_hex("image.md", 1);
    ck_assert(view_equal(view_buffer(&made), view_buffer(&written)));
    ck_assert_ok(image_verify(view_buffer(&written), &s.trusted, &info, NULL));
    sha256_hex(&info.measurement, measurement);
    ck_assert_str_eq(measurement, "74fb315180fb3a7f00d71cb8673389f876a9fc826bfa3215530d5027d47ef123");
}
END_TEST

START_TEST(a_signed_image_is_verified)
{
    Signer s = signer_of(1);
    AUTO_BUFFER image = signed_sample(&s);
    ImageInfo info;
    Diag diag = {0};
    ck_assert_uint_eq(image.size, sizeof(ImageSample) + sizeof(ImageTrailer));
    ck_assert_ok(image_verify(view_buffer(&image), &s.trusted, &info, &diag));
}
END_TEST

START_TEST(signing_again_replaces_the_signature)
{
    Signer first = signer_of(1), second = signer_of(2);
    AUTO_BUFFER image = signed_sample(&first);
    ImageInfo info;
    Diag diag = {0};
    ck_assert_ok(image_sign(&second.secret, &second.trusted.keys[0], &image));
    ck_assert_uint_eq(image.size, sizeof(ImageSample) + sizeof(ImageTrailer));
    ck_assert_ok(image_verify(view_buffer(&image), &second.trusted, &info, &diag));
}
END_TEST

START_TEST(signing_without_room_leaves_the_image_as_it_was)
{
    Signer s = signer_of(1);
    ImageSample sample = image_sample();
    AUTO_BUFFER image = buffer_limited(sizeof sample + sizeof(ImageTrailer) - 1);
    ck_assert_ok(buffer_append(&image, view_of(&sample, sizeof sample)));
    ck_assert_err(image_sign(&s.secret, &s.trusted.keys[0], &image), ERR_LIMIT);
    ck_assert(view_equal(view_buffer(&image), view_of(&sample, sizeof sample)));
}
END_TEST

START_TEST(an_unsigned_image_is_refused_as_such)
{
    ImageSample sample = image_sample();
    Signer s = signer_of(1);
    ImageInfo info;
    Diag diag = {0};
    ck_assert_err(image_verify(view_of(&sample, sizeof sample), &s.trusted, &info, &diag), ERR_UNSIGNED);
    ck_assert_str_eq(diag.text, "the image is not signed; `covey image build` makes signed ones");
}
END_TEST

START_TEST(an_image_signed_by_a_stranger_is_refused_with_the_line_that_would_trust_him)
{
    Signer stranger = signer_of(2), s = signer_of(1);
    AUTO_BUFFER image = signed_sample(&stranger);
    ImageInfo info;
    Diag diag = {0};
    char line[PUBLIC_KEY_TEXT_MAX];
    ck_assert_err(image_verify(view_buffer(&image), &s.trusted, &info, &diag), ERR_UNTRUSTED);
    public_key_print(&stranger.trusted.keys[0], line);
    ck_assert_ptr_nonnull(strstr(diag.text, line));
    TrustedKeys nobody = {.count = 0};
    ck_assert_err(image_verify(view_buffer(&image), &nobody, &info, &diag), ERR_UNTRUSTED);
}
END_TEST

START_TEST(no_bit_of_a_signed_image_can_be_flipped)
{
    Signer s = signer_of(1);
    AUTO_BUFFER image = signed_sample(&s);
    for (size_t bit = 0; bit < image.size * 8; bit++) {
        ImageInfo info;
        image.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        Err error = image_verify(view_buffer(&image), &s.trusted, &info, NULL);
        ck_assert_msg(error.code == ERR_BAD_INPUT || error.code == ERR_BAD_SIGNATURE, "bit %zu of byte %zu: %s", bit % 8, bit / 8,
                      err_text(error.code));
        if (bit / 8 >= sizeof(ImageSample) + sizeof((ImageTrailer){0}.magic)) ck_assert_int_eq(error.code, ERR_BAD_SIGNATURE);
        image.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
END_TEST

START_TEST(every_truncation_and_every_extension_is_refused)
{
    Signer s = signer_of(1);
    AUTO_BUFFER image = signed_sample(&s);
    for (size_t size = 0; size < image.size; size++) {
        ImageInfo info;
        int code = image_verify(view_of(image.data, size), &s.trusted, &info, NULL).code;
        ck_assert_int_eq(code, size == sizeof(ImageSample) ? ERR_UNSIGNED : ERR_BAD_INPUT);
    }
    ck_assert_ok(buffer_put_u8(&image, 0));
    expect_refused(view_buffer(&image), "not a SEE image: 105 bytes behind the ELF file are not a signature");
}
END_TEST

START_TEST(what_is_not_an_elf_file_for_this_machine_is_refused)
{
    expect_refused(VIEW(""), "not a SEE image: it is not an ELF file");
    expect_refused(VIEW("\0asm\1\0\0\0"), "not a SEE image: it is not an ELF file");
    ImageSample bad = image_sample();
    bad.header.e_ident[EI_CLASS] = ELFCLASS32;
    expect_sample_refused(&bad, "not a SEE image: it is not a 64-bit little-endian ELF file");
    bad = image_sample();
    bad.header.e_machine = EM_RISCV;
    expect_sample_refused(&bad, "not a SEE image: it was built for another kind of processor (ELF machine 243)");
    bad = image_sample();
    bad.header.e_type = ET_EXEC;
    expect_sample_refused(&bad, "not a SEE image: it is not a static-pie executable");
    bad = image_sample();
    bad.header.e_phentsize++;
    expect_sample_refused(&bad, "not a SEE image: its ELF header has unknown sizes");
}
END_TEST

START_TEST(tables_outside_the_file_are_refused)
{
    ImageSample bad = image_sample();
    bad.header.e_shoff = UINT64_MAX - 63; /* plus 64 is 0 */
    expect_sample_refused(&bad, "not a SEE image: the file is truncated");
    bad = image_sample();
    bad.header.e_phoff = UINT64_MAX - 8;
    expect_sample_refused(&bad, "not a SEE image: its segment table is outside the file");
    bad = image_sample();
    bad.header.e_phnum = 33;
    expect_sample_refused(&bad, "not a SEE image: it has 33 segments");
    bad = image_sample();
    bad.header.e_shnum = 0;
    expect_sample_refused(&bad, "not a SEE image: it has 0 sections");
    bad = image_sample();
    bad.segments[1].p_filesz = UINT64_MAX;
    expect_sample_refused(&bad, "not a SEE image: a segment is outside the file");
    bad = image_sample();
    bad.segments[0].p_filesz++;
    expect_sample_refused(&bad, "not a SEE image: a segment is outside the file");
}
END_TEST

START_TEST(an_image_that_could_write_what_it_executes_is_refused)
{
    ImageSample bad = image_sample();
    bad.segments[0].p_flags = PF_R | PF_W | PF_X;
    expect_sample_refused(&bad, "not a SEE image: memory would be both writable and executable");
    bad = image_sample();
    bad.segments[2].p_flags = PF_R | PF_X;
    expect_sample_refused(&bad, "not a SEE image: its stack would be executable");
    bad = image_sample();
    bad.segments[2].p_type = PT_NULL;
    expect_sample_refused(&bad, "not a SEE image: it does not say that its stack is not executable");
    bad = image_sample();
    bad.segments[0].p_type = PT_INTERP;
    expect_sample_refused(&bad, "not a SEE image: it needs a dynamic loader; link with -static-pie");
}
END_TEST

START_TEST(there_must_be_exactly_one_manifest_of_the_known_kind)
{
    ImageSample bad = image_sample();
    bad.note.owner[0] = 'D';
    expect_sample_refused(&bad, "not a SEE image: it has 0 manifests, not one");
    bad = image_sample();
    bad.segments[0] = bad.segments[1];
    expect_sample_refused(&bad, "not a SEE image: it has 2 manifests, not one");
    bad = image_sample();
    bad.note.type = 2;
    expect_sample_refused(&bad, "not a SEE image: its manifest is of an unknown type or size (type 2, 184 bytes)");
    bad = image_sample();
    bad.note.descriptor_size--;
    expect_sample_refused(&bad, "not a SEE image: its manifest is of an unknown type or size (type 1, 183 bytes)");
    bad = image_sample();
    bad.note.descriptor_size = UINT32_MAX;
    expect_sample_refused(&bad, "not a SEE image: it has 0 manifests, not one");
    bad = image_sample();
    bad.note.owner_size = UINT32_MAX;
    expect_sample_refused(&bad, "not a SEE image: it has 0 manifests, not one");
    bad = image_sample();
    bad.segments[1].p_filesz = 11;
    expect_sample_refused(&bad, "not a SEE image: it has 0 manifests, not one");
}
END_TEST

START_TEST(an_illegal_manifest_is_refused)
{
    static const char SENTENCE[] = "not a SEE image: its manifest is malformed";
    ImageSample bad = image_sample();
    bad.note.manifest.abi_version = 2;
    expect_sample_refused(&bad, "the image has ABI version 2 and this Covey speaks 1; build the image again");
    bad = image_sample();
    bad.note.manifest.magic[7] = 'X';
    expect_sample_refused(&bad, SENTENCE);
    bad = image_sample();
    bad.note.manifest.flags = 2;
    expect_sample_refused(&bad, SENTENCE);
    bad = image_sample();
    bad.note.manifest.memory_pages_initial = 3;
    expect_sample_refused(&bad, SENTENCE);
    bad = image_sample();
    bad.note.manifest.memory_pages_max = 65536;
    expect_sample_refused(&bad, SENTENCE);
    bad = image_sample();
    strcpy(bad.note.manifest.entry, "_stop");
    expect_sample_refused(&bad, SENTENCE);
    bad = image_sample();
    memset(bad.note.manifest.builder, 'x', sizeof bad.note.manifest.builder);
    expect_sample_refused(&bad, SENTENCE);
    bad = image_sample();
    strcpy(bad.note.manifest.builder, "\033[2J"); /* a terminal would obey it */
    expect_sample_refused(&bad, SENTENCE);
    bad = image_sample();
    bad.note.manifest.builder[95] = 'x'; /* hidden behind the end */
    expect_sample_refused(&bad, SENTENCE);
}
END_TEST

TEST_MAIN("image/image", a_sample_is_parsed_and_measured_without_its_trailer, the_image_of_the_document_is_what_is_signed_here, a_signed_image_is_verified,
          signing_again_replaces_the_signature, signing_without_room_leaves_the_image_as_it_was,
          an_unsigned_image_is_refused_as_such, an_image_signed_by_a_stranger_is_refused_with_the_line_that_would_trust_him,
          no_bit_of_a_signed_image_can_be_flipped, every_truncation_and_every_extension_is_refused,
          what_is_not_an_elf_file_for_this_machine_is_refused, tables_outside_the_file_are_refused,
          an_image_that_could_write_what_it_executes_is_refused, there_must_be_exactly_one_manifest_of_the_known_kind,
          an_illegal_manifest_is_refused)
