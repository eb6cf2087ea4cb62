/**
 * The manifest of a SEE image: an ELF note (owner "Covey", type 1, section .note.covey) with this fixed structure.
 * docs/formats/image.md says the same in words. Everything in it comes from outside: manifest_validate first.
 *
 * After the ELF comes the signature trailer (ImageTrailer). The measurement of an image is SHA-256 over the ELF, without the trailer.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#define MANIFEST_NOTE_OWNER "Covey"
#define MANIFEST_NOTE_TYPE 1u
#define MANIFEST_MAGIC "COVEYSEE"
#define SEE_ABI_VERSION 1u
#define WASM_PAGE_BYTES 65536u

enum { MANIFEST_FLAG_USES_SEE_API = 1, MANIFEST_FLAGS_KNOWN = 1 };

typedef struct {
    char magic[8];
    uint32_t abi_version;
    uint32_t flags;
    uint32_t memory_pages_initial;  /* wasm pages of 64 KiB */
    uint32_t memory_pages_max;      /* what the module declares, or 65535 */
    uint8_t module_hash[32];        /* SHA-256 of the .wasm */
    char entry[32];                 /* NUL-terminated export, "_start" */
    char builder[96];               /* NUL-terminated: tools and versions that made it */
} Manifest;

_Static_assert(sizeof(Manifest) == 184, "the layout is a format");

/** Whether every field is legal for this version. */
bool manifest_validate(const Manifest *m);
