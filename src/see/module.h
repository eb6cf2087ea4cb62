/**
 * What the runtime needs of the module that an image holds. image/build generates one definition per image (the glue); a test may write one
 * by hand in C to play a module whose wasm wall has fallen.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "see/manifest.h"

typedef struct {
    void *instance;             /* static storage of the wasm2c instance: globals, memory and table records; restored at `shared` */
    size_t instance_size;
    void (*instantiate)(void);  /* module init, then memory, tables and data; runs no code of the module; called once, in the zygote */
    void (*start)(void);        /* the wasm start function if there is one, then _start; may return or end through proc_exit or a trap */
} SeeModule;

extern const SeeModule see_module;
extern const Manifest see_manifest; /* lies in the note section */

/** Linear memory is always here: 8 GiB of address space and a page are reserved from this address, so that any 32-bit index plus any
 *  32-bit offset lands in it, the last byte of the access included, and generated code needs no base register and no bounds check. */
#define SEE_MEMORY_BASE UINT64_C(0x100000000000)
#define SEE_MEMORY_RESERVE ((UINT64_C(8) << 30) + 4096)
