/**
 * Puts the manifest into an image: the ELF note of manifest.h, with the symbol `see_manifest` on its descriptor.
 * Used once per image, at file scope, by the glue that image/ generates and by native images that a test writes by hand:
 *
 *     SEE_NOTE(.memory_pages_initial = 1, .memory_pages_max = 1, .builder = "a test");
 */
#pragma once
#include "see/module.h"

#define SEE_NOTE(...) \
    __attribute__((section(".note.covey"), used, aligned(4))) static const struct { \
        uint32_t owner_size, descriptor_size, type; \
        char owner[8]; \
        Manifest manifest; \
    } covey_note = {sizeof MANIFEST_NOTE_OWNER, sizeof(Manifest), MANIFEST_NOTE_TYPE, MANIFEST_NOTE_OWNER, \
                    {.magic = MANIFEST_MAGIC, .abi_version = SEE_ABI_VERSION, .entry = "_start", __VA_ARGS__}}; \
    _Static_assert(sizeof covey_note == 20 + sizeof(Manifest), "a note has no padding"); \
    __asm__(".globl see_manifest\n.set see_manifest, covey_note + 20")
