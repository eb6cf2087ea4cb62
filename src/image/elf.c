/*
 * Reads an image's ELF headers and notes (System V ABI, chapters 4 and 5). Every offset comes from outside: each is compared
 * with what remains before it is used, and headers are copied out, since nothing says that they are aligned.
 */
#include "image/elf.h"

#include <assert.h>
#include <elf.h>
#include <string.h>

enum { SEGMENTS_MAX = 32, SECTIONS_MAX = 4096 };

#if defined(__x86_64__)
#define ELF_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define ELF_MACHINE EM_AARCH64
#else
#error "SEE images exist for x86-64 and aarch64"
#endif

#define REFUSE(diag, ...) FAIL_WHY((diag), ERR_BAD_INPUT, "not a SEE image: " __VA_ARGS__)

static bool range_inside(uint64_t offset, uint64_t size, uint64_t whole)
{
    return offset <= whole && size <= whole - offset;
}

static Err header_check(View file, Elf64_Ehdr *ret_header, Diag *diag)
{
    Elf64_Ehdr h;
    if (file.size < sizeof h || memcmp(file.data, ELFMAG, SELFMAG) != 0) return REFUSE(diag, "it is not an ELF file");
    memcpy(&h, file.data, sizeof h);
    if (h.e_ident[EI_CLASS] != ELFCLASS64 || h.e_ident[EI_DATA] != ELFDATA2LSB || h.e_ident[EI_VERSION] != EV_CURRENT)
        return REFUSE(diag, "it is not a 64-bit little-endian ELF file");
    if (h.e_machine != ELF_MACHINE)
        return REFUSE(diag, "it was built for another kind of processor (ELF machine %u)", h.e_machine);
    if (h.e_type != ET_DYN || h.e_version != EV_CURRENT) return REFUSE(diag, "it is not a static-pie executable");
    if (h.e_ehsize != sizeof h || h.e_phentsize != sizeof(Elf64_Phdr) || h.e_shentsize != sizeof(Elf64_Shdr))
        return REFUSE(diag, "its ELF header has unknown sizes");
    if (h.e_phnum == 0 || h.e_phnum > SEGMENTS_MAX) return REFUSE(diag, "it has %u segments", h.e_phnum);
    if (h.e_shnum == 0 || h.e_shnum > SECTIONS_MAX) return REFUSE(diag, "it has %u sections", h.e_shnum);
    *ret_header = h;
    return OK;
}

/* The linker writes the section headers last, so that they say where the ELF ends and a trailer begins. */
static Err extent(View file, const Elf64_Ehdr *h, View *ret_elf, Diag *diag)
{
    uint64_t sections = (uint64_t)h->e_shnum * sizeof(Elf64_Shdr);
    if (!range_inside(h->e_shoff, sections, file.size)) return REFUSE(diag, "the file is truncated");

    View elf = view_of(file.data, h->e_shoff + sections);
    uint64_t segments = (uint64_t)h->e_phnum * sizeof(Elf64_Phdr);
    if (!range_inside(h->e_phoff, segments, elf.size)) return REFUSE(diag, "its segment table is outside the file");
    *ret_elf = elf;
    return OK;
}

static size_t padded(size_t size, size_t alignment) { return (size + alignment - 1) & ~(alignment - 1); }

/* The next note of a segment; false at its end or where it makes no sense. */
static bool note_next(Reader *r, size_t alignment, View *ret_owner, uint32_t *ret_type, View *ret_descriptor)
{
    if (r->rest.size == 0) return false;
    uint32_t owner_size = read_u32(r), descriptor_size = read_u32(r), type = read_u32(r);
    if (r->bad || owner_size > r->rest.size) return false;

    View owner = read_raw(r, owner_size);
    size_t used = sizeof(Elf64_Nhdr) + owner_size, padding = padded(used, alignment) - used;
    read_raw(r, padding);
    if (r->bad || descriptor_size > r->rest.size) return false;
    View descriptor = read_raw(r, descriptor_size);
    padding = padded(descriptor_size, alignment) - descriptor_size;
    read_raw(r, padding < r->rest.size ? padding : r->rest.size); /* the last note need not be padded */

    *ret_owner = owner;
    *ret_type = type;
    *ret_descriptor = descriptor;
    return true;
}

static Err notes_scan(View segment, uint64_t alignment, unsigned *found, Manifest *manifest, Diag *diag)
{
    Reader r = reader_of(segment);
    View owner, descriptor;
    uint32_t type;
    while (note_next(&r, alignment == 8 ? 8 : 4, &owner, &type, &descriptor)) {
        if (!view_equal(owner, view_of(MANIFEST_NOTE_OWNER, sizeof MANIFEST_NOTE_OWNER))) continue;
        if (type != MANIFEST_NOTE_TYPE || descriptor.size != sizeof *manifest)
            return REFUSE(diag, "its manifest is of an unknown type or size (type %u, %zu bytes)", type, descriptor.size);
        memcpy(manifest, descriptor.data, sizeof *manifest);
        (*found)++;
    }
    return OK;
}

static Err segment_check(View elf, const Elf64_Phdr *p, unsigned *found, Manifest *manifest, Diag *diag)
{
    if (!range_inside(p->p_offset, p->p_filesz, elf.size)) return REFUSE(diag, "a segment is outside the file");
    if ((p->p_flags & PF_W) && (p->p_flags & PF_X)) return REFUSE(diag, "memory would be both writable and executable");
    if (p->p_type == PT_INTERP) return REFUSE(diag, "it needs a dynamic loader; link with -static-pie");
    if (p->p_type == PT_GNU_STACK && (p->p_flags & PF_X)) return REFUSE(diag, "its stack would be executable");
    if (p->p_type == PT_NOTE) return notes_scan(view_of(elf.data + p->p_offset, p->p_filesz), p->p_align, found, manifest, diag);
    return OK;
}

Err elf_check(View file, View *ret_elf, Manifest *ret_manifest, Diag *diag)
{
    assert(ret_elf && ret_manifest);

    Elf64_Ehdr header = {.e_phnum = 0};
    View elf;
    Manifest manifest = {.abi_version = 0};
    unsigned found = 0, stacks = 0;
    TRY(header_check(file, &header, diag));
    TRY(extent(file, &header, &elf, diag));
    for (unsigned i = 0; i < header.e_phnum; i++) {
        Elf64_Phdr p;
        memcpy(&p, elf.data + header.e_phoff + i * sizeof p, sizeof p);
        TRY(segment_check(elf, &p, &found, &manifest, diag));
        stacks += p.p_type == PT_GNU_STACK;
    }
    if (stacks != 1) return REFUSE(diag, "it does not say that its stack is not executable");
    if (found != 1) return REFUSE(diag, "it has %u manifests, not one", found);

    *ret_elf = elf;
    *ret_manifest = manifest;
    return OK;
}
