/** The smallest file that image_parse takes: headers, one note, nothing to run. For tests and fuzzers. */
#pragma once
#include <elf.h>

#include "image/image.h"

typedef struct {
    Elf64_Ehdr header;
    Elf64_Phdr segments[3];                 /* load, note, stack */
    struct { uint32_t owner_size, descriptor_size, type; char owner[8]; Manifest manifest; } note;
    uint32_t padding;
    Elf64_Shdr sections[1];
} ImageSample;

#if defined(__x86_64__)
#define SAMPLE_MACHINE EM_X86_64
#else
#define SAMPLE_MACHINE EM_AARCH64
#endif

static inline ImageSample image_sample(void)
{
    return (ImageSample){
        .header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                   .e_type = ET_DYN,
                   .e_machine = SAMPLE_MACHINE,
                   .e_version = EV_CURRENT,
                   .e_phoff = offsetof(ImageSample, segments),
                   .e_shoff = offsetof(ImageSample, sections),
                   .e_ehsize = sizeof(Elf64_Ehdr),
                   .e_phentsize = sizeof(Elf64_Phdr),
                   .e_phnum = 3,
                   .e_shentsize = sizeof(Elf64_Shdr),
                   .e_shnum = 1},
        .segments = {{.p_type = PT_LOAD, .p_flags = PF_R, .p_filesz = sizeof(ImageSample), .p_memsz = sizeof(ImageSample)},
                     {.p_type = PT_NOTE,
                      .p_flags = PF_R,
                      .p_offset = offsetof(ImageSample, note),
                      .p_filesz = offsetof(ImageSample, padding) - offsetof(ImageSample, note),
                      .p_align = 4},
                     {.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W}},
        .note = {.owner_size = sizeof MANIFEST_NOTE_OWNER,
                 .descriptor_size = sizeof(Manifest),
                 .type = MANIFEST_NOTE_TYPE,
                 .owner = MANIFEST_NOTE_OWNER,
                 .manifest = {.magic = MANIFEST_MAGIC,
                              .abi_version = SEE_ABI_VERSION,
                              .memory_pages_initial = 1,
                              .memory_pages_max = 2,
                              .entry = "_start",
                              .builder = "a sample"}},
    };
}
